"""An image in numbers: what a container sees, what its layers hide, what it holds twice.

Here: one pass over ``union`` in bounded memory (for each visible file 16 bytes for duplicates, 8 for concentration).
The fields of ``ImageSummary`` define the figures. Not here: what the files are for (``content``), which instruction
made which layer (``history``).
"""

from __future__ import annotations

import heapq
from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from operator import mul
from typing import Final, NamedTuple, get_args

from dockml_dagster.study.layer.filetype import in_packages, published_class
from dockml_dagster.study.layer.model import EntryKind, LargeFile, TypeCount, UnionCap
from dockml_dagster.study.layer.spool import Spool
from dockml_dagster.study.layer.tally import EmptyDirectories, Largest, TypeTable
from dockml_dagster.study.layer.union import Cause, Merged, union_batches

EVIDENCE: Final = 50
"""How many wasted paths and duplicate groups a summary names, largest first."""
_PATHS: Final = 5
_REMEMBERED: Final = 65_536
_LAST_BUCKET: Final = 0xFF
_MOST_TYPES: Final = 4096
_SORTED_AT_ONCE: Final = 1 << 20


Visitor = Callable[[Sequence[Merged]], object]
"""Receives all entries of an image in path order, some thousand at a time."""


class HiddenFile(NamedTuple):
    """A file of one layer that a later one hides: its bytes are stored and shipped, but no container sees them."""

    bytes: int
    path: str
    layer: int
    hidden_by: int
    cause: Cause


class DuplicateGroup(NamedTuple):
    """Visible files with the same content."""

    wasted: int
    """Bytes of all copies but one."""
    file_hash: str
    """`algorithm:hex`; only the first 64 bits if no paths are known."""
    copies: int
    size: int
    paths: tuple[str, ...]
    """Up to five paths. Empty: unknown, because the image has more large files than are remembered."""


@dataclass(frozen=True, slots=True)
class LayerShare:
    """What one layer contributes to its image."""

    visible_files: int
    visible_bytes: int
    hidden_files: int
    """Its files that later layers, or later entries of its own, hide."""
    hidden_bytes: int
    hides_bytes: int
    """Bytes that this layer hides: of earlier layers, and of its own repeated entries."""


@dataclass(frozen=True, slots=True)
class ImageSummary:
    """The union of an image's layers, in numbers. Bytes are content stored in the archives, without holes."""

    files: int
    """Visible files, including hard links."""
    directories: int
    """Visible directories below the root, including implied ones."""
    implied_directories: int
    """Directories that no layer has an entry for."""
    empty_directories: int
    symlinks: int
    hardlinks: int
    devices: int
    max_depth: int
    """The maximum over visible entries of directory levels, without the file name."""
    max_published_level: int
    """The same by the study's definition: path components, including the file name."""
    bytes: int
    """Content that a container sees; that of hard-linked files counts once."""
    wasted_bytes: int
    """Content that no container sees: each hidden file once (dive also counts the surviving copy, dive#684).
    A file that still has a visible name, in any layer, is not wasted."""
    wasted_files: int
    duplicate_bytes: int
    """Further copies of visible content, all but one of each. Files without a hash are left out."""
    duplicate_files: int
    unhashed_files: int
    hash_algorithms: tuple[str, ...]
    """With more than one, duplicates between layers with different algorithms are not found."""
    gini: float | None
    """Gini coefficient of the sizes of visible files: 0 all equal, near 1 nearly all bytes in one. None: no file."""
    largest_percent_share: float | None
    """Share of the bytes in the largest 1 % of the visible files (at least one file). None: no bytes."""
    layers: tuple[LayerShare, ...]
    largest: tuple[LargeFile, ...]
    wasted: tuple[HiddenFile, ...]
    duplicates: tuple[DuplicateGroup, ...]
    extensions: tuple[TypeCount, ...]
    file_types: tuple[TypeCount, ...]
    published_classes: tuple[TypeCount, ...]
    censored: tuple[UnionCap, ...]
    """Links of the image that were not all followed. A file may then count twice, or as wasted despite a visible name."""


