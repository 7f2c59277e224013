"""The types for the device code of a file.

Here: entries, rows, files. Not here: reading them (``reading``), what a GPU loads (``loading``).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, NamedTuple

Vendor = Literal["nvidia", "amd"]
Kind = Literal["cubin", "ptx", "lto_ir", "other", "code_object"]
"""NVIDIA: binary code, code that the driver compiles, intermediate code for link-time optimisation. AMD: `code_object`."""
Compression = Literal["none", "lz4", "zstd", "zlib"]

WHOLE_FILE: Final = "(file)"
"""Stands for the section in a file that is device code as a whole."""
UNKNOWN_SECTION: Final = "unknown"
LINK_ONLY: Final = "__nv_relfatbin"
"""The section of code that is kept for linking: no running program loads it."""
ARCHIVE: Final = "(archive)"
"""Stands for the sections of a static library's object files: linked into programs, never loaded from there."""


class Entry(NamedTuple):
    """One entry of a container. ``bytes``: as stored, with its header. ``estimated``: a share of what several take."""

    vendor: Vendor
    kind: Kind
    architecture: str
    """`sm_90a` (for PTX too) or `gfx90a:xnack-`."""
    compression: Compression
    bytes: int
    inflated_bytes: int
    estimated: bool = False


class DeviceRow(NamedTuple):
    """Entries of one file that are alike. ``device_set``: numbers, within the file, the set of kinds and architectures that
    their container holds. A driver chooses within one container.
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
    """A file of a layer with device code. ``problem``: why it may hold more than the rows say."""

    path: str
    rows: tuple[DeviceRow, ...]
    problem: str | None = None
