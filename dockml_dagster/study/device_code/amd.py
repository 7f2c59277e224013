"""AMD's bundles of code objects (section `.hip_fatbin`, compressed or not), and code objects that are whole files.

Here: their headers (LLVM documentation, ClangOffloadBundler: "Bundled Binary File Layout", "Compression and
Decompression"; AMDGPUUsage, "ELF Code Object"). Not here: finding bundles in a file (``reading``).
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from struct import Struct
from typing import Final

from dockml_dagster.study.device_code.model import Compression, Entry

PLAIN: Final = b"__CLANG_OFFLOAD_BUNDLE__"
PACKED: Final = b"CCOB"
ALIGNED: Final = 4096
"""Bundles in a shared object begin at multiples of this offset."""
HEADER: Final = 32
"""Bytes that suffice to recognise either kind of bundle."""
MOST_TABLE: Final = 64 << 10
"""Most bytes of a bundle's inflated table that are read."""
MACHINE: Final = 224
"""EM_AMDGPU, in a code object's ELF header."""

_COUNT: Final = Struct("<24xQ").unpack_from
_MEMBER: Final = Struct("<QQQ")
_PACKED_2: Final = Struct("<4xHHIIQ")
_PACKED_3: Final = Struct("<4xHHQQQ")
_MOST_MEMBERS: Final = 1024
_MOST_NAME: Final = 256
_MOST_WINDOW_LOG: Final = 27
_METHODS: Final[dict[int, Compression]] = {0: "zlib", 1: "zstd"}
_FLAGS_AT: Final = 48
# EF_AMDGPU_MACH of an ELF header's flags (llvm/include/llvm/BinaryFormat/ELF.h; 0x40 and 0x4B by its earlier versions).
_TARGETS: Final = {
    0x2C: "gfx900", 0x2D: "gfx902", 0x2E: "gfx904", 0x2F: "gfx906", 0x30: "gfx908", 0x31: "gfx909", 0x32: "gfx90c",
    0x33: "gfx1010",
    0x34: "gfx1011", 0x35: "gfx1012", 0x36: "gfx1030", 0x37: "gfx1031", 0x38: "gfx1032", 0x39: "gfx1033",
    0x3D: "gfx1035", 0x3E: "gfx1034", 0x3F: "gfx90a", 0x40: "gfx940", 0x41: "gfx1100", 0x42: "gfx1013",
    0x43: "gfx1150", 0x44: "gfx1103", 0x45: "gfx1036", 0x46: "gfx1101", 0x47: "gfx1102", 0x48: "gfx1200",
    0x4A: "gfx1151", 0x4B: "gfx941", 0x4C: "gfx942", 0x4E: "gfx1201", 0x4F: "gfx950", 0x51: "gfx9-generic",
    0x52: "gfx10-1-generic", 0x53: "gfx10-3-generic", 0x54: "gfx11-generic", 0x55: "gfx1152", 0x58: "gfx1153",
    0x59: "gfx12-generic", 0x5F: "gfx9-4-generic", 0x28: "gfx801", 0x29: "gfx802", 0x2A: "gfx803", 0x2B: "gfx810",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Packed:
    """The header of a compressed bundle. ``length``: of the whole bundle as stored. ``header``: of the header itself."""

    length: int
    header: int
    inflated: int
    compression: Compression


def read_packed(header: bytes | bytearray) -> Packed | None:
    """The header of a compressed bundle. None: it is not one, or of a version that does not state its length."""
    form = {2: _PACKED_2, 3: _PACKED_3}.get(int.from_bytes(header[4:6], "little"))
    if form is None:
        return None
    _, method, length, inflated, _ = form.unpack_from(header)
    compression = _METHODS.get(method)
    if compression is None or length < form.size:
        return None
    return Packed(length, form.size, inflated, compression)


def inflated_table(data: bytes, compression: Compression) -> bytes:
    """The first bytes of a compressed bundle, inflated; empty if it is damaged."""
    from backports import zstd

    try:
        if compression == "zlib":
            return zlib.decompressobj().decompress(data, MOST_TABLE)
        options: dict[int, int] = {zstd.DecompressionParameter.window_log_max: _MOST_WINDOW_LOG}
        return zstd.ZstdDecompressor(options=options).decompress(data, MOST_TABLE)
    except (zlib.error, zstd.ZstdError, EOFError):
        return b""


def read_members(table: bytes | bytearray) -> list[tuple[int, int, str]] | None:
    """Offset, bytes and architecture of each code object in a bundle's table. None: it is not a table, or is cut off."""
    if len(table) < HEADER or not table.startswith(PLAIN):
        return None
    count = _COUNT(table)[0]
    if not 0 < count <= _MOST_MEMBERS:
        return None
    found, at = [], HEADER
    for _ in range(count):
        if at + _MEMBER.size > len(table):
            return None
        offset, size, length = _MEMBER.unpack_from(table, at)
        at += _MEMBER.size
        if length > _MOST_NAME or at + length > len(table):
            return None
        name = bytes(table[at : at + length]).decode("ascii", "replace")
        at += length
        # `hipv4-amdgcn-amd-amdhsa--gfx90a:xnack-`; the host's own entry is empty.
        if not name.startswith("host-"):
            found.append((offset, size, name.rpartition("--")[2][:64]))
    return found


def packed_entries(packed: Packed, members: Sequence[tuple[int, int, str]]) -> list[Entry]:
    """The code objects of a compressed bundle. They are compressed together: each gets a share by its size."""
    total = sum(size for _, size, _ in members)
    return [
        Entry(
            "amd",
            "code_object",
            architecture,
            packed.compression,
            packed.length * size // total if total else 0,
            size,
            estimated=len(members) > 1,
        )
        for _, size, architecture in members
    ]


def code_object_architecture(header: bytes | bytearray) -> str:
    """The architecture of a code object, from its ELF header."""
    number = header[_FLAGS_AT]
    return _TARGETS.get(number, f"machine-{number:#x}")
