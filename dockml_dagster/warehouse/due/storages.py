"""Identifying Dagster's storage: a mark beside its files.

A home that was restored without Dagster's files has a new storage that knows nothing, and two machines with one lake have a
storage each. A report to one storage is unknown to the others.

Here: the mark. Not here: the reports (``query``, ``work``).
"""

from __future__ import annotations

import uuid
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from dockml_dagster.settings import Settings


def storage_of(settings: Settings) -> str | None:
    """The mark of Dagster's storage; None: no mark. A database needs none, since all machines share it."""
    if settings.dagster_postgres is not None:
        return None
    try:
        return _path(settings).read_text(encoding="ascii").strip() or None
    except FileNotFoundError:
        return None


def mark_storage(settings: Settings) -> None:
    """Write a mark if there is none. It is deleted together with Dagster's files."""
    path = _path(settings)
    path.parent.mkdir(parents=True, exist_ok=True)
    with suppress(FileExistsError), path.open("x", encoding="ascii") as file:
        file.write(f"{uuid.uuid4()}\n")


def _path(settings: Settings) -> Path:
    return settings.dagster_home / "history" / "storage-id"
