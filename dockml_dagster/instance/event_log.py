"""Dagster's event log on SQLite, with its files kept open between events.

Dagster's own storage opens and closes two SQLite files for every event. Each close is that of the last connection, which
makes SQLite copy its write-ahead log back, wait for the disk and delete it: 7 to 50 ms per event, depending on the disk,
where the writing itself takes 5 ms. The files, their schema and content are Dagster's own, so a home can return to Dagster's
storage at any time.

A run of the findings has about 1,600 events of checks; a run that collects has six for each project. Dagster builds and
compiles a statement for each of their rows, which takes longer than writing them; here the statements are built once.
Dagster also writes an event planned for many partitions into the row of each, and marks an asset's newest materialization
after every one; here the event is written once, and of materializations written together only the last is marked.

Here: the lifetime of connections and transactions, and the events of checks. Not here: what is written, and where.
https://docs.dagster.io/deployment/oss/oss-instance-configuration#dagster-storage, https://sqlite.org/wal.html section 2
"""

import sqlite3
import threading
import weakref
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Self

import dagster as dg
from dagster import DagsterEventType
from sqlalchemy import Connection, Engine, and_, bindparam, create_engine, event

from dockml_dagster.instance.dagster_internals import (
    SQLITE_BUSY_TIMEOUT_SECONDS,
    AssetCheckExecutionsTable,
    ConfigurableClassData,
    SqlEventLogStorageTable,
    SqliteEventLogStorage,
    SqlPollingEventWatcher,
)

Handler = Callable[[dg.EventLogEntry, str], None]
"""A callback with an event and the cursor after it."""

KEPT_OPEN = 8
"""Most files kept open: the index and the most recently used runs. Every run has a file, and the UI may read thousands."""

_CHECKS = (DagsterEventType.ASSET_CHECK_EVALUATION_PLANNED, DagsterEventType.ASSET_CHECK_EVALUATION)
_ADD_EVENT = SqlEventLogStorageTable.insert()
_ADD_CHECK = AssetCheckExecutionsTable.insert()
_SAY_CHECK = AssetCheckExecutionsTable.update().where(
    and_(
        AssetCheckExecutionsTable.c.asset_key == bindparam("of_asset"),
        AssetCheckExecutionsTable.c.check_name == bindparam("of_check"),
        AssetCheckExecutionsTable.c.run_id == bindparam("of_run"),
        AssetCheckExecutionsTable.c.partition.is_not_distinct_from(bindparam("of_partition")),
    )
)


