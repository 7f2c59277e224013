"""The largest files of an image: those that a container sees, and those that later layers hide.

Here: picking them in one pass over ``union``, in bounded memory. Not here: sums over all files (``image``).
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable
from typing import Final, NamedTuple

from dockml_dagster.study.layer.union import Cause, Merged

VISIBLE: Final = 500
HIDDEN: Final = 200


class ImageFile(NamedTuple):
    """One regular file of one layer of an image. ``bytes``: content stored in the archive."""

    bytes: int
    path: str
    layer: int
    """Index of the layer that has it; 0 is the lowest."""
    file_hash: str | None
    extension: str
    file_type: str
    hidden_by: int | None
    """Index of the layer that hides it. None: a container sees it."""
    cause: Cause | None


class ImageFiles:
    """Keeps the largest files: a visitor of ``summarise_image``."""

    def __init__(self, visible: int = VISIBLE, hidden: int = HIDDEN) -> None:
        self._most = (visible, hidden)
        self._heaps: tuple[list[ImageFile], list[ImageFile]] = ([], [])

    def __call__(self, batch: Iterable[Merged]) -> None:
        """Take entries into account; only regular files count."""
        for entry, layer, hidden_by, cause in batch:
            if entry.kind != "file":
                continue
            which = hidden_by is not None
            heap = self._heaps[which]
            full = len(heap) >= self._most[which]
            if full and entry.stored < heap[0].bytes:
                continue
            file = _Ranked(
                entry.stored,
                entry.path,
                layer,
                entry.file_hash,
                entry.extension,
                entry.file_type,
                hidden_by,
                cause,
            )
            # Of equal sizes the first by path stays, so that every machine keeps the same files.
            if not full:
                heapq.heappush(heap, file)
            elif heap[0] < file:
                heapq.heapreplace(heap, file)

    def found(self) -> tuple[ImageFile, ...]:
        """The kept files: visible ones first, each group largest first."""
        return tuple(
            file
            for heap in self._heaps
            for file in sorted(heap, key=lambda one: (-one.bytes, one.path, one.layer))
        )


class _Ranked(ImageFile):
    """A file ordered by size; equal sizes in descending order of path and layer."""

    __slots__ = ()

    def __lt__(self, other: tuple[object, ...]) -> bool:
        assert isinstance(other, ImageFile)
        if self.bytes != other.bytes:
            return self.bytes < other.bytes
        return (self.path, self.layer) > (other.path, other.layer)
