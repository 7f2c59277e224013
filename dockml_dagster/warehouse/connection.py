"""Opening DuckDB: the one place that connects, and the writer's lock.

Here: connecting, locking, transactions, and errors of opening in words that a user can act on.
Not here: where a warehouse is (``settings``), attaching a lake or a service (``lake``), writing rows (``rows``),
the schema (``migrations``), the models (``models``).

Why a lock of our own: DuckDB lets one process open a file for writing and refuses all others meanwhile. A run, the daemon
and the command therefore take turns by an operating-system lock beside the file, each held around one transaction only.
The kernel frees the lock when its holder dies, even by SIGKILL. Opening a file costs more than most transactions on it
(DuckDB reads the whole catalog). Code that runs many transactions in a row, without waiting for anything in between,
therefore keeps the file open (``kept_open``).

A lake with its catalog in PostgreSQL allows many writers. There a transaction holds a lock in the catalog (``catalog``)
shared with all others, and only work that must be alone holds it exclusively. DuckLake refuses a transaction that adds to
a table from which another has deleted meanwhile, whatever the rows (an UPDATE deletes too): first collections never meet
that, later ones do. Such a transaction is repeated alone, because beside others it could fail any number of
times.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext, suppress
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from dockml_dagster.catalog import NameTakenError, SharedCatalog, patiently
from dockml_dagster.errors import BadInputError, DockmlError, UnreachableError
from dockml_dagster.settings import Location, without_secrets
from dockml_dagster.warehouse.opening import (
    DiskFullError,
    WarehouseBusyError,
    WarehouseConflictError,
    configured,
    connect,
    disk_full,
    make_folder,
    opened,
)

if TYPE_CHECKING:
    import duckdb

T = TypeVar("T")

LOCK_TIMEOUT_SECONDS = 900.0
"""How long a writer waits for its turn. The longest transaction (all SQL models at 10,000 projects) takes about a minute."""


def open_warehouse(
    location: Location, *, read_only: bool
) -> AbstractContextManager[duckdb.DuckDBPyConnection]:
    """A connection to a warehouse in any place; ``schema.table`` names its tables. Closed at the end.

    Raises (on entering):
        BadInputError: it cannot be opened or attached.
    """
    if location.file is not None:
        return opened(location.file, read_only=read_only)
    from dockml_dagster.warehouse.lake import attached

    return attached(location, read_only=read_only)


def has_schema(connection: duckdb.DuckDBPyConnection) -> bool:
    """Whether dockml ever wrote to the connected database."""
    found = connection.execute(
        "SELECT count(*) FROM duckdb_tables() WHERE database_name = current_database() AND schema_name = 'raw' "
        "AND table_name = 'schema_migrations'"
    ).fetchone()
    return found is not None and found[0] > 0


_LOG_MIB = 64
"""MiB of DuckDB's log after which it writes tables into the file, while that is kept open. At its default of 16 it did so
at every other transaction of a study, each time compressing anew what it had last written in part."""


class _Kept:
    """A file that stays open from the first connection on."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._first: duckdb.DuckDBPyConnection | None = None

    @contextmanager
    def connection(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """A separate connection to the open file. After a fatal error of DuckDB the next call opens the file again."""
        import duckdb

        if self._first is None:
            self._first = connect(self._file, read_only=False)
            self._first.execute(f"SET checkpoint_threshold = '{_LOG_MIB} MiB'")
        connection = configured(self._first.cursor())
        try:
            yield connection
        except (duckdb.FatalException, duckdb.InternalException):
            self.close()
            raise
        finally:
            with suppress(Exception):
                connection.close()

    def close(self) -> None:
        """Close the file until the next connection."""
        first, self._first = self._first, None
        if first is not None:
            with suppress(Exception):
                first.close()


_kept: dict[Path, _Kept] = {}


class Warehouse:
    """The database that runs write to: a DuckDB file, or a lake or service that DuckDB attaches.

    ``write()`` and ``read()`` each hold the lock while they are open; keep them short and never hold one across
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

        ``alone``: no other transaction runs meanwhile, even in a shared lake.

        Raises:
            WarehouseConflictError: another writer's transaction interfered.
            UnreachableError: the connection to the catalog or the store was lost.
        """
        with self._turn(shared=not alone), self._connected(read_only=False) as connection:
            connection.begin()
            try:
                yield connection
                connection.commit()
            except BaseException as error:
                # After a fatal error (a full disk while the log is written) DuckDB refuses a rollback; closing does it.
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
        """``unit(connection)`` in one transaction, repeated if another writer interfered or a connection was lost.

        The unit may be called more than once; only the last call's changes of the database are kept.
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
        """A read-only connection. Users' queries go to the published file instead, which has no lock."""
        # Reading a snapshot of a shared lake needs no lock.
        turn = self._turn(shared=False) if self._catalog is None else nullcontext()
        with turn, self._connected(read_only=True) as connection:
            yield connection

    @contextmanager
    def _connected(self, *, read_only: bool) -> Iterator[duckdb.DuckDBPyConnection]:
        if (kept := self._kept) is not None:
            with kept.connection() as connection:
                yield connection
            return
        with ExitStack() as opened:
            yield patiently(
                lambda: opened.enter_context(open_warehouse(self.location, read_only=read_only)),
                self._patience_seconds,
            )

    @contextmanager
    def holding(self, names: Sequence[str]) -> Iterator[None]:
        """Hold named locks among all machines that share the warehouse. Does nothing if only one machine writes.

        ``write()`` goes inside, never outside.
        """
        if self._catalog is None or not names:
            yield
            return
        with self._held(names, shared=False):
            yield

    @contextmanager
    def kept_open(self) -> Iterator[None]:
        """Hold the lock and keep the file open, for all transactions of this process meanwhile. Does nothing for a lake.

        For one thread, and for work that does not wait: other writers wait until its end. Readers get a connection that
        could write, because DuckDB opens a file in one mode at a time.
        """
        file = self.location.file
        if file is None or file in _kept:
            yield
            return
        with self._turn(shared=False):
            _kept[file] = kept = _Kept(file)
            try:
                yield
            finally:
                del _kept[file]
                kept.close()

    @contextmanager
    def locked(self) -> Iterator[None]:
        """The lock alone, for replacing the file itself or rearranging a lake's files: no process has it open."""
        with self._turn(shared=False):
            if (kept := self._kept) is not None:
                kept.close()
            yield

    @property
    def _kept(self) -> _Kept | None:
        return None if self.location.file is None else _kept.get(self.location.file)

    @contextmanager
    def _turn(self, *, shared: bool) -> Iterator[None]:
        if self._catalog is not None:
            with self._held(["writers"], shared=shared):
                yield
            return
        if self._kept is not None:
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
    """The error of dockml for one of DuckDB in a shared lake; None: no special meaning."""
    import duckdb

    if not isinstance(error, duckdb.Error):
        return None
    text = without_secrets(str(error)).strip()
    if "conflict" in text.lower():
        return WarehouseConflictError(f"another writer came between in {location}: {text.splitlines()[-1]}")
    # HTTPException is a subclass; errors of libpq come as several classes.
    if isinstance(error, duckdb.IOException) or any(words in text.lower() for words in _GONE):
        return UnreachableError(f"lost {location}: {text.splitlines()[0]}")
    return None


_GONE = ("connection", "server closed", "could not connect", "starting up", "shutting down", "recovery mode")
