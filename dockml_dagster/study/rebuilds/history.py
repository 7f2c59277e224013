"""Walking a branch commit by commit: which Dockerfiles a commit affects, and which of their steps are rebuilt.

Here: the state of a branch (tree, Dockerfiles, keys), and applying one commit. Not here: reading commits and contents
(``clients.git_history``), which folder is a file's context (``contexts``).
"""

from __future__ import annotations

import posixpath
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from operator import attrgetter

from cachetools import FIFOCache, cachedmethod

from dockml_dagster.study.cuts import note_cut
from dockml_dagster.study.deadline import check_time
from dockml_dagster.study.dockerfile.names import classify_file_name
from dockml_dagster.study.dockerfile.reading.reading import read_dockerfile
from dockml_dagster.study.project.files import no_dockerfile
from dockml_dagster.study.rebuilds.contexts import Context, by_sources
from dockml_dagster.study.rebuilds.keys import Build, build, misses
from dockml_dagster.study.rebuilds.model import Change, FileRebuild, Plan, Unknown
from dockml_dagster.study.rebuilds.plan import read_plan
from dockml_dagster.study.rebuilds.sources import ContextFiles, SourceKey

MOST_STEPS = 100_000
"""Most instructions of all Dockerfiles that are there at once; one more file is not followed. Of earlier texts as many are
remembered.
"""

Read = Callable[[str], bytes | None]
"""The content of a blob by its id; None if it is not available or larger than any Dockerfile."""


@dataclass(slots=True)
class _File:
    """A Dockerfile of the tree. ``built`` is its last build; None before the first one."""

    path: str
    context: Context | None = None
    plan: Plan | None = None
    ignored: str = ""
    built: Build | None = None


@dataclass(frozen=True, slots=True)
class CurrentFile:
    """A Dockerfile of the last commit. ``lines``: the line of each step, by the step's text. ``bases``: how many images its
    needed stages are built upon; ``moving_bases``: those without a digest, whose content may change under the same name.
    """

    path: str
    context: Context
    lines: Mapping[str, int]
    bases: int
    moving_bases: int


@dataclass(frozen=True, slots=True)
class Kept:
    """The state of a walk that is not in the tree: contexts as found at first sight, and the keys of all commits."""

    contexts: Mapping[str, Context]
    ever: frozenset[str]


