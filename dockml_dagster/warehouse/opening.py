"""Opening one DuckDB file, and what can go wrong with a place on disk, in words that a user can act on.

Here: connecting, the errors of opening and of a full disk, making folders. Not here: locks and transactions
(``connection``), attaching lakes and services (``lake``).
"""

from __future__ import annotations

import errno
import os
import re
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from dockml_dagster.errors import BadInputError, DockmlError

if TYPE_CHECKING:
    import duckdb


_LEAST_MEMORY = 0.75
"""GiB that DuckDB may use in any case."""


class WarehouseBusyError(DockmlError):
    """Another process held the lock for longer than the timeout. A later retry can help."""

    exit_code = 5
    retryable = True


class WarehouseConflictError(DockmlError):
    """Another writer's transaction conflicts with this one, which was rolled back. A retry succeeds."""

    exit_code = 5
    retryable = True


class DiskFullError(DockmlError):
    """No space is left for the warehouse. Everything committed before is kept."""

    exit_code = 6

    def __init__(self, path: Path) -> None:
        super().__init__(
            f"no space left for {path}; make room or set DOCKML_HOME to a larger disk, then run the same command again: "
            "what was collected is kept"
        )


def disk_full(error: BaseException | None) -> bool:
    """Whether an error or its cause is a full disk, as reported by Python, DuckDB or SQLite."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        if getattr(error, "errno", None) == errno.ENOSPC:
            return True
        text = str(error)
        if "No space left on device" in text or "database or disk is full" in text:
            return True
        error = error.__cause__ or error.__context__
    return False


def no_room(path: Path) -> bool:
    """Whether the disk of ``path``, or of the nearest folder above it, has less than a MiB left."""
    existing = next(found for found in (path, *path.parents) if found.is_dir())
    return shutil.disk_usage(existing).free < 1 << 20


STORAGE_VERSION = "v1.0.0"
"""Storage version of the files that dockml makes. DuckDB 1.5 writes it by default; 2.0 would write files that 1.5 refuses.
DuckDB 1.1 reads a whole published file, 1.0 all but two tables."""


def attach_new(connection: duckdb.DuckDBPyConnection, file: Path, name: str) -> None:
    """Make a file that every DuckDB since ``STORAGE_VERSION`` reads, attached as ``name``. The file keeps that version."""
    path = str(file).replace("'", "''")
    connection.execute(f"ATTACH '{path}' AS {name} (READ_WRITE, STORAGE_VERSION '{STORAGE_VERSION}')")


def connect(path: Path, *, read_only: bool) -> duckdb.DuckDBPyConnection:
    """Open one DuckDB file. Everything in dockml connects through here.

    One function, because DuckDB refuses two configurations of one file in one process.

    Raises:
        BadInputError: the file or its folder cannot be used, or another version of DuckDB wrote it.
    """
    import duckdb

    try:
        if not read_only and not path.exists():
            with duckdb.connect() as connection:
                attach_new(connection, path, "new")
        connection = duckdb.connect(str(path), read_only=read_only)
    except (duckdb.IOException, duckdb.SerializationException, duckdb.InvalidInputException) as error:
        raise _opening_error(path, error) from error
    return configured(connection)


def open_published(path: Path, *, writes_to: Path | None = None) -> duckdb.DuckDBPyConnection:
    """Open a published file of unknown origin for reading: its views cannot read files or addresses of this machine.

    ``writes_to``: the one folder that statements may write to. Raises BadInputError as ``connect`` does.
    """
    connection = connect(path, read_only=True)
    if writes_to is not None:
        folder = str(writes_to.resolve()).replace("'", "''")
        connection.execute(f"SET allowed_directories = ['{folder}']")
    connection.execute("SET enable_external_access = false")
    return connection


def configured(connection: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyConnection:
    """Apply the settings that all connections of dockml have."""
    connection.execute("SET TimeZone = 'UTC'")
    connection.execute("SET enable_progress_bar = false")
    connection.execute(f"SET memory_limit = '{_memory_limit():.2f} GiB'")
    return connection


@cache
def _memory_limit() -> float:
    """GiB that DuckDB may use: half of its own default (four fifths of the memory of the machine or container), because
    Python and its processes need memory too. Beyond it, DuckDB uses the disk.
    """
    import duckdb

    with duckdb.connect() as connection:
        (said,) = connection.execute("SELECT current_setting('memory_limit')").fetchone() or ("",)
    number, unit = said.split()
    return max(float(number) * {"MiB": 1 / 1024, "GiB": 1.0, "TiB": 1024.0}[unit] / 2, _LEAST_MEMORY)


@contextmanager
def opened(file: Path, *, read_only: bool) -> Iterator[duckdb.DuckDBPyConnection]:
    """Like ``connect``, closed at the end of the block."""
    connection = connect(file, read_only=read_only)
    try:
        yield connection
    finally:
        with suppress(Exception):
            connection.close()


_OTHER_VERSION = re.compile(r"version number (\d+), but we can only read .*?(\d+)")
"""DuckDB's message about a file that it cannot read: the file's storage version, and the oldest that it reads."""


_WRITTEN_BY = re.compile(r"created with DuckDB version ([^\n]+)\.")


def _opening_error(path: Path, error: Exception) -> DockmlError:
    text = str(error)
    first_line = text.strip().splitlines()[0]
    # Version first: its message contains "block", which must not be taken for "lock".
    if version := _OTHER_VERSION.search(text):
        if int(version[1]) < int(version[2]):
            writer = _WRITTEN_BY.search(text)
            return BadInputError(
                f"{path} was written by DuckDB {writer[1] if writer else 'of long ago'}, which this one no longer reads; "
                "EXPORT DATABASE with that version, IMPORT DATABASE into a new file with this one"
            )
        return BadInputError(
            f"{path} was written by a newer DuckDB than this one; use that version ({first_line})"
        )
    if "could not set lock" in text.lower() or "conflicting lock" in text.lower():
        if path.parent.name == "published":
            return WarehouseBusyError(
                f"{path} is open for writing in another program, which keeps everybody else out; close it there and open it "
                "with read_only = true"
            )
        return WarehouseBusyError(
            f"{path} is open in another program; close it and try again (query the published file instead)"
        )
    return BadInputError(f"cannot open {path}: {first_line}")


def make_home(home: Path, private: Iterable[Path]) -> None:
    """Make the home, which all users of the machine may traverse, and its folders for this user alone: they hold other
    people's texts, perhaps secrets. An existing folder keeps its mode, which its owner chose.

    Raises BadInputError as ``make_folder`` does.
    """
    if not home.exists():
        make_folder(home)
        home.chmod(0o711)
    for folder in private:
        make_folder(folder)


def make_shown(folder: Path) -> Path:
    """Make a folder with the permissions of the user's umask, with its parents. Raises BadInputError as ``make_folder``."""
    with suppress(OSError):  # the next line says why
        folder.mkdir(parents=True, exist_ok=True)
    return make_folder(folder)


def _make(path: Path) -> None:
    """Make the missing folders of a path, for this user alone."""
    missing = []
    while not path.exists():
        missing.append(path)
        path = path.parent
    for folder in reversed(missing):
        folder.mkdir(mode=0o700, exist_ok=True)


def make_folder(path: Path) -> Path:
    """Make a folder for this user alone, with its parents.

    Raises:
        BadInputError: it cannot be made or written to; the text names the folder and DOCKML_HOME.
    """
    try:
        _make(path)
    except OSError as error:
        raise BadInputError(
            f"cannot use {path}: {error.strerror}; set DOCKML_HOME to a folder you can write to"
        ) from error
    if not os.access(path, os.W_OK):
        raise BadInputError(f"cannot write to {path}; set DOCKML_HOME to a folder you can write to")
    return path


def process_alive(pid: int) -> bool:
    """Whether a process with this id exists, owned by any user."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True
    return True
