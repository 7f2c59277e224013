"""The three tables of GitHub's answers: in a file on one machine, or in a database that several share.

Here: making the tables, reading and writing rows, the differences between the two databases. Not here: what a row means
(``store``), connections to the shared database (``catalog``).

Statements are written once, for both: ``?`` stands for a value, and a table is named in braces.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol

from dockml_dagster.catalog import Session, SharedCatalog

Row = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """A table by its name in statements. ``key``: the number of leading columns that identify a row."""

    name: str
    columns: tuple[str, ...]
    key: int = 1

    def put(self, rows: int) -> str:
        """The statement that writes that many rows, replacing those with the same keys."""
        marks = ", ".join([f"({', '.join('?' * len(self.columns))})"] * rows)
        changes = ", ".join(f"{column} = excluded.{column}" for column in self.columns[self.key :])
        return (
            f"INSERT INTO {{{self.name}}} ({', '.join(self.columns)}) VALUES {marks} "
            f"ON CONFLICT ({', '.join(self.columns[: self.key])}) DO UPDATE SET {changes}"
        )


ANSWERS: Final = Table("answers", ("address", "etag", "body", "final", "link", "stored_at"))
BLOBS: Final = Table("blobs", ("sha", "content"))
DOCUMENTS: Final = Table("documents", ("kind", "name", "value", "stored_at"), key=2)
TABLES: Final = (ANSWERS, BLOBS, DOCUMENTS)


class Tables(Protocol):
    """Safe to share between threads and with other processes. Rows are durable when ``put`` returns."""

    def rows(self, statement: str, values: Sequence[object] = ()) -> list[Row]:
        """The rows that a statement returns."""

    def put(self, table: Table, rows: Sequence[Row]) -> None:
        """Write rows, replacing those with the same keys, all or none. Their keys must be distinct."""

    def close(self) -> None:
        """End the connection."""


class SqliteTables:
    """The file ``path``, made when needed.

    SQLite instead of files: tens of thousands of small answers are written one by one by a process that may be killed, and
    read by several.
    """

    _SCHEMA: Final = """
    CREATE TABLE IF NOT EXISTS answers (
        address TEXT PRIMARY KEY, etag TEXT, body BLOB NOT NULL, final TEXT NOT NULL, link TEXT, stored_at REAL NOT NULL
    );
    CREATE TABLE IF NOT EXISTS blobs (sha TEXT PRIMARY KEY, content BLOB NOT NULL);
    CREATE TABLE IF NOT EXISTS documents (
        kind TEXT NOT NULL, name TEXT NOT NULL, value TEXT NOT NULL, stored_at REAL NOT NULL, PRIMARY KEY (kind, name)
    );
    """
    _NAMES: Final = {table.name: table.name for table in TABLES}
    # Row by row: SQLite limits the values in one statement, and a visit has more documents.
    _PUT: Final = {table: table.put(1).format(**{table.name: table.name}) for table in TABLES}

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._lock = threading.Lock()
        self._connection = sqlite3.connect(path, timeout=60, isolation_level=None, check_same_thread=False)
        # With a write-ahead log, committed rows survive the death of the process.
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA synchronous = NORMAL")
        self._connection.executescript(self._SCHEMA)

    def rows(self, statement: str, values: Sequence[object] = ()) -> list[Row]:
        """See ``Tables``."""
        with self._lock:
            return self._connection.execute(statement.format_map(self._NAMES), values).fetchall()

    def put(self, table: Table, rows: Sequence[Row]) -> None:
        """See ``Tables``."""
        with self._lock:
            if len(rows) == 1:
                self._connection.execute(self._PUT[table], rows[0])
                return
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                self._connection.executemany(self._PUT[table], rows)
            except BaseException:
                self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")

    def close(self) -> None:
        """See ``Tables``."""
        with self._lock:
            self._connection.close()


class SharedTables:
    """Tables in the schema ``dockml`` of the database that holds a lake's catalog, for all machines and servers."""

    # Names sort by their bytes, whatever the database's collation.
    _SCHEMA: Final = """
    CREATE SCHEMA IF NOT EXISTS dockml;
    CREATE TABLE IF NOT EXISTS dockml.github_answers (
        address text PRIMARY KEY, etag text, body bytea NOT NULL, final text NOT NULL, link text,
        stored_at double precision NOT NULL
    );
    CREATE TABLE IF NOT EXISTS dockml.github_blobs (sha text PRIMARY KEY, content bytea NOT NULL);
    CREATE TABLE IF NOT EXISTS dockml.github_documents (
        kind text, name text COLLATE "C", value text NOT NULL, stored_at double precision NOT NULL,
        PRIMARY KEY (kind, name)
    );
    """
    _NAMES: Final = {table.name: f"dockml.github_{table.name}" for table in TABLES}

    def __init__(self, catalog: str) -> None:
        """``catalog``: the database, as libpq takes it."""
        self._session = Session(SharedCatalog(catalog), tables=self._SCHEMA)

    def rows(self, statement: str, values: Sequence[object] = ()) -> list[Row]:
        """See ``Tables``. Raises UnreachableError."""
        return self._session.run(
            statement.format_map(self._NAMES).replace("?", "%s"), [_sayable(value) for value in values]
        )

    def put(self, table: Table, rows: Sequence[Row]) -> None:
        """See ``Tables``. Raises UnreachableError."""
        by_key = {row[: table.key]: row for row in (tuple(map(_sayable, row)) for row in rows)}
        if by_key:
            # One statement is one transaction. Rows are ordered by key, so that no deadlock is possible.
            self.rows(table.put(len(by_key)), [value for _, row in sorted(by_key.items()) for value in row])

    def close(self) -> None:
        """See ``Tables``."""
        self._session.close()


def _sayable(value: object) -> object:
    """A value that PostgreSQL can hold: its texts have no NUL, a server's may."""
    return value.replace("\0", "\N{REPLACEMENT CHARACTER}") if isinstance(value, str) else value
