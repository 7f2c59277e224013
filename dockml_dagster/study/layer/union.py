"""The image as a container sees it: its layers merged, whiteouts and opaque directories applied.

Here: which entry of which layer is visible, and what hid the others. The rules are those of the OCI image
specification (layer.md, "Applying Changesets"): a later entry replaces an earlier one of its path, a
directory keeps what it holds unless it is replaced by something else, a whiteout removes what the layers
below have, an opaque marker removes what they have inside. Not here: sums over the result (``image``).

All layers' rows come sorted (``spool``), so one pass over their merge decides each path with nothing in
memory but the directories on the way to it: an image of ten million files needs no more than one of ten.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator, Sequence
from itertools import groupby
from operator import itemgetter
from typing import Final, Literal, NamedTuple

from dockml_dagster.study.layer.model import LayerEntry
from dockml_dagster.study.layer.spool import Spool, entry_of, merge_key

Cause = Literal["replaced", "whiteout", "opaque"]


class Merged(NamedTuple):
    """An entry of one layer, and whether a container sees it."""

    entry: LayerEntry
    layer: int
    """Index of the layer, 0 the lowest."""
    hidden_by: int | None
    """Index of the layer that hid the entry, its own for a repeated entry. None: visible."""
    cause: Cause | None
    """How it was hidden: by an entry of its own path or of a directory above it that is no directory any more
    (`replaced`), by a `whiteout` of either, by an `opaque` marker of a directory above it."""


class _Level:
    """A path on the way to the current one."""

    __slots__ = ("cause", "exists", "floor", "prefix")

    def __init__(self, prefix: str, floor: int, cause: Cause | None, *, exists: bool) -> None:
        self.prefix = prefix  # what keys below it start with: its own and the separator
        self.floor = floor  # entries below it from layers under this one are hidden …
        self.cause = cause  # … because of this
        self.exists = exists  # for a container


_Row = tuple[str, int, LayerEntry]
"""Key, layer, entry. Two rows of one layer are never compared: heapq.merge keeps their order by itself."""
_MARKERS: Final = frozenset({"metadata", "opaque", "whiteout"})
_new: Final[Callable[..., Merged]] = tuple.__new__


def _rows(layer: int, spool: Spool) -> Iterator[_Row]:
    for line in spool():
        entry = entry_of(line)
        path, kind = entry[0], entry[1]
        yield path.replace("/", "\0") if kind == "file" else merge_key(path, kind), layer, entry


def union(spools: Sequence[Spool]) -> Iterator[Merged]:
    """Every entry of every layer, lowest layer first in ``spools``, in path order, with its fate.

    Whiteouts, opaque markers and metadata are not entries and do not come. Directories that no layer has an
    entry for, but that a visible entry needs, come as visible entries with the note `implied`, of the layer
    of that entry.
    """
    merged = heapq.merge(*(_rows(layer, spool) for layer, spool in enumerate(spools)))
    levels = [_Level("", 0, None, exists=True)]
    previous, below, below_cause, visible = "", 0, None, True
    for key, rows in groupby(merged, key=itemgetter(0)):
        # The key before is a level only if something lies below it: most are files.
        if previous and key.startswith(previous) and key[len(previous)] == "\0":
            # A visible link counts as there too: what lies "below" it goes to where it points.
            levels.append(_Level(previous + "\0", below, below_cause, exists=visible))
        while not key.startswith(levels[-1].prefix):
            levels.pop()
        previous = key
        top = levels[-1]
        separator = key.find("\0", len(top.prefix))
        while separator >= 0:
            levels.append(_Level(key[: separator + 1], top.floor, top.cause, exists=False))
            separator = key.find("\0", separator + 1)
        floor, cause = below, below_cause = top.floor, top.cause
        seen: LayerEntry | None = None
        seen_layer = 0
        for _, layer, entry in rows:
            kind = entry[1]
            if kind in _MARKERS:
                if kind == "opaque" and layer > below:
                    below, below_cause = layer, "opaque"
                elif kind == "whiteout":
                    if seen is not None and seen_layer < layer:
                        yield Merged(seen, seen_layer, layer, "whiteout")
                        seen = None
                    if layer > below:
                        below, below_cause = layer, "whiteout"
            elif layer < floor:
                yield Merged(entry, layer, floor, cause)
            else:
                if seen is not None:
                    yield Merged(seen, seen_layer, layer, "replaced")
                if layer > below and kind != "directory":
                    below, below_cause = layer, "replaced"
                seen, seen_layer = entry, layer
        visible = seen is not None
        if visible:
            if not levels[-1].exists:
                yield from _implied(levels, seen_layer)
            yield _new(Merged, (seen, seen_layer, None, None))
        if not key:
            levels[0].floor, levels[0].cause = below, below_cause


def _implied(levels: list[_Level], layer: int) -> Iterator[Merged]:
    """The directories above the current key that only its being there implies, from the highest down."""
    missing = []
    for level in reversed(levels):
        if level.exists:
            break
        missing.append(level)
    for level in reversed(missing):
        level.exists = True
        yield Merged(implied_directory(level.prefix[:-1].replace("\0", "/")), layer, None, None)


def implied_directory(path: str) -> LayerEntry:
    """A directory that no layer lists: made by the engine, owned by root, with the usual mode."""
    depth = path.count("/") + 1
    return LayerEntry(path, "directory", 0, 0, 0o755, 0, 0, 0, depth, None, None, None, "", "", "implied")
