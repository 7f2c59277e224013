"""An image in numbers: what a container sees, what its layers hide, what it holds twice.

Here: one pass over ``union`` in bounded memory (16 bytes a visible file for duplicates, 8 for concentration).
Definitions stand at the fields of ``ImageSummary``. Not here: what the files are for (``content``), which
instruction made which layer (``history``).
"""

from __future__ import annotations

import heapq
from array import array
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from dockml_dagster.study.layer.filetype import published_class
from dockml_dagster.study.layer.model import LargeFile, LayerEntry, TypeCount, published_level
from dockml_dagster.study.layer.spool import Spool
from dockml_dagster.study.layer.tally import Largest, TypeTable
from dockml_dagster.study.layer.union import Cause, Merged, union

EVIDENCE: Final = 50
"""How many wasted paths and duplicate groups a summary names, largest first."""
_PATHS: Final = 5
_REMEMBERED: Final = 65_536
_MOST_LINK_TARGETS: Final = 262_144
_BUCKETS: Final = 256
_MOST_TYPES: Final = 4096


class HiddenFile(NamedTuple):
    """A file of one layer that a later one hides: bytes that are stored and shipped, and never seen."""

    bytes: int
    path: str
    layer: int
    hidden_by: int
    cause: Cause


class DuplicateGroup(NamedTuple):
    """Visible files of one content."""

    wasted: int
    """Bytes that one copy would save: all but one of them."""
    content_hash: str
    """`algorithm:hex`; the first 64 bits of it where no paths are known."""
    copies: int
    size: int
    paths: tuple[str, ...]
    """Up to five. Empty: unknown, in an image with more large files than are remembered."""


@dataclass(frozen=True, slots=True)
class LayerShare:
    """What one layer contributes to the image it is part of."""

    visible_files: int
    visible_bytes: int
    hidden_files: int
    """Files of it that later layers (or later entries of its own) hide."""
    hidden_bytes: int
    hides_bytes: int
    """Bytes of earlier layers, and repeated entries of its own, that this layer hides."""


@dataclass(frozen=True, slots=True)
class ImageSummary:
    """The union of an image's layers, in numbers. Bytes are content stored in the archives, holes left
    out.
    """

    files: int
    """Visible files, hard links among them."""
    directories: int
    """Visible directories below the root, implied ones among them."""
    implied_directories: int
    """Those that no layer has an entry for."""
    empty_directories: int
    symlinks: int
    hardlinks: int
    devices: int
    max_depth: int
    """Of visible entries; directory levels, the file name not counted."""
    max_published_level: int
    """The study's definition: path components, the file name counted."""
    bytes: int
    """Content a container sees; of hard-linked files once."""
    wasted_bytes: int
    """Content that no container sees: each hidden file once (dive counts the copy that survives as well,
    dive#684). A hidden file that a visible hard link of its layer still shows is not wasted."""
    wasted_files: int
    duplicate_bytes: int
    """Visible content that is there more than once: all copies but one. Files without a hash are left out."""
    duplicate_files: int
    unhashed_files: int
    hash_algorithms: tuple[str, ...]
    """More than one: duplicates between layers read in different ways are not seen."""
    gini: float | None
    """Gini coefficient of the sizes of visible files: 0 all alike, 1 all bytes in one. None: no file."""
    largest_percent_share: float | None
    """Share of the bytes that the largest 1 % of the visible files hold (at least one file). None: no
    bytes."""
    layers: tuple[LayerShare, ...]
    largest: tuple[LargeFile, ...]
    wasted: tuple[HiddenFile, ...]
    duplicates: tuple[DuplicateGroup, ...]
    extensions: tuple[TypeCount, ...]
    file_types: tuple[TypeCount, ...]
    published_classes: tuple[TypeCount, ...]


def summarise_image(
    spools: Sequence[Spool], *, each: Callable[[Merged], object] | None = None
) -> ImageSummary:
    """Merge the layers, lowest first, and sum up. ``each`` sees every entry on the way (rules about
    content).
    """
    tally = _ImageTally(len(spools), _link_targets(spools))
    for merged in union(spools):
        tally.add(merged)
        if each is not None:
            each(merged)
    return tally.summary()


