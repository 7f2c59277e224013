"""Opening DuckDB: the one place that connects, and the writer's lock.

Belongs here: connecting, locking, transactions, and errors of opening in words a user can act on.
Does not: where a warehouse is (``warehouse_location``), attaching what is no file (``lake``), what is written (``rows``),
the schema (``migrations``), the models (``models``).

Why a lock of our own: DuckDB lets one process open a file for writing and refuses everyone else meanwhile.
A run, the daemon and the command therefore take turns through an operating-system lock beside the file, held
around one transaction only. The kernel frees it when its holder dies, so a SIGKILL never leaves it behind.

A lake whose catalog is in PostgreSQL takes many writers. There a transaction shares a name of the catalog
(``shared_catalog``) with all others, and only what must be alone holds it by itself. DuckLake refuses a transaction that
adds to a table from which another has meanwhile deleted, whatever the rows (an UPDATE deletes too): first collections
never meet that, later ones do. Such a transaction is done again, alone: tried side by side it could lose any number of
times.
"""

from __future__ import annotations

import errno
import os
import re
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext, suppress
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from dockml_dagster.errors import BadInputError, DockmlError, UnreachableError
from dockml_dagster.shared_catalog import NameTakenError, SharedCatalog, patiently
from dockml_dagster.warehouse_location import Location, without_secrets

if TYPE_CHECKING:
    import duckdb

T = TypeVar("T")

LOCK_TIMEOUT_SECONDS = 900.0
"""How long a writer waits for its turn. The longest transaction (all SQL models at 10,000 projects) takes about a minute."""


class WarehouseBusyError(DockmlError):
    """Another process held the lock for longer than we wait. Trying again later can help."""

    exit_code = 5
    retryable = True


class WarehouseConflictError(DockmlError):
    """Another writer's transaction and this one do not go together; nothing of this one was kept. Done again it succeeds."""

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
    """Whether an error, or what caused it, is a full disk, as Python, DuckDB or SQLite say it."""
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


def connect(path: Path, *, read_only: bool) -> duckdb.DuckDBPyConnection:
    """Open one DuckDB file. Everything in dockml connects through here.

    One function, because DuckDB refuses two configurations of one file in one process.

    Raises:
        BadInputError: the file or its folder cannot be used, or another version of DuckDB wrote it.
    """
    import duckdb

    try:
        connection = duckdb.connect(str(path), read_only=read_only)
    except (duckdb.IOException, duckdb.SerializationException, duckdb.InvalidInputException) as error:
        raise _opening_error(path, error) from error
    return configured(connection)


