"""Sums over the commits of one repository.

Here: counts, and the lines to move. Not here: one commit (``history``), other repositories, shares (SQL).

``missed`` counts the instructions that are steps (RUN, COPY, ADD, WORKDIR). A FROM is not counted: it is the cause ``base``
of the steps upon it. A first build is not a rebuild.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any

from dockml_dagster.study.rebuilds.history import CurrentFile
from dockml_dagster.study.rebuilds.model import CONTEXT_CAUSES, OWN_CAUSES, FileRebuild


@dataclass(slots=True)
class FileFigures:
    """Counts for one Dockerfile: builds with a miss, missed steps, missed RUN, and those that another order had saved."""

    rebuilds: int = 0
    missed: int = 0
    run_missed: int = 0
    run_avoidable: int = 0


@dataclass(frozen=True, slots=True)
class Move:
    """Advice: move the RUN at ``line`` above ``above``, together with the files that it names.

    It would have avoided ``saved`` of the ``run_missed`` misses of RUN in this file's history.
    """

    path: str
    line: int
    above: int
    saved: int
    run_missed: int


@dataclass(slots=True)
class YearFigures:
    """Commits of one year: all, those since the first Dockerfile, and those that rebuild if ``.git`` counts as content."""

    commits: int = 0
    since_first: int = 0
    with_git_folder: int = 0


@dataclass(slots=True)
class RebuildFigures:
    """Counts of commits: all, those since the first Dockerfile, those that rebuild. Of the latter ``new_keys``: some missed
    step had never been built; ``by_context``: the context is among the causes; ``only_by_context``: there is no other own
    cause. ``with_git_folder``: commits that rebuild if ``.git`` counts as content where it is copied. Counts of missed
    steps: by cause (a miss may have several), by what is unknown, and of RUN. ``years``: by the commit's year (UTC); None
    for an invalid time.
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
    years: dict[int | None, YearFigures] = field(default_factory=dict)
    _moves: dict[tuple[str, str], Counter[str]] = field(default_factory=dict)

    def add(self, found: Sequence[FileRebuild], *, copies_git_folder: bool, year: int | None) -> None:
        """Count the next commit."""
        built_before = bool(self.files)
        rebuilt = [file for file in found if file.rebuilds]
        for file in found:
            self.files.setdefault(file.path, FileFigures())
        since_first = bool(self.files)
        with_git_folder = bool(rebuilt) or (copies_git_folder and built_before)
        of_year = self.years.setdefault(year, YearFigures())
        self.commits += 1
        of_year.commits += 1
        self.since_first += since_first
        of_year.since_first += since_first
        self.with_git_folder += with_git_folder
        of_year.with_git_folder += with_git_folder
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
                place = self._moves.setdefault((file.path, _mark(miss.text)), Counter())
                place[_mark(miss.above)] += 1

    def skip(self, year: int | None) -> None:
        """Count a commit that was not read, because it has too many paths."""
        self.commits += 1
        self.censored += 1
        self.years.setdefault(year, YearFigures()).commits += 1

    def moves(self, current: Sequence[CurrentFile]) -> list[Move]:
        """The lines to move in the current files, the largest saving first."""
        files = {file.path: file for file in current}
        found = []
        for (path, text), places in self._moves.items():
            lines = {_mark(step): line for step, line in files[path].lines.items()} if path in files else {}
            # Above the first of the instructions that made it miss it would always have hit.
            above = [lines[place] for place in places if place in lines]
            if text in lines and above and min(above) < lines[text]:
                saved = places.total()
                found.append(Move(path, lines[text], min(above), saved, self.files[path].run_missed))
        return sorted(found, key=lambda move: (-move.saved, move.path, move.line))

    def state(self) -> dict[str, Any]:
        """The figures in JSON's types, for ``restored``."""
        counts = {name: getattr(self, name) for name in _COUNTS}
        return {
            **counts,
            "causes": dict(self.causes),
            "unknown": dict(self.unknown),
            "files": {path: _numbers(figures) for path, figures in self.files.items()},
            "years": [[year, *_numbers(figures)] for year, figures in self.years.items()],
            "moves": [[path, step, dict(places)] for (path, step), places in self._moves.items()],
        }

    @classmethod
    def restored(cls, state: Mapping[str, Any]) -> RebuildFigures:
        """The figures from the result of ``state``."""
        return cls(
            **{name: state[name] for name in _COUNTS},
            causes=Counter(state["causes"]),
            unknown=Counter(state["unknown"]),
            files={path: FileFigures(*numbers) for path, numbers in state["files"].items()},
            years={year: YearFigures(*numbers) for year, *numbers in state["years"]},
            _moves={(path, step): Counter(places) for path, step, places in state["moves"]},
        )


_COUNTS = (
    "commits", "since_first", "rebuilding", "new_keys", "by_context", "only_by_context", "with_git_folder", "censored",
    "missed", "missed_own", "run_missed", "run_avoidable",
)  # fmt: skip


def _numbers(figures: FileFigures | YearFigures) -> list[int]:
    return [getattr(figures, name) for name in figures.__slots__]


def _mark(text: str) -> str:
    """A short hash of a step's text, which may be a whole script."""
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=12).hexdigest()
