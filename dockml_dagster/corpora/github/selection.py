"""Which repositories pass the criteria, and at which step the others are excluded, with the reason.

Here: the steps of the funnel, as pure functions. Not here: asking GitHub (``visit``).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Literal, TypeVar

from dockml_dagster.clients.github.model import Repository
from dockml_dagster.corpora.github.frame import Criteria

Step = Literal[
    "found", "metadata", "no fork", "stars and forks", "not archived", "commits", "releases", "drawn", "dockerfile",
]  # fmt: skip

STEPS: Final[dict[Step, str]] = {
    "found": "found by search or named",
    "metadata": "still there, and seen once",
    "no fork": "no fork, where forks are left out",
    "stars and forks": "enough stars and forks",
    "not archived": "not archived, where archived ones are left out",
    "commits": "enough commits",
    "releases": "enough releases",
    "drawn": "drawn, where only a sample is wanted",
    "dockerfile": "has a Dockerfile, where one is wanted",
}
"""The meaning of each step. Steps that a search result decides come first, then those that cost a call. The words are not
the paper's, because its steps come in another order and the comparison with it matches them by their words.
"""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Verdict:
    """How far a repository came. ``reason``: why it stopped; None: it passed every known criterion. ``not_asked``:
    it may yet pass, and the reason says why that is unknown: it was not asked for, or not answered.
    """

    step: Step
    reason: str | None = None
    not_asked: bool = False


def judge(repository: Repository, criteria: Criteria) -> Verdict:
    """The verdict by metadata alone. An unknown value excludes no repository."""
    failed = _first_failure(repository, criteria)
    return Verdict("releases") if failed is None else failed


def unknown_counts(repository: Repository, criteria: Criteria) -> list[Literal["commits", "releases"]]:
    """Counts that the criteria need and that are still unknown; they matter only for a repository that passes ``judge``."""
    wanted: dict[Literal["commits", "releases"], int | None] = {
        "commits": criteria.minimum_commits,
        "releases": criteria.minimum_releases,
    }
    return [what for what, least in wanted.items() if least is not None and getattr(repository, what) is None]


def _first_failure(repository: Repository, criteria: Criteria) -> Verdict | None:
    if not criteria.forks and repository.fork:
        return Verdict("metadata", "it is a fork")
    for name, least in (("stars", criteria.minimum_stars), ("forks", criteria.minimum_forks)):
        found: int | None = getattr(repository, name)
        if least is not None and found is not None and found < least:
            return Verdict("no fork", f"{found} {name}, fewer than {least}")
    if not criteria.archived and repository.archived:
        return Verdict("stars and forks", "it is archived")
    if _fewer(repository.commits, criteria.minimum_commits):
        return Verdict("not archived", f"{repository.commits} commits, fewer than {criteria.minimum_commits}")
    if _fewer(repository.releases, criteria.minimum_releases):
        return Verdict("commits", f"{repository.releases} releases, fewer than {criteria.minimum_releases}")
    return None


def _fewer(found: int | None, least: int | None) -> bool:
    return least is not None and found is not None and found < least


def drawn(items: Sequence[T], keys: Iterable[object], count: int | None, seed: int) -> list[T]:
    """``count`` of ``items`` by a draw that depends only on the seed and the keys; all of them if ``count`` is None.

    An item's place does not depend on the others, so that a frame that grows keeps most of its sample.
    """
    ranked = sorted(zip(items, keys, strict=True), key=lambda pair: draw_rank(pair[1], seed))
    chosen = [item for item, _ in ranked]
    return list(items) if count is None else chosen[:count]


def draw_rank(key: object, seed: int) -> str:
    """The rank of a key in the draw with this seed."""
    return hashlib.sha256(f"{seed}:{key}".encode()).hexdigest()
