"""Content of a layer's files, read while it streams: package databases, secrets, GPU code.

Here: finding the few files that are databases, searching small files and shared objects, whole or piece by piece, within
limits on memory; the result that the scanning process returns. Almost no file matters, so each is first judged by its size
and name. Not here: the formats and their meaning (``study.packages``,
``study.secrets``, ``study.device_code``), the walk (``study.layer``), the stored form (``kept_inside``).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import BinaryIO, Final

from dockml_dagster.study.device_code.archives import MAGIC, ArchiveReader
from dockml_dagster.study.device_code.model import DeviceFile
from dockml_dagster.study.device_code.reading import MACHINES, SMALLEST, SUFFIXES, DeviceBudget, DeviceReader
from dockml_dagster.study.device_code.sections import is_elf64, machine, may_hold_device_code
from dockml_dagster.study.layer.look import Parts
from dockml_dagster.study.packages.databases import Form, database_form
from dockml_dagster.study.packages.golang import GoReader, is_of_go
from dockml_dagster.study.packages.model import Reading
from dockml_dagster.study.packages.reading import MOST_BYTES, read_database, unread
from dockml_dagster.study.secrets.image import SecretFile
from dockml_dagster.study.secrets.looking import LARGEST, SecretSearch

_MOST_IN_ALL: Final = 512 << 20
"""Most bytes of databases read per layer."""
_LARGEST_SPILLED: Final = 512 << 20
_MOST_SECRETS: Final = 10_000
_MOST_DATABASES: Final = 100_000
_MOST_CLAIMED: Final = 4_000_000
"""Most files that the databases of one layer may claim: 32 MB of keys."""
_MOST_DEVICE_ROWS: Final = 200_000
_MOST_BY_SECTIONS: Final = 8 << 20
"""Up to this size the section table decides whether a shared object has GPU code; larger ones are searched."""
_HEAD: Final = 64
_FIRST: Final = frozenset({0x7F, MAGIC[0]})
"""First bytes of ELF files and archives."""


@dataclass(frozen=True, slots=True)
class LayerInside:
    """The findings in one layer. Of the files themselves it holds only names, versions and keys of paths.

    ``secrets_cut_short``: the search for secrets hit a limit. ``device_code``: None if the layer was read by a version that
    did not look for it.
    """

    readings: tuple[Reading, ...]
    secrets: tuple[SecretFile, ...] = ()
    secrets_cut_short: bool = False
    device_code: tuple[DeviceFile, ...] | None = None


class InsideReader:
    """Examines the files of one layer as they stream by (``tar_walk.Look``)."""

    def __init__(self, new_file: Callable[[], BinaryIO]) -> None:
        """``new_file`` opens an empty file for a database that is too large to be kept in memory."""
        self._new_file = new_file
        self._readings: list[Reading] = []
        self._secrets: list[SecretFile] = []
        self._search = SecretSearch()
        self._left, self._claims_left = _MOST_IN_ALL, _MOST_CLAIMED
        self._budget = DeviceBudget()
        self._device_code: list[DeviceFile] = []
        self._device_rows_left = _MOST_DEVICE_ROWS

    def whole(self, path: str, chunk: bytes, start: int, stop: int) -> None:
        """Examine a file that is completely inside one chunk."""
        size = stop - start
        if size <= LARGEST:
            # Code installed by a package manager: most files, and none of them is a database.
            if size == 0 or self._search.passes_over(path):
                return
            if len(self._secrets) >= _MOST_SECRETS:
                self._search.cut_short = True
            else:
                found = self._search.rules(path, chunk, start, stop)
                if found:
                    self._secrets += [SecretFile(path, rule) for rule in found]
        form = database_form(path)
        if form is None:
            of_interest = chunk[start] in _FIRST or path.endswith(SUFFIXES)
            if of_interest and may_have_device_code(path, size, chunk[start : start + _HEAD]):
                self.look_into(path, chunk, start, stop)
            return
        if not self._may_read(path, size):
            return
        if form == "rpm_sqlite":
            spilled = _Spilled(self, path, self._new_file())
            spilled.add(chunk, start, stop)
            spilled.end()
        else:
            self.take(read_database(path, form, chunk[start:stop]))

    def parts(self, path: str, size: int) -> Parts | None:
        """The receiver of a larger file's pieces; None: the file is of no interest."""
        if size <= LARGEST:
            return _Small(self, path)
        form = database_form(path)
        if form is None:
            return _Code(self, path, size, self._budget)
        if not self._may_read(path, size):
            return None
        if form == "rpm_sqlite":
            if size > _LARGEST_SPILLED:
                self.take(unread(path, f"{size} bytes, more than are read"))
                return None
            return _Spilled(self, path, self._new_file())
        if form != "rpm_unread" and size > MOST_BYTES:
            self.take(unread(path, f"{size} bytes, more than are read"))
            return None
        return _Kept(self, path, form, kept=form != "rpm_unread")

    def take(self, reading: Reading) -> None:
        """Keep the content of a database, within the limits."""
        if len(self._readings) >= _MOST_DATABASES:
            if len(self._readings) == _MOST_DATABASES:
                self._readings.append(unread(reading.path, "more databases in its layer than are read"))
            return
        claimed = sum(len(claim.files) + len(claim.alternates) for claim in reading.claims) // 8
        self._claims_left -= claimed
        if self._claims_left < 0:
            reading = unread(reading.path, "its layer's databases list more files than are kept")
        says = reading.packages or reading.claims or reading.diversions or reading.distribution
        if says or reading.problem:
            self._readings.append(reading)

    def look_into(self, path: str, chunk: bytes | bytearray, start: int, stop: int) -> None:
        """Examine the whole shared object or program ``chunk[start:stop]``: Go modules, GPU code."""
        if is_of_go(chunk, start, stop):
            modules = GoReader(path)
            modules.add(bytes(chunk[start:stop]))
            self.take_modules(modules)
            return
        if stop - start <= _MOST_BY_SECTIONS and is_elf64(chunk[start : start + _HEAD]):
            with memoryview(chunk) as view, view[start:stop] as file:
                if not may_hold_device_code(file):
                    return
        device = _device_reader(path, stop - start, self._budget, chunk[start : start + _HEAD])
        device.add(chunk, start, stop)
        self.take_device_code(device)

    def take_modules(self, reader: GoReader) -> None:
        """Keep the modules that a Go binary was built from."""
        found = reader.end()
        if found is not None:
            self.take(found)

    def take_device_code(self, reader: DeviceReader | ArchiveReader) -> None:
        """Keep the GPU code of a file, within the limits."""
        found = reader.end()
        if found is None:
            return
        self._device_rows_left -= len(found.rows) + 1
        if self._device_rows_left >= 0:
            self._device_code.append(found)

    def found(self) -> LayerInside:
        """The findings, after the layer was read."""
        return LayerInside(
            tuple(self._readings), tuple(self._secrets), self._search.cut_short, tuple(self._device_code)
        )

    def _may_read(self, path: str, size: int) -> bool:
        if size > self._left:
            self.take(unread(path, "its layer has more bytes of databases than are read"))
            return False
        self._left -= size
        return True


