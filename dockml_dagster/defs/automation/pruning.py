"""Deleting event logs of old runs, so that a home does not grow without bound.

Here: which runs may be deleted, and the job that deletes them. Not here: ticks (``dagster.yaml`` has their
retention), the warehouse (``warehouse.maintenance``).

Only runs that made findings or listings, or resolved tags, are ever deleted: their results are complete, so a newer run has
everything an older one had. A run that collected records when each of its projects was collected, and Dagster stores that
nowhere else.
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta

import dagster as dg

KEPT_RUNS = 20
KEPT_DAYS = 30
RUNS_AT_ONCE = 200
PRUNED_WORK = ("findings", "listing", "looking")


def prunable(finished: Sequence[tuple[str, datetime]], now: datetime) -> list[str]:
    """Ids of runs that are both old and not among the newest; ``finished``: (run id, when it ended), any order."""
    by_age = sorted(finished, key=lambda entry: entry[1], reverse=True)
    return [run_id for run_id, ended in by_age[KEPT_RUNS:] if now - ended > timedelta(days=KEPT_DAYS)]


@dg.op(
    description="Forget finished runs of findings, listings and looks at tags that are older than a month; the newest "
    "twenty of each stay."
)
def forget_old_runs(context: dg.OpExecutionContext) -> int:
    """Delete the prunable runs; returns their number."""
    instance = context.instance
    forgotten = 0
    for work in PRUNED_WORK:
        records = instance.get_run_records(
            dg.RunsFilter(
                tags={"dockml/work": work},
                statuses=[
                    dg.DagsterRunStatus.SUCCESS,
                    dg.DagsterRunStatus.FAILURE,
                    dg.DagsterRunStatus.CANCELED,
                ],
            ),
        )
        finished = [(record.dagster_run.run_id, _utc(record.update_timestamp)) for record in records]
        for run_id in prunable(finished, datetime.now(UTC))[:RUNS_AT_ONCE]:
            instance.delete_run(run_id)
            forgotten += 1
    context.log.info("forgot %d runs", forgotten)
    return forgotten


@dg.job(tags={"dockml/work": "pruning"}, description="Forget the event logs of old runs.")
def prune_runs() -> None:
    """The job of pruning."""
    forget_old_runs()


@dg.schedule(
    name="monthly_pruning",
    cron_schedule="0 3 1 * *",
    execution_timezone="UTC",
    target=prune_runs,
    description="On the first of the month: forget the event logs of old runs of findings, listings and looks at tags.",
)
def monthly_pruning(context: dg.ScheduleEvaluationContext) -> Iterator[dg.RunRequest]:
    """Request one run per month."""
    yield dg.RunRequest(run_key=f"pruning:{context.scheduled_execution_time:%Y-%m}", job_name="prune_runs")


def _utc(moment: datetime) -> datetime:
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
