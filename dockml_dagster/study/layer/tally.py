"""A layer's summary, counted entry by entry in bounded memory.

Here: the arithmetic of ``LayerSummary``. Not here: images (``image``), where whiteouts and later layers
count. What needs all paths at once (duplicates, empty directories) is counted on 64-bit hashes in arrays: 8
bytes an entry and 8 a directory, so a million entries take some 10 MB; two paths of ten million collide with
a probability of about one in 400,000, and would then be counted as one.
"""

from __future__ import annotations

import heapq
from array import array
from collections.abc import Iterable, Mapping
from typing import Final

from dockml_dagster.study.layer.filetype import OTHER
from dockml_dagster.study.layer.model import (
    LargeFile,
    LayerEntry,
    LayerSummary,
    TypeCount,
    published_level,
)

LARGEST: Final = 20
"""How many of the largest files a summary names."""
_BUCKETS: Final = 64


class HashedSet:
    """Counts distinct strings: hashes in buckets of arrays, made into sets one bucket at a time."""

    def __init__(self) -> None:
        self._buckets = [array("q") for _ in range(_BUCKETS)]

    def add(self, item: str) -> None:
        """Remember an item; the same one may come often."""
        value = hash(item)
        self._buckets[value & (_BUCKETS - 1)].append(value)

    def distinct(self) -> int:
        """How many different items came."""
        return sum(len(set(bucket)) for bucket in self._buckets)

    def distinct_not_in(self, other: HashedSet) -> int:
        """How many different items came that did not come to ``other``."""
        pairs = zip(self._buckets, other._buckets, strict=True)
        return sum(len(set(mine).difference(theirs)) for mine, theirs in pairs)


class TypeTable:
    """Files and bytes by name, for at most ``most`` names; further ones share ``OTHER``."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._counts: dict[str, list[int]] = {}
        self.overflowed = False

    def add(self, name: str, size: int) -> None:
        """Count one file of ``size`` bytes."""
        counts = self._counts.get(name)
        if counts is None:
            if len(self._counts) >= self._most:
                self.overflowed = True
                name = OTHER
            counts = self._counts.setdefault(name, [0, 0])
        counts[0] += 1
        counts[1] += size

    def counted(self) -> tuple[TypeCount, ...]:
        """All names, largest in bytes first, then by files and name."""
        rows = (TypeCount(name, files, size) for name, (files, size) in self._counts.items())
        return tuple(sorted(rows, key=lambda row: (-row.bytes, -row.files, row.name)))


class Largest:
    """The few largest files of many."""

    def __init__(self, most: int = LARGEST) -> None:
        self._most = most
        self._heap: list[LargeFile] = []
        self._least = 0

    def add(self, size: int, path: str) -> None:
        """Consider one file; empty ones are never among the largest."""
        if size <= self._least:
            return
        if len(self._heap) < self._most:
            heapq.heappush(self._heap, LargeFile(size, path))
        else:
            heapq.heappushpop(self._heap, LargeFile(size, path))
            self._least = self._heap[0].size

    def found(self) -> tuple[LargeFile, ...]:
        """Largest first, equal ones by path."""
        return tuple(sorted(self._heap, key=lambda file: (-file.size, file.path)))


class LayerTally:
    """Adds entries up to a ``LayerSummary``."""

    def __init__(self, most_types: int) -> None:
        self._kinds: dict[str, int] = {}
        self._paths = HashedSet()
        self._directories = HashedSet()
        self._parents = HashedSet()
        self._last_parent = ""
        self._extensions = TypeTable(most_types)
        self._file_types = TypeTable(most_types)
        self._largest = Largest()
        self._depth = self._level = self._bytes = self._holes = self._noted = 0

    def add(self, entry: LayerEntry) -> None:
        """Count one entry."""
        path, kind = entry.path, entry.kind
        self._kinds[kind] = self._kinds.get(kind, 0) + 1
        self._paths.add(path)
        parent = path[: max(path.rfind("/"), 0)]
        if parent != self._last_parent:
            self._last_parent = parent
            self._parents.add(parent)
        self._depth = max(self._depth, entry.depth)
        if entry.note is not None:
            self._noted += 1
        if kind == "file":
            stored = entry.stored
            self._bytes += stored
            self._holes += entry.size - stored
            self._extensions.add(entry.extension, stored)
            self._file_types.add(entry.file_type, stored)
            self._largest.add(stored, path)
        elif kind == "directory":
            self._directories.add(path)
        elif kind in _NOT_CONTENT:
            return
        level = published_level(path)
        self._level = max(self._level, level)

    @property
    def overflowed(self) -> bool:
        """Whether there were more extensions than are counted one by one."""
        return self._extensions.overflowed

    def summary(self) -> LayerSummary:
        """The summary of what was added."""
        kinds = self._kinds
        entries = sum(kinds.values())
        return LayerSummary(
            entries=entries,
            files=_sum(kinds, ("file", "hardlink")),
            directories=kinds.get("directory", 0),
            empty_directories=self._directories.distinct_not_in(self._parents),
            symlinks=kinds.get("symlink", 0),
            hardlinks=kinds.get("hardlink", 0),
            devices=_sum(kinds, ("char_device", "block_device", "fifo")),
            whiteouts=kinds.get("whiteout", 0),
            opaques=kinds.get("opaque", 0),
            metadata=kinds.get("metadata", 0),
            duplicate_entries=entries - self._paths.distinct(),
            max_depth=self._depth,
            max_published_level=self._level,
            bytes=self._bytes,
            sparse_bytes=self._holes,
            noted=self._noted,
            largest=self._largest.found(),
            extensions=self._extensions.counted(),
            file_types=self._file_types.counted(),
        )


_NOT_CONTENT: Final = frozenset({"whiteout", "opaque", "metadata"})


def _sum(counts: Mapping[str, int], kinds: Iterable[str]) -> int:
    return sum(counts.get(kind, 0) for kind in kinds)