class _Small:
    """A small file that spans several chunks."""

    def __init__(self, reader: InsideReader, path: str) -> None:
        self._reader, self._path = reader, path
        self._content = bytearray()

    def add(self, chunk: bytes, start: int, stop: int) -> None:
        self._content += chunk[start:stop]

    def end(self) -> None:
        self._reader.whole(self._path, bytes(self._content), 0, len(self._content))


def may_have_device_code(path: str, size: int, head: bytes | bytearray | memoryview) -> bool:
    """Whether a file with these first bytes may have GPU code."""
    if is_elf64(head):
        return size >= SMALLEST or machine(head) in MACHINES
    return path.endswith(SUFFIXES) or (size >= SMALLEST and head[: len(MAGIC)] == MAGIC)


def _device_reader(
    path: str, size: int, budget: DeviceBudget, head: bytes | bytearray
) -> DeviceReader | ArchiveReader:
    """The reader for a file that begins so."""
    return (ArchiveReader if head.startswith(MAGIC) else DeviceReader)(path, size, budget)


class _Code:
    """A file that may have GPU code, judged by its first piece. It is kept up to some size, because its section table, which
    comes last, shows whether a search is worth it.
    """

    def __init__(self, reader: InsideReader, path: str, size: int, budget: DeviceBudget) -> None:
        self._reader, self._path, self._size, self._budget = reader, path, size, budget
        self._device: DeviceReader | ArchiveReader | None = None
        self._modules: GoReader | None = None
        self._kept: bytearray | None = None
        self._begun = False

    def add(self, chunk: bytes, start: int, stop: int) -> None:
        if not self._begun:
            self._begun = True
            if not may_have_device_code(self._path, self._size, chunk[start : min(stop, start + _HEAD)]):
                return
            if self._size <= _MOST_BY_SECTIONS:
                self._kept = bytearray()
            elif is_of_go(chunk, start, stop):
                self._modules = GoReader(self._path)
            else:
                head = chunk[start : min(stop, start + _HEAD)]
                self._device = _device_reader(self._path, self._size, self._budget, head)
        if self._kept is not None:
            with memoryview(chunk) as view:
                self._kept += view[start:stop]
        elif self._modules is not None:
            self._modules.add(chunk[start:stop])
        elif self._device is not None:
            self._device.add(chunk, start, stop)

    def end(self) -> None:
        if self._kept is not None:
            self._reader.look_into(self._path, self._kept, 0, len(self._kept))
        elif self._modules is not None:
            self._reader.take_modules(self._modules)
        elif self._device is not None:
            self._reader.take_device_code(self._device)


class _Kept:
    """A database that is kept in memory until it is complete."""

    def __init__(self, reader: InsideReader, path: str, form: Form, *, kept: bool) -> None:
        self._reader, self._path, self._form, self._kept = reader, path, form, kept
        self._content = bytearray()

    def add(self, chunk: bytes, start: int, stop: int) -> None:
        if self._kept:
            self._content += chunk[start:stop]

    def end(self) -> None:
        self._reader.take(read_database(self._path, self._form, bytes(self._content)))


class _Spilled:
    """A database that is written to a temporary file, which is removed after reading."""

    def __init__(self, reader: InsideReader, path: str, file: BinaryIO) -> None:
        self._reader, self._path, self._file = reader, path, file

    def add(self, chunk: bytes, start: int, stop: int) -> None:
        with memoryview(chunk) as view:
            self._file.write(view[start:stop])

    def end(self) -> None:
        from dockml_dagster.images.scanning.rpm_database import read_rpm_database

        self._reader.take(read_rpm_database(self._path, self._file))
