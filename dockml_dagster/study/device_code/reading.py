"""Reading the device code of one file while it streams by, in pieces of any length.

Here: finding containers and bundles, walking over their entries without reading the code itself, and sums. Not here:
headers (``nvidia``, ``amd``), the section table (``sections``), searching (``searching``). Containers, headers and kinds
are counted under caps; what exceeds one is summed up together or reported as a problem.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final, NamedTuple

from dockml_dagster.study.device_code import amd, nvidia
from dockml_dagster.study.device_code.model import (
    UNKNOWN_SECTION,
    WHOLE_FILE,
    Compression,
    DeviceFile,
    DeviceRow,
    Entry,
    Kind,
    Vendor,
)
from dockml_dagster.study.device_code.searching import WORD, next_beginning
from dockml_dagster.study.device_code.sections import (
    HEAD,
    HEADER,
    SectionTable,
    instructions,
    is_elf64,
    is_object_file,
    machine,
    section_at,
)

SMALLEST: Final = 64 << 10
"""A smaller shared object is not searched: the host code that starts kernels alone takes more."""
MACHINES: Final = {nvidia.MACHINE, amd.MACHINE}
"""Machines of ELF files that are device code as a whole, however small."""
SUFFIXES: Final = (".fatbin", ".ptx")
"""Suffixes of files that are device code as a whole without being ELF files."""

_MOST_CONTAINERS: Final = 16_384
"""Most containers of one file that are told apart by section and set. The largest libraries have a few thousand."""
_MOST_STEPS: Final = 1_000_000
"""Most headers of containers and entries that are read in one layer."""
_MOST_ALIKE: Final = 256
"""Most kinds and architectures that are told apart in one container."""
_MOST_ROWS: Final = 4096
_PAGE: Final = 4096
_PTX_TARGET: Final = re.compile(rb"(?m)^\.target[ \t]+(sm_\d{2,3}[af]?)").search
_PTX_HEAD: Final = 8192

_Key = tuple[Vendor, Kind, str, Compression, bool]


class _Sums(NamedTuple):
    containers: int
    entries: int
    bytes: int
    inflated_bytes: int

    def plus(self, other: _Sums) -> _Sums:
        return _Sums(*(one + two for one, two in zip(self, other, strict=True)))


class _Container(NamedTuple):
    offset: int
    device_set: int
    sums: dict[_Key, _Sums]


class DeviceBudget:
    """The work that may still be spent on the device code of one layer."""

    def __init__(self) -> None:
        self.steps = _MOST_STEPS


class DeviceReader:
    """Reads one file."""

    def __init__(self, path: str, size: int, budget: DeviceBudget, *, sections: bool = True) -> None:
        """``size``: of the whole file. ``sections``: find out in which section the code lies."""
        self._tells_sections = sections
        self._path, self._size, self._budget = path, size, budget
        self._at = 0
        self._skip_to = 0
        """Offset up to which bytes are skipped."""
        self._kept = bytearray()
        """The bytes for the next step that have come so far."""
        self._wanted, self._step = HEADER, self._file_header
        if path.endswith(".ptx"):
            self._wanted, self._step = min(size, _PTX_HEAD), self._ptx
        self._table: SectionTable | None = None
        self._containers: list[_Container] = []
        self._sets: dict[frozenset[tuple[Kind, str]], int] = {}
        self._instructions = (0, 0)
        """The range of offsets in which no device code can lie."""
        self._begins = self._ends = 0
        """Offsets of the container that is being read."""
        self._sums: dict[_Key, _Sums] = {}
        self._packed: amd.Packed | None = None
        self._problem: str | None = None
        self._idle = False
        """The rest of the file is not needed."""

    _step: Callable[[bytearray], None] | None
    """What to do with the bytes that were asked for; None: search."""

    def add(self, chunk: bytes | bytearray, start: int, stop: int) -> None:
        """The next piece of the file: ``chunk[start:stop]``."""
        if self._idle:
            return
        at, offset = start, self._at
        while at < stop and not self._idle:
            if self._at < self._skip_to:
                taken = min(self._skip_to - self._at, stop - at)
            elif self._step is None:
                begins, ends = self._instructions
                if begins <= self._at < ends:
                    self._skip_to = ends
                    continue
                until = min(stop, at + begins - self._at) if self._at < begins else stop
                found = next_beginning(chunk, at, until, self._at, near=self._at - self._ends < _PAGE)
                taken = (until if found is None else found) - at
                if found is not None:
                    self._want(WORD, self._word)
            else:
                taken = min(self._wanted - len(self._kept), stop - at)
                self._kept += chunk[at : at + taken]
            at += taken
            self._at += taken
            if self._step is not None and len(self._kept) >= self._wanted:
                step, kept = self._step, self._kept
                self._step, self._kept = None, bytearray()
                self._budget.steps -= 1
                if self._budget.steps < 0:
                    self._stop("more headers of device code than are read of one layer")
                else:
                    step(kept)
        if self._table is not None:
            self._table.add(chunk, start, stop, offset)

    def end(self) -> DeviceFile | None:
        """The device code that was found; None: there is none."""
        # Its own method: with it the reader, and the section table that it keeps, would outlive their file.
        self._step = None
        if self._sums:
            self._problem = self._problem or "a container is cut off"
            self._close()
        if not self._containers:
            return None
        sections = [] if self._table is None else self._table.sections()
        rows: dict[tuple[str, int, _Key], _Sums] = {}
        for offset, device_set, several in self._containers:
            section = WHOLE_FILE if self._table is None else UNKNOWN_SECTION
            if sections and device_set:
                section = section_at(sections, offset)
            for key, sums in several.items():
                place = (section, device_set, key)
                rows[place] = rows[place].plus(sums) if place in rows else sums
        if len(rows) > _MOST_ROWS:
            return DeviceFile(self._path, (), f"{len(rows)} kinds of device code, more than are told apart")
        found = [
            DeviceRow(section, number, vendor, kind, architecture, compression, *sums, estimated)
            for (section, number, (vendor, kind, architecture, compression, estimated)), sums in rows.items()
        ]
        return DeviceFile(self._path, tuple(sorted(found)), self._problem)

    def _want(self, wanted: int, step: Callable[[bytearray], None], kept: bytearray | None = None) -> None:
        self._wanted, self._step, self._kept = wanted, step, bytearray() if kept is None else kept

    def _stop(self, problem: str | None = None) -> None:
        self._idle, self._step = True, None
        self._problem = self._problem or problem

    def _file_header(self, header: bytearray) -> None:
        if not is_elf64(header):
            if not header.startswith(nvidia.MAGIC):
                self._stop()
                return
            # The file is a fat binary: its first container and entry begin in the bytes kept.
            if self._open(0, header):
                self._want(nvidia.ENTRY_HEADER, self._entry, header[nvidia.HEADER :])
            return
        of = machine(header)
        if of not in MACHINES and is_object_file(header):
            self._program_headers(header)  # it has none: sections may begin at once
            return
        if of not in MACHINES:
            self._want(min(self._size, HEAD), self._program_headers, header)
            return
        if of == nvidia.MACHINE:
            whole = Entry(
                "nvidia", "cubin", nvidia.cubin_architecture(header), "none", self._size, self._size
            )
        else:
            architecture = amd.code_object_architecture(header)
            whole = Entry("amd", "code_object", architecture, "none", self._size, self._size)
        self._count(whole)
        self._close()
        self._stop()

    def _program_headers(self, head: bytearray) -> None:
        # The bytes consumed here need no search: they are headers, and names that the loader needs.
        self._table = SectionTable(head, self._size) if self._tells_sections else None
        self._instructions = instructions(head)

    def _ptx(self, head: bytearray) -> None:
        target = _PTX_TARGET(head)
        if target is not None:
            name = target[1].decode("ascii")
            self._count(Entry("nvidia", "ptx", name, "none", self._size, self._size))
            self._close()
        self._stop()

    def _word(self, word: bytearray) -> None:
        """An aligned word at which a container may begin."""
        offset = self._at - WORD
        if word == nvidia.MAGIC:
            self._want(nvidia.HEADER, self._container, word)
        elif offset % amd.ALIGNED == 0 and word.startswith((amd.PACKED, amd.PLAIN[:WORD])):
            self._want(amd.HEADER, self._bundle, word)

    def _container(self, header: bytearray) -> None:
        if self._open(self._at - nvidia.HEADER, header):
            self._want(nvidia.ENTRY_HEADER, self._entry)

    def _open(self, begins: int, header: bytearray) -> bool:
        """Whether a container begins there: one with entries that ends inside its file. Otherwise the magic is chance."""
        length = nvidia.container_length(header)
        if not nvidia.ENTRY_HEADER <= length <= self._size - begins - nvidia.HEADER:
            # Where one comes by chance and is no container, the next may be as near: it is searched for as after one.
            self._ends = self._at
            return False
        self._begins, self._ends = begins, begins + nvidia.HEADER + length
        return True

    def _entry(self, header: bytearray) -> None:
        begins = self._at - nvidia.ENTRY_HEADER
        found = nvidia.read_entry(header, self._ends - begins)
        if found is None:
            self._problem = self._problem or "a container is damaged"
            self._close()
            return
        self._count(found.entry)
        self._skip_to = begins + found.length
        if self._ends - self._skip_to >= nvidia.ENTRY_HEADER:
            self._want(nvidia.ENTRY_HEADER, self._entry)
        else:
            self._skip_to = self._ends
            self._close()

    def _bundle(self, header: bytearray) -> None:
        begins = self._at - amd.HEADER
        left = self._size - begins
        if header.startswith(amd.PLAIN):
            self._begins = begins
            self._want(min(left, _PAGE), self._members, header)
            return
        packed = amd.read_packed(header) if header.startswith(amd.PACKED) else None
        if packed is not None and packed.length <= left:
            self._begins, self._packed = begins, packed
            self._want(max(min(packed.length, amd.MOST_TABLE), amd.HEADER), self._packed_members, header)

    def _members(self, table: bytearray) -> None:
        left = self._size - self._begins
        members = amd.read_members(table)
        if members is None and len(table) < min(left, amd.MOST_TABLE):
            self._want(min(left, amd.MOST_TABLE), self._members, table)
            return
        ends = max((offset + size for offset, size, _ in members or ()), default=0)
        if members is None or ends > left:
            self._problem = self._problem or "a bundle is damaged"
            return
        for _, size, architecture in members:
            self._count(Entry("amd", "code_object", architecture, "none", size, size))
        self._ends = self._skip_to = self._begins + ends
        self._close()

    def _packed_members(self, head: bytearray) -> None:
        packed = self._packed
        assert packed is not None
        members = amd.read_members(amd.inflated_table(bytes(head[packed.header :]), packed.compression))
        if members is None:
            self._problem = self._problem or "a bundle is damaged"
            return
        for entry in amd.packed_entries(packed, members):
            self._count(entry)
        self._ends = self._skip_to = self._begins + packed.length
        self._close()

    def _count(self, entry: Entry) -> None:
        vendor, kind, architecture, compression, size, inflated, estimated = entry
        key: _Key = (vendor, kind, architecture, compression, estimated)
        if key not in self._sums and len(self._sums) >= _MOST_ALIKE:
            key = (vendor, "other", "other", "none", estimated)
        before = self._sums.get(key)
        one = _Sums(1 if before is None else 0, 1, size, inflated)
        self._sums[key] = one if before is None else before.plus(one)

    def _close(self) -> None:
        """Add the container that was read to the file's sums."""
        sums, self._sums = self._sums, {}
        if not sums:
            return
        if len(self._containers) < _MOST_CONTAINERS:
            alike = frozenset((kind, architecture) for _, kind, architecture, _, _ in sums)
            number = self._sets.setdefault(alike, len(self._sets) + 1)
            self._containers.append(_Container(self._begins, number, sums))
            return
        if self._containers[-1].device_set:
            self._containers.append(_Container(self._begins, 0, {}))
        rest = self._containers[-1].sums
        for own, one in sums.items():
            full = own not in rest and len(rest) >= _MOST_ALIKE
            key: _Key = (own[0], "other", "other", "none", own[4]) if full else own
            rest[key] = rest[key].plus(one) if key in rest else one
