"""A layer's summary, counted entry by entry in bounded memory.

Here: the arithmetic of ``LayerSummary``. Not here: images (``image``), where whiteouts and later layers count.
Figures that need all paths at once (duplicates, empty directories) use arrays of 64-bit hashes: 8 bytes for each entry
and 8 for each directory, so a million entries take some 10 MB. Among ten million paths the probability that any two
collide, and count as one, is about one in 400,000.
"""

from __future__ import annotations

import heapq
from array import array
from collections.abc import Iterable, Mapping
from typing import Final, get_args

from dockml_dagster.study.layer.classify import LINK_TARGETS
from dockml_dagster.study.layer.filetype import OTHER
from dockml_dagster.study.layer.header import clamped
from dockml_dagster.study.layer.model import EntryKind, LargeFile, LayerEntry, LayerSummary, TypeCount

LARGEST: Final = 20
"""How many of the largest files a summary lists."""
_BUCKETS: Final = 64


class HashedSet:
    """Counts distinct strings by their hashes, kept in buckets of arrays that become sets one at a time."""

    def __init__(self) -> None:
        self._buckets = [array("q") for _ in range(_BUCKETS)]
        self.appends = [bucket.append for bucket in self._buckets]

    def add(self, item: str) -> None:
        """Add an item, which may occur many times."""
        value = hash(item)
        self.appends[value & (_BUCKETS - 1)](value)

    def distinct(self) -> int:
        """The number of distinct items."""
        return sum(len(set(bucket)) for bucket in self._buckets)

    def distinct_not_in(self, other: HashedSet) -> int:
        """The number of distinct items that are not in ``other``."""
        pairs = zip(self._buckets, other._buckets, strict=True)
        return sum(len(set(mine).difference(theirs)) for mine, theirs in pairs)


class TypeTable:
    """Files and bytes by extension and file type, for at most ``most`` pairs. Further pairs share ``OTHER``."""

    def __init__(self, most: int) -> None:
        self._most = most
        self.rows: dict[tuple[str, str], list[int]] = {}
        """Files and bytes of each pair."""
        self.overflowed = False

    def row(self, extension: str, file_type: str) -> list[int]:
        """The row that counts a pair; made if needed."""
        counts = self.rows.get((extension, file_type))
        if counts is None:
            if len(self.rows) >= self._most:
                self.overflowed = True
                extension = OTHER
            counts = self.rows.setdefault((extension, file_type), [0, 0])
        return counts

    def add(self, extension: str, file_type: str, size: int) -> None:
        """Count one file of ``size`` bytes."""
        counts = self.row(extension, file_type)
        counts[0] += 1
        counts[1] += size

    def extensions(self) -> tuple[TypeCount, ...]:
        """By extension: largest in bytes first, then by files and name."""
        return self._totals(0)

    def file_types(self) -> tuple[TypeCount, ...]:
        """By file type, in the same order."""
        return self._totals(1)

    def _totals(self, part: int) -> tuple[TypeCount, ...]:
        totals: dict[str, list[int]] = {}
        for names, (files, size) in self.rows.items():
            total = totals.setdefault(names[part], [0, 0])
            total[0] += files
            total[1] += size
        rows = (TypeCount(name, files, size) for name, (files, size) in totals.items())
        return tuple(sorted(rows, key=lambda row: (-row.bytes, -row.files, row.name)))


class Largest:
    """Keeps the few largest files."""

    def __init__(self, most: int = LARGEST) -> None:
        self._most = most
        self._heap: list[LargeFile] = []
        self.least = 0

    def add(self, size: int, path: str) -> None:
        """Consider one file. Callers may leave out files of at most ``least`` bytes, and so empty ones."""
        if size <= self.least:
            return
        if len(self._heap) < self._most:
            heapq.heappush(self._heap, LargeFile(size, path))
        else:
            heapq.heappushpop(self._heap, LargeFile(size, path))
            self.least = self._heap[0].size

    def found(self) -> tuple[LargeFile, ...]:
        """Largest first, equal ones by path."""
        return tuple(sorted(self._heap, key=lambda file: (-file.size, file.path)))