def _link_targets(spools: Sequence[Spool]) -> dict[tuple[int, str], bool]:
    """Layer and path of every file that a hard link of its layer names; the value: not yet seen through
    one.
    """
    targets: dict[tuple[int, str], bool] = {}
    for layer, spool in enumerate(spools):
        for line in spool():
            if b"\thardlink\t" in line and len(targets) < _MOST_LINK_TARGETS:
                fields = line.split(b"\t", 10)
                if fields[1] == b"hardlink":
                    targets[layer, fields[9].decode()] = False
    return targets


class _ImageTally:
    def __init__(self, layers: int, link_targets: dict[tuple[int, str], bool]) -> None:
        self._links = link_targets
        self._awaiting: list[HiddenFile] = []  # hidden files that a hard link may still show
        self._counts: dict[str, int] = {}
        self._depth = self._level = self._bytes = self._implied = self._unhashed = 0
        self._visible_files, self._visible_bytes = [0] * layers, [0] * layers
        self._hidden_files, self._hidden_bytes = [0] * layers, [0] * layers
        self._hides_bytes = [0] * layers
        self._empty = _EmptyDirectories()
        self._types = TypeTable(_MOST_TYPES)
        self._classes = TypeTable(_MOST_TYPES)
        self._largest = Largest()
        self._wasted: list[HiddenFile] = []
        self._duplicates = _Duplicates()
        self._sizes = _Sizes()

    def add(self, merged: Merged) -> None:
        entry, layer, hidden_by, cause = merged
        kind, stored = entry.kind, entry.stored
        if hidden_by is not None and cause is not None:
            if kind == "file":
                hidden = HiddenFile(stored, entry.path, layer, hidden_by, cause)
                if (layer, entry.path) in self._links:
                    self._awaiting.append(hidden)
                else:
                    self._hide(hidden)
            return
        self._counts[kind] = self._counts.get(kind, 0) + 1
        self._depth = max(self._depth, entry.depth)
        self._level = max(self._level, published_level(entry.path))
        self._empty.add(entry.path, is_directory=kind == "directory")
        if entry.note == "implied":
            self._implied += 1
        if kind == "file":
            self._see(entry, layer)
        elif kind == "hardlink" and entry.link_target is not None:
            self._visible_files[layer] += 1
            self._links[layer, entry.link_target] = True

    def _see(self, entry: LayerEntry, layer: int) -> None:
        stored, path = entry.stored, entry.path
        self._visible_files[layer] += 1
        self._visible_bytes[layer] += stored
        self._bytes += stored
        self._types.add(entry.extension, entry.file_type, stored)
        self._classes.add(published_class(path, entry.extension, entry.file_type), "", stored)
        self._sizes.add(stored)
        if stored > self._largest.least:
            self._largest.add(stored, path)
        if entry.content_hash is None:
            self._unhashed += 1
        elif stored:
            self._duplicates.add(entry.content_hash, stored, path)

    def _hide(self, hidden: HiddenFile) -> None:
        self._hidden_files[hidden.layer] += 1
        self._hidden_bytes[hidden.layer] += hidden.bytes
        self._hides_bytes[hidden.hidden_by] += hidden.bytes
        if len(self._wasted) < EVIDENCE:
            heapq.heappush(self._wasted, hidden)
        elif hidden > self._wasted[0]:
            heapq.heappushpop(self._wasted, hidden)

    def summary(self) -> ImageSummary:
        for hidden in self._awaiting:
            if self._links[hidden.layer, hidden.path]:
                self._bytes += hidden.bytes
                self._visible_bytes[hidden.layer] += hidden.bytes
            else:
                self._hide(hidden)
        count = self._counts
        shares = zip(
            self._visible_files,
            self._visible_bytes,
            self._hidden_files,
            self._hidden_bytes,
            self._hides_bytes,
            strict=True,
        )
        duplicate_files, duplicate_bytes, groups = self._duplicates.found()
        gini, share = self._sizes.concentration()
        return ImageSummary(
            files=count.get("file", 0) + count.get("hardlink", 0),
            directories=count.get("directory", 0) - self._empty.roots,
            implied_directories=self._implied,
            empty_directories=self._empty.count(),
            symlinks=count.get("symlink", 0),
            hardlinks=count.get("hardlink", 0),
            devices=sum(count.get(kind, 0) for kind in ("char_device", "block_device", "fifo")),
            max_depth=self._depth,
            max_published_level=self._level,
            bytes=self._bytes,
            wasted_bytes=sum(self._hidden_bytes),
            wasted_files=sum(self._hidden_files),
            duplicate_bytes=duplicate_bytes,
            duplicate_files=duplicate_files,
            unhashed_files=self._unhashed,
            hash_algorithms=tuple(sorted(self._duplicates.algorithms)),
            gini=gini,
            largest_percent_share=share,
            layers=tuple(LayerShare(*share) for share in shares),
            largest=self._largest.found(),
            wasted=tuple(sorted(self._wasted, key=lambda file: (-file.bytes, file.path, file.layer))),
            duplicates=groups,
            extensions=self._types.extensions(),
            file_types=self._types.file_types(),
            published_classes=self._classes.extensions(),
        )


