"""The walk over one repository: commits from git, the model's verdicts, their figures.

Here: joining ``clients.git_history`` with ``study.rebuilds``. Not here: printing (``output``).
"""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from dockml_dagster.clients.git import GitError, blob_reader, head_commit
from dockml_dagster.clients.git_history import (
    ChangedPath,
    commits,
    is_ancestor,
    is_shallow,
    tree_of,
)
from dockml_dagster.errors import BadInputError
from dockml_dagster.study.deadline import OutOfTimeError, time_limit
from dockml_dagster.study.project.files import MAX_BYTES, MAX_DOCKERFILE_BYTES
from dockml_dagster.study.rebuilds.contexts import Context, tells_contexts, told_contexts
from dockml_dagster.study.rebuilds.history import CurrentFile, Read, RebuildHistory
from dockml_dagster.study.rebuilds.model import Change, Entry, FileRebuild
from dockml_dagster.study.rebuilds.summary import RebuildFigures

ContextRule = Literal["found", "root", "folder"]
"""Which build context a Dockerfile is given: the one found, always the root, always the Dockerfile's own folder."""

MOST_SECONDS = 600
"""Processor time that one repository may take; 10,000 commits take some seconds."""
_MOST_TELLING = 400
_FOLDER_OF = {"found": None, "root": lambda _: "", "folder": posixpath.dirname}


@dataclass(frozen=True, slots=True)
class CommitRebuild:
    """A commit with the Dockerfiles that it concerns."""

    oid: str
    time: int
    files: tuple[FileRebuild, ...]


@dataclass(frozen=True, slots=True)
class Walked:
    """A repository's whole walk. ``last``: the commit up to which it goes."""

    figures: RebuildFigures
    commits: tuple[CommitRebuild, ...]
    current: tuple[CurrentFile, ...]
    last: str


def walk_repository(directory: Path, rule: ContextRule = "found", since: str | None = None) -> Walked:
    """Walk the first parents that lead to HEAD, those after ``since`` if given.

    A later walk from ``last`` tells the same of the commits after it as one walk over all would, but for ``ever``: it knows
    no key of before.

    Raises:
        BadInputError: no repository, no commit, a shallow clone, a ``since`` that is no ancestor, or more than is read.
    """
    try:
        last = head_commit(directory)
        if last is None:
            raise BadInputError(f"{directory}: no git repository, or one without a commit")
        if is_shallow(directory):
            raise BadInputError(
                f"{directory}: a shallow clone has no history; git fetch --unshallow brings it"
            )
        if since is not None and not is_ancestor(directory, since):
            raise BadInputError(f"{since}: no commit that leads to HEAD; leave --since out")
        with time_limit(MOST_SECONDS), blob_reader(directory) as blobs:

            def read(oid: str) -> bytes | None:
                return blobs.read(oid, MAX_DOCKERFILE_BYTES)

            tip = tree_of(directory, last)
            known = _told(read, tip) if rule == "found" else {}

            def fresh() -> RebuildHistory:
                return RebuildHistory(read, known, folder_of=_FOLDER_OF[rule])

            return _walk(directory, last, since, fresh)
    except GitError as error:
        raise BadInputError(f"{directory}: {error}") from error
    except OutOfTimeError as error:
        raise BadInputError(f"{directory}: {error}") from error


def _told(read: Read, tip: list[ChangedPath]) -> dict[str, Context]:
    """The contexts that files of the last commit say."""
    telling = [entry for entry in tip if entry.mode.startswith("100") and tells_contexts(entry.path)]
    texts = ((entry.path, read(entry.oid)) for entry in telling[:_MOST_TELLING])
    return told_contexts(
        (path, data.decode("utf-8", "replace"))
        for path, data in texts
        if data is not None and len(data) <= MAX_BYTES
    )


def _walk(directory: Path, last: str, since: str | None, fresh: Callable[[], RebuildHistory]) -> Walked:
    history, figures, kept = fresh(), RebuildFigures(), []
    if since is not None:
        history.begin(_changes(tree_of(directory, since)))
    with closing(commits(directory, since=since, revision=last)) as walked:
        for commit in walked:
            if commit.censored:
                # What it did is not known path by path; what comes after it is compared with its tree.
                figures.commits += 1
                figures.censored += 1
                history = fresh()
                history.begin(_changes(tree_of(directory, commit.oid)))
                continue
            found = history.commit(list(_changes(commit.changes)))
            figures.add(found, copies_git_folder=history.copies_git_folder)
            if found:
                kept.append(CommitRebuild(commit.oid, commit.time, tuple(found)))
    return Walked(figures, tuple(kept), tuple(history.current()), last)


def _changes(paths: list[ChangedPath] | tuple[ChangedPath, ...]) -> Iterator[Change]:
    for changed in paths:
        yield Change(changed.path, Entry(changed.mode, changed.oid) if changed.mode else None)
