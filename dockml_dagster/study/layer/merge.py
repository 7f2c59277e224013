"""Merging layers row by row: which entry of which layer is visible, and what hid the others.

Here: the rules of the OCI image specification (layer.md, "Applying Changesets") for the rows of a path and of the
directories above it. A later entry replaces an earlier one of the same path. A directory keeps its content unless
something other than a directory replaces it. A whiteout removes the path from the layers below; an opaque marker
removes a directory's content from them. Not here: links, because of which a row can affect another path than its
own (``union``), sums (``image``).

The rows of all layers are sorted (``spool``), so one pass over them decides each path. Only the directories above the
current path are in memory: an image of ten million files needs no more than one of ten.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from operator import itemgetter
from typing import Final, Literal, NamedTuple

from dockml_dagster.study.layer.model import LayerEntry
from dockml_dagster.study.layer.spool import Spool, entry_of, merge_key

Cause = Literal["replaced", "whiteout", "opaque"]


class Merged(NamedTuple):
    """An entry of one layer, and whether a container sees it."""

    entry: LayerEntry
    layer: int
    """Index of the layer; 0 is the lowest."""
    hidden_by: int | None
    """Index of the layer that hid the entry; for a repeated entry it is its own layer. None: visible."""
    cause: Cause | None
    """How it was hidden. `replaced`: a later entry has its path, or something other than a directory replaced a directory
    above it. `whiteout`: of the path or a directory above. `opaque`: a marker in a directory above."""


class _Level:
    """A directory above the current path."""

    __slots__ = ("asked", "cause", "exists", "floor", "gone", "prefix")

    def __init__(self, prefix: str, floor: int, cause: Cause | None, gone: int, *, exists: bool) -> None:
        self.prefix = prefix  # its key and the separator, with which keys below it start
        self.floor = floor  # entries below it from layers under this one are hidden …
        self.cause = cause  # … because of this
        self.gone = gone  # the layer that last removed it, not only its content
        self.exists = exists  # whether a container sees it
        self.asked = -1  # the highest layer of which a hidden entry below it was handled


_Row = tuple[str, int, LayerEntry]
"""Key, layer, entry."""
_MARKERS: Final = frozenset({"metadata", "opaque", "whiteout"})
_ROWS: Final = 8192
_LEAST_ROWS: Final = 32
"""Rows in memory: of all layers together, and of each layer at least. Sorting some thousand at once costs a fifth of
merging them one by one with a heap."""
_key: Final[Callable[[_Row], str]] = itemgetter(0)
_new: Final[Callable[..., Merged]] = tuple.__new__


class _Reader:
    """The rows of one layer, some at a time."""

    __slots__ = ("_layer", "_lines", "ended", "rows")

    def __init__(self, layer: int, spool: Spool) -> None:
        self._layer, self._lines = layer, iter(spool())
        self.ended = False
        self.rows: list[_Row] = []

    def fill(self, most: int) -> None:
        """Read on until there are ``most`` rows."""
        missing = most - len(self.rows)
        if missing <= 0 or self.ended:
            return
        layer, rows = self._layer, self.rows
        before = len(rows)
        for line in islice(self._lines, missing):
            entry = entry_of(line)
            path, kind = entry[0], entry[1]
            rows.append((path.replace("/", "\0") if kind == "file" else merge_key(path, kind), layer, entry))
        self.ended = len(rows) - before < missing

    def take(self, stop: int) -> list[_Row]:
        """Remove and return the first ``stop`` rows."""
        taken, self.rows = self.rows[:stop], self.rows[stop:]
        return taken


def _sorted_rows(spools: Sequence[Spool], most: int) -> Iterator[list[_Row]]:
    """The rows of all layers by key, then by layer, in lists. ``most``: rows of one layer that are in memory."""
    readers = [_Reader(layer, spool) for layer, spool in enumerate(spools)]
    while True:
        for reader in readers:
            reader.fill(most)
        readers = [reader for reader in readers if reader.rows]
        if not readers:
            return
        bound = min((reader.rows[-1][0] for reader in readers if not reader.ended), default=None)
        rows: list[_Row] = []
        for reader in readers:
            if bound is None:
                rows += reader.take(len(reader.rows))
            elif reader.rows[0][0] < bound:
                rows += reader.take(bisect_left(reader.rows, bound, key=_key))
        rows.sort(key=_key)
        if rows:
            yield rows
        if bound is None:
            return
        # A layer may have any number of entries of one path, which must not be held all at once.
        for reader in readers:
            while reader.rows and reader.rows[0][0] == bound:
                yield reader.take(bisect_right(reader.rows, bound, key=_key))
                reader.fill(most)


def merged_batches(  # noqa: PLR0915 - see its text
    spools: Sequence[Spool], *, held: int | None = None
) -> Iterator[list[Merged]]:
    """Every entry of every layer (``spools``: lowest layer first) with its fate, in path order. The entries come in lists
    of some thousand, because there are millions and function calls cost.

    Whiteouts, opaque markers and metadata do not count as entries. Directories without an entry in any layer, which an
    engine makes for something in them, are visible entries with the note `implied`, of the layer that needs them, even if
    their content was removed later. ``held``: rows of a layer in memory at once; None: by the number of layers.
    """
    levels = [_Level("", 0, None, 0, exists=True)]
    top = levels[-1]
    previous = ""
    seen: LayerEntry | None = None
    seen_layer = floor = below = gone = 0
    cause: Cause | None = None
    below_cause: Cause | None = None
    for rows in _sorted_rows(spools, held or max(_LEAST_ROWS, _ROWS // max(1, len(spools)))):
        found: list[Merged] = []
        for key, layer, entry in rows:
            if key != previous:
                # The fate of the previous path is known now.
                if seen_layer >= 0 and not top.exists:
                    found += _implied(levels, seen_layer)
                    if len(found) >= _ROWS:  # a path may imply a thousand directories
                        yield found
                        found = []
                if seen is not None:
                    found.append(_new(Merged, (seen, seen_layer, None, None)))
                if not previous:
                    top.floor, top.cause = below, below_cause
                prefix = top.prefix
                if not key.startswith(prefix) or "\0" in key[len(prefix) :]:
                    # The previous key becomes a level only if something lies below it; most are files. A visible link
                    # counts as existing: what lies "below" it goes to its target.
                    if previous and key.startswith(previous) and key[len(previous)] == "\0":
                        exists = seen is not None
                        levels.append(_Level(previous + "\0", below, below_cause, gone, exists=exists))
                    while not key.startswith(levels[-1].prefix):
                        levels.pop()
                    top = levels[-1]
                    separator = key.find("\0", len(top.prefix))
                    while separator >= 0:
                        top = _Level(key[: separator + 1], top.floor, top.cause, top.floor, exists=False)
                        levels.append(top)
                        separator = key.find("\0", separator + 1)
                previous, seen = key, None
                seen_layer = -1
                floor = below = gone = top.floor
                cause = below_cause = top.cause
            kind = entry[1]
            if kind in _MARKERS:
                if kind == "opaque" and layer > below:
                    below, below_cause = layer, "opaque"
                elif kind == "whiteout":
                    if seen is not None and seen_layer < layer:
                        found.append(Merged(seen, seen_layer, layer, "whiteout"))
                        seen = None
                    if layer > below:
                        below, below_cause = layer, "whiteout"
                    gone = max(gone, layer)
            elif layer < floor:
                found.append(Merged(entry, layer, floor, cause))
                if not top.exists and layer > top.asked:
                    top.asked = layer
                    found += _implied(levels, layer)
            else:
                if seen is not None:
                    found.append(Merged(seen, seen_layer, layer, "replaced"))
                if kind != "directory":
                    if layer > below:
                        below, below_cause = layer, "replaced"
                    gone = layer
                seen, seen_layer = entry, layer
        yield found
    if seen_layer >= 0:
        last = list(_implied(levels, seen_layer))
        yield last if seen is None else [*last, Merged(seen, seen_layer, None, None)]


def _implied(levels: list[_Level], layer: int) -> Iterator[Merged]:
    """The directories above the current key that exist only because of it, from the top down, except those that a later
    layer removed.
    """
    missing = []
    for level in reversed(levels):
        if level.exists:
            break
        if level.gone <= layer:
            missing.append(level)
    for level in reversed(missing):
        level.exists = True
        yield Merged(implied_directory(level.prefix[:-1].replace("\0", "/")), layer, None, None)


def implied_directory(path: str) -> LayerEntry:
    """A directory that no layer lists: made by the engine, owned by root, with the usual mode."""
    depth = path.count("/") + 1
    return LayerEntry(path, "directory", 0, 0, 0o755, 0, 0, 0, depth, None, None, None, "", "", "implied")
