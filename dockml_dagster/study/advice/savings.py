"""How many bytes of an image each recommendation would save, no byte counted twice.

Here: one visitor of ``layer.image.summarise_image`` that gives every stored file to at most one recommendation. Not
here: what the recommendations say, and those that save no measurable bytes (``image``).

A file goes to the first of these that applies: it is hidden by a later layer; it matches the content pattern of a rule,
in the seed's order; it is a further copy of a content. Bytes are contents as stored in the layers, uncompressed, without
the 512-byte headers of the archive. Content that also has a visible name which no rule would remove (a hard link: conda
links its package cache into its environments) would not be saved, so it does not count.
"""

from __future__ import annotations

import heapq
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from dockml_dagster.study.advice.model import MOST_EVIDENCE, Rule, Rules
from dockml_dagster.study.layer.content import ContentRules
from dockml_dagster.study.layer.union import Merged

_MOST_NAMES: Final = 131_072
"""Most files whose hard links are looked for, and most contents whose copies are. Beyond it savings are lower bounds."""


class SavedFile(NamedTuple):
    """A file that would be removed: its bytes, path and layer (0 is the lowest). ``instead_of``: the copy that stays.

    A named tuple, not a dataclass: an image has up to millions of files.
    """

    bytes: int
    path: str
    layer: int
    hidden_by: int | None = None
    instead_of: str | None = None


@dataclass(frozen=True, slots=True)
class Saving:
    """What one recommendation saves. ``base_bytes``: the same in layers of the base image, not included in ``bytes``.
    ``whole``: all files were counted; otherwise both are lower bounds.
    """

    rule: Rule
    files: int
    bytes: int
    base_bytes: int
    largest: tuple[SavedFile, ...]
    whole: bool = True


class _Sum:
    __slots__ = ("base_bytes", "bytes", "files", "largest", "seen", "whole")

    def __init__(self) -> None:
        self.files = self.bytes = self.base_bytes = self.seen = 0
        self.whole = True
        self.largest: list[tuple[int, str, int, SavedFile]] = []


class _Copies:
    """The files of one content that occurs more than once: how many in the base's layers and above, and the first."""

    __slots__ = ("base", "first", "further", "own")

    def __init__(self, first: SavedFile) -> None:
        self.first = first
        self.further: list[SavedFile] = []
        self.base = self.own = 0


class SavingsTally:
    """Assigns files of an image to recommendations. ``base_layers``: how many of its lowest layers are the base's."""

    def __init__(self, rules: Rules, content: ContentRules, *, base_layers: int = 0) -> None:
        self._rules = rules.by_trigger
        self._by_content = {
            trigger.removeprefix("content:"): rule
            for trigger, rule in rules.by_trigger.items()
            if trigger.startswith("content:")
        }
        self._content = content
        duplicates = rules.by_trigger.get("duplicates")
        self._least_copied = sys.maxsize if duplicates is None else duplicates.min_file_bytes
        self._base_layers = base_layers
        self._sums: dict[str, tuple[Rule, _Sum]] = {}
        self._named: dict[tuple[int, str], tuple[Rule, SavedFile]] = {}
        self._kept: set[tuple[int, str]] = set()
        self._first: dict[str, SavedFile] = {}
        self._copies: dict[str, _Copies] = {}

    def __call__(self, batch: Iterable[Merged]) -> None:
        """Take entries of the image into account."""
        for merged in batch:
            self._look_at(merged)

    def _look_at(self, merged: Merged) -> None:
        entry, layer, hidden_by, cause = merged
        if entry.kind == "hardlink":
            if hidden_by is None and entry.link_target is not None and not self._rule_of(entry.path):
                self._kept.add((layer, entry.link_target))
            return
        if entry.kind != "file" or not entry.stored:
            return
        file = SavedFile(entry.stored, entry.path, layer, hidden_by)
        if cause is not None:
            self._give(self._rules.get(f"hidden:{cause}"), file)
            return
        rule = self._rule_of(entry.path)
        if rule is not None and entry.stored >= rule.min_file_bytes:
            self._give(rule, file)
        elif entry.file_hash is not None:
            self._copy(entry.file_hash, file)

    def _rule_of(self, path: str) -> Rule | None:
        best: Rule | None = None
        for name in self._content.matching(path):
            rule = self._by_content.get(name)
            if rule is not None and (best is None or rule.order < best.order):
                best = rule
        return best

    def _give(self, rule: Rule | None, file: SavedFile) -> None:
        if rule is None:
            return
        if len(self._named) < _MOST_NAMES:
            self._named[file.layer, file.path] = (rule, file)
        else:
            self._sum_of(rule).whole = False

    def _copy(self, file_hash: str, file: SavedFile) -> None:
        if file.bytes < self._least_copied:
            return
        first = self._first.get(file_hash)
        if first is None:
            if len(self._first) < _MOST_NAMES:
                self._first[file_hash] = file
            else:
                self._sum_of(self._rules["duplicates"]).whole = False
            return
        copies = self._copies.get(file_hash)
        if copies is None:
            copies = self._copies[file_hash] = _Copies(first)
            self._count(copies, first)
        self._count(copies, file)
        if len(copies.further) < MOST_EVIDENCE:
            copies.further.append(file)

    def _count(self, copies: _Copies, file: SavedFile) -> None:
        if file.layer < self._base_layers:
            copies.base += 1
        else:
            copies.own += 1

    def _add(self, rule: Rule, file: SavedFile) -> None:
        total = self._sum_of(rule)
        total.files += 1
        if file.layer < self._base_layers:
            total.base_bytes += file.bytes
        else:
            total.bytes += file.bytes
        _remember(total, file)

    def _sum_of(self, rule: Rule) -> _Sum:
        return self._sums.setdefault(rule.recommendation, (rule, _Sum()))[1]

    def savings(self) -> tuple[Saving, ...]:
        """What each recommendation saves, most bytes first. Call it once, after the last entry."""
        for (layer, path), (rule, file) in self._named.items():
            if (layer, path) not in self._kept:
                self._add(rule, file)
        self._named.clear()
        for copies in self._copies.values():
            self._add_copies(copies)
        self._copies.clear()
        found = [
            Saving(rule, total.files, total.bytes, total.base_bytes, _largest(total), total.whole)
            for rule, total in self._sums.values()
            if total.files
        ]
        return tuple(sorted(found, key=lambda saving: (-saving.bytes, -saving.base_bytes, saving.rule.order)))

    def _add_copies(self, copies: _Copies) -> None:
        rule = self._rules["duplicates"]
        total = self._sum_of(rule)
        # One copy stays: the base's if it has one, because that one cannot be removed anyway.
        size = copies.first.bytes
        own = copies.own - (0 if copies.base else 1)
        total.files += copies.base + copies.own - 1
        total.bytes += own * size
        total.base_bytes += max(0, copies.base - 1) * size
        for file in copies.further:
            _remember(total, SavedFile(size, file.path, file.layer, None, copies.first.path))


def _remember(total: _Sum, file: SavedFile) -> None:
    # The number breaks ties, so that the heap never compares the files themselves.
    total.seen += 1
    item = (file.bytes, file.path, total.seen, file)
    if len(total.largest) < MOST_EVIDENCE:
        heapq.heappush(total.largest, item)
    elif item[:2] > total.largest[0][:2]:
        heapq.heapreplace(total.largest, item)


def _largest(total: _Sum) -> tuple[SavedFile, ...]:
    files: Sequence[SavedFile] = [item[-1] for item in total.largest]
    return tuple(sorted(files, key=lambda file: (-file.bytes, file.path)))