def summarise_image(spools: Sequence[Spool], *, visitors: Sequence[Visitor] = ()) -> ImageSummary:
    """Merge the layers, lowest first, and sum up. ``visitors`` see every entry (rules about content, for example)."""
    tally = _ImageTally(len(spools))
    caps: set[UnionCap] = set()
    for batch in union_batches(spools, caps=caps):
        tally.add(batch)
        for visit in visitors:
            visit(batch)
    return tally.summary(tuple(sorted(caps)))


class _ImageTally:
    def __init__(self, layers: int) -> None:
        self._counts: dict[str, int] = dict.fromkeys(get_args(EntryKind), 0)
        self._depth = self._level = self._bytes = self._implied = self._unhashed = 0
        self._visible_files, self._visible_bytes = [0] * layers, [0] * layers
        self._hidden_files, self._hidden_bytes = [0] * layers, [0] * layers
        self._hides_bytes = [0] * layers
        self._empty = EmptyDirectories()
        self._types = TypeTable(_MOST_TYPES)
        self._classes = TypeTable(_MOST_TYPES)
        self._alike: dict[tuple[bool, str, str], list[int]] = {}
        """Files and bytes by what decides types and classes: in packages or not, extension, file type."""
        self._directory, self._packages = "", False
        self._largest = Largest()
        self._wasted: list[HiddenFile] = []
        self._duplicates = _Duplicates()
        self._sizes = _Sizes()

    def add(self, batch: Iterable[Merged]) -> None:
        """Count entries, in path order."""
        counts, alike, empty = self._counts, self._alike, self._empty
        depths, levels, directory, packages = self._depth, self._level, self._directory, self._packages
        least, visible_files, visible_bytes = self._largest.least, self._visible_files, self._visible_bytes
        sizes: list[int] = []
        contents: list[tuple[str, int, str]] = []
        for entry, layer, hidden_by, cause in batch:
            path, kind, _, stored, _, _, _, _, depth, _, content, _, suffix, magic, note = entry
            if hidden_by is not None and cause is not None:
                if kind == "file":
                    self._hide(HiddenFile(stored, path, layer, hidden_by, cause))
                continue
            counts[kind] += 1
            is_directory = kind == "directory"
            level = depth if is_directory or path == "." else depth + 1  # equals published_level
            if depth > depths:  # noqa: PLR1730 - max() would be a call, here and below
                depths = depth
            if level > levels:  # noqa: PLR1730
                levels = level
            if is_directory or empty.open is not None:
                empty.follow(path, is_directory=is_directory)
                if note == "implied":
                    self._implied += 1
            if kind == "file":
                visible_files[layer] += 1
                visible_bytes[layer] += stored
                # The class depends only on the path's directory, and files of a directory follow each other.
                parent = path[: path.rfind("/") + 1]
                if parent != directory:
                    directory, packages = parent, in_packages(parent)
                if (type_counts := alike.get((packages, suffix, magic))) is None:
                    if len(alike) >= _MOST_TYPES:
                        self._count_alike()
                    type_counts = alike[packages, suffix, magic] = [0, 0]
                type_counts[0] += 1
                type_counts[1] += stored
                sizes.append(stored)
                if stored > least:
                    self._largest.add(stored, path)
                    least = self._largest.least
                if content is None:
                    self._unhashed += 1
                elif stored:
                    contents.append((content, stored, path))
            elif kind == "hardlink":
                visible_files[layer] += 1
        self._depth, self._level, self._directory, self._packages = depths, levels, directory, packages
        self._bytes += sum(sizes)
        self._sizes.add(sizes)
        self._duplicates.add(contents)

    def _count_alike(self) -> None:
        """Add the counts of files that are alike to types and classes."""
        for (packages, suffix, magic), counts in self._alike.items():
            named = published_class(suffix, magic, packages=packages)
            for row in (self._types.row(suffix, magic), self._classes.row(named, "")):
                row[0] += counts[0]
                row[1] += counts[1]
        self._alike.clear()

    def _hide(self, hidden: HiddenFile) -> None:
        self._hidden_files[hidden.layer] += 1
        self._hidden_bytes[hidden.layer] += hidden.bytes
        self._hides_bytes[hidden.hidden_by] += hidden.bytes
        if len(self._wasted) < EVIDENCE:
            heapq.heappush(self._wasted, hidden)
        elif hidden > self._wasted[0]:
            heapq.heappushpop(self._wasted, hidden)

    def summary(self, censored: tuple[UnionCap, ...]) -> ImageSummary:
        self._count_alike()
        counts = self._counts
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
            files=counts["file"] + counts["hardlink"],
            directories=counts["directory"] - self._empty.roots,
            implied_directories=self._implied,
            empty_directories=self._empty.count(),
            symlinks=counts["symlink"],
            hardlinks=counts["hardlink"],
            devices=counts["char_device"] + counts["block_device"] + counts["fifo"],
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
            censored=censored,
        )


