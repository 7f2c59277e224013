"""The published copy: a DuckDB file for readers, swapped in by rename.

Here: making the copy and swapping it in. Not here: reading it (``query``), when it is due
(``defs.assets.publishing``).

Readers keep the file that they opened until they close it; the next reader gets the new one. Only writers open the
warehouse itself.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from dockml_dagster.warehouse import build, layer_files
from dockml_dagster.warehouse.connection import Warehouse
from dockml_dagster.warehouse.models import load
from dockml_dagster.warehouse.opening import attach_new, opened, process_alive
from dockml_dagster.warehouse.rows import quote

if TYPE_CHECKING:
    import duckdb


def publish(warehouse: Warehouse, target: Path) -> int:
    """Copy every schema of the warehouse into ``target``; returns the copy's size in bytes.

    The copy is made beside the target and renamed over it, so no reader ever sees half a file.
    """
    target.parent.mkdir(parents=True, exist_ok=True)  # with the permissions of the user's umask
    partial = target.with_name(f".{target.name}.{os.getpid()}")
    remove_leftovers(target)
    try:
        with warehouse.read() as connection:
            copy_database(connection, partial)
        with opened(partial, read_only=False) as copy:
            build.document_raw(copy, load())
        # Read-only: a client that opens it for writing, as clients do by default, would lock out all others.
        partial.chmod(0o444)
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)
    return target.stat().st_size


def remove_leftovers(target: Path) -> list[Path]:
    """Remove partial copies beside ``target`` whose processes have died (SIGKILL allows no clean-up); returns them."""
    removed = []
    for path in target.parent.glob(f".{target.name}.*"):
        pid = path.name.removeprefix(f".{target.name}.").split(".")[0]
        if pid.isdigit() and (int(pid) == os.getpid() or not process_alive(int(pid))):
            path.unlink(missing_ok=True)
            removed.append(path)
    return removed


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