class _EmptyDirectories:
    """Counts directories that nothing follows into; paths come in path order."""

    def __init__(self) -> None:
        self._open: str | None = None
        self._count = 0
        self.roots = 0

    def add(self, path: str, *, is_directory: bool) -> None:
        if path == ".":
            self.roots += 1
            return
        if self._open is not None and not path.startswith(self._open):
            self._count += 1
        self._open = path + "/" if is_directory else None

    def count(self) -> int:
        return self._count + (self._open is not None)


class _Duplicates:
    """Groups visible files by content: 64 bits of the hash and the size, in buckets of arrays."""

    def __init__(self) -> None:
        self._buckets = [(array("Q"), array("Q")) for _ in range(_BUCKETS)]
        self._paths: dict[tuple[int, int], tuple[str, list[str]]] = {}
        self.algorithms: set[str] = set()

    def add(self, content_hash: str, size: int, path: str) -> None:
        algorithm, _, digest = content_hash.partition(":")
        self.algorithms.add(algorithm)
        value = int(digest[:16], 16)
        hashes, sizes = self._buckets[value % _BUCKETS]
        hashes.append(value)
        sizes.append(size)
        known = self._paths.get((value, size))
        if known is None:
            if len(self._paths) < _REMEMBERED:
                self._paths[value, size] = (content_hash, [path])
        elif len(known[1]) < _PATHS:
            known[1].append(path)

    def found(self) -> tuple[int, int, tuple[DuplicateGroup, ...]]:
        """Files and bytes that are there again, and the groups that waste most."""
        files = wasted = 0
        largest: list[tuple[int, int, int, int]] = []
        for hashes, sizes in self._buckets:
            copies: dict[tuple[int, int], int] = {}
            for pair in zip(hashes, sizes, strict=True):
                copies[pair] = copies.get(pair, 0) + 1
            groups = [
                ((count - 1) * size, value, size, count)
                for (value, size), count in copies.items()
                if count > 1
            ]
            files += sum(count - 1 for _, _, _, count in groups)
            wasted += sum(saved for saved, _, _, _ in groups)
            largest = heapq.nlargest(EVIDENCE, [*largest, *groups])
        return files, wasted, tuple(self._group(*group) for group in largest)

    def _group(self, wasted: int, value: int, size: int, count: int) -> DuplicateGroup:
        content_hash, paths = self._paths.get((value, size), (f"{value:016x}", []))
        return DuplicateGroup(wasted, content_hash, count, size, tuple(sorted(paths)))


class _Sizes:
    """Sizes of files for their concentration, in buckets that are sorted one at a time."""

    def __init__(self) -> None:
        self._buckets: dict[tuple[int, int], array[int]] = {}
        self._count = self._total = 0

    def add(self, size: int) -> None:
        self._count += 1
        self._total += size
        length = size.bit_length()
        bucket = (length, size >> max(length - 6, 0))
        values = self._buckets.get(bucket)
        if values is None:
            values = self._buckets[bucket] = array("Q")
        values.append(size)

    def _ascending(self) -> Iterator[int]:
        for bucket in sorted(self._buckets):
            yield from sorted(self._buckets[bucket])

    def concentration(self) -> tuple[float | None, float | None]:
        """Gini coefficient, and the share of the largest 1 %."""
        if not self._count:
            return None, None
        if not self._total:
            return 0.0, None
        few = max(1, -(-self._count // 100))
        weighted = top = 0
        for rank, size in enumerate(self._ascending(), start=1):
            weighted += rank * size
            if rank > self._count - few:
                top += size
        gini = 2 * weighted / (self._count * self._total) - (self._count + 1) / self._count
        return gini, top / self._total
