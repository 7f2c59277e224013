"""Rounds of a cohort's searches: what the newest one found, and what became of earlier results.

Here: when a search is repeated, which name a repository keeps, which ones are not found any more and why. Not here:
splitting a search (``search``), selecting from the results (``selection``), storing (``records``).

A repository is identified by its number. One that was renamed between two rounds keeps the name under which it was first
found, since that is its project's name in all collected data. A round that a limit stopped is continued later; until it is
finished, the one before counts. If a search returned fewer results than announced, none of its earlier results counts as
removed.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date

from dockml_dagster.clients.github import questions
from dockml_dagster.clients.github.client import GithubClient
from dockml_dagster.clients.github.errors import InvalidQuestionError
from dockml_dagster.clients.github.model import Repository
from dockml_dagster.clients.github.repositories import repositories
from dockml_dagster.clients.http.errors import BrokenContentError, FetchError, ForbiddenError
from dockml_dagster.corpora.github.frame import Cohort
from dockml_dagster.corpora.github.records import Found, Left, Records, Round
from dockml_dagster.corpora.github.search import search
from dockml_dagster.corpora.github.selection import judge
from dockml_dagster.progress import advance


@dataclass(slots=True)
class _Results:
    """The results of a round so far. ``found``: number → the repository, and the first keyword that found it. ``unsure``:
    keywords whose searches were incomplete.
    """

    found: dict[int, tuple[Repository, str]]
    problems: list[tuple[str, str]]
    unsure: set[str]


def is_due(newest: Round | None, today: date, days: float) -> bool:
    """Whether a search is due: it was never made, or is ``days`` old."""
    return newest is None or (today - newest.as_of).days >= days


def make_round(
    client: GithubClient, records: Records, cohort: Cohort, *, today: date, selected: Collection[str]
) -> Round:
    """Make the next round, or continue the one that was begun. ``selected``: names that the visit before selected; if one
    is not found any more, GitHub is asked what became of it, fifty in one call.

    Raises LimitedError, UnauthorizedError, UnavailableError; all answers so far are kept.
    """
    before = records.round(cohort.mark)
    as_of = records.begun_on(cohort.mark, today, after=before.as_of if before else None)
    results = _search(client, records, cohort, as_of)
    found = _named(results, before)
    kept = [
        one
        for one in (before.found if before else ())
        if one.id not in results.found and one.keyword in results.unsure
    ]
    still = {one.id for one in (*found, *kept)}
    made = Round(
        as_of,
        before.number + 1 if before else 1,
        (*found, *kept),
        _left(client, cohort, before, still, as_of=as_of, selected=selected) if before else (),
        tuple(results.problems),
    )
    # A search returns all that a list of candidates needs; counts that only GraphQL returns are asked for where needed.
    told = {one.name: results.found[one.id][0] for one in found}
    records.keep_found(told, client.now(), needs_counts=cohort.criteria.needs_counts)
    records.put_round(cohort.mark, made)
    return made


def _search(client: GithubClient, records: Records, cohort: Cohort, as_of: date) -> _Results:
    results = _Results({}, [], set())

    def ask(query: str, page: int) -> questions.SearchPage:
        advance("pages searched")
        return questions.search_page(client, query, page)

    for keyword, text in cohort.searches():
        try:
            for part in search(ask, records.store, text, cohort.criteria.minimum_stars or 0, as_of):
                if part.problem is not None:
                    results.problems.append((part.query, part.problem))
                    results.unsure.add(keyword)
                for repository in part.found:
                    results.found.setdefault(repository.id, (repository, keyword))
        except (InvalidQuestionError, BrokenContentError) as error:
            results.problems.append((text, f"GitHub cannot search for this: {error.problem}"))
            results.unsure.add(keyword)
    return results


def _named(results: _Results, before: Round | None) -> tuple[Found, ...]:
    known = {one.id: one.name for one in before.known} if before else {}
    present = {repository.name.lower(): number for number, (repository, _) in results.found.items()}
    named = []
    for number, (repository, keyword) in results.found.items():
        name = known.get(number, repository.name)
        if present.get(name.lower(), number) != number:
            # Another repository has its old name now.
            name = repository.name
        named.append(Found(name, keyword, number))
    return tuple(named)


def _left(
    client: GithubClient,
    cohort: Cohort,
    before: Round,
    found: Collection[int],
    *,
    as_of: date,
    selected: Collection[str],
) -> tuple[Left, ...]:
    earlier = [one for one in before.left if one.found.id not in found]
    new = [one for one in before.found if one.id not in found]
    looked_for = [one.name for one in new if one.name in selected]
    answers = repositories(client, looked_for) if looked_for else {}
    return (*earlier, *(_one_left(one, cohort, as_of, answers.get(one.name)) for one in new))


def _one_left(one: Found, cohort: Cohort, as_of: date, answer: Repository | FetchError | None) -> Left:
    said = f"no longer found by the search of {as_of}"
    if isinstance(answer, ForbiddenError):
        return Left(one, "forbidden", f"{said}: {answer.problem}")
    if isinstance(answer, FetchError):
        return Left(one, "gone" if not answer.retryable else "not_selected", f"{said}: {answer.problem}")
    if answer is None:
        return Left(one, "not_selected", said)
    why = judge(answer, cohort.criteria).reason or "still there, and not among the results"
    moved = f", renamed to {answer.name}" if answer.name.lower() != one.name.lower() else ""
    return Left(one, "not_selected", f"{said}: {why}{moved}")
