"""Controls: projects with similar language, stars, size and age that have nothing to do with machine learning.

Here: the search for matches of one project, and which candidates are excluded. Not here: their further way through
the funnel (``visit``).

Matching one to one without replacement within calipers (Stuart 2010, "Matching methods for causal inference", section
3): each project's candidates lie within a factor of its stars and size and some days of its creation, have its
language, and are drawn by a seed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from dockml_dagster.clients.github.model import Repository
from dockml_dagster.corpora.github.frame import Cohort
from dockml_dagster.corpora.github.selection import draw_rank


@dataclass(frozen=True, slots=True)
class Control:
    """Candidates for one project, in the order of the draw."""

    pool: tuple[Repository, ...]


def control_query(project: Repository, cohort: Cohort) -> str:
    """The search for repositories like ``project``. GitHub's ``size`` is in KiB, as in the metadata."""
    parts = [cohort.criteria.qualifiers()]
    if project.language:
        parts.append(f'language:"{project.language}"')
    parts.append(_caliper("stars", project.stars or 0, cohort.stars_factor))
    if project.size_kib is not None:
        parts.append(_caliper("size", project.size_kib, cohort.size_factor))
    if project.created_at:
        day = date.fromisoformat(project.created_at[:10])
        around = timedelta(days=cohort.age_days)
        parts.append(f"created:{day - around}..{day + around}")
    return " ".join(parts)


def _caliper(name: str, value: int, factor: float) -> str:
    factor = max(factor, 1.0)
    return f"{name}:{int(value / factor)}..{int(value * factor) + 1}"


def is_about(repository: Repository, words: Sequence[str]) -> bool:
    """Whether one of the words occurs in name, description or topics as a whole word."""
    text = " ".join([repository.name, repository.description or "", *repository.topics]).lower()[:10_000]
    # `ai` is not in `maintain`; `-` and `_` separate words.
    return any(re.search(rf"(?<![a-z0-9]){re.escape(word.lower())}(?![a-z0-9])", text) for word in words)


def matches(ask: Callable[[str], Sequence[Repository]], project: Repository, cohort: Cohort) -> Control:
    """Candidates for ``project``; ``ask`` returns the first page of a search. One call."""
    found = {one.id: one for one in ask(control_query(project, cohort)) if one.id != project.id}
    pool = [one for one in found.values() if not is_about(one, cohort.exclude)]
    return Control(tuple(sorted(pool, key=lambda one: draw_rank(one.id, cohort.seed))))
