"""The records of a visit to GitHub: frozen types, and storing them.

Here: the types, writing and reading them. Not here: making the visit (``visit``), rows (``listing``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, astuple, dataclass, field, replace
from datetime import date
from typing import Any, Literal

from dockml_dagster.clients.github.model import Repository
from dockml_dagster.clients.github.store import GithubStore
from dockml_dagster.corpora.github.selection import Step

FilesStatus = Literal["read", "empty", "gone", "withheld", "failed"]


@dataclass(frozen=True, slots=True)
class Files:
    """The state of the files at a repository's head. ``tree``: git's hash of all of them. ``dockerfiles``: number of paths
    named like Dockerfiles. ``unlisted``: directories that GitHub could not list. ``name``: the repository's present name.
    """

    status: FilesStatus
    name: str
    tree: str | None = None
    dockerfiles: int | None = None
    unlisted: int = 0
    reason: str | None = None
    retryable: bool = False


@dataclass(frozen=True, slots=True)
class Contributors:
    """The number of contributors of a repository; None: not stated, with the reason."""

    count: int | None
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class Candidate:
    """A repository on its way through the funnel. ``reason``: why it stopped at ``step``; None: selected.
    ``not_asked``: it was not excluded at that step; see ``selection.Verdict``.
    """

    name: str
    cohort: str
    keyword: str | None
    step: Step
    reason: str | None = None
    not_asked: bool = False


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that could not be asked or answered. ``subject``: a search or a name. ``again``: a later visit may help,
    from ``retry_at`` on (unix time; None: unknown). ``searches``: whether it left a search unfinished; ``stops``: whether
    the visit asked nothing more after it.
    """

    subject: str
    text: str
    again: bool
    retry_at: float | None = None
    stops: bool = False
    searches: bool = False


@dataclass(frozen=True, slots=True)
class Found:
    """A repository that a search found: its name in this study, the first keyword that found it, GitHub's number of it."""

    name: str
    keyword: str
    id: int


@dataclass(frozen=True, slots=True)
class Left:
    """A repository that an earlier round found but a later one did not, with the reason."""

    found: Found
    status: Literal["gone", "forbidden", "not_selected"]
    reason: str


@dataclass(frozen=True, slots=True)
class Round:
    """One round of a cohort's searches. ``as_of``: the day on which it began; ``number``: from 1. ``left``: repositories of
    earlier rounds that it did not find. ``problems``: a query, and which of its results are missing.
    """

    as_of: date
    number: int
    found: tuple[Found, ...]
    left: tuple[Left, ...]
    problems: tuple[tuple[str, str], ...]

    @property
    def known(self) -> tuple[Found, ...]:
        """All repositories that any round has found so far."""
        return (*(one.found for one in self.left), *self.found)


@dataclass(frozen=True, slots=True)
class Visited:
    """One visit: every candidate, and the problems by subject. ``selected``: the partitions, in order."""

    frame: str
    title: str
    candidates: tuple[Candidate, ...]
    problems: tuple[Problem, ...]
    images_of: str = ""
    """The day on which images last became due for resolving: their tags move even if the files do not."""
    rounds: Mapping[str, tuple[int, str]] = field(default_factory=dict)
    """Cohort → number and day of its round of searches; a cohort listed by name has none."""
    left: tuple[Left, ...] = ()
    """Repositories that no search finds any more."""
    unseen: int = 0
    """Projects selected before that were not visited again because of a limit."""

    @property
    def selected(self) -> list[Candidate]:
        """The candidates that passed every step."""
        return [one for one in self.candidates if one.reason is None]


