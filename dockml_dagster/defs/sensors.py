"""Sensors: what keeps the graph up to date by itself. Off until somebody turns them on (in the UI, under Automation).

Belongs here: shells. Each reads a little, asks a pure function of ``following`` what follows, and says it to Dagster.
Does not: any network (discovery is the asset ``repo_list``), any decision. A tick that finds the warehouse busy waits for
the next one; it never waits for a writer.
https://docs.dagster.io/guides/automate/sensors
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import dagster as dg
import duckdb

from dockml_dagster.corpora import fingerprint_asks_network, open_corpus
from dockml_dagster.defs.collection import BATCH
from dockml_dagster.defs.jobs import collect_projects, list_projects
from dockml_dagster.defs.run_failures import since
from dockml_dagster.defs.schedules import listing_request
from dockml_dagster.defs.verdict import end_dead_runs
from dockml_dagster.errors import DockmlError
from dockml_dagster.following import Asked, batches, missing_partitions
from dockml_dagster.settings import CORPORA, Settings
from dockml_dagster.warehouse import due as due_query
from dockml_dagster.warehouse import migrations
from dockml_dagster.warehouse.connection import Warehouse, WarehouseBusyError
from dockml_dagster.warehouse.run_failures import record

LOCK_SECONDS = 3.0
RUNS_A_TICK = 5
PARTITIONS_A_TICK = 500
FAILURES_A_TICK = 20

GOING = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]


@contextmanager
def _warehouse() -> Iterator[duckdb.DuckDBPyConnection]:
    """The warehouse for a moment.

    Raises:
        WarehouseBusyError: somebody writes.
    """
    warehouse = Warehouse(Settings.from_environment().warehouse, lock_timeout_seconds=LOCK_SECONDS)
    with warehouse.write() as connection:
        migrations.apply(connection)
        yield connection


def _now() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None)


def _busy_corpora(instance: dg.DagsterInstance) -> set[str]:
    """Corpora that some unfinished run works on."""
    runs = instance.get_runs(dg.RunsFilter(statuses=GOING))
    return {run.tags["dockml/corpus"] for run in runs if "dockml/corpus" in run.tags}


@dg.sensor(
    name="follow_sources",
    job=list_projects,
    minimum_interval_seconds=60,
    description="Lists a corpus again when its source changed: a commit in a local repository, a new package of the "
    "study. Looks only at what is on this machine; what has to be asked for over the network is listed by weekly_refresh.",
)
def follow_sources(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
    """Fingerprints of the sources against those of the newest listings."""
    try:
        with _warehouse() as connection:
            listed = {
                corpus: due_query.listed(connection, corpus) for corpus in due_query.followed(connection)
            }
    except WarehouseBusyError as error:
        return dg.SkipReason(str(error))
    settings = Settings.from_environment()
    busy = _busy_corpora(context.instance)
    asked = Asked.read(context.cursor)
    now = _now()
    requests, marks, kept, said = [], [], set(), []
    for name in CORPORA:
        if listed.get(name) is None:
            continue
        corpus = open_corpus(name, settings)
        if fingerprint_asks_network(corpus):
            continue
        try:
            seen = (corpus.fingerprint(), corpus.method_version)
        except DockmlError as error:
            said.append(f"{name}: {error}")
            continue
        mark = f"{name}:{seen[0][:16]}:{seen[1]}"
        kept.add(mark)
        if seen != listed[name] and name not in busy and asked.may_ask(mark, now):
            requests.append(listing_request(name, f"{mark}:{asked.times(mark) + 1}"))
            marks.append(mark)
    if not requests:
        return dg.SkipReason("; ".join(said) or "every source is as it was listed")
    return dg.SensorResult(requests, cursor=asked.asking(marks, now, kept=kept).written())


@dg.sensor(
    name="collect_due_projects",
    job=collect_projects,
    minimum_interval_seconds=30,
    description="New projects become partitions, and whatever is due of any project is collected: new, changed, asked "
    f"for again, or failed long enough ago. At most {RUNS_A_TICK} batches of {BATCH} projects at a time.",
)
def collect_due_projects(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
    """The one query of what is due, corpus by corpus; one corpus whose runs are not done is left alone."""
    end_dead_runs(context.instance)
    settings = Settings.from_environment()
    busy = _busy_corpora(context.instance)
    try:
        with _warehouse() as connection:
            corpora = [name for name in due_query.followed(connection) if name in CORPORA]
            wanted = [key for name in corpora for key in due_query.projects(connection, name)]
            due = [
                item
                for name in corpora
                if name not in busy
                for item in due_query.due(connection, name, open_corpus(name, settings).method_version)
            ]
    except WarehouseBusyError as error:
        return dg.SkipReason(str(error))
    ordered = list(context.instance.get_dynamic_partitions("project"))
    new = missing_partitions(wanted, ordered, at_most=PARTITIONS_A_TICK)
    found, asked = batches(due, ordered, Asked.read(context.cursor), _now(), size=BATCH, at_most=RUNS_A_TICK)
    if not (new or found):
        return dg.SkipReason(
            "nothing is due" if not due else f"{len(due)} stages are due, and wait or are under way"
        )
    return dg.SensorResult(
        [
            dg.RunRequest(
                run_key=f"{batch.mark}:{batch.attempt}",
                tags={
                    "dagster/asset_partition_range_start": batch.projects[0],
                    "dagster/asset_partition_range_end": batch.projects[-1],
                    "dockml/corpus": batch.projects[0].split("/")[0],
                    "dagster/max_retries": "2",
                },
            )
            for batch in found
        ],
        dynamic_partitions_requests=[dg.AddDynamicPartitionsRequest("project", new)] if new else None,
        cursor=asked.written(),
    )


@dg.sensor(
    name="record_run_failures",
    minimum_interval_seconds=30,
    description="Writes why a run failed into raw.run_failures, and ends runs whose process is gone.",
)
def record_run_failures(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
    """Not Dagster's run_failure_sensor: that moves its cursor on whatever happens, and a busy warehouse would lose rows."""
    end_dead_runs(context.instance)
    failures, cursor = since(context.instance, context.cursor, at_most=FAILURES_A_TICK)
    if not failures:
        return dg.SkipReason("no run failed")
    try:
        with _warehouse() as connection:
            record(connection, failures)
    except WarehouseBusyError as error:
        return dg.SkipReason(str(error))
    return dg.SensorResult(
        skip_reason=dg.SkipReason("; ".join(failure.reason for failure in failures)), cursor=cursor
    )
