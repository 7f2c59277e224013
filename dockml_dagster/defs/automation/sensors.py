"""Sensors: they keep the graph up to date. They are off until a user turns them on (in the UI, under Automation).

Here: thin shells. Each reads a little, asks a pure function of ``decisions`` what to do, and tells Dagster.
Not here: any network (discovery is the asset ``repo_list``), any decision. A tick that finds the warehouse busy waits for
the next tick, never for a writer.
https://docs.dagster.io/guides/automate/sensors
"""

import dagster as dg

from dockml_dagster.corpora import open_corpus
from dockml_dagster.defs.assets.collection import BATCH
from dockml_dagster.defs.automation.decisions import Asked, batches, left_partitions, missing_partitions
from dockml_dagster.defs.automation.schedules import listing_request
from dockml_dagster.defs.automation.watching import (
    due_of,
    followed_corpora,
    now,
    one_of_many,
    warehouse_for_a_moment,
)
from dockml_dagster.defs.jobs import collect_projects, list_projects
from dockml_dagster.defs.runs.failures import since
from dockml_dagster.defs.runs.retries import end_dead_runs
from dockml_dagster.defs.runs.under_way import busy_corpora
from dockml_dagster.settings import Settings
from dockml_dagster.warehouse.due import query as due_query
from dockml_dagster.warehouse.due.storages import storage_of
from dockml_dagster.warehouse.opening import WarehouseBusyError
from dockml_dagster.warehouse.run_failures import record

RUNS_A_TICK = 5
PARTITIONS_A_TICK = 500
FAILURES_A_TICK = 20


@dg.sensor(
    name="follow_sources",
    job=list_projects,
    minimum_interval_seconds=60,
    description="Lists a corpus again when its source changed: a commit in a local repository, a new package of the "
    "study. Looks only at what is on this machine; what has to be asked for over the network is listed by weekly_refresh.",
)
def follow_sources(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
    """Compare the fingerprints of the sources with those of the newest listings."""
    settings = Settings.from_environment()
    storage = storage_of(settings)
    try:
        with warehouse_for_a_moment() as connection:
            listed = {
                name: due_query.listed(connection, name, storage=storage)
                for name in followed_corpora(connection)
            }
    except WarehouseBusyError as error:
        return dg.SkipReason(str(error))
    busy = busy_corpora(context.instance)
    asked = Asked.read(context.cursor)
    at = now()
    requests, marks, kept = [], [], set()
    said: list[str] = []
    for name, known in listed.items():
        seen = None
        with one_of_many(name, said):
            corpus = open_corpus(name, settings)
            if not corpus.fingerprint_asks_network:
                seen = (corpus.fingerprint(), corpus.method_version)
        if seen is None:
            continue
        mark = f"{name}:{seen[0][:16]}:{seen[1]}"
        kept.add(mark)
        if seen != known and name not in busy and asked.may_ask(mark, at):
            requests.append(listing_request(name, f"{mark}:{asked.times(mark) + 1}"))
            marks.append(mark)
    if not requests:
        return dg.SkipReason("; ".join(said) or "every source is as it was listed")
    return dg.SensorResult(requests, cursor=asked.asking(marks, at, kept=kept).written())


@dg.sensor(
    name="collect_due_projects",
    job=collect_projects,
    minimum_interval_seconds=30,
    description="New projects become partitions, those that left are none any more, and whatever is due of any project is "
    "collected: new, changed, asked "
    f"for again, or failed long enough ago. At most {RUNS_A_TICK} batches of {BATCH} projects at a time.",
)
def collect_due_projects(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
    """Run the one query of due work for each corpus; a corpus with unfinished runs is skipped."""
    end_dead_runs(context.instance)
    busy = busy_corpora(context.instance)
    try:
        with warehouse_for_a_moment() as connection:
            corpora = followed_corpora(connection)
            wanted = [key for name in corpora for key in due_query.projects(connection, name)]
            due = due_of(connection, [name for name in corpora if name not in busy])
    except WarehouseBusyError as error:
        return dg.SkipReason(str(error))
    ordered = list(context.instance.get_dynamic_partitions("project"))
    new = missing_partitions(wanted, ordered, at_most=PARTITIONS_A_TICK)
    left = left_partitions(wanted, ordered, set(corpora) - busy, at_most=PARTITIONS_A_TICK)
    found, asked = batches(due, ordered, Asked.read(context.cursor), now(), size=BATCH, at_most=RUNS_A_TICK)
    if not (new or left or found):
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
        dynamic_partitions_requests=[
            *([dg.AddDynamicPartitionsRequest("project", new)] if new else []),
            *([dg.DeleteDynamicPartitionsRequest("project", left)] if left else []),
        ],
        cursor=asked.written(),
    )


@dg.sensor(
    name="record_run_failures",
    minimum_interval_seconds=30,
    description="Writes why a run failed into raw.run_failures, and ends runs whose process is gone.",
)
def record_run_failures(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
    """Unlike Dagster's run_failure_sensor, this moves its cursor only after storing, so a busy warehouse loses no rows."""
    end_dead_runs(context.instance)
    failures, cursor = since(context.instance, context.cursor, at_most=FAILURES_A_TICK)
    if not failures:
        return dg.SkipReason("no run failed")
    try:
        with warehouse_for_a_moment() as connection:
            record(connection, failures)
    except WarehouseBusyError as error:
        return dg.SkipReason(str(error))
    return dg.SensorResult(
        skip_reason=dg.SkipReason("; ".join(failure.reason for failure in failures)), cursor=cursor
    )