class Records:
    """The records in the store. Names are kept in lower case, as GitHub compares them."""

    def __init__(self, store: GithubStore) -> None:
        self.store = store

    def repository(self, name: str) -> tuple[Repository | None, str | None, float]:
        """Metadata, or why it or a part of it cannot be known, and when it was asked for (0: never)."""
        kept = self.store.document("repository", name.lower())
        if kept is None:
            return None, None, 0.0
        found = kept.get("repository")
        return Repository.from_document(found) if found else None, kept.get("problem"), kept["at"]

    def put_repositories(
        self, found: Mapping[str, Repository | None], at: float, problems: Mapping[str, str] | None = None
    ) -> None:
        """Keep metadata by the name asked for; ``problems``: why metadata, or a part of it, cannot be had."""
        self.store.put_documents(
            "repository",
            {
                name.lower(): {
                    "at": at,
                    "repository": one.as_document() if one is not None else None,
                    "problem": (problems or {}).get(name),
                }
                for name, one in found.items()
            },
        )

    def files(self, name: str) -> tuple[Files | None, float]:
        """The last known state of the files, and its time."""
        kept = self.store.document("files", name.lower())
        return (None, 0.0) if kept is None else (Files(**kept["files"]), kept["at"])

    def put_files(self, name: str, files: Files, at: float) -> None:
        """Keep the state of the files."""
        self.store.put_document("files", name.lower(), {"files": asdict(files), "at": at})

    def contributors(self, name: str) -> tuple[Contributors | None, float]:
        """The number of contributors, if it was asked for, and when (0: never)."""
        kept = self.store.document("contributors", name.lower())
        return (None, 0.0) if kept is None else (Contributors(kept["count"], kept["problem"]), kept["at"])

    def put_contributors(self, name: str, found: Contributors, at: float) -> None:
        """Keep the number of contributors."""
        self.store.put_document("contributors", name.lower(), {**asdict(found), "at": at})

    def keep_found(self, found: Mapping[str, Repository], at: float, *, needs_counts: bool) -> None:
        """Keep search results of the time ``at``, by name. If more is known about the same repository, only its present
        name is updated. ``needs_counts``: commits and releases, which no search returns, are still to be asked for.
        """
        new = {}
        for name, repository in found.items():
            known, _, asked_at = self.repository(name)
            if known is None or known.id != repository.id:
                new[name] = repository
            elif known.name != repository.name:
                self.put_repositories({name: replace(known, name=repository.name)}, asked_at)
        self.put_repositories(new, 0.0 if needs_counts else at)

    def round(self, mark: str) -> Round | None:
        """The newest finished round of the searches with this mark."""
        kept = self.store.document("searched", mark)
        if kept is None:
            return None
        return Round(
            date.fromisoformat(kept["as_of"]),
            kept["number"],
            tuple(Found(*one) for one in kept["found"]),
            tuple(_left_of(one) for one in kept["left"]),
            tuple((query, problem) for query, problem in kept["problems"]),
        )

    def put_round(self, mark: str, made: Round) -> None:
        """Make this the newest round."""
        value = {
            "as_of": made.as_of.isoformat(),
            "number": made.number,
            "found": [astuple(one) for one in made.found],
            "left": [astuple(one) for one in made.left],
            "problems": made.problems,
        }
        self.store.put_document("searched", mark, value)

    def begun_on(self, mark: str, today: date, *, after: date | None) -> date:
        """The day on which the round after the one of ``after`` began, which ends all its ranges even if it is finished on
        a later day. ``today`` if it begins now.
        """
        kept = self.store.document("round", mark)
        if kept is not None and (after is None or date.fromisoformat(kept) > after):
            return date.fromisoformat(kept)
        self.store.put_document("round", mark, today.isoformat())
        return today

    def named(self) -> list[str]:
        """Names listed by hand for all machines, in the order in which they came."""
        kept = [(one["at"], one["place"], one["name"]) for _, one in self.store.documents("named")]
        return [name for _, _, name in sorted(kept)]

    def put_named(self, names: Sequence[str], at: float) -> None:
        """List names by hand."""
        self.store.put_documents(
            "named",
            {name.lower(): {"at": at, "place": i, "name": name} for i, name in enumerate(names)},
        )

    def visited(self) -> Visited | None:
        """The newest visit."""
        kept: dict[str, Any] | None = self.store.document("visit", "newest")
        if kept is None:
            return None
        return Visited(
            kept["frame"],
            kept["title"],
            tuple(Candidate(*one) for one in kept["candidates"]),
            tuple(Problem(*one) for one in kept["problems"]),
            kept["images_of"],
            {cohort: (number, as_of) for cohort, (number, as_of) in kept["rounds"].items()},
            tuple(_left_of(one) for one in kept["left"]),
            kept.get("unseen", 0),
        )

    def put_visited(self, visited: Visited) -> None:
        """Make this the newest visit."""
        self.store.put_document(
            "visit",
            "newest",
            {
                "frame": visited.frame,
                "title": visited.title,
                "candidates": [astuple(one) for one in visited.candidates],
                "problems": [astuple(one) for one in visited.problems],
                "images_of": visited.images_of,
                "rounds": dict(visited.rounds),
                "left": [astuple(one) for one in visited.left],
                "unseen": visited.unseen,
            },
        )


def _left_of(kept: Sequence[Any]) -> Left:
    found, status, reason = kept
    return Left(Found(*found), status, reason)
