"""The device code of an image: what its layers hold, what a container sees of it, and what any single GPU leaves idle.

Here: a visitor of the image's merged files, and sums. Not here: reading device code (``reading``), what a GPU loads
(``loading``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from dockml_dagster.study.device_code.loading import Gpu, GpuUse, gpus_of, use_by
from dockml_dagster.study.device_code.model import DeviceFile, DeviceRow
from dockml_dagster.study.layer.union import Merged

OwnerOf = Callable[[str, int, bool], str | None]
"""From path, layer and whether the file is hidden to the package that owns it, as `ecosystem name`. None: no package, or
unknown."""


class ImageDeviceFile(NamedTuple):
    """Device code of one file of an image. ``layer``: 0 is the lowest. ``hidden_by``: the layer that hides the file, which
    is shipped all the same; None: a container sees it. ``package``: the package that owns the file.
    """

    path: str
    layer: int
    hidden_by: int | None
    package: str | None
    rows: tuple[DeviceRow, ...]
    problem: str | None

    @property
    def bytes(self) -> int:
        """Bytes of its device code, as stored."""
        return sum(row.bytes for row in self.rows)


class Unused(NamedTuple):
    """Device code that is idle whichever GPU is used. ``bytes``: the minimum over GPUs. ``gpu``: the GPU that has it."""

    bytes: int
    gpu: Gpu


class DeviceTally:
    """Finds out which files with device code are hidden: a visitor of ``summarise_image``."""

    def __init__(self, found: Sequence[Sequence[DeviceFile]]) -> None:
        """``found``: the files with device code of each layer, lowest first."""
        self._files = {(layer, one.path): one for layer, several in enumerate(found) for one in several}
        self._paths = {path for _, path in self._files}
        self._hidden_by: dict[tuple[int, str], int | None] = {}

    def __call__(self, batch: Iterable[Merged]) -> None:
        """Take entries of the image into account."""
        paths = self._paths
        if not paths:
            return
        for entry, layer, hidden_by, _ in batch:
            if entry[0] in paths and (layer, entry[0]) in self._files and entry[1] == "file":
                place = (layer, entry[0])
                # If a layer holds a path twice, the visible entry counts.
                if self._hidden_by.get(place, hidden_by) is not None or place not in self._hidden_by:
                    self._hidden_by[place] = hidden_by

    def files(self, owner_of: OwnerOf | None = None) -> tuple[ImageDeviceFile, ...]:
        """All files with device code, most of it first."""
        found = []
        for (layer, path), one in self._files.items():
            hidden_by = self._hidden_by.get((layer, path), layer)
            owner = None if owner_of is None else owner_of(path, layer, hidden_by is not None)
            found.append(ImageDeviceFile(path, layer, hidden_by, owner, one.rows, one.problem))
        return tuple(sorted(found, key=lambda one: (-one.bytes, one.path, one.layer)))


def device_bytes(files: Iterable[ImageDeviceFile]) -> int:
    """Device code that a container sees, as stored."""
    return sum(one.bytes for one in files if one.hidden_by is None)


def use_of(files: Iterable[ImageDeviceFile], gpu: Gpu) -> GpuUse:
    """How a GPU uses the device code that a container sees."""
    uses = [use_by(gpu, one.rows) for one in files if one.hidden_by is None]
    return GpuUse(*(sum(each) for each in zip(*uses, strict=True))) if uses else GpuUse(0, 0, 0)


def unused(files: Sequence[ImageDeviceFile]) -> Unused | None:
    """The least that any single GPU leaves idle of what a container sees. None: no device code names a GPU."""
    seen = [one for one in files if one.hidden_by is None]
    idle = []
    for gpu in gpus_of([row for one in seen for row in one.rows]):
        use = use_of(seen, gpu)
        idle.append(Unused(use.passed_over + use.never, gpu))
    return min(idle, default=None)
