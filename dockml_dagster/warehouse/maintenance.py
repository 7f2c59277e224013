"""Maintenance of the file or lake itself: how much of it is empty, and compaction.

Here: work on files, not on rows; copying all of a database into a new file. Not here: the schema (``migrations``), the
copy for readers (``published.swap``).

DuckDB reuses the blocks of deleted rows but never returns them to the file system. Every build rewrites the findings, so
the file grows to several times its content. A lake keeps every earlier state, in ever more files, until old ones are
expired.
"""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from dockml_dagster.errors import DockmlError
from dockml_dagster.warehouse import layer_files
from dockml_dagster.warehouse.connection import Warehouse, open_warehouse
from dockml_dagster.warehouse.lake import NAME
from dockml_dagster.warehouse.opening import attach_new, connect
from dockml_dagster.warehouse.rows import qualified, quote

if TYPE_CHECKING:
    import duckdb

WORTH_BYTES = 256 * 1024 * 1024
"""Less empty space than this is not worth compacting."""


KEPT_DAYS = 30
"""Days for which a lake keeps its earlier states."""

UNUSED_DAYS = 1
"""Days for which files that belong to no state are kept: a reader may still use one."""


class CompactionError(DockmlError):
    """The compacted copy differs from the file; the file was left unchanged."""


@dataclass(frozen=True, slots=True)
class Size:
    """Bytes of a DuckDB file, and how many of them are empty."""

    bytes: int
    empty_bytes: int

    @property
    def worth_compacting(self) -> bool:
        """Whether more than half is empty, and at least ``WORTH_BYTES``."""
        return self.empty_bytes > WORTH_BYTES and self.empty_bytes * 2 > self.bytes


def size(connection: duckdb.DuckDBPyConnection) -> Size:
    """Size of the connected file; 0 if it is no file."""
    row = connection.execute(
        "SELECT block_size * total_blocks, block_size * free_blocks FROM pragma_database_size() "
        "WHERE database_name = current_database()"
    ).fetchone()
    return Size(int(row[0]), int(row[1])) if row else Size(0, 0)


def copy_database(connection: duckdb.DuckDBPyConnection, target: Path, *, alone: bool = True) -> None:
    """Copy all of the connected database into a new file: schemas, tables, views and their comments.

    A copy made ``alone`` can be moved anywhere: views over files beside the warehouse become tables in it.
    """
    own = connection.execute("SELECT current_database()").fetchone()
    assert own
    attach_new(connection, target, "published")
    # One transaction, so that the copy is one consistent state even if others write to a lake meanwhile.
    connection.begin()
    try:
        connection.execute(f"COPY FROM DATABASE {quote(own[0])} TO published")
        if alone:
            layer_files.materialise(connection, "published")
        connection.commit()
    except BaseException:
        with suppress(Exception):
            connection.rollback()
        raise
    connection.execute("DETACH published")


def compact(warehouse: Warehouse) -> tuple[int, int]:
    """Rewrite the file without its empty blocks, or have the lake merge its files and drop states older than
    ``KEPT_DAYS``; returns bytes before and after.

    The writer's lock is held throughout.

    Raises:
        CompactionError: a table of the copy has other rows.
    """
    file = warehouse.location.file
    if file is not None:
        return _compact_file(warehouse, file)
    # A service maintains itself.
    return _compact_lake(warehouse) if warehouse.location.is_lake else (0, 0)


def _compact_lake(warehouse: Warehouse) -> tuple[int, int]:
    with warehouse.locked(), open_warehouse(warehouse.location, read_only=False) as connection:
        before = _lake_bytes(connection)
        for statement in (
            f"CALL ducklake_merge_adjacent_files('{NAME}')",
            f"CALL ducklake_expire_snapshots('{NAME}', older_than => now() - INTERVAL {KEPT_DAYS} DAY)",
            f"CALL ducklake_cleanup_old_files('{NAME}', older_than => now() - INTERVAL {UNUSED_DAYS} DAY)",
        ):
            connection.execute(statement)
        return before, _lake_bytes(connection)


def _lake_bytes(connection: duckdb.DuckDBPyConnection) -> int:
    row = connection.execute(
        f"SELECT coalesce(sum(file_size_bytes + delete_file_size_bytes), 0) FROM ducklake_table_info('{NAME}')"
    ).fetchone()
    return int(row[0]) if row else 0


def _compact_file(warehouse: Warehouse, file: Path) -> tuple[int, int]:
    # Make a copy beside the file, compare the two, and rename it over the file.
    before = file.stat().st_size
    partial = file.with_name(f".{file.name}.{os.getpid()}")
    with warehouse.locked():
        partial.unlink(missing_ok=True)
        try:
            connection = connect(file, read_only=False)
            try:
                connection.execute("CHECKPOINT")
                expected = _counts(connection)
                copy_database(connection, partial, alone=False)
            finally:
                connection.close()
            copy = connect(partial, read_only=True)
            try:
                found = _counts(copy)
            finally:
                copy.close()
            if found != expected:
                wrong = sorted(name for name in expected if found.get(name) != expected[name])
                raise CompactionError(f"{file} was not compacted: the copy differs in {', '.join(wrong)}")
            partial.replace(file)
        finally:
            partial.unlink(missing_ok=True)
    return before, file.stat().st_size


def compact_if_worth(warehouse: Warehouse) -> tuple[int, int] | None:
    """``compact`` a file if that is worth it, and a lake always; else None."""
    if warehouse.location.is_lake:
        return compact(warehouse)
    with warehouse.read() as connection:
        worth = size(connection).worth_compacting
    return compact(warehouse) if worth else None


def _counts(connection: duckdb.DuckDBPyConnection) -> dict[str, int]:
    tables = connection.execute(
        "SELECT schema_name || '.' || table_name FROM duckdb_tables() WHERE database_name = current_database()"
    ).fetchall()
    counts = {}
    for (name,) in tables:
        row = connection.execute(f"SELECT count(*) FROM {qualified(name)}").fetchone()
        counts[name] = int(row[0]) if row else 0
    return counts
