"""The published copy: a DuckDB file for readers, swapped in by rename.

Belongs here: making the copy and swapping it in. Readers keep the file they opened until they close it; whoever opens
next gets the new one. The warehouse itself stays the writers' own.
"""

from __future__ import annotations

import os
from pathlib import Path

from dockml_dagster.warehouse.connection import Warehouse, connect, make_folder
from dockml_dagster.warehouse.rows import quote


def publish(warehouse: Warehouse, target: Path) -> int:
    """Copy every schema of the warehouse into ``target``; returns the copy's size in bytes.

    The copy is made beside the target and renamed over it, so nobody ever sees half a file.
    """
    make_folder(target.parent)
    partial = target.with_name(f".{target.name}.{os.getpid()}")
    partial.unlink(missing_ok=True)
    try:
        with warehouse.read() as connection:
            own = connection.execute("SELECT current_database()").fetchone()
            assert own
            connection.execute(f"ATTACH '{str(partial).replace("'", "''")}' AS published")
            connection.execute(f"COPY FROM DATABASE {quote(own[0])} TO published")
            connection.execute("DETACH published")
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)
    return target.stat().st_size


def open_published(target: Path) -> object:
    """A read-only connection to the published file."""
    return connect(target, read_only=True)
