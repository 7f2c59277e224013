"""Whether somebody works on a run: a name in the shared catalog that whoever executes the run holds meanwhile.

Here: holding it and looking whether it is held. Not here: what follows when it is not (``launcher``, ``sending``).

Nothing else tells: Celery counts a task as started until its worker says otherwise, and a killed worker says nothing.
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
"""After the server started, holders come back one by one; so long nobody counts as gone."""
_BITS: Final = 0xFFFFFFFF


def catalog_of(settings: Settings) -> SharedCatalog:
    """What the fleet agrees by. ``instance.prepare`` has seen to it that there is one."""
    assert settings.warehouse.catalog is not None
    return SharedCatalog(settings.warehouse.catalog)


@contextmanager
def working_on(catalog: SharedCatalog, run_id: str) -> Iterator[bool]:
    """Hold a run's name while working on it; False where somebody else holds it.

    The name is taken again where the server was restarted meanwhile.
    """
    session = Session(catalog)
    ended = threading.Event()

    def take() -> bool:
        # A session that has a name may take it any number of times: this is the pulse of the connection, too.
        return bool(session.run("SELECT pg_try_advisory_lock(%s)", [_key(run_id)])[0][0])

    def keep() -> None:
        while not ended.wait(_PULSE_SECONDS):
            # Where the server stays away, the run itself fails by that; this is not the place to say so.
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
    """Whether somebody holds the run's name, or may just be taking it again after the server came back."""
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
