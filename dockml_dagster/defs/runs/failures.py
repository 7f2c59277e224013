"""Why a run failed, from Dagster's event log.

Here: reading the log. Not here: storing failures (``warehouse.run_failures``), decisions.
"""

import json
import re
from datetime import UTC, datetime, timedelta

import dagster as dg
from dagster import DagsterEventType

from dockml_dagster.defs.runs.retries import AGAIN
from dockml_dagster.warehouse.run_failures import RunFailure

_OUR_ERROR = re.compile(r"^dockml_dagster[.\w]*Error: ")
LONGEST_REASON = 500


def since(
    instance: dg.DagsterInstance, cursor: str | None, *, at_most: int
) -> tuple[list[RunFailure], str | None]:
    """Runs that failed after ``cursor``, oldest first, and the cursor after them."""
    at, run_id = _read(cursor)
    filters = dg.RunsFilter(
        statuses=[dg.DagsterRunStatus.FAILURE],
        # The filter is strict, and two runs may end in one instant.
        updated_after=at - timedelta(seconds=1) if at else None,
    )
    records = instance.get_run_records(
        filters, limit=at_most + 20, order_by="update_timestamp", ascending=True
    )
    new = [
        record
        for record in records
        if at is None or (_utc(record.update_timestamp), record.dagster_run.run_id) > (at, run_id)
    ][:at_most]
    failures = [
        RunFailure(
            run_id=record.dagster_run.run_id,
            job=record.dagster_run.job_name,
            corpus=record.dagster_run.tags.get("dockml/corpus"),
            step=step,
            reason=reason,
            failed_at=_utc(record.update_timestamp).replace(tzinfo=None),
        )
        for record in new
        for step, reason in [cause(instance, record.dagster_run.run_id)]
    ]
    if not new:
        return [], cursor
    last = new[-1]
    return failures, json.dumps([_utc(last.update_timestamp).isoformat(), last.dagster_run.run_id])


def cause(instance: dg.DagsterInstance, run_id: str) -> tuple[str | None, str]:
    """The step that failed first and its error, or the failure of the run as a whole, in one line."""
    for entry in instance.all_logs(run_id, of_type=DagsterEventType.STEP_FAILURE):
        event = entry.dagster_event
        if event is not None and event.step_failure_data.error is not None:
            error = event.step_failure_data.error
            while error.cause is not None:
                error = error.cause
            return event.step_key, _line(error.message)
    for entry in instance.all_logs(run_id, of_type=DagsterEventType.RUN_FAILURE):
        event = entry.dagster_event
        if event is not None:
            said = getattr(event.event_specific_data, "error", None)
            return None, _line(said.message if said else event.message or "")
    return None, "nothing was said; see the run in the UI (dockml ui)"


def said_final(instance: dg.DagsterInstance, run_id: str) -> bool:
    """Whether a step of the run reported a final failure; if the run ended otherwise, it may be sent again."""
    for entry in instance.all_logs(run_id, of_type=DagsterEventType.STEP_FAILURE):
        event = entry.dagster_event
        said = event.step_failure_data.user_failure_data if event is not None else None
        if said is not None and not (said.metadata.get(AGAIN) or dg.MetadataValue.bool(False)).value:
            return True
    return False


def _line(text: str) -> str:
    # Dagster puts an exception's class before its text. For our own errors the text alone is meant for people.
    line = _OUR_ERROR.sub("", " ".join(text.split()))
    return line if len(line) <= LONGEST_REASON else line[: LONGEST_REASON - 1] + "…"


def _utc(moment: datetime) -> datetime:
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _read(cursor: str | None) -> tuple[datetime | None, str]:
    try:
        at, run_id = json.loads(cursor or "")
        return datetime.fromisoformat(at), str(run_id)
    except (ValueError, TypeError):
        return None, ""