class EmptyDirectories:
    """Counts directories without an entry below them. Paths must come in path order."""

    def __init__(self) -> None:
        self.open: str | None = None
        """The last directory, with a slash, if no entry has followed it."""
        self.empty = self.roots = 0

    def follow(self, path: str, *, is_directory: bool) -> None:
        """Add a path that is a directory or directly follows one."""
        if path == ".":
            self.roots += 1
            return
        if self.open is not None and not path.startswith(self.open):
            self.empty += 1
        self.open = path + "/" if is_directory else None

    def count(self) -> int:
        """The number of empty directories, after the last path."""
        return self.empty + (self.open is not None)


class LayerTally:
    """Sums entries up into a ``LayerSummary``."""

    def __init__(self, most_types: int) -> None:
        self._kinds: dict[EntryKind, int] = dict.fromkeys(get_args(EntryKind), 0)
        self._paths = HashedSet()
        self._directories = HashedSet()
        self._parents = HashedSet()
        self._last_parent = ""
        self._types = TypeTable(most_types)
        self._largest = Largest()
        self._depth = self._level = self._bytes = self._holes = self._noted = 0

    def add(self, entries: Iterable[LayerEntry]) -> None:
        """Count entries, in archive order."""
        kinds, paths, largest = self._kinds, self._paths.appends, self._largest
        types, depths, levels = self._types.rows, self._depth, self._level
        stored_bytes, holes, last_parent = self._bytes, self._holes, self._last_parent
        for path, kind, size, stored, _, _, _, _, depth, _, _, _, extension, file_type, note in entries:
            kinds[kind] += 1
            value = hash(path)
            paths[value & (_BUCKETS - 1)](value)
            slash = path.rfind("/")
            parent = path[:slash] if slash > 0 else ""
            if parent != last_parent:
                last_parent = parent
                self._parents.add(parent)
            if depth > depths:  # noqa: PLR1730 - max() would be a call, here and below
                depths = depth
            if note is not None:
                self._noted += 1
            if kind == "file":
                level = depth + 1
                stored_bytes += stored
                holes += size - stored
                if (counts := types.get((extension, file_type))) is None:
                    counts = self._types.row(extension, file_type)
                counts[0] += 1
                counts[1] += stored
                if stored > largest.least:
                    largest.add(stored, path)
            elif kind == "directory":
                level = depth
                self._directories.add(path)
            elif kind in _NOT_CONTENT:
                level = 0
                if stored and path.startswith(LINK_TARGETS):
                    stored_bytes += stored
            else:
                level = depth + 1
            if level > levels:  # noqa: PLR1730
                levels = level
        self._depth, self._level = depths, levels
        self._bytes, self._holes, self._last_parent = stored_bytes, holes, last_parent

    @property
    def overflowed(self) -> bool:
        """Whether there were more types than are counted one by one."""
        return self._types.overflowed

    def summary(self) -> LayerSummary:
        """The summary of what was added."""
        kinds = self._kinds
        entries = sum(kinds.values())
        return LayerSummary(
            entries=entries,
            files=_sum(kinds, ("file", "hardlink")),
            directories=kinds["directory"],
            empty_directories=self._directories.distinct_not_in(self._parents),
            symlinks=kinds["symlink"],
            hardlinks=kinds["hardlink"],
            devices=_sum(kinds, ("char_device", "block_device", "fifo")),
            whiteouts=kinds["whiteout"],
            opaques=kinds["opaque"],
            metadata=kinds["metadata"],
            duplicate_entries=entries - self._paths.distinct(),
            max_depth=self._depth,
            max_published_level=self._level,
            bytes=self._bytes,
            sparse_bytes=clamped(self._holes),  # a header of 512 bytes can claim exabytes
            noted=self._noted,
            largest=self._largest.found(),
            extensions=self._types.extensions(),
            file_types=self._types.file_types(),
        )


_NOT_CONTENT: Final = frozenset({"whiteout", "opaque", "metadata"})


def _sum(counts: Mapping[EntryKind, int], kinds: Iterable[EntryKind]) -> int:
    return sum(counts[kind] for kind in kinds)
