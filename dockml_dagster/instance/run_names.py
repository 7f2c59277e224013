"""Whether a run is being worked on: a lock in the shared catalog, held by the process that executes the run.

Here: holding the lock and checking it. Not here: what to do when it is free (``launcher``, ``sending``).

Nothing else shows it: Celery counts a task as started until its worker reports, and a killed worker never does.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Final

from dockml_dagster.catalog import Session, SharedCatalog, lock_key
from dockml_dagster.errors import UnreachableError
from dockml_dagster.settings import Settings

_PULSE_SECONDS: Final = 5.0
_GRACE_SECONDS: Final = 60
"""After a restart of the server, holders reconnect one by one; during this time none counts as dead."""
_BITS: Final = 0xFFFFFFFF


def catalog_of(settings: Settings) -> SharedCatalog:
    """The fleet's shared catalog. ``instance.home.prepare`` has checked that there is one."""
    assert settings.warehouse.catalog is not None
    return SharedCatalog(settings.warehouse.catalog)


@contextmanager
def working_on(catalog: SharedCatalog, run_id: str) -> Iterator[bool]:
    """Hold a run's lock while working on it; False if another process holds it.

    The lock is taken again after a restart of the server.
    """
    session = Session(catalog)
    ended = threading.Event()

    def take() -> bool:
        # A session may take its own lock any number of times, so this also serves as a heartbeat of the connection.
        return bool(session.run("SELECT pg_try_advisory_lock(%s)", [_key(run_id)])[0][0])

    def keep() -> None:
        while not ended.wait(_PULSE_SECONDS):
            # If the server stays unreachable, the run itself fails and reports it.
            with suppress(UnreachableError):
                take()

    mine = take()
    keeper = threading.Thread(target=keep, daemon=True, name=f"keeps {run_id[:8]}")
    if mine:
        keeper.start()
    try:
        yield mine
    finally:
        ended.set()
        if mine:
            keeper.join(_PULSE_SECONDS)
        session.close()


def is_worked_on(session: Session, run_id: str) -> bool:
    """Whether a process holds the run's lock, or may be about to take it again after a restart of the server."""
    key = _key(run_id)
    found = session.run(
        "SELECT now() - pg_postmaster_start_time() < %s * interval '1 second' OR EXISTS (SELECT 1 FROM pg_locks "
        "WHERE locktype = 'advisory' AND granted AND classid::bigint = %s AND objid::bigint = %s AND database = "
        "(SELECT oid FROM pg_database WHERE datname = current_database()))",
        [_GRACE_SECONDS, (key >> 32) & _BITS, key & _BITS],
    )
    return bool(found[0][0])


def _key(run_id: str) -> int:
    return lock_key(f"run {run_id}")
