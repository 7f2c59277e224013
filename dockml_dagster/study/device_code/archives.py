"""Device code of static libraries (`.a`), whose object files are read one after the other as the archive passes.

Here: the members of an archive (ar(5), in the forms of System V, GNU and BSD) and adding up what they hold. A member's
containers are aligned to its own beginning, not to the archive's. Not here: one object file (``reading``).
"""

from __future__ import annotations

from typing import Final

from dockml_dagster.study.device_code.model import ARCHIVE, DeviceFile, DeviceRow
from dockml_dagster.study.device_code.reading import DeviceBudget, DeviceReader

MAGIC: Final = b"!<arch>\n"
_MEMBER: Final = 60
_SIZE: Final = slice(48, 58)
_ENDS: Final = b"`\n"
_BSD_NAME: Final = b"#1/"
_DAMAGED: Final = "an archive is damaged"
_MOST_ROWS: Final = 4096

_Alike = frozenset[tuple[str, str]]
_Key = tuple[_Alike, DeviceRow]


class ArchiveReader:
    """Reads one archive: the same calls as a ``DeviceReader``."""

    def __init__(self, path: str, size: int, budget: DeviceBudget) -> None:
        """``size``: of the archive, which its pieces have in all."""
        self._path, self._budget = path, budget
        self._to_come = size
        self._skip = len(MAGIC)
        self._kept = bytearray()
        """The header of the next member, as far as it came."""
        self._left = 0
        """Bytes of the member that are still to come."""
        self._padding = 0
        self._member: DeviceReader | None = None
        self._sums: dict[_Key, tuple[int, int, int, int]] = {}
        self._problem: str | None = None
        self._untold = False
        """Whether a member has device code of which nothing is told."""
        self._idle = False

    def add(self, chunk: bytes | bytearray, start: int, stop: int) -> None:
        """The next piece of the archive: ``chunk[start:stop]``."""
        at = start
        while at < stop and not self._idle:
            if self._skip:
                taken = min(self._skip, stop - at)
                self._skip -= taken
            elif self._left:
                taken = min(self._left, stop - at)
                if self._member is not None:
                    self._member.add(chunk, at, at + taken)
                self._left -= taken
            else:
                taken = min(_MEMBER - len(self._kept), stop - at)
                self._kept += chunk[at : at + taken]
            at += taken
            self._to_come -= taken
            if self._member is not None and not self._left:
                self._close()
            if len(self._kept) == _MEMBER:
                self._open(bytes(self._kept))

    def end(self) -> DeviceFile | None:
        """The device code of all members; None: there is none."""
        if self._member is not None:
            self._problem = self._problem or _DAMAGED
            self._close()
        if not self._sums and not self._untold:
            return None
        sets: dict[_Alike, int] = {}
        rows = []
        for (alike, row), sums in self._sums.items():
            number = sets.setdefault(alike, len(sets) + 1)
            containers, entries, stored, inflated = sums
            rows.append(
                row._replace(
                    device_set=number,
                    containers=containers,
                    entries=entries,
                    bytes=stored,
                    inflated_bytes=inflated,
                )
            )
        return DeviceFile(self._path, tuple(sorted(rows)), self._problem)

    def _open(self, header: bytes) -> None:
        self._kept = bytearray()
        self._budget.steps -= 1
        digits, name = header[_SIZE].strip(b" "), header[:16].strip(b" ")
        size = int(digits) if digits.isdigit() else -1
        named = name[len(_BSD_NAME) :]
        before = int(named) if name.startswith(_BSD_NAME) and named.isdigit() else 0
        if self._budget.steps < 0:
            self._stop("more headers of device code than are read of one layer")
        elif header[58:] != _ENDS or not before <= size <= self._to_come:
            self._stop(_DAMAGED)
        else:
            # Members begin at even offsets.
            self._skip, self._left, self._padding = before, size - before, size % 2
            self._member = DeviceReader("", self._left, self._budget, sections=False)
            if not self._left:
                self._close()

    def _close(self) -> None:
        reader, self._member = self._member, None
        assert reader is not None
        self._skip += self._padding
        found = reader.end()
        if found is None:
            return
        self._problem = self._problem or found.problem
        self._untold = self._untold or not found.rows
        alike: dict[tuple[str, int], set[tuple[str, str]]] = {}
        for row in found.rows:
            alike.setdefault((row.section, row.device_set), set()).add((row.kind, row.architecture))
        for row in found.rows:
            same = row._replace(
                section=ARCHIVE, device_set=0, containers=0, entries=0, bytes=0, inflated_bytes=0
            )
            key = frozenset(alike[row.section, row.device_set]), same
            if key not in self._sums and len(self._sums) >= _MOST_ROWS:
                self._problem = f"more than {_MOST_ROWS} kinds of device code, which are not told apart"
                continue
            before = self._sums.get(key, (0, 0, 0, 0))
            own = (row.containers, row.entries, row.bytes, row.inflated_bytes)
            one, two, three, four = (a + b for a, b in zip(before, own, strict=True))
            self._sums[key] = one, two, three, four

    def _stop(self, problem: str) -> None:
        self._idle = True
        self._problem = self._problem or problem
