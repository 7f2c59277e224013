"""The event log that keeps its files open: the same files and records as Dagster's own, and nothing left open."""

import os
import threading
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from dagster._core.storage.event_log import SqliteEventLogStorage

from dockml_dagster.instance.event_log import KEPT_OPEN, EventLog
from dockml_dagster.instance.home import prepare
from dockml_dagster.settings import Settings


@dg.asset
def counted() -> dg.MaterializeResult[None]:
    """An asset with one row."""
    return dg.MaterializeResult(metadata={"rows": 1})


@pytest.fixture
def instance(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[dg.DagsterInstance]:
    monkeypatch.setenv("DOCKML_HOME", str(home))
    prepare(Settings.from_environment())
    with dg.DagsterInstance.get() as made:
        yield made


def _events(log: SqliteEventLogStorage, run_id: str) -> list[tuple[str, str | None]]:
    return [
        (record.event_log_entry.user_message, record.event_log_entry.step_key)
        for record in log.get_records_for_run(run_id).records
    ]


def _log_of(instance: dg.DagsterInstance) -> EventLog:
    log = instance.event_log_storage
    assert isinstance(log, EventLog)
    return log


def test_dagsters_own_storage_reads_the_same_home(instance: dg.DagsterInstance) -> None:
    result = dg.materialize([counted], instance=instance)
    mine = _events(_log_of(instance), result.run_id)
    assert len(mine) > 5
    own = SqliteEventLogStorage(str(Path(os.environ["DAGSTER_HOME"], "history", "runs")))
    assert _events(own, result.run_id) == mine
    known = own.fetch_materializations(dg.AssetKey("counted"), limit=5).records
    assert [record.run_id for record in known] == [result.run_id]


def test_an_event_does_not_wait_for_the_disk(instance: dg.DagsterInstance) -> None:
    normal = 1
    with _log_of(instance).index_connection() as connection:
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == normal
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"


@dg.multi_asset(
    specs=[dg.AssetSpec("one"), dg.AssetSpec("two")],
    check_specs=[
        dg.AssetCheckSpec("good", asset="one"),
        dg.AssetCheckSpec("bad", asset="one"),
        dg.AssetCheckSpec("early", asset="two"),
        dg.AssetCheckSpec("never", asset="two"),
    ],
    can_subset=True,
)
def checked(context: dg.AssetExecutionContext) -> Iterator[Any]:
    """Two assets, and checks that pass, fail, come before their asset, and do not come at all."""
    yield dg.AssetCheckResult(asset_key="two", check_name="early", passed=True)
    if dg.AssetKey("one") in context.selected_asset_keys:
        yield dg.MaterializeResult(asset_key="one")
        yield dg.MaterializeResult(asset_key="two")
    yield dg.AssetCheckResult(asset_key="one", check_name="good", passed=True, metadata={"rows": 0})
    yield dg.AssetCheckResult(
        asset_key="one", check_name="bad", passed=False, severity=dg.AssetCheckSeverity.WARN
    )
    raise KeyError("the end")


def _rows(log: SqliteEventLogStorage, run_id: str) -> list[list[tuple[Any, ...]]]:
    """What is in the tables, but for moments and what names the run."""
    events = "SELECT id, dagster_event_type, step_key, asset_key, partition, length(event) > 100 FROM event_logs ORDER BY id"
    checks = (
        "SELECT id, asset_key, check_name, partition, execution_status, evaluation_event_storage_id, "
        "materialization_event_storage_id, evaluation_event_timestamp LIKE '____-__-__ __:__:__.______', "
        "json_extract(evaluation_event, '$.dagster_event.event_type_value') FROM asset_check_executions ORDER BY id"
    )
    with log.run_connection(run_id) as connection:
        found = [connection.exec_driver_sql(events).fetchall()]
    with log.index_connection() as connection:
        found += [connection.exec_driver_sql(statement).fetchall() for statement in (events, checks)]
    return [[tuple(row) for row in rows] for rows in found]


def test_the_rows_are_those_that_dagster_writes(instance: dg.DagsterInstance, tmp_path: Path) -> None:
    said = []
    with dg.DagsterInstance.local_temp(str(tmp_path)) as other:
        for one in (instance, other):
            done = dg.materialize([checked], instance=one, raise_on_error=False)
            one.report_runless_asset_event(
                dg.AssetCheckEvaluation(asset_key=dg.AssetKey("one"), check_name="good", passed=True)
            )
            said.append(_rows(one.event_log_storage, done.run_id))
    assert type(other.event_log_storage) is not EventLog
    checks = said[0][2]
    statuses = sorted((str(row[2]), str(row[4])) for row in checks)
    assert statuses == [
        ("bad", "FAILED"),
        ("early", "SUCCEEDED"),
        ("good", "SUCCEEDED"),
        ("good", "SUCCEEDED"),
        ("never", "PLANNED"),
    ]
    assert said[0] == said[1]


IN_PARTS = dg.StaticPartitionsDefinition(["a", "b", "c", "d"])


@dg.multi_asset(
    specs=[
        dg.AssetSpec("left", partitions_def=IN_PARTS, skippable=True),
        dg.AssetSpec("right", partitions_def=IN_PARTS, skippable=True),
    ],
    check_specs=[dg.AssetCheckSpec("sound", asset="left", partitions_def=IN_PARTS)],
    can_subset=True,
    backfill_policy=dg.BackfillPolicy.single_run(),
)
def parts(context: dg.AssetExecutionContext) -> Iterator[Any]:
    """Two assets of which partitions are logged together, the last twice, one not at all, and one that no run planned."""
    log = context.instance.event_log_storage
    with log.together() if isinstance(log, EventLog) else nullcontext():
        for asset in ("left", "right"):
            for part in ("a", "b", "b"):
                tags = {"dagster/data_version": f"{asset}{part}", "of": "ours"}
                context.log_event(dg.AssetMaterialization(asset, partition=part, tags=tags))
        for part in ("a", "b", "d"):
            context.log_event(
                dg.AssetCheckEvaluation(
                    asset_key=dg.AssetKey("left"), check_name="sound", passed=part == "a", partition=part
                )
            )
    yield from ()


def test_the_rows_of_partitions_that_are_written_together_are_those_that_dagster_writes(
    instance: dg.DagsterInstance, tmp_path: Path
) -> None:
    tags = {"dagster/asset_partition_range_start": "a", "dagster/asset_partition_range_end": "c"}
    said = []
    with dg.DagsterInstance.local_temp(str(tmp_path)) as other:
        for one in (instance, other):
            done = dg.materialize([parts], instance=one, tags=tags, raise_on_error=False)
            left, right = (
                one.get_latest_materialization_event(dg.AssetKey(name)) for name in ("left", "right")
            )
            assert left is not None and right is not None
            assert (left.run_id, left.get_dagster_event().partition) == (done.run_id, "b")
            said.append([*_rows(one.event_log_storage, done.run_id), *_index(one.event_log_storage)])
            assert one.get_materialized_partitions(dg.AssetKey("right")) == {"a", "b"}
    assert {(row[3], row[4]) for row in said[0][2]} == {
        ("a", "SUCCEEDED"),
        ("b", "FAILED"),
        ("c", "PLANNED"),
        ("d", "FAILED"),
    }
    assert said[0] == said[1]


def _index(log: SqliteEventLogStorage) -> list[list[tuple[Any, ...]]]:
    """What the index has of assets and tags, but for moments and what names the run."""
    tags = "SELECT event_id, asset_key, key, value FROM asset_event_tags ORDER BY event_id, key"
    keys = (
        "SELECT asset_key, json_extract(last_materialization, '$.storage_id'), last_run_id <> '', "
        "last_materialization_timestamp IS NULL FROM asset_keys ORDER BY asset_key"
    )
    with log.index_connection() as connection:
        found = [connection.exec_driver_sql(statement).fetchall() for statement in (tags, keys)]
    return [[tuple(row) for row in rows] for rows in found]


def test_what_the_index_has_is_asked_until_it_is_there(
    instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    log, asked, there = _log_of(instance), [], False
    monkeypatch.setattr(
        SqliteEventLogStorage, "has_secondary_index", lambda _, name: asked.append(name) or there
    )
    assert [log.has_secondary_index("changed"), log.has_secondary_index("changed")] == [False, False]
    there = True
    assert [log.has_secondary_index("changed"), log.has_secondary_index("changed")] == [True, True]
    assert len(asked) == 3
    assert log.has_asset_key_index_cols()
    monkeypatch.setattr(SqliteEventLogStorage, "_has_asset_key_col_on_connection", lambda *_: False)
    assert log.has_asset_key_index_cols()
    assert not log.has_asset_key_col("of no version")


def _made(instance: dg.DagsterInstance) -> int:
    return len(instance.fetch_materializations(dg.AssetKey("counted"), limit=50).records)


def test_what_is_written_together_is_seen_together(instance: dg.DagsterInstance) -> None:
    own = SqliteEventLogStorage(str(Path(os.environ["DAGSTER_HOME"], "history", "runs")))
    with _log_of(instance).together():
        for _ in range(3):
            instance.report_runless_asset_event(dg.AssetMaterialization("counted"))
        assert own.fetch_materializations(dg.AssetKey("counted"), limit=5).records == []
        assert _made(instance) == 3, "whoever writes reads what was written"
    assert _made(instance) == len(own.fetch_materializations(dg.AssetKey("counted"), limit=5).records) == 3
    instance.report_runless_asset_event(dg.AssetMaterialization("counted"))
    assert len(own.fetch_materializations(dg.AssetKey("counted"), limit=5).records) == 4, "one by one again"


def test_what_fails_together_is_written_by_none(instance: dg.DagsterInstance) -> None:
    def fail() -> None:
        with _log_of(instance).together():
            instance.report_runless_asset_event(dg.AssetMaterialization("counted"))
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert _made(instance) == 0
    instance.report_runless_asset_event(dg.AssetMaterialization("counted"))
    assert _made(instance) == 1


def test_another_thread_waits_for_what_is_written_together(instance: dg.DagsterInstance) -> None:
    def report() -> None:
        instance.report_runless_asset_event(dg.AssetMaterialization("counted"))

    other = threading.Thread(target=report)
    with _log_of(instance).together():
        other.start()
        other.join(0.2)
        assert other.is_alive()
        assert _made(instance) == 0
    other.join()
    assert _made(instance) == 1


def test_files_of_old_runs_are_closed(instance: dg.DagsterInstance) -> None:
    log = _log_of(instance)
    runs = [dg.materialize([counted], instance=instance).run_id for _ in range(KEPT_OPEN + 2)]
    assert _open_files(log) == {"index", *runs[-(KEPT_OPEN - 1) :]}
    assert _events(log, runs[0]), "a file that was closed is opened again"
    log.dispose()
    assert _open_files(log) == set()


def _open_files(log: EventLog) -> set[str]:
    """The databases of which this process has a file descriptor."""
    folder = Path(log.path_for_shard("index")).parent
    descriptors = Path("/proc/self/fd")
    if not descriptors.exists():
        pytest.skip("the system does not say which files are open")
    names = set()
    for descriptor in descriptors.iterdir():
        try:
            target = descriptor.readlink()
        except FileNotFoundError:
            continue
        if target.parent == folder and target.suffix == ".db":
            names.add(target.stem)
    return names


def test_a_run_is_watched_while_another_storage_writes_it(instance: dg.DagsterInstance) -> None:
    watching = EventLog(os.environ["DAGSTER_HOME"])
    heard = {"first": threading.Event(), "second": threading.Event()}

    def handle(entry: dg.EventLogEntry, _: str) -> None:
        if entry.get_dagster_event().message in heard:
            heard[str(entry.get_dagster_event().message)].set()

    job = dg.Definitions(assets=[counted]).resolve_implicit_global_asset_job_def()
    run = instance.create_run_for_job(job, asset_selection=frozenset())
    watching.watch(run.run_id, None, handle)
    for message, event in heard.items():
        # The second reaches the file's log alone: the file itself stays as it is for as long as it is open.
        instance.report_engine_event(message, run)
        assert event.wait(60), message
    watching.end_watch(run.run_id, handle)
    watching.dispose()


def test_a_wiped_log_can_be_written_again(instance: dg.DagsterInstance) -> None:
    first = dg.materialize([counted], instance=instance)
    _log_of(instance).wipe()
    assert _events(_log_of(instance), first.run_id) == []
    second = dg.materialize([counted], instance=instance)
    assert _events(_log_of(instance), second.run_id)
