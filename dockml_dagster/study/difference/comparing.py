"""The difference in bytes between two images, attributed to instructions, packages, directories and kinds of file.

Here: which layers cancel, sums by side, and what became of each file. Not here: reading images (``images.scanning``),
what layers several images have in common (``sharing``).

Layers with the same diff-id (the same digest, where no diff-id is known) hold the same bytes and cancel, wherever they lie.
Every file of the other layers counts, hidden ones too: minus its bytes in the first image, plus in the second. So every
grouping adds up to the difference exactly, whether or not a file has a counterpart. Counterparts only tell what became of
a file. Bytes are contents stored in the layers, uncompressed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple, get_args

from dockml_dagster.study.layer.union import Merged

NO_PACKAGE: Final = "(no package)"
NO_INSTRUCTION: Final = "(unknown instruction)"
MOVED_FROM: Final = 4096
"""Least bytes of content that counts as moved if it is found under another path. Small files are alike by chance."""
Fate = Literal["rebuilt", "changed", "moved", "removed", "added"]
"""In this order: the same path and content in another layer (nothing grew, but it is pulled again); the same path with
other content; the same content under another path; only in the first image; only in the second.
"""


class File(NamedTuple):
    """A file of one layer of an image. ``layer``: 0 is the lowest. ``visible``: a container sees it."""

    layer: int
    path: str
    bytes: int
    content: str | None
    kind: str
    visible: bool


class LayerOfImage(NamedTuple):
    """A layer of an image. ``compressed_bytes``: None where unknown. ``instruction``: the text of what made it."""

    digest: str
    diff_id: str | None
    compressed_bytes: int | None
    instruction: str | None


@dataclass(frozen=True, slots=True)
class Side:
    """One image. ``package_of``: the package of a file, by layer, path and whether it is visible; None: no package, or
    unknown. ``versions``: the version of each package, by the name that ``package_of`` gives.
    """

    layers: tuple[LayerOfImage, ...]
    files: Sequence[File]
    package_of: Callable[[File], str | None]
    versions: Callable[[str], tuple[str, ...]]


class Part(NamedTuple):
    """Bytes of one instruction, package, directory or kind in the layers that the images do not share."""

    name: str
    bytes_before: int
    bytes_after: int

    @property
    def difference(self) -> int:
        """Bytes in the second image less those in the first."""
        return self.bytes_after - self.bytes_before


class FateCount(NamedTuple):
    """The files that share one fate."""

    fate: Fate
    files: int
    bytes_before: int
    bytes_after: int


@dataclass(frozen=True, slots=True)
class Difference:
    """The second image less the first. Parts come with the largest difference first, whichever its sign.

    ``pull_bytes``: compressed bytes that a node with the first image pulls for the second if it reuses only the layers that
    both begin with, as Docker's classic store does. ``pull_bytes_by_digest``: the same if it reuses every layer of a known
    digest, as containerd does. None: a layer's size is unknown. ``shared_visible_before`` and ``…after``: bytes of shared
    layers that a container sees in each image. If they shrink, the second image hides files that it still pulls.
    """

    bytes_before: int
    bytes_after: int
    shared_layers: int
    shared_visible_before: int
    shared_visible_after: int
    pull_bytes: int | None
    pull_bytes_by_digest: int | None
    instructions: tuple[Part, ...]
    packages: tuple[Part, ...]
    directories: tuple[Part, ...]
    kinds: tuple[Part, ...]
    fates: tuple[FateCount, ...]

    @property
    def difference(self) -> int:
        """Bytes in the layers of the second image less those of the first."""
        return self.bytes_after - self.bytes_before


class FileList:
    """Keeps the files of an image: a visitor of ``summarise_image``."""

    def __init__(self) -> None:
        self.files: list[File] = []

    def __call__(self, batch: Iterable[Merged]) -> None:
        """Take entries of the image into account."""
        self.files += [
            File(
                layer,
                entry.path,
                entry.stored,
                entry.file_hash,
                entry.file_type or entry.extension or "unknown",
                hidden_by is None,
            )
            for entry, layer, hidden_by, _ in batch
            if entry.kind == "file"
        ]


def compare(before: Side, after: Side) -> Difference:
    """The difference between two images."""
    shared_before, shared_after = _shared(before.layers, after.layers)
    own = [
        [one for one in before.files if one.layer not in shared_before],
        [one for one in after.files if one.layer not in shared_after],
    ]
    return Difference(
        sum(one.bytes for one in before.files),
        sum(one.bytes for one in after.files),
        len(shared_before),
        sum(one.bytes for one in before.files if one.visible and one.layer in shared_before),
        sum(one.bytes for one in after.files if one.visible and one.layer in shared_after),
        _pulled_after_prefix(before.layers, after.layers),
        _pulled_by_digest(before.layers, after.layers),
        _parts(own, [_instruction(before), _instruction(after)]),
        _parts(own, [_package(before), _package(after)]),
        _parts(own, [_directory, _directory]),
        _parts(own, [lambda one: one.kind, lambda one: one.kind]),
        _fates(*own),
    )


def _shared(before: Sequence[LayerOfImage], after: Sequence[LayerOfImage]) -> tuple[set[int], set[int]]:
    """The layers of each image that cancel."""
    free: dict[str, list[int]] = {}
    for number, layer in enumerate(before):
        free.setdefault(layer.diff_id or layer.digest, []).append(number)
    ours: set[int] = set()
    theirs: set[int] = set()
    for number, layer in enumerate(after):
        same = free.get(layer.diff_id or layer.digest)
        if same:
            ours.add(same.pop(0))
            theirs.add(number)
    return ours, theirs


def _pulled_after_prefix(before: Sequence[LayerOfImage], after: Sequence[LayerOfImage]) -> int | None:
    common = 0
    for ours, theirs in zip(before, after, strict=False):
        if (ours.diff_id or ours.digest) != (theirs.diff_id or theirs.digest):
            break
        common += 1
    return _compressed({layer.digest: layer for layer in after[common:]}.values())


def _pulled_by_digest(before: Sequence[LayerOfImage], after: Sequence[LayerOfImage]) -> int | None:
    known = {layer.digest for layer in before}
    return _compressed({layer.digest: layer for layer in after if layer.digest not in known}.values())


def _compressed(layers: Iterable[LayerOfImage]) -> int | None:
    sizes = [layer.compressed_bytes for layer in layers]
    return None if None in sizes else sum(size or 0 for size in sizes)


def _instruction(side: Side) -> Callable[[File], str]:
    return lambda one: side.layers[one.layer].instruction or NO_INSTRUCTION


def _package(side: Side) -> Callable[[File], str]:
    return lambda one: side.package_of(one) or NO_PACKAGE


def _directory(one: File) -> str:
    return "/".join(one.path.split("/")[:-1][:3]) or "."


def _parts(sides: Sequence[Sequence[File]], names: Sequence[Callable[[File], str]]) -> tuple[Part, ...]:
    sums: tuple[Counter[str], Counter[str]] = (Counter(), Counter())
    for total, files, name in zip(sums, sides, names, strict=True):
        for one in files:
            total[name(one)] += one.bytes
    found = [Part(name, sums[0][name], sums[1][name]) for name in {*sums[0], *sums[1]}]
    # Of equal differences the one with more bytes comes first: what was rewritten tells more than what is small.
    return tuple(
        sorted(
            found, key=lambda part: (-abs(part.difference), -part.bytes_after - part.bytes_before, part.name)
        )
    )


def _fates(before: Sequence[File], after: Sequence[File]) -> tuple[FateCount, ...]:
    """What became of the files that are not in shared layers."""
    counts = {fate: [0, 0, 0] for fate in get_args(Fate)}

    def count(fate: Fate, ours: File | None, theirs: File | None) -> None:
        total = counts[fate]
        total[0] += 1
        total[1] += 0 if ours is None else ours.bytes
        total[2] += 0 if theirs is None else theirs.bytes

    by_path: dict[str, list[File]] = {}
    for one in before:
        by_path.setdefault(one.path, []).append(one)
    left: list[File] = []
    for theirs in after:
        same = by_path.get(theirs.path)
        if not same:
            left.append(theirs)
            continue
        equal = next((one for one in same if one.content is not None and one.content == theirs.content), None)
        ours = equal or same[-1]
        same.remove(ours)
        count("rebuilt" if equal is not None else "changed", ours, theirs)
    by_content: dict[tuple[str | None, int], list[File]] = {}
    gone = [one for several in by_path.values() for one in several]
    for one in gone:
        if one.content is not None and one.bytes >= MOVED_FROM:
            by_content.setdefault((one.content, one.bytes), []).append(one)
    moved: set[tuple[int, str]] = set()
    for theirs in left:
        partners = by_content.get((theirs.content, theirs.bytes))
        if partners:
            ours = partners.pop()
            moved.add((ours.layer, ours.path))
            count("moved", ours, theirs)
        else:
            count("added", None, theirs)
    for one in gone:
        if (one.layer, one.path) not in moved:
            count("removed", one, None)
    return tuple(FateCount(fate, *total) for fate, total in counts.items())
