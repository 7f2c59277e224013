"""What the commits of one repository come to.

Here: counts, shares and the lines to move. Not here: one commit (``history``), other repositories.

A share's denominator stands beside it. ``missed`` counts instructions that make a step (RUN, COPY, ADD, WORKDIR); a FROM is
none, it is the cause ``base`` of what stands on it. A first build is no rebuild.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from dockml_dagster.study.rebuilds.history import CurrentFile
from dockml_dagster.study.rebuilds.model import CONTEXT_CAUSES, OWN_CAUSES, FileRebuild


@dataclass(slots=True)
class FileFigures:
    """One Dockerfile: builds that miss something, steps that missed, RUN among them, and those that an order had saved."""

    rebuilds: int = 0
    missed: int = 0
    run_missed: int = 0
    run_avoidable: int = 0


@dataclass(frozen=True, slots=True)
class Move:
    """Advice: the RUN at ``line`` should stand above ``above``, together with the files that it names.

    ``saved`` of the ``run_missed`` misses of RUN in this file's history would not have been.
    """

    path: str
    line: int
    above: int
    saved: int
    run_missed: int


@dataclass(slots=True)
class RebuildFigures:
    """Counts of commits: all, those since the first Dockerfile, those that rebuild (of these ``new_keys``: not all of what
    missed had been built before; ``by_context``: files of the context among the causes; ``only_by_context``: no other own
    cause; ``with_git_folder``: rebuilding ones if ``.git`` counts as content where it is copied). Counts of missed steps: by
    cause, by what is unknown of them, RUN among them. A miss may have several causes.
    """

    commits: int = 0
    since_first: int = 0
    rebuilding: int = 0
    new_keys: int = 0
    by_context: int = 0
    only_by_context: int = 0
    with_git_folder: int = 0
    censored: int = 0
    missed: int = 0
    missed_own: int = 0
    run_missed: int = 0
    run_avoidable: int = 0
    causes: Counter[str] = field(default_factory=Counter)
    unknown: Counter[str] = field(default_factory=Counter)
    files: dict[str, FileFigures] = field(default_factory=dict)
    _moves: dict[tuple[str, str], Counter[str]] = field(default_factory=dict)

    def add(self, found: Sequence[FileRebuild], *, copies_git_folder: bool) -> None:
        """Count the next commit."""
        self.commits += 1
        self.since_first += bool(self.files or found)
        built_before = bool(self.files)
        rebuilt = [file for file in found if file.rebuilds]
        for file in found:
            self.files.setdefault(file.path, FileFigures())
        self.with_git_folder += bool(rebuilt) or (copies_git_folder and built_before)
        if not rebuilt:
            return
        self.rebuilding += 1
        own: set[str] = set()
        for file in rebuilt:
            self._count(file)
            own.update(cause for miss in file.misses for cause in miss.causes if cause in OWN_CAUSES)
        self.new_keys += any(not miss.ever for file in rebuilt for miss in file.misses)
        self.by_context += not own.isdisjoint(CONTEXT_CAUSES)
        self.only_by_context += bool(own) and own <= CONTEXT_CAUSES

    def _count(self, file: FileRebuild) -> None:
        figures = self.files[file.path]
        figures.rebuilds += 1
        for miss in file.misses:
            self.missed += 1
            figures.missed += 1
            self.missed_own += miss.own
            self.causes.update(miss.causes)
            self.unknown.update(miss.unknown)
            if miss.keyword == "RUN":
                self.run_missed += 1
                figures.run_missed += 1
            if miss.avoidable and miss.above is not None:
                self.run_avoidable += 1
                figures.run_avoidable += 1
                self._moves.setdefault((file.path, miss.text), Counter())[miss.above] += 1

    def moves(self, current: Sequence[CurrentFile]) -> list[Move]:
        """The lines to move in the files that are there now, what saves most first."""
        files = {file.path: file for file in current}
        found = []
        for (path, text), places in self._moves.items():
            lines = files[path].lines if path in files else {}
            # Above the highest of the instructions that made it miss: there it had hit every time.
            above = [lines[place] for place in places if place in lines]
            if text in lines and above and min(above) < lines[text]:
                saved = places.total()
                found.append(Move(path, lines[text], min(above), saved, self.files[path].run_missed))
        return sorted(found, key=lambda move: (-move.saved, move.path, move.line))
