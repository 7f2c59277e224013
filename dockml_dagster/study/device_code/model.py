"""What is known of the device code of a file.

Here: the values. Not here: reading them out of a file, what a GPU loads of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, NamedTuple

Vendor = Literal["nvidia", "amd"]
Kind = Literal["cubin", "ptx", "lto_ir", "other", "code_object"]
"""NVIDIA: binary code, code that the driver compiles, intermediate code for link-time optimisation. AMD: `code_object`."""
Compression = Literal["none", "lz4", "zstd", "zlib"]

WHOLE_FILE: Final = "(file)"
"""The section of a file that is device code as a whole."""
UNKNOWN_SECTION: Final = "unknown"
LINK_ONLY: Final = "__nv_relfatbin"
"""The section of code that was kept for linking: no running program loads it."""


class Entry(NamedTuple):
    """One entry of a container. ``bytes``: as stored, with its header. ``estimated``: its share of what several take."""

    vendor: Vendor
    kind: Kind
    architecture: str
    """`sm_90a`, of PTX too, or `gfx90a:xnack-`."""
    compression: Compression
    bytes: int
    inflated_bytes: int
    estimated: bool = False


class DeviceRow(NamedTuple):
    """Entries of one file that are alike. ``device_set``: number of the set of kinds and architectures that their containers
    have, within the file: a driver chooses among what one container has.
    """

    section: str
    device_set: int
    vendor: Vendor
    kind: Kind
    architecture: str
    compression: Compression
    containers: int
    entries: int
    bytes: int
    inflated_bytes: int
    estimated: bool


@dataclass(frozen=True, slots=True)
class DeviceFile:
    """A file of a layer that has device code. ``problem``: why there may be more of it than the rows say."""

    path: str
    rows: tuple[DeviceRow, ...]
    problem: str | None = None