def configured(connection: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyConnection:
    """A connection with the settings that all of ours have."""
    connection.execute("SET TimeZone = 'UTC'")
    connection.execute("SET enable_progress_bar = false")
    return connection


def open_warehouse(
    location: Location, *, read_only: bool
) -> AbstractContextManager[duckdb.DuckDBPyConnection]:
    """A connection to a warehouse wherever it is: in it ``schema.table`` names its tables. Closed at the end.

    Raises (on entering):
        BadInputError: it cannot be opened or attached.
    """
    if location.file is not None:
        return _file(location.file, read_only=read_only)
    from dockml_dagster.warehouse.lake import attached

    return attached(location, read_only=read_only)


@contextmanager
def _file(file: Path, *, read_only: bool) -> Iterator[duckdb.DuckDBPyConnection]:
    connection = connect(file, read_only=read_only)
    try:
        yield connection
    finally:
        with suppress(Exception):
            connection.close()


def has_schema(connection: duckdb.DuckDBPyConnection) -> bool:
    """Whether dockml ever wrote to what is connected."""
    found = connection.execute(
        "SELECT count(*) FROM duckdb_tables() WHERE database_name = current_database() AND schema_name = 'raw' "
        "AND table_name = 'schema_migrations'"
    ).fetchone()
    return found is not None and found[0] > 0


_OTHER_VERSION = re.compile(r"version number (\d+), but we can only read .*?(\d+)")
"""How DuckDB says that it cannot read a file: the version of the file's storage, and the oldest that it reads."""
_WRITTEN_BY = re.compile(r"created with DuckDB version ([^\n]+)\.")


def _opening_error(path: Path, error: Exception) -> DockmlError:
    text = str(error)
    first_line = text.strip().splitlines()[0]
    # Version first: its text speaks of blocks, which are no locks.
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
        return WarehouseBusyError(
            f"{path} is open in another program; close it and try again (query the published file instead)"
        )
    return BadInputError(f"cannot open {path}: {first_line}")


class Warehouse:
    """What runs write to: a DuckDB file, or a lake or service that DuckDB attaches.

    ``write()`` and ``read()`` each take a turn while they are open; keep them short and never hold one across
    a network call. They do not nest. ``patience_seconds``: how long to wait for a catalog that does not answer.
    """

    def __init__(
        self,
        location: Location | Path,
        *,
        lock_timeout_seconds: float = LOCK_TIMEOUT_SECONDS,
        patience_seconds: float = 0.0,
    ) -> None:
        self.location = location if isinstance(location, Location) else Location.of_file(location)
        self._lock_timeout_seconds = lock_timeout_seconds
        self._patience_seconds = patience_seconds
        catalog = self.location.catalog
        self._catalog = None if catalog is None else SharedCatalog(catalog)

    @property
    def exists(self) -> bool:
        """Whether anything was ever written."""
        file = self.location.file
        if file is not None:
            return file.exists()
        with self.read() as connection:
            return has_schema(connection)

    @contextmanager
    def write(self, *, alone: bool = False) -> Iterator[duckdb.DuckDBPyConnection]:
        """One transaction: committed at the end, rolled back on any exception, closed in both cases.

        ``alone``: no other transaction runs meanwhile, where many may.

        Raises:
            WarehouseConflictError: another writer's transaction came between.
            UnreachableError: the catalog or the store went away.
        """
        with self._turn(shared=not alone), self._connected(read_only=False) as connection:
            connection.begin()
            try:
                yield connection
                connection.commit()
            except BaseException as error:
                # After a fatal error (a full disk while the log is written) DuckDB refuses even this; closing undoes it.
                with suppress(Exception):
                    connection.rollback()
                if disk_full(error) and not isinstance(error, DiskFullError):
                    raise DiskFullError(self.location.folder) from error
                if (
                    self._catalog is not None
                    and (ours := _error_among_many(self.location, error)) is not None
                ):
                    raise ours from error
                raise

    def commit(self, unit: Callable[[duckdb.DuckDBPyConnection], T]) -> T:
        """``unit(connection)`` in one transaction, done again where another writer's came between or a service went away.

        The unit may be called more than once; of what it does in the database only the last call is kept.
        """

        def once() -> T:
            try:
                with self.write() as connection:
                    return unit(connection)
            except WarehouseConflictError:
                with self.write(alone=True) as connection:
                    return unit(connection)

        return patiently(once, self._patience_seconds)

    @contextmanager
    def read(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """A read-only connection. Users' queries go to the published file instead, which nobody locks."""
        # Whoever reads a state of a lake disturbs nobody.
        turn = self.locked() if self._catalog is None else nullcontext()
        with turn, self._connected(read_only=True) as connection:
            yield connection

    @contextmanager
    def _connected(self, *, read_only: bool) -> Iterator[duckdb.DuckDBPyConnection]:
        with ExitStack() as opened:
            yield patiently(
                lambda: opened.enter_context(open_warehouse(self.location, read_only=read_only)),
                self._patience_seconds,
            )

    @contextmanager
    def holding(self, names: Sequence[str]) -> Iterator[None]:
        """Hold names that nobody else of those who share the warehouse holds meanwhile. Nothing where one writes at a time.

        ``write()`` goes inside, never outside.
        """
        if self._catalog is None or not names:
            yield
            return
        with self._held(names, shared=False):
            yield

    def locked(self) -> AbstractContextManager[None]:
        """The writer's turn alone, for whoever replaces the file itself or rearranges the lake's."""
        return self._turn(shared=False)

    @contextmanager
    def _turn(self, *, shared: bool) -> Iterator[None]:
        if self._catalog is not None:
            with self._held(["writers"], shared=shared):
                yield
            return
        from filelock import FileLock, Timeout

        make_folder(self.location.folder)
        lock = FileLock(self.location.lock, timeout=self._lock_timeout_seconds)
        try:
            with lock:
                yield
        except Timeout as error:
            raise self._busy() from error
        except PermissionError as error:
            raise BadInputError(
                f"cannot write {error.filename or self.location}: permission denied"
            ) from error

    @contextmanager
    def _held(self, names: Sequence[str], *, shared: bool) -> Iterator[None]:
        assert self._catalog is not None
        catalog = self._catalog
        with ExitStack() as held:

            def enter() -> None:
                held.enter_context(
                    catalog.holding(names, shared=shared, timeout_seconds=self._lock_timeout_seconds)
                )

            try:
                patiently(enter, self._patience_seconds)
            except NameTakenError as error:
                raise self._busy() from error
            yield

    def _busy(self) -> WarehouseBusyError:
        return WarehouseBusyError(
            f"another dockml has been writing to {self.location} for {self._lock_timeout_seconds:.0f} s; "
            "let it finish, or end it, then try again"
        )


def _error_among_many(location: Location, error: BaseException) -> DockmlError | None:
    """What an error of DuckDB means where others write too and catalog and store are services; None: what it says."""
    import duckdb

    if not isinstance(error, duckdb.Error):
        return None
    text = without_secrets(str(error)).strip()
    if "conflict" in text.lower():
        return WarehouseConflictError(f"another writer came between in {location}: {text.splitlines()[-1]}")
    # HTTPException is one of these; what libpq says comes under several names.
    if isinstance(error, duckdb.IOException) or any(words in text.lower() for words in _GONE):
        return UnreachableError(f"lost {location}: {text.splitlines()[0]}")
    return None


_GONE = ("connection", "server closed", "could not connect", "starting up", "shutting down", "recovery mode")


def make_folder(path: Path) -> Path:
    """Make a folder of ours, with its parents.

    Raises:
        BadInputError: it cannot be made or written to; the text names the folder and DOCKML_HOME.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BadInputError(
            f"cannot use {path}: {error.strerror}; set DOCKML_HOME to a folder you can write to"
        ) from error
    if not os.access(path, os.W_OK):
        raise BadInputError(f"cannot write to {path}; set DOCKML_HOME to a folder you can write to")
    return path


def process_alive(pid: int) -> bool:
    """Whether a process of this number is there, anybody's."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True
    return True
