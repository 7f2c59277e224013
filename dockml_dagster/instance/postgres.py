"""Dagster's storage in PostgreSQL, with connections kept between queries.

Dagster's own storage opens a new connection for everything it asks: thousands of times per run, and the server spends
more on starting and ending its processes than on all answers. The tables and their content are Dagster's own, so the same
database also works with Dagster's storage.

Here: the lifetime of connections. Not here: what is written, and where.
https://docs.dagster.io/deployment/oss/oss-instance-configuration#dagster-storage
"""

from __future__ import annotations

import weakref
from collections.abc import Mapping
from typing import Any, Final, Self

import dagster as dg
from dagster_postgres.storage import DagsterPostgresStorage
from sqlalchemy import create_engine

from dockml_dagster.instance.dagster_internals import ConfigurableClassData

MOST_CONNECTIONS: Final = 20
"""Most connections of a process at a time; one stays open when idle."""
_RECYCLED_SECONDS: Final = 600


class PooledStorage(DagsterPostgresStorage):  # type: ignore[misc]
    """Runs, events and schedules, all over the same connections."""

    def __init__(self, postgres_url: str, inst_data: ConfigurableClassData | None = None) -> None:
        super().__init__(postgres_url, inst_data=inst_data)
        engine = create_engine(
            postgres_url,
            isolation_level="AUTOCOMMIT",
            pool_size=1,
            max_overflow=MOST_CONNECTIONS - 1,
            pool_recycle=_RECYCLED_SECONDS,
            # Notices a restarted server before a statement is lost.
            pool_pre_ping=True,
        )
        for storage in (self._run_storage, self._event_log_storage, self._schedule_storage):
            storage._engine = engine
        # Dagster does not dispose of a storage as a whole.
        weakref.finalize(self, engine.dispose)

    @classmethod
    def config_type(cls) -> dict[str, Any]:
        """The configuration in ``dagster.yaml``."""
        return {"postgres_url": dg.StringSource}

    @classmethod
    def from_config_value(
        cls, inst_data: ConfigurableClassData | None, config_value: Mapping[str, Any]
    ) -> Self:
        """The storage that ``dagster.yaml`` asks for."""
        return cls(config_value["postgres_url"], inst_data)
