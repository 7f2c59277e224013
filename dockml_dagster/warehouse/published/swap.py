"""The published copy: a DuckDB file for readers, swapped in by rename.

Here: making the copy and swapping it in. Not here: copying the rows (``maintenance``), reading it
(``query``), when it is due (``defs.assets.publishing``).

Readers keep the file that they opened until they close it; the next reader gets the new one. Only writers open the
warehouse itself.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from dockml_dagster.warehouse import build, layer_files
from dockml_dagster.warehouse.connection import Warehouse
from dockml_dagster.warehouse.maintenance import copy_database, size
from dockml_dagster.warehouse.models import load
from dockml_dagster.warehouse.opening import opened, process_alive
from dockml_dagster.warehouse.rows import literal

_EMPTY_PART = 8
"""A file of which more than an eighth is empty is not copied as it stands."""


def publish(warehouse: Warehouse, target: Path) -> int:
    """Copy every schema of the warehouse into ``target``; returns the copy's size in bytes.

    The copy is made beside the target and renamed over it, so no reader ever sees half a file.
    """
    target.parent.mkdir(parents=True, exist_ok=True)  # with the permissions of the user's umask
    partial = target.with_name(f".{target.name}.{os.getpid()}")
    remove_leftovers(target)
    try:
        if not _copied_whole(warehouse, partial):
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


def _copied_whole(warehouse: Warehouse, target: Path) -> bool:
    """Copy the warehouse's file as it stands, if it is a file with little empty space; returns whether it was copied.

    Copying the rows instead compresses all of them anew: at the study's size that takes 4 s.
    """
    file = warehouse.location.file
    if file is None:
        return False
    with warehouse.read() as connection:
        now = size(connection)
    if now.empty_bytes * _EMPTY_PART > now.bytes:
        return False
    with warehouse.locked():
        # Nobody has the file open. What was committed is in it, unless a process died: then some of it is in the log.
        if file.with_name(f"{file.name}.wal").exists():
            return False
        shutil.copyfile(file, target)
    with warehouse.read() as connection:
        connection.execute(f"ATTACH {literal(target)} AS published (READ_WRITE)")
        layer_files.materialise(connection, "published")
        connection.execute("DETACH published")
    return True
