"""What a visit to GitHub leaves on this machine: frozen types, and how they are kept.

Belongs here: the records of a visit and reading them back. Does not: making the visit (``visit``), rows (``listing``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

from dockml_dagster.clients.github.model import Repository
from dockml_dagster.clients.github.store import GithubStore
from dockml_dagster.corpora.github.selection import Step

FilesStatus = Literal["read", "empty", "gone", "withheld", "failed"]


@dataclass(frozen=True, slots=True)
class Files:
    """What the files at the head of a repository were like. ``tree``: git's hash of them all. ``dockerfiles``: how many
    paths are named as one. ``unlisted``: directories that GitHub could not list. ``name``: the repository's present one.
    """

    status: FilesStatus
    name: str
    tree: str | None = None
    dockerfiles: int | None = None
    unlisted: int = 0
    reason: str | None = None
    retryable: bool = False


@dataclass(frozen=True, slots=True)
class Candidate:
    """A repository on its way through the funnel. ``reason``: why it went no further than ``step``; None: selected."""

    name: str
    cohort: str
    keyword: str | None
    step: Step
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Visited:
    """One visit: every candidate, and what could not be asked, by subject. ``selected`` are partitions, in order."""

    frame: str
    title: str
    candidates: tuple[Candidate, ...]
    problems: tuple[tuple[str, str, bool], ...]
    """Subject (a search, a name), what is wrong, and whether a later visit may help."""
    images_of: str = ""
    """The day from which on images, whose tags move while files do not, are looked at again."""

    @property
    def selected(self) -> list[Candidate]:
        """Those who passed everything."""
        return [one for one in self.candidates if one.reason is None]


class Records:
    """The records in the store. Names are kept in lower case, as GitHub compares them."""

    def __init__(self, store: GithubStore) -> None:
        self.store = store

    def repository(self, name: str) -> tuple[Repository | None, str | None, float]:
        """Metadata, or why there is none, and when it was asked for (0: never)."""
        kept = self.store.document("repository", name.lower())
        if kept is None:
            return None, None, 0.0
        found = kept.get("repository")
        return Repository.from_document(found) if found else None, kept.get("problem"), kept["at"]

    def put_repositories(self, found: Mapping[str, Repository | str], at: float) -> None:
        """Keep metadata, or why there is none, by the name asked for."""
        self.store.put_documents(
            "repository",
            {
                name.lower(): {"at": at, "problem": one}
                if isinstance(one, str)
                else {"at": at, "repository": one.as_document()}
                for name, one in found.items()
            },
        )

    def files(self, name: str) -> tuple[Files | None, float]:
        """What the files were like, and when."""
        kept = self.store.document("files", name.lower())
        return (None, 0.0) if kept is None else (Files(**kept["files"]), kept["at"])

    def put_files(self, name: str, files: Files, at: float) -> None:
        """Keep what the files are like."""
        self.store.put_document("files", name.lower(), {"files": asdict(files), "at": at})

    def visited(self) -> Visited | None:
        """The newest visit."""
        kept: dict[str, Any] | None = self.store.document("visit", "newest")
        if kept is None:
            return None
        return Visited(
            kept["frame"],
            kept["title"],
            tuple(Candidate(*one) for one in kept["candidates"]),
            tuple((subject, problem, again) for subject, problem, again in kept["problems"]),
            kept["images_of"],
        )

    def put_visited(self, visited: Visited) -> None:
        """Make this the newest visit."""
        self.store.put_document(
            "visit",
            "newest",
            {
                "frame": visited.frame,
                "title": visited.title,
                "candidates": [[c.name, c.cohort, c.keyword, c.step, c.reason] for c in visited.candidates],
                "problems": list(visited.problems),
                "images_of": visited.images_of,
            },
        )
