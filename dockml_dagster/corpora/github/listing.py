"""The rows of a visit: candidates with the steps that they reached, and metadata of the selected projects.

Here: turning records into rows. Not here: making the records (``visit``).
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Any, Final

from dockml_dagster.clients.github.model import Repository
from dockml_dagster.clients.http.errors import (
    BrokenContentError,
    FetchError,
    ForbiddenError,
    TooLargeError,
)
from dockml_dagster.corpora.base import Outcome, Status, partition_key
from dockml_dagster.corpora.github.records import Candidate, Records, Visited
from dockml_dagster.corpora.github.selection import STEPS

CORPUS = "github"
Row = dict[str, Any]


def candidate_rows(visited: Visited, records: Records) -> Iterator[Row]:
    """A row for each candidate and step that it reached; the last one says why it stopped there."""
    for candidate in visited.candidates:
        repository = records.repository(candidate.name)[0]
        files = records.files(candidate.name)[0]
        number, searched_on = visited.rounds.get(candidate.cohort, (None, None))
        common = {
            "project": partition_key(CORPUS, candidate.name),
            "name": candidate.name,
            "cohort": candidate.cohort,
            "repository_id": repository.id if repository else None,
            "keyword": candidate.keyword,
            "search_round": number,
            "searched_on": date.fromisoformat(searched_on) if searched_on else None,
            "stars": repository.stars if repository else None,
            "forks": repository.forks if repository else None,
            "commits": repository.commits if repository else None,
            "releases": repository.releases if repository else None,
            "archived": repository.archived if repository else None,
            "dockerfiles": files.dockerfiles if files else None,
        }
        for place, (step, meaning) in enumerate(STEPS.items()):
            last = step == candidate.step
            yield {
                **common,
                "step": meaning,
                "step_number": place,
                "excluded_because": candidate.reason if last and not candidate.not_asked else None,
                "not_asked_because": candidate.reason if last and candidate.not_asked else None,
            }
            if last:
                break


def project_rows(visited: Visited, records: Records) -> Iterator[Row]:
    """The metadata of each selected project. ``name`` is the present one, even if the project was renamed."""
    for position, candidate in enumerate(visited.selected, start=1):
        repository = records.repository(candidate.name)[0]
        if repository is not None:
            files = records.files(candidate.name)[0]
            contributors = records.contributors(candidate.name)[0]
            yield {
                **_metadata(repository),
                "project": partition_key(CORPUS, candidate.name),
                "cohort": candidate.cohort,
                "position": position,
                "contributors": contributors.count if contributors else None,
                "tree_sha": files.tree if files else None,
                "dockerfiles": files.dockerfiles if files else None,
            }


def _metadata(repository: Repository) -> Row:
    return {
        "name": repository.name,
        "owner": repository.name.split("/")[0],
        "repository_id": repository.id,
        "description": repository.description,
        "topics": list(repository.topics),
        "language": repository.language,
        "homepage": repository.homepage,
        "commits": repository.commits,
        "issues": repository.issues,
        "pulls": repository.pulls,
        "releases": repository.releases,
        "repository_bytes": None if repository.size_kib is None else 1024 * repository.size_kib,
        "stars": repository.stars,
        "forks": repository.forks,
        "open_issues": repository.open_issues,
        "archived": repository.archived,
        "created_at": _moment(repository.created_at),
        "updated_at": _moment(repository.updated_at),
    }


def outcomes(visited: Visited, records: Records) -> Iterator[Outcome]:
    """Outcomes for what the visit could not ask, incomplete searches, and projects that have moved or gone."""
    for one in visited.problems:
        status: Status = "forbidden" if one.text.startswith(ForbiddenError.reason) else "failed"
        yield Outcome("repo_list", one.subject, status, one.text, one.again, one.retry_at)
    for candidate in visited.selected:
        repository = records.repository(candidate.name)[0]
        if repository is not None and repository.name.lower() != candidate.name.lower():
            yield Outcome("repo_list", candidate.name, "collected", f"renamed to {repository.name}")
        contributors = records.contributors(candidate.name)[0]
        if contributors is not None and contributors.problem is not None:
            subject = f"contributors of {candidate.name}"
            yield Outcome("repo_list", subject, "not_available", contributors.problem)
    for left in visited.left:
        yield Outcome("repo_list", left.found.name, left.status, left.reason)
    problems = {one.subject for one in visited.problems}
    for candidate in visited.candidates:
        left_out = candidate.step == "found" and candidate.reason is not None and not candidate.not_asked
        if left_out and candidate.name not in problems:
            yield Outcome("repo_list", candidate.name, _status(candidate), candidate.reason)


_STATUSES: Final[dict[str, Status]] = {
    ForbiddenError.reason: "forbidden",
    BrokenContentError.reason: "unreadable",
    TooLargeError.reason: "unreadable",
    FetchError.reason: "failed",
}
"""Error kind, with which ``asking`` begins a reason → status; any other reason means that the repository is gone."""


def _status(candidate: Candidate) -> Status:
    reason = candidate.reason or ""
    if reason.startswith("the same"):
        return "not_selected"
    kind = reason.partition(": ")[0]
    return _STATUSES.get(kind, "gone")


def _moment(text: str | None) -> datetime | None:
    """An ISO time as UTC without zone, as everywhere in the warehouse; None if it is no time."""
    try:
        moment = datetime.fromisoformat(text) if text else None
    except ValueError:
        return None
    return moment.astimezone(UTC).replace(tzinfo=None) if moment and moment.tzinfo else moment
