"""Which device code of an image a given GPU can load.

Here: the rules of compatibility. NVIDIA (CUDA Programming Guide, "Compute Capabilities" and "Binary Compatibility", "PTX
Compatibility"): binary code runs on its own compute capability and on later minor revisions of the same major one; code
with suffix `a` on exactly its own, with suffix `f` on its own and later ones of the family; PTX is compiled by the driver
for its own and every later one. AMD (LLVM, AMDGPUUsage): for exactly its target, generic targets for those they stand for.
Code for desktop GPUs and for Jetson modules counts as compatible, although it is not. So some code that counts as loadable
is not; code that counts as not loadable never is. Not here: reading device code, adding it up for an image (``image``).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from dockml_dagster.study.device_code.model import ARCHIVE, LINK_ONLY, DeviceRow, Kind, Vendor

_NVIDIA: Final = re.compile(r"(?:sm_|compute_)?(\d{1,2})\.?(\d)([af]?)").fullmatch
_AMD: Final = re.compile(r"gfx[0-9a-f]{3,5}").fullmatch
_ANY_AMD: Final = "amdgcnspirv"
# AMDGPUUsage, "Generic processor code objects".
_GENERIC: Final = {
    "gfx9-generic": {"gfx900", "gfx902", "gfx904", "gfx906", "gfx909", "gfx90c"},
    "gfx9-4-generic": {"gfx940", "gfx941", "gfx942", "gfx950"},
    "gfx10-1-generic": {"gfx1010", "gfx1011", "gfx1012", "gfx1013"},
    "gfx10-3-generic": {"gfx1030", "gfx1031", "gfx1032", "gfx1033", "gfx1034", "gfx1035", "gfx1036"},
    "gfx11-generic": {"gfx1100", "gfx1101", "gfx1102", "gfx1103", "gfx1150", "gfx1151", "gfx1152", "gfx1153"},
    "gfx12-generic": {"gfx1200", "gfx1201"},
}


class Gpu(NamedTuple):
    """A GPU by its architecture. ``capability``: for NVIDIA, 10 × major + minor."""

    vendor: Vendor
    name: str
    capability: int = 0


class GpuUse(NamedTuple):
    """Bytes of device code by how a GPU uses them. ``chosen``: the best match of each container, the most that is ever
    loaded. ``passed_over``: loadable, but the container has a better match. ``never``: not loadable.
    """

    chosen: int
    passed_over: int
    never: int


def parse_gpu(text: str) -> Gpu | None:
    """A GPU from `sm_90`, `90`, `9.0` or `gfx942`; None: none of these forms. Suffixes belong to code and are dropped."""
    name = text.strip().lower()
    found = _NVIDIA(name)
    if found is not None:
        capability = int(found[1]) * 10 + int(found[2])
        return Gpu("nvidia", f"sm_{capability}", capability)
    return Gpu("amd", name) if _AMD(name) else None


def gpus_of(rows: Iterable[DeviceRow]) -> list[Gpu]:
    """The GPUs for which any of the code was built, by name."""
    found = {parse_gpu(row.architecture.partition(":")[0]) for row in rows}
    for row in rows:
        found |= {parse_gpu(one) for one in _GENERIC.get(row.architecture.partition(":")[0], ())}
    return sorted(gpu for gpu in found if gpu is not None)


def can_load(gpu: Gpu, vendor: Vendor, kind: Kind, architecture: str) -> bool:
    """Whether the GPU can load code of this kind; true where that is not known."""
    if gpu.vendor != vendor:
        return False
    if vendor == "amd":
        target = architecture.partition(":")[0]
        return target in {gpu.name, _ANY_AMD} or gpu.name in _GENERIC.get(target, ()) or not _is_known(target)
    found = _NVIDIA(architecture)
    if found is None:
        return True
    capability = int(found[1]) * 10 + int(found[2])
    if found[3] == "a":
        return capability == gpu.capability
    if found[3] == "f" or kind == "cubin":
        return capability // 10 == gpu.capability // 10 and capability <= gpu.capability
    return capability <= gpu.capability


def use_by(gpu: Gpu, rows: Sequence[DeviceRow]) -> GpuUse:
    """How a GPU uses the device code of one file."""
    best: dict[tuple[str, int], tuple[int, int]] = {}
    for row in rows:
        place = (row.section, row.device_set)
        if _rank(gpu, row) > best.get(place, _UNLOADABLE):
            best[place] = _rank(gpu, row)
    chosen = passed_over = never = 0
    for row in rows:
        rank = _rank(gpu, row)
        if rank == _UNLOADABLE:
            never += row.bytes
        elif rank == best[row.section, row.device_set]:
            chosen += row.bytes
        else:
            passed_over += row.bytes
    return GpuUse(chosen, passed_over, never)


_UNLOADABLE: Final = (0, 0)


def _rank(gpu: Gpu, row: DeviceRow) -> tuple[int, int]:
    """Higher is better: binary code before code that must be compiled, then later architectures before earlier ones."""
    if row.section in {LINK_ONLY, ARCHIVE} or not can_load(gpu, row.vendor, row.kind, row.architecture):
        return _UNLOADABLE
    found = _NVIDIA(row.architecture)
    capability = 0 if found is None else int(found[1]) * 10 + int(found[2])
    return (2 if row.kind in {"cubin", "code_object"} else 1, capability)


def _is_known(target: str) -> bool:
    return _AMD(target) is not None or target in _GENERIC
