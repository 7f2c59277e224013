"""The sections of an ELF file. Their table comes last, so bytes before it are kept while the file streams by.

Here: the headers of a 64-bit little-endian file that say where a section lies (System V ABI, ELF-64 object file format),
kept within bounds. Not here: what a section holds.
"""

from __future__ import annotations

from struct import Struct
from typing import Final

from dockml_dagster.study.device_code.model import UNKNOWN_SECTION

HEADER: Final = 64
_DEVICE_SECTIONS: Final = b"fatbin"
"""Common to `.nv_fatbin`, `__nv_relfatbin` and `.hip_fatbin`."""
_IDENTITY: Final = b"\x7fELF\x02\x01"
_NAMES_BEFORE: Final = 4 << 20
"""Bytes before the table in which linkers put the names of sections; names of symbols lie in between."""
_MOST_TABLE: Final = 1 << 20
ALIGNED: Final = 8
HEAD: Final = 2048
"""Bytes at the beginning of a file that hold its header and its program headers."""
_PROGRAM_TABLE: Final = Struct("<32xQ14xHH").unpack_from
_SEGMENT: Final = Struct("<IIQ16xQ").unpack_from
_PROGRAM_HEADER: Final = 56
_RELOCATABLE: Final = 1
_LOAD, _EXECUTABLE, _READABLE = 1, 1, 4
_BOTH_SIDES: Final = 2
_TABLE: Final = Struct("<40xQ10xHHH").unpack_from
_SECTION: Final = Struct("<I20xQQ").unpack_from


def is_elf64(header: bytes | bytearray | memoryview) -> bool:
    """Whether a header is that of a 64-bit little-endian ELF file, as every file with device code is."""
    return header[:6] == _IDENTITY and len(header) >= HEADER


def machine(header: bytes | bytearray | memoryview) -> int:
    """The machine that the file is for (e_machine)."""
    return int.from_bytes(header[18:20], "little")


def is_object_file(header: bytes | bytearray | memoryview) -> bool:
    """Whether an ELF file is still to be linked (e_type is ET_REL)."""
    return int.from_bytes(header[16:18], "little") == _RELOCATABLE


def may_hold_device_code(file: memoryview) -> bool:
    """Whether a whole file has a section of device code, by its name; also where it has no section table."""
    if len(file) < HEADER:
        return False
    at, each, count, names = _TABLE(file)
    if not count or each < HEADER or names >= count or at + each * count > len(file):
        return True
    _, offset, length = _SECTION(file, at + names * each)
    return offset + length > len(file) or bytes(file[offset : offset + length]).find(_DEVICE_SECTIONS) >= 0


def instructions(head: bytes | bytearray) -> tuple[int, int]:
    """The range of offsets that holds only the processor's instructions, by the program headers; an empty range where that
    is not certain, because linkers may have put read-only data among them.

    It is certain where read-only segments lie on both sides, as `-z separate-code` and lld lay files out.
    """
    at, each, count = _PROGRAM_TABLE(head)
    if each < _PROGRAM_HEADER or at + each * count > len(head):
        return 0, 0
    read_only: list[int] = []
    executable: list[tuple[int, int]] = []
    for number in range(count):
        kind, flags, offset, size = _SEGMENT(head, at + number * each)
        if kind == _LOAD and flags & _EXECUTABLE:
            executable.append((offset, offset + size))
        elif kind == _LOAD and flags == _READABLE:
            read_only.append(offset)
    if len(executable) != 1 or len(read_only) < _BOTH_SIDES:
        return 0, 0
    begins, ends = executable[0]
    beside = min(read_only) < begins and max(read_only) >= ends and begins % ALIGNED == 0
    return (begins, ends) if beside else (0, 0)


class SectionTable:
    """The section table of one file."""

    def __init__(self, head: bytes | bytearray, size: int) -> None:
        """``head``: the file's first bytes; the others follow by ``add``. ``size``: of the file."""
        self._at, self._each, self._count, self._names = _TABLE(head)
        self._end = self._at + self._each * self._count
        self.begins = max(self._at - _NAMES_BEFORE, len(head))
        """Offset from which bytes are needed."""
        usable = self._each >= HEADER and self._count and self._end <= size
        self.wanted = bool(usable and self._at >= self.begins and self._end - self._at <= _MOST_TABLE)
        self._kept = bytearray()

    def add(self, chunk: bytes | bytearray, start: int, stop: int, offset: int) -> None:
        """A piece of the file, ``chunk[start:stop]``, that begins at ``offset``; pieces come in order and without gaps."""
        first = self.begins + len(self._kept)
        if offset <= first < min(offset + stop - start, self._end):
            self._kept += chunk[start + first - offset : min(stop, start + self._end - offset)]

    def sections(self) -> list[tuple[int, int, str]]:
        """Offset, bytes and name of each section, by offset; empty where the table was not found whole."""
        kept, base = self._kept, self.begins
        if not self.wanted or base + len(kept) != self._end or self._names >= self._count:
            return []
        _, names, length = _SECTION(kept, self._at - base + self._names * self._each)
        if names < base or names + length > self._end:
            return []
        found = []
        for number in range(self._count):
            name, offset, size = _SECTION(kept, self._at - base + number * self._each)
            begins = names - base + name
            ends = kept.find(b"\0", begins, begins + 64)
            if name < length and ends > begins:
                found.append((offset, size, kept[begins:ends].decode("ascii", "replace")))
        return sorted(found)


def section_at(sections: list[tuple[int, int, str]], offset: int) -> str:
    """The name of the section that an offset lies in."""
    from bisect import bisect_right

    at = bisect_right(sections, offset, key=lambda one: one[0]) - 1
    while at >= 0 and sections[at][0] + sections[at][1] <= offset and sections[at][1] == 0:
        at -= 1
    if at < 0 or offset >= sections[at][0] + sections[at][1]:
        return UNKNOWN_SECTION
    return sections[at][2]
