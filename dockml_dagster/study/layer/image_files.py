"""The files of an image that are worth naming one by one: the largest that a container sees, the largest that it does not.

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
    """Index of the layer that has it, 0 the lowest."""
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
        """Look at entries; only regular files count."""
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
            # Of one size the first by path stays: the same files whatever the machine.
            if not full:
                heapq.heappush(heap, file)
            elif heap[0] < file:
                heapq.heapreplace(heap, file)

    def found(self) -> tuple[ImageFile, ...]:
        """What was kept, visible files first, largest first."""
        return tuple(
            file
            for heap in self._heaps
            for file in sorted(heap, key=lambda one: (-one.bytes, one.path, one.layer))
        )


class _Ranked(ImageFile):
    """Ordered by size, and of one size the other way round by path and layer."""

    __slots__ = ()

    def __lt__(self, other: tuple[object, ...]) -> bool:
        assert isinstance(other, ImageFile)
        if self.bytes != other.bytes:
            return self.bytes < other.bytes
        return (self.path, self.layer) > (other.path, other.layer)