class _Duplicates:
    """Groups visible files by content: 64 bits of the hash and the size, in buckets of arrays."""

    def __init__(self) -> None:
        self._buckets = [(array("Q"), array("Q")) for _ in range(_LAST_BUCKET + 1)]
        self._paths: dict[str, str | list[str]] = {}
        """By hash: the only path, or the first few paths."""
        self.algorithms: set[str] = set()

    def add(self, files: Iterable[tuple[str, int, str]]) -> None:
        """Add hash, size and path of some files."""
        buckets, paths, prefix = self._buckets, self._paths, ""
        for file_hash, size, path in files:
            if not prefix or not file_hash.startswith(prefix):
                prefix = file_hash[: file_hash.find(":") + 1]
                self.algorithms.add(prefix[:-1])
            value = int(file_hash[len(prefix) : len(prefix) + 16], 16)
            hashes, sizes = buckets[value & _LAST_BUCKET]
            hashes.append(value)
            sizes.append(size)
            known = paths.get(file_hash)
            if known is None:
                if len(paths) < _REMEMBERED:
                    paths[file_hash] = path
            elif type(known) is str:
                paths[file_hash] = [known, path]
            elif len(known) < _PATHS:
                known.append(path)  # type: ignore[union-attr]

    def found(self) -> tuple[int, int, tuple[DuplicateGroup, ...]]:
        """Number and bytes of further copies, and the groups that waste most."""
        files = wasted = 0
        largest: list[tuple[int, int, int, int]] = []
        for hashes, sizes in self._buckets:
            if len(set(hashes)) == len(hashes):
                continue
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
        several = {
            file_hash.partition(":")[2][:16]: (file_hash, tuple(sorted(paths)))
            for file_hash, paths in self._paths.items()
            if not isinstance(paths, str)
        }
        found = []
        for saved, value, size, count in largest:
            file_hash, paths = several.get(f"{value:016x}", (f"{value:016x}", ()))
            found.append(DuplicateGroup(saved, file_hash, count, size, paths))
        return files, wasted, tuple(found)


class _Sizes:
    """Sizes of files for their concentration: 8 bytes each, sorted in buckets if there are many."""

    def __init__(self) -> None:
        self._sizes = array("Q")
        self.add = self._sizes.extend
        """Add the sizes of some files."""

    def _ascending(self) -> Iterator[list[int]]:
        if len(self._sizes) <= _SORTED_AT_ONCE:
            yield sorted(self._sizes)
            return
        buckets: dict[int, array[int]] = {}
        for size in self._sizes:
            length = size.bit_length()
            bucket = length << 6 | (
                size >> length - 6 if length > 6 else size
            )  # the length in bits, and the first six bits
            buckets.setdefault(bucket, array("Q")).append(size)
        for bucket in sorted(buckets):
            yield sorted(buckets.pop(bucket))

    def concentration(self) -> tuple[float | None, float | None]:
        """Gini coefficient, and the share of the largest 1 %."""
        count, total = len(self._sizes), sum(self._sizes)
        if not count:
            return None, None
        if not total:
            return 0.0, None
        few = max(1, -(-count // 100))
        weighted = top = ranked = 0
        for sizes in self._ascending():
            weighted += sum(map(mul, range(ranked + 1, ranked + len(sizes) + 1), sizes))
            ranked += len(sizes)
            if ranked > count - few:
                top += sum(sizes[max(0, len(sizes) - (ranked - (count - few))) :])
        gini = 2 * weighted / (count * total) - (count + 1) / count
        return gini, top / total
