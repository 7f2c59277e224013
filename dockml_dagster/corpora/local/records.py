"""One local project, and its rows of ``raw.candidates``, ``raw.projects`` and ``raw.labels``.

Here: a listing's rows of a project. Not here: finding it (``places``), its files (``trees``).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from dockml_dagster.clients import git, git_history
from dockml_dagster.corpora.base import Outcome, Stage, Status
from dockml_dagster.corpora.local import catalogue, trees
from dockml_dagster.corpora.local.places import Place

CORPUS = "local"
STEPS = ("found at the given paths", "has a Dockerfile")
RATER = "projects.yaml"
NO_HISTORY = {
    "folder": "no git repository",
    "clone": "of an address only the newest commit is fetched; clone it and give the folder",
}

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Project:
    """One project as found at this visit. ``problem``: why it cannot be read now."""

    key: str
    name: str
    place: Place
    given: str
    tree: trees.Tree
    head: str | None
    entry: catalogue.Entry | None
    problem: Outcome | None = None


def candidate_rows(project: Project, dockerfiles: int) -> Iterator[Row]:
    """Rows of ``raw.candidates``: the steps of the funnel that the project reached."""
    for number, step in enumerate(STEPS[: 2 if dockerfiles else 1]):
        yield {
            "project": project.key, "corpus": CORPUS, "name": project.name, "step": step, "step_number": number,
            "dockerfiles": dockerfiles, "source": source_of(project),
        }  # fmt: skip


def project_row(number: int, project: Project, dockerfiles: int) -> Row:
    """The row of ``raw.projects``: git's facts, then those of ``projects.yaml``."""
    told = git_history.History(None, None, None, None, None)
    if project.place.form != "folder" and not project.problem:
        try:
            told = git_history.history(project.place.root, project.head)
        except (git.GitError, ValueError, IndexError):  # a commit may hold any text as its time
            told = git_history.History(None, None, None, None, None)
    said: Mapping[str, Any] = {}
    if project.entry:
        texts = {k: v for k, v in project.entry.texts.items() if k in ("description", "language", "homepage")}
        said = {
            **texts,
            **project.entry.numbers,
            **({"topics": list(project.entry.lists["topics"])} if "topics" in project.entry.lists else {}),
        }
    return {
        **bare_row(number, project),
        "commits": told.commits,
        "contributors": told.contributors,
        "releases": told.tags,
        "dockerfiles": dockerfiles,
        "created_at": _moment(told.first),
        "updated_at": _moment(told.last),
        **said,
    }


def bare_row(number: int, project: Project) -> Row:
    """The row of ``raw.projects`` of a project of which only the place is known."""
    return {
        "project": project.key,
        "corpus": CORPUS,
        "name": project.name,
        "owner": project.name.split("/")[0],
        "position": number,
        "source": source_of(project),
    }


def history_row(project: Project, problem: Outcome | None) -> Row:
    """The row of ``raw.histories``: the newest commit of the history, or why there is no history to walk."""
    row = {"project": project.key, "corpus": CORPUS, "source": source_of(project)}
    if problem is not None:
        return {**row, "reason": problem.reason}
    if project.place.form in ("folder", "clone"):
        return {**row, "reason": NO_HISTORY[project.place.form]}
    return {**row, "last_commit": project.head, **({} if project.head else {"reason": "no commit yet"})}


def label_rows(project: Project) -> Iterator[Row]:
    """Rows of ``raw.labels``: category and purposes of ``projects.yaml``."""
    if project.entry is None:
        return
    common = {
        "project": project.key, "corpus": CORPUS, "rater": RATER, "unit_kind": "project", "unit": project.key,
        "codebook_version": "ease2022", "source": source_of(project), "source_file": catalogue.NAME,
        "source_row": project.entry.number,
    }  # fmt: skip
    if "category" in project.entry.texts:
        yield {**common, "code_system": "category", "code": project.entry.texts["category"]}
    for purpose in project.entry.lists.get("purposes", ()):
        yield {**common, "code_system": "purpose", "code": purpose}


def source_of(project: Project) -> str:
    """The source that was read, without a password in its address and without the commit: a row with the same facts after
    another commit is the same row.
    """
    address = project.place.url or str(project.place.root)
    scheme, separator, rest = address.partition("://")
    if separator and "@" in rest.split("/")[0]:
        return f"{scheme}://{rest.partition('@')[2]}"
    return address


def _moment(seconds: int | None) -> datetime | None:
    """A Unix time as UTC without zone; None if it is out of range."""
    try:
        return datetime.fromtimestamp(seconds, UTC).replace(tzinfo=None) if seconds is not None else None
    except (OverflowError, ValueError, OSError):
        return None


def problem_of(error: Exception) -> Outcome:
    """The outcome of a project that cannot be examined or read."""
    if isinstance(error, git.GitError):
        status: Status = "failed" if error.retryable else "unreadable"
        return Outcome("dockerfiles", "", status, f"git: {error}", error.retryable)
    if isinstance(error, OSError):
        return Outcome("dockerfiles", "", "unreadable", f"cannot be read: {error.strerror}")
    return Outcome("dockerfiles", "", "failed", f"{type(error).__name__}: {error}", retryable=True)


def left_out_images(stage: Stage, images: Iterable[tuple[str, str]]) -> list[Outcome]:
    """Outcomes for images left out, given once, at the first stage that would have read them."""
    return [
        Outcome(stage, reference, "not_selected", reason)
        for reference, reason in images
        if stage == "manifests"
    ]


@contextmanager
def reader_of(project: Project) -> Iterator[trees.Reader]:
    """Reads the files of a project, wherever they are."""
    if project.place.form in ("work tree", "folder"):
        yield trees.file_reader(project.place.root)
    else:
        with trees.head_reader(project.place.root, url=project.place.url) as read:
            yield read
