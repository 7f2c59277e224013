"""Care of the file or lake itself: how much of it is empty, and making it small again.

Here: what concerns the files and not their rows. Not here: the schema (``migrations``), the copy for readers
(``publish``).

DuckDB reuses the blocks of deleted rows but never gives them back to the file system; the findings are made anew by
every build, so the file is some times as large as what is in it. A lake keeps every state it ever had, in ever more
files, until it is told to forget.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from dockml_dagster.errors import DockmlError
from dockml_dagster.warehouse.connection import Warehouse, open_warehouse
from dockml_dagster.warehouse.lake import NAME
from dockml_dagster.warehouse.opening import connect
from dockml_dagster.warehouse.published.swap import copy_database
from dockml_dagster.warehouse.rows import qualified

if TYPE_CHECKING:
    import duckdb

WORTH_BYTES = 256 * 1024 * 1024
"""Empty space below this is left alone."""


KEPT_DAYS = 30
"""For how long a lake can be asked for its earlier states."""

UNUSED_DAYS = 1
"""For how long files that belong to no state are kept: who began to read one may still be at it."""


class CompactionError(DockmlError):
    """The compact copy is not what the file is; the file was left as it was."""


@dataclass(frozen=True, slots=True)
class Size:
    """Bytes of a DuckDB file, and how many of them hold nothing."""

    bytes: int
    empty_bytes: int

    @property
    def worth_compacting(self) -> bool:
        """More than half is empty, and it is not little."""
        return self.empty_bytes > WORTH_BYTES and self.empty_bytes * 2 > self.bytes


def size(connection: duckdb.DuckDBPyConnection) -> Size:
    """Size of the connected file; 0 of what is no file."""
    row = connection.execute(
        "SELECT block_size * total_blocks, block_size * free_blocks FROM pragma_database_size() "
        "WHERE database_name = current_database()"
    ).fetchone()
    return Size(int(row[0]), int(row[1])) if row else Size(0, 0)


def compact(warehouse: Warehouse) -> tuple[int, int]:
    """Rewrite the file without its empty blocks, or have the lake merge its files and forget what is older than
    ``KEPT_DAYS``; returns bytes before and after.

    The writer's lock is held throughout.

    Raises:
        CompactionError: table by table, the copy has not the same rows.
    """
    file = warehouse.location.file
    if file is not None:
        return _compact_file(warehouse, file)
    # A service looks after itself.
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
    # The copy is made beside the file, compared with it, and renamed over it.
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
    """``compact`` where more than half of the file is empty and that is not little, and any lake; else None."""
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