class EventLog(SqliteEventLogStorage):
    """The event log of a home; ``home`` in ``dagster.yaml`` is Dagster's folder."""

    def __init__(self, home: str, inst_data: ConfigurableClassData | None = None) -> None:
        self._engines: OrderedDict[str, Engine] = OrderedDict()
        # An instance that was not disposed of still closes its files.
        weakref.finalize(self, _close, self._engines)
        self._watcher = SqlPollingEventWatcher(self)
        self._batch: tuple[ExitStack, dict[str, Connection]] | None = None
        self._newest: dict[dg.AssetKey, tuple[dg.EventLogEntry, int]] = {}
        self._there: set[tuple[str, str]] = set()
        super().__init__(str(Path(home, "history", "runs")), inst_data)
        # Reentrant: ``together`` holds the lock while each event is written as usual.
        self._db_lock = threading.RLock()  # type: ignore[assignment]

    @classmethod
    def config_type(cls) -> dict[str, Any]:
        """The configuration in ``dagster.yaml``."""
        return {"home": dg.StringSource}

    @classmethod
    def from_config_value(
        cls, inst_data: ConfigurableClassData | None, config_value: Mapping[str, Any]
    ) -> Self:
        """The storage that ``dagster.yaml`` asks for."""
        return cls(config_value["home"], inst_data)

    @contextmanager
    def _connect(self, shard: str) -> Iterator[Connection]:
        with self._db_lock:
            engine = self._engine(shard)
            if shard not in self._initialized_dbs:
                self._initdb(engine)
                self._initialized_dbs.add(shard)
            if self._batch is not None:
                stack, connections = self._batch
                if shard not in connections:
                    connections[shard] = stack.enter_context(engine.begin())
                yield connections[shard]
                return
            with engine.begin() as connection:
                yield connection

    @contextmanager
    def together(self) -> Iterator[None]:
        """Write the events of the block in one transaction per file: all of them, or none if the block raises.

        An asset's newest materialization is marked at the end. Keep the block short: other writers of events wait.
        """
        with self._db_lock, ExitStack() as stack:
            self._batch = (stack, {})
            try:
                yield
                for event, at in self._newest.values():
                    with self.index_connection() as connection:
                        self._store_asset_event(connection, event, at)
            finally:
                self._batch = None
                self._newest.clear()

    def has_table(self, table_name: str) -> bool:
        """Whether the index has a table."""
        return self._stays("table", table_name, super().has_table)

    def _has_asset_key_col_on_connection(self, conn: Connection, column_name: str) -> bool:
        ask = super()._has_asset_key_col_on_connection
        return self._stays("column", column_name, lambda name: ask(conn, name))

    def has_secondary_index(self, name: str) -> bool:
        """Whether a change of the index's data was made (Dagster's ``instance reindex``)."""
        return self._stays("index", name, super().has_secondary_index)

    def _stays(self, kind: str, name: str, ask: Callable[[str], bool]) -> bool:
        """Whether it is there. What was there once stays, and Dagster asks for every event, so a yes is kept."""
        if (kind, name) not in self._there and ask(name):
            self._there.add((kind, name))
        return (kind, name) in self._there

    def store_event(self, event: dg.EventLogEntry) -> None:
        """Write an event. Events of a run's checks and outputs, and materializations that are written together, use
        prepared statements; all others are written by Dagster.

        The rows are Dagster's (``SqliteEventLogStorage.store_event``, ``store_asset_check_event``).
        """
        kind = event.dagster_event_type
        is_newest_later = kind is DagsterEventType.ASSET_MATERIALIZATION and self._batch is not None
        is_check = kind in _CHECKS
        if not (is_check or is_newest_later or kind is DagsterEventType.STEP_OUTPUT) or not event.run_id:
            super().store_event(event)
            return
        row = self._event_to_row(event)
        with self._connect(event.run_id) as connection:
            connection.execute(_ADD_EVENT, row)
        if kind is DagsterEventType.STEP_OUTPUT:
            return
        with self.index_connection() as connection:
            (at,) = connection.execute(_ADD_EVENT, row).inserted_primary_key or (0,)
            if is_check:
                _store_check(connection, event, row, at)
                return
            self._store_asset_event_tags(connection, [event], [at])
            key = event.dagster_event.asset_key if event.dagster_event else None
            if key is not None:
                self._newest[key] = (event, at)

    def _engine(self, shard: str) -> Engine:
        if shard not in self._engines:
            engine = create_engine(
                self.conn_string_for_shard(shard), connect_args={"timeout": SQLITE_BUSY_TIMEOUT_SECONDS}
            )
            event.listen(engine, "connect", _without_waiting_for_the_disk)
            self._engines[shard] = engine
        self._engines.move_to_end(shard)
        while len(self._engines) > KEPT_OPEN:
            _, oldest = self._engines.popitem(last=False)
            oldest.dispose()
        return self._engines[shard]

    def watch(self, run_id: str, cursor: str | None, callback: Handler) -> None:
        """Call back for every event of a run. By polling: file watchers do not notice changes of an open file."""
        self._watcher.watch_run(run_id, cursor, callback)

    def end_watch(self, run_id: str, handler: Handler) -> None:
        """Stop the callbacks."""
        self._watcher.unwatch_run(run_id, handler)

    def wipe(self) -> None:
        """Delete every event; the files are deleted, so none may be open."""
        _close(self._engines)
        super().wipe()

    def dispose(self) -> None:
        """Close the files."""
        self._watcher.close()
        super().dispose()
        _close(self._engines)


def _store_check(connection: Connection, event: dg.EventLogEntry, row: Mapping[str, Any], at: int) -> None:
    told: Any = event.dagster_event.event_specific_data if event.dagster_event else None
    found: dict[str, Any] = {
        "evaluation_event": row["event"],
        "evaluation_event_timestamp": row["timestamp"],
        "evaluation_event_storage_id": at,
    }
    key = {"asset_key": told.asset_key.to_string(), "check_name": told.check_name, "run_id": event.run_id}
    if event.dagster_event_type is DagsterEventType.ASSET_CHECK_EVALUATION_PLANNED:
        of_each = {**key, **found, "execution_status": "PLANNED"}
        partitions = told.partitions_subset.get_partition_keys() if told.partitions_subset else [None]
        connection.execute(_ADD_CHECK, [{**of_each, "partition": one} for one in partitions])
        return
    found["execution_status"] = "SUCCEEDED" if told.passed else "FAILED"
    target = told.target_materialization_data
    found["materialization_event_storage_id"] = target.storage_id if target else None
    of = {"of_asset": key["asset_key"], "of_check": key["check_name"], "of_run": key["run_id"]}
    if not connection.execute(_SAY_CHECK, {**of, "of_partition": told.partition, **found}).rowcount:
        connection.execute(_ADD_CHECK, {**key, **found, "partition": told.partition})


def _without_waiting_for_the_disk(connection: sqlite3.Connection, _: object) -> None:
    """With a write-ahead log, NORMAL survives the death of any process. After a power failure the newest events may be
    missing; what is due is read from the warehouse, never from here. https://sqlite.org/pragma.html#pragma_synchronous
    """
    connection.execute("PRAGMA synchronous=NORMAL")


def _close(engines: OrderedDict[str, Engine]) -> None:
    while engines:
        _, engine = engines.popitem()
        engine.dispose()
