"""The walk over one repository's history: commits from git, rebuilds by the cache model, their figures.

Here: joining ``clients.git_history`` with ``study.rebuilds``, for the command on one repository and for the tables of many;
continuing an earlier walk. Not here: printing (``commands.rebuilds``), which projects are due (``warehouse.due``).
"""

from __future__ import annotations

import base64
import json
import posixpath
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from dockml_dagster.clients.git import GitError, blob_reader, head_commit
from dockml_dagster.clients.git_history import (
    ChangedPath,
    Commit,
    commits,
    is_ancestor,
    is_shallow,
    tree_of,
)
from dockml_dagster.errors import BadInputError
from dockml_dagster.study.cuts import first
from dockml_dagster.study.deadline import OutOfTimeError, time_limit
from dockml_dagster.study.project.files import MAX_BYTES, MAX_DOCKERFILE_BYTES
from dockml_dagster.study.rebuilds.contexts import Context, tells_contexts, told_contexts
from dockml_dagster.study.rebuilds.history import CurrentFile, Kept, Read, RebuildHistory
from dockml_dagster.study.rebuilds.model import Change, Entry, FileRebuild
from dockml_dagster.study.rebuilds.rows import Row, moment_of, move_rows, rebuild_row, year_of, year_rows
from dockml_dagster.study.rebuilds.summary import RebuildFigures
from dockml_dagster.study.rebuilds.texts import TextHistory

ContextRule = Literal["found", "root", "folder"]
"""Which build context to assume for a Dockerfile: the one found, always the root, always the Dockerfile's own folder."""

MOST_SECONDS = 600
"""Processor time for one repository; 10,000 commits take some seconds."""
SHALLOW = "a shallow clone has no history; git fetch --unshallow brings it"
_MOST_TELLING = 400
_KEY = 16
"""Bytes of a cache key (``study.rebuilds.keys``)."""
_FOLDER_OF = {"found": None, "root": lambda _: "", "folder": posixpath.dirname}


@dataclass(frozen=True, slots=True)
class CommitRebuild:
    """A commit with the Dockerfiles that it affects."""

    oid: str
    time: int | None
    files: tuple[FileRebuild, ...]


@dataclass(frozen=True, slots=True)
class Walked:
    """The result of a whole walk. ``last``: the commit at which it ends."""

    figures: RebuildFigures
    commits: tuple[CommitRebuild, ...]
    current: tuple[CurrentFile, ...]
    last: str


def walk_repository(directory: Path, rule: ContextRule = "found", since: str | None = None) -> Walked:
    """Walk the first-parent history of HEAD; only the commits after ``since``, if given.

    A later walk from ``last`` gives the same for the later commits as one whole walk, except for ``ever``: it does not know
    the earlier cache keys.

    Raises:
        BadInputError: no repository, no commit, a shallow clone, a ``since`` that is no ancestor, or a limit exceeded.
    """
    try:
        last = head_commit(directory)
        if last is None:
            raise BadInputError(f"{directory}: no git repository, or one without a commit")
        if is_shallow(directory):
            raise BadInputError(f"{directory}: {SHALLOW}")
        if since is not None and not is_ancestor(directory, since):
            raise BadInputError(f"{since}: no commit that leads to HEAD; leave --since out")
        with time_limit(MOST_SECONDS), _opened(directory, last, rule) as walk:
            kept: list[CommitRebuild] = []
            if since is not None:
                walk.history.begin(_changes(tree_of(directory, since)))
            for commit, found, _ in walk.commits(since):
                if found:
                    kept.append(CommitRebuild(commit.oid, commit.time, tuple(found)))
            return Walked(walk.figures, tuple(kept), tuple(walk.history.current()), last)
    except (GitError, OutOfTimeError) as error:
        raise BadInputError(f"{directory}: {error}") from error


@dataclass(frozen=True, slots=True)
class HistoryRows:
    """The rows that a walk adds to a project's tables. ``goes_on``: whether they are appended to the rows of the walk before
    instead of replacing them. ``state``: the state for the next walk; None if it has to start from the beginning.
    """

    goes_on: bool
    rebuilds: Sequence[Row]
    changes: Sequence[Row]
    texts: Sequence[Row]
    years: Sequence[Row]
    moves: Sequence[Row]
    state: str | None
    commits: int
    censored: int