class RebuildHistory:
    """A branch, commit by commit. ``contexts``: those that are known. Others are found when a Dockerfile first appears, and
    then stay.

    ``folder_of`` overrides all contexts with a folder for each path (always the root, or always the Dockerfile's own).
    """

    def __init__(
        self,
        read: Read,
        contexts: Mapping[str, Context],
        *,
        folder_of: Callable[[str], str] | None = None,
    ) -> None:
        self._read = read
        self._contexts = contexts
        self._folder_of = folder_of
        self._context_files = ContextFiles()
        self._files: dict[str, _File] = {}
        self._by_list: dict[str, set[str]] = {}
        self._plans = FIFOCache[str, Plan | None](MOST_STEPS, getsizeof=lambda plan: 1 + _steps(plan))
        self._live: Counter[str] = Counter()
        self._ever: set[str] = set()
        self._steps = 0

    @property
    def copies_git_folder(self) -> bool:
        """Whether a current Dockerfile copies ``.git``, so that a build in a work tree misses at every commit."""
        return any(
            "git folder" in unknown
            for file in self._files.values()
            if file.built is not None
            for unknown in file.built.unknown
        )

    def build_of(self, path: str) -> Build | None:
        """The keys of a current Dockerfile; None if it cannot be built."""
        file = self._files.get(path)
        return file.built if file is not None else None

    def current(self) -> list[CurrentFile]:
        """The current Dockerfiles that can be built, by path."""
        found = []
        for path, file in sorted(self._files.items()):
            if file.built is not None and file.context is not None:
                vertices = file.built.plan.vertices
                bases = [vertex for vertex in vertices if vertex.keyword == "FROM"]
                moving = sum("base" in vertex.unknown for vertex in bases)
                lines = {vertex.text: vertex.line for vertex in vertices}
                found.append(CurrentFile(path, file.context, lines, len(bases), moving))
        return found

    def begin(self, tree: Iterable[Change]) -> None:
        """Start after the commit with this tree. The next commit is compared with it."""
        self.commit(list(tree))

    def resume(self, tree: Iterable[Change], kept: Kept) -> None:
        """Continue the walk that returned ``kept``: results are as if it had not stopped."""
        told, self._contexts = self._contexts, kept.contexts
        self.begin(tree)
        self._contexts = told
        self._ever.update(kept.ever)

    def kept(self) -> Kept | None:
        """What ``resume`` needs beside the tree. None while a Dockerfile has a text that BuildKit refuses, or is no longer a
        file: its next text is compared with its last valid one, which the tree does not have.
        """
        for path, file in self._files.items():
            entry = self._context_files.tree.get(path)
            if file.built is not None and (
                entry is None or not entry.mode.startswith("100") or self._plan(entry.oid) != file.plan
            ):
                return None
        contexts = {path: file.context for path, file in self._files.items() if file.context is not None}
        return Kept(contexts, frozenset(self._ever))

    def commit(self, changes: Sequence[Change]) -> list[FileRebuild]:
        """Apply the next commit. Returns the Dockerfiles that it affects, by path."""
        events: dict[str, set[str]] = {}
        lists: set[str] = set()
        for change in changes:
            check_time()
            for user in self._context_files.change(change.path, change.new):
                events.setdefault(user, set()).add("context")
            if is_dockerfile(change.path):
                events.setdefault(change.path, set()).add("changed")
            elif change.path.endswith(".dockerignore"):
                lists.add(change.path)
        for path in lists:
            for user in self._by_list.get(path, ()):
                events.setdefault(user, set()).add("ignore file")
        names = {posixpath.basename(change.path) for change in changes}
        renewed: list[tuple[_File, Build | None, Build, tuple[str, ...]]] = []
        for path in sorted(events):
            check_time()
            file = self._current(path, events[path])
            new = self._build(file) if file is not None else None
            if file is not None and new is not None:
                renewed.append((file, file.built, new, tuple(sorted(events[path]))))
        found = [self._rebuilt(file, old, new, event, names) for file, old, new, event in renewed]
        for file, old, new, _ in renewed:
            self._forget(old)
            file.built = new
            self._live.update(new.keys)
            self._ever.update(new.keys)
        return found

    def _rebuilt(
        self, file: _File, old: Build | None, new: Build, event: tuple[str, ...], names: set[str]
    ) -> FileRebuild:
        assert file.context is not None
        return FileRebuild(
            file.path,
            file.context.folder,
            file.context.found,
            old is None,
            event,
            sum(vertex.keyword != "FROM" for vertex in new.plan.vertices),
            tuple(misses(new, old, self._live, self._ever, names)),
        )

    def _forget(self, old: Build | None) -> None:
        for key in old.keys if old else ():
            self._live[key] -= 1
            if self._live[key] <= 0:
                del self._live[key]

    def _current(self, path: str, event: set[str]) -> _File | None:
        """The file's state, updated to the tree; None if the file was removed or cannot be built."""
        entry = self._context_files.tree.get(path)
        if entry is None:
            gone = self._files.pop(path, None)
            if gone is not None:
                self._steps -= _steps(gone.plan)
                self._forget(gone.built)
                self._context_files.use(path, ())
                for users in self._by_list.values():
                    users.discard(path)
            return None
        file = self._files.get(path)
        if file is None:
            file = self._files[path] = _File(path)
        if "changed" in event:
            plan = self._plan(entry.oid) if entry.mode.startswith("100") else None
            if plan is None or not self._has_room(file, plan):
                return None  # nothing is built; the next text is still compared with the last build
            self._steps += _steps(plan) - _steps(file.plan)
            file.plan = plan
        if file.plan is None:
            return None
        if file.context is None:
            file.context = self._context(path, file.plan)
            for name in _ignore_lists(path, file.context.folder):
                self._by_list.setdefault(name, set()).add(path)
        if event & {"changed", "ignore file"} or file.built is None:
            file.ignored = self._ignored(path, file.context.folder)
            self._context_files.use(path, _source_keys(file.plan, file.context.folder, file.ignored))
        return file

    def _has_room(self, file: _File, plan: Plan) -> bool:
        has_room = self._steps + _steps(plan) - _steps(file.plan) <= MOST_STEPS
        if not has_room:
            note_cut("more than 100,000 instructions of the Dockerfiles of a commit")
        return has_room

    def _context(self, path: str, plan: Plan) -> Context:
        if self._folder_of is not None:
            return Context(self._folder_of(path), "told")
        return self._contexts.get(path) or by_sources(path, plan, self._context_files.tree)

    def _ignored(self, path: str, folder: str) -> str:
        """The text of the ignore list that applies: the Dockerfile's own, else that of the context."""
        for name in _ignore_lists(path, folder):
            entry = self._context_files.tree.get(name)
            if entry is not None and entry.mode.startswith("100"):
                return (self._read(entry.oid) or b"").decode("utf-8", "replace")
        return ""

    @cachedmethod(attrgetter("_plans"))
    def _plan(self, oid: str) -> Plan | None:
        data = dockerfile_of(self._read, oid)
        return None if data is None else read_plan(read_dockerfile(data))

    def _build(self, file: _File) -> Build:
        assert file.plan is not None
        assert file.context is not None
        values: list[tuple[int, ...]] = []
        unknown: list[tuple[Unknown, ...]] = []
        for vertex in file.plan.vertices:
            totals: list[int] = []
            open_: list[Unknown] = []
            for source in vertex.sources:
                total, count, is_link = self._context_files.value(
                    SourceKey(file.context.folder, source, file.ignored)
                )
                totals.append(total)
                if not count:
                    open_.append("not in git")
                if is_link:
                    open_.append("link")
                whole = not source.pattern and not file.context.folder
                if whole and not self._context_files.excludes(file.ignored, ".git"):
                    open_.append("git folder")
            values.append(tuple(totals))
            unknown.append(tuple(open_))
        return build(file.plan, values, unknown, file.ignored)


def _ignore_lists(path: str, folder: str) -> tuple[str, str]:
    return f"{path}.dockerignore", posixpath.join(folder, ".dockerignore")


def dockerfile_of(read: Read, oid: str) -> bytes | None:
    """The content of a Dockerfile; None if it is not available, or too long to be taken as one."""
    data = read(oid)
    return data if data is not None and no_dockerfile(data) is None else None


def _steps(plan: Plan | None) -> int:
    return 0 if plan is None else len(plan.vertices)


def _source_keys(plan: Plan, folder: str, ignored: str) -> set[SourceKey]:
    return {SourceKey(folder, source, ignored) for vertex in plan.vertices for source in vertex.sources}


@lru_cache(maxsize=16384)
def is_dockerfile(path: str) -> bool:
    """Whether a path counts as a Dockerfile."""
    return "file" in path.lower() and classify_file_name(path).kind == "dockerfile"
