"""How processes on several machines coordinate: locks and sessions in the PostgreSQL database that holds a lake's catalog.

Here: connecting, and named locks. Not here: what each lock protects (``warehouse``,
``clients.http.shared_budget``), a warehouse that is a file (a file lock serves it).

A named lock is a session's advisory lock (https://www.postgresql.org/docs/current/explicit-locking.html#ADVISORY-LOCKS):
the server frees it when the connection ends, so a holder that dies or is cut off releases all its locks.
"""

from __future__ import annotations

import hashlib
import random
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from typing import Any, Final, TypeVar

from dockml_dagster.errors import BadInputError, UnreachableError
from dockml_dagster.settings import without_secrets

PATIENCE_SECONDS: Final = 300.0
"""How long work that is expensive to repeat waits for a service to come back."""

_CONNECT_SECONDS: Final = 10
# A machine that vanished without closing its connection is noticed after a minute, and its locks are freed.
_OPTIONS: Final = "-c tcp_keepalives_idle=30 -c tcp_keepalives_interval=10 -c tcp_keepalives_count=3"
_WRONG: Final = (
    "authentication failed",
    "does not exist",
    "invalid connection option",
    "no pg_hba.conf entry",
)

T = TypeVar("T")


class NameTakenError(Exception):
    """Another process kept a lock for longer than the timeout. The caller says what that means."""


def patiently(work: Callable[[], T], patience_seconds: float) -> T:
    """``work()``, repeated while a service does not answer, at most for that long. Only for work that may be done twice."""
    end = time.monotonic() + patience_seconds
    wait = 0.2
    while True:
        try:
            return work()
        except UnreachableError:
            if time.monotonic() + wait > end:
                raise
        # Clients that lost the server together must not all come back together.
        time.sleep(wait * random.uniform(0.5, 1.0))  # noqa: S311
        wait = min(wait * 2, 5.0)


class SharedCatalog:
    """One database. ``address``: a connection string of libpq, key words or a URL."""

    def __init__(self, address: str) -> None:
        self._address = address

    def __str__(self) -> str:
        return without_secrets(self._address)

    @contextmanager
    def connected(self) -> Iterator[Any]:
        """A psycopg2 connection where each statement is a transaction of its own.

        Raises:
            UnreachableError: the server does not answer, or went away meanwhile.
            BadInputError: the server rejects the connection, or the package psycopg2 is not installed.
        """
        try:
            import psycopg2
        except ImportError as error:
            raise BadInputError(
                "a catalog in PostgreSQL needs the package psycopg2; pip install 'dockml[distributed]' brings it"
            ) from error
        try:
            connection = psycopg2.connect(
                self._address, connect_timeout=_CONNECT_SECONDS, options=_OPTIONS, application_name="dockml"
            )
        except psycopg2.Error as error:
            text = without_secrets(str(error)).strip().splitlines()[0]
            kind = BadInputError if any(words in text for words in _WRONG) else UnreachableError
            raise kind(f"cannot connect to {self}: {text}") from None
        try:
            connection.autocommit = True
            yield connection
        except (psycopg2.OperationalError, psycopg2.InterfaceError) as error:
            if isinstance(error, psycopg2.errors.LockNotAvailable):
                raise NameTakenError from error
            raise UnreachableError(f"lost {self}: {str(error).strip().splitlines()[0]}") from error
        finally:
            with suppress(psycopg2.Error):
                connection.close()

    @contextmanager
    def holding(
        self, names: Sequence[str], *, shared: bool = False, timeout_seconds: float | None = None
    ) -> Iterator[None]:
        """Take the locks ``names``, waiting for those who hold them. ``shared``: hold them together with other sharers.

        Raises:
            NameTakenError: the wait took longer than ``timeout_seconds``.
        """
        with self.connected() as connection, connection.cursor() as cursor:
            if timeout_seconds is not None:
                cursor.execute(
                    "SELECT set_config('lock_timeout', %s, false)", [str(int(timeout_seconds * 1000))]
                )
            function = "pg_advisory_lock_shared" if shared else "pg_advisory_lock"
            # The same order everywhere, so that no deadlock is possible.
            keys = sorted({lock_key(name) for name in names})
            cursor.execute(f"SELECT {function}(key) FROM unnest(%s::bigint[]) AS key", [keys])
            yield


class Session:
    """A connection that is opened when first needed and reopened after it breaks. Safe to share between threads.

    ``tables``: statements that create what the session's own statements need. They run once, before the first of those, and
    must be repeatable (``IF NOT EXISTS``).

    Locks held by the session are lost when it breaks, so whoever takes some must tolerate that.
    """

    def __init__(
        self, catalog: SharedCatalog, *, tables: str = "", patience_seconds: float = PATIENCE_SECONDS
    ) -> None:
        self._catalog, self._patience_seconds = catalog, patience_seconds
        self._tables_due = tables
        self._lock = threading.Lock()
        self._open: ExitStack | None = None
        self._connection: Any = None

    def run(
        self, statement: str, parameters: Sequence[object] | Mapping[str, object] = ()
    ) -> list[tuple[Any, ...]]:
        """Rows of a statement that may run twice, which happens if the connection breaks just after it.

        Raises:
            UnreachableError: the server does not answer within ``PATIENCE_SECONDS``.
        """
        return patiently(lambda: self._once(statement, parameters), self._patience_seconds)

    def close(self) -> None:
        """End the connection; its locks are freed."""
        with self._lock:
            self._end()

    def _once(
        self, statement: str, parameters: Sequence[object] | Mapping[str, object]
    ) -> list[tuple[Any, ...]]:
        import psycopg2

        with self._lock:
            if self._open is None:
                opened = ExitStack()
                self._connection = opened.enter_context(self._catalog.connected())
                self._open = opened
            try:
                with self._connection.cursor() as cursor:
                    if self._tables_due:
                        # Two sessions that create one schema at the same moment do not both succeed, even with IF NOT
                        # EXISTS. Sent together, the statements are one transaction, whose end frees the lock.
                        key = lock_key("tables")
                        cursor.execute(f"SELECT pg_advisory_xact_lock({key}); {self._tables_due}")
                        self._tables_due = ""
                    cursor.execute(statement, parameters)
                    return cursor.fetchall() if cursor.description else []
            except (psycopg2.OperationalError, psycopg2.InterfaceError) as error:
                self._end()
                raise UnreachableError(
                    f"lost {self._catalog}: {str(error).strip().splitlines()[0]}"
                ) from error

    def _end(self) -> None:
        if self._open is not None:
            opened, self._open = self._open, None
            opened.close()


def lock_key(name: str) -> int:
    """The number of the advisory lock for a name. Another program in the same database hashes other names."""
    return int.from_bytes(hashlib.sha256(f"dockml {name}".encode()).digest()[:8], "big", signed=True)