def history_rows(directory: Path, last: str, before: tuple[str, str] | None = None) -> HistoryRows:
    """The rows of ``core.rebuilds`` and related tables for the first-parent history of the commit ``last``.

    ``before``: the last commit and the state of an earlier walk by the same code. If the branch continues from there and its
    files state the same build contexts, only the new commits are walked; both walks' rows together equal those of one whole
    walk. Texts may already be stored.

    Raises:
        GitError, OutOfTimeError: the history cannot be read, or exceeds a limit. The message's first line is safe to show.
    """
    if is_shallow(directory):
        raise GitError(SHALLOW)
    with _opened(directory, last, "found") as walk:
        texts = TextHistory(walk.read)
        since = walk.resume(before) if before is not None else None
        if since is not None:
            texts.begin(_changes(tree_of(directory, since)))
        rebuilds: list[Row] = []
        changes: list[Row] = []
        for commit, found, changed in walk.commits(since):
            stamp = {"commit_id": commit.oid, "committed_at": moment_of(commit.time)}
            rebuilds += [{**stamp, **rebuild_row(file)} for file in found if file.rebuilds]
            changes += [{**stamp, **row} for row in texts.commit(changed)]
        figures = walk.figures
        return HistoryRows(
            since is not None,
            rebuilds,
            changes,
            [{"sha256": sha256, "content": data} for sha256, data in texts.contents.items()],
            year_rows(figures),
            move_rows(figures, walk.history.current()),
            walk.state(),
            figures.commits,
            figures.censored,
        )


class _Walk:
    """One repository's walk up to ``last``. ``_told``: the build contexts that files of that commit state."""

    def __init__(self, directory: Path, last: str, rule: ContextRule, read: Read) -> None:
        self._directory, self._last, self._rule = directory, last, rule
        self.read = read
        self._told = _told(read, tree_of(directory, last)) if rule == "found" else {}
        self.history, self.figures = self._fresh(), RebuildFigures()

    def _fresh(self) -> RebuildHistory:
        return RebuildHistory(self.read, self._told, folder_of=_FOLDER_OF[self._rule])

    def resume(self, before: tuple[str, str]) -> str | None:
        """Continue an earlier walk; returns the commit at which it ended, or None if the whole history has to be walked."""
        since, kept = before
        if not is_ancestor(self._directory, since, self._last):
            return None
        state = json.loads(kept)
        if state["told"] != self._told_folders():
            return None
        contexts = {path: Context(*context) for path, context in state["contexts"].items()}
        ever = base64.b64decode(state["ever"])
        keys = frozenset(ever[at : at + _KEY].hex() for at in range(0, len(ever), _KEY))
        self.history.resume(_changes(tree_of(self._directory, since)), Kept(contexts, keys))
        self.figures = RebuildFigures.restored(state["figures"])
        return since

    def state(self) -> str | None:
        """The state that ``resume`` takes."""
        kept = self.history.kept()
        if kept is None:
            return None
        ever = b"".join(bytes.fromhex(key) for key in sorted(kept.ever))
        state = {
            "told": self._told_folders(),
            "contexts": {path: [one.folder, one.found] for path, one in kept.contexts.items()},
            "ever": base64.b64encode(ever).decode(),
            "figures": self.figures.state(),
        }
        return json.dumps(state)

    def _told_folders(self) -> dict[str, str]:
        return {path: context.folder for path, context in self._told.items()}

    def commits(self, since: str | None) -> Iterator[tuple[Commit, list[FileRebuild], list[Change]]]:
        """Each commit, the Dockerfiles that it affects, and its changes of the tree; censored commits are skipped."""
        with closing(commits(self._directory, since=since, revision=self._last)) as walked:
            for commit in walked:
                year = year_of(commit.time)
                if commit.censored:
                    # Its changes are not known path by path, so later commits are compared with its tree.
                    self.figures.skip(year)
                    self.history = self._fresh()
                    tree = list(_changes(tree_of(self._directory, commit.oid)))
                    self.history.begin(tree)
                    continue
                changes = list(_changes(commit.changes))
                found = self.history.commit(changes)
                self.figures.add(found, copies_git_folder=self.history.copies_git_folder, year=year)
                yield commit, found, changes


@contextmanager
def _opened(directory: Path, last: str, rule: ContextRule) -> Iterator[_Walk]:
    with blob_reader(directory) as blobs:
        yield _Walk(directory, last, rule, lambda oid: blobs.read(oid, MAX_DOCKERFILE_BYTES))


def _told(read: Read, tip: list[ChangedPath]) -> dict[str, Context]:
    """The build contexts that files of the last commit state."""
    telling = [entry for entry in tip if entry.mode.startswith("100") and tells_contexts(entry.path)]
    texts = (
        (entry.path, read(entry.oid)) for entry in first(telling, _MOST_TELLING, "files that tell contexts")
    )
    return told_contexts(
        (path, data.decode("utf-8", "replace"))
        for path, data in texts
        if data is not None and len(data) <= MAX_BYTES
    )


def _changes(paths: Sequence[ChangedPath]) -> Iterator[Change]:
    for changed in paths:
        yield Change(changed.path, Entry(changed.mode, changed.oid) if changed.mode else None)
