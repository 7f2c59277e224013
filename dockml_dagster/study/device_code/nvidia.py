"""CUDA's fat binaries: the containers of section `.nv_fatbin`, and cubins that are whole files.

Here: headers. NVIDIA does not publish their layout; it was read from libraries of CUDA 11 to 13 and from fat binaries made
for the purpose (github.com/n-eiling/cuda-fatbin-decompression describes the same). All numbers are little-endian.
Not here: finding containers in a file (``reading``).
"""

from __future__ import annotations

from struct import Struct
from typing import Final, NamedTuple

from dockml_dagster.study.device_code.model import Compression, Entry, Kind

MAGIC: Final = b"\x50\xed\x55\xba\x01\x00\x10\x00"
"""The first bytes of a container: 0xBA55ED50, version 1, a header of 16 bytes."""
ALIGNED: Final = 8
"""Containers begin at multiples of this offset in their file."""
HEADER: Final = 16
ENTRY_HEADER: Final = 64
"""Bytes of an entry's header that are read. The header may be longer."""
MACHINE: Final = 190
"""EM_CUDA, in a cubin's ELF header."""

_CONTAINER: Final = Struct("<8xQ").unpack_from
# kind, 0x101, header bytes, payload bytes, -, minor, major, architecture, -, flags, -, inflated bytes
_ENTRY: Final = Struct("<HHIQ12xI8xQ8xQ").unpack_from
_KINDS: Final[dict[int, Kind]] = {1: "ptx", 2: "cubin", 8: "lto_ir"}
_VERSION: Final = 0x101
_MOST_HEADER: Final = 4096
_LZ4, _ZSTD = 0x2000, 0x8000
_SUFFIXES: Final = ((0x100000, "a"), (0x200000, "f"))
_NEW_ABI: Final = 8
_ABI_AT: Final = 8
_FLAGS_AT: Final = 48


class EntryHeader(NamedTuple):
    """What an entry is, and where the next one begins. ``length``: header and payload."""

    entry: Entry
    length: int


def container_length(header: bytes | bytearray) -> int:
    """Bytes of a container's entries, from its header; the header itself does not count."""
    length: int = _CONTAINER(header)[0]
    return length


def read_entry(header: bytes | bytearray, left: int) -> EntryHeader | None:
    """An entry from its header; its container has ``left`` bytes left. None: it is not an entry."""
    kind, version, header_bytes, payload, architecture, flags, inflated = _ENTRY(header)
    length = header_bytes + payload
    if version != _VERSION or not ENTRY_HEADER <= header_bytes <= _MOST_HEADER or length > left:
        return None
    compression: Compression = "lz4" if flags & _LZ4 else "zstd" if flags & _ZSTD else "none"
    name = f"sm_{architecture}" + "".join(suffix for bit, suffix in _SUFFIXES if flags & bit)
    size = payload if compression == "none" else inflated
    return EntryHeader(Entry("nvidia", _KINDS.get(kind, "other"), name, compression, length, size), length)


def cubin_architecture(header: bytes | bytearray) -> str:
    """The architecture of a cubin, from its ELF header."""
    at = _FLAGS_AT + (1 if header[_ABI_AT] >= _NEW_ABI else 0)
    return f"sm_{header[at]}"
