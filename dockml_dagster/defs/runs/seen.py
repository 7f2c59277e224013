"""What a run of the findings saw: the state of the warehouse before its first step.

Data may be collected while findings are made. If the findings counted as current because they were made later, that data
would be left out until the next change. So the first step of a run records the state of the warehouse as a tag of the run.

A run of only some findings (``lint_dockerfiles``, or a selection in the UI) publishes too. The findings that it left out are
as old as before, so it makes the findings current only if they were current when it began; the first step records that too.

Here: these records. Not here: comparing them (``warehouse.due.work``).
"""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from datetime import datetime

import dagster as dg

from dockml_dagster.defs.resources import WarehouseResource
from dockml_dagster.defs.runs.retries import HIDDEN, verdict
from dockml_dagster.settings import Settings
from dockml_dagster.warehouse.due.storages import storage_of
from dockml_dagster.warehouse.due.work import Seen, built, seen
from dockml_dagster.warehouse.versions import build_version

SEEN_TAG = f"{HIDDEN}seen_to"
CURRENT_TAG = f"{HIDDEN}findings_were_current"
_NOTHING = "nothing"


@contextmanager
def step_of_findings(context: dg.AssetExecutionContext, warehouse: WarehouseResource) -> Iterator[None]:
    """``verdict``, and the records if this is the first step of its run."""
    # In a shared lake, two runs of the findings at once would replace each other's tables; a file has the writer's lock.
    with verdict(context), warehouse.warehouse.holding(["findings"]):
        if SEEN_TAG not in _tags(context):
            settings = Settings.from_environment()
            with warehouse.get_connection() as connection:
                now = seen(connection)
                current = built(connection, build_version(settings), storage=storage_of(settings))
            _note(context, {SEEN_TAG: _text(now), CURRENT_TAG: "yes" if current else "no"})
        yield


def saw_own_change(context: dg.AssetExecutionContext, before: Seen, after: Seen) -> None:
    """Count a change made by a step of this run as seen, unless anything else changed meanwhile.

    Only for a run that remakes all readers of the change. ``before``, ``after``: ``seen`` before and after it.
    """
    if _tags(context).get(SEEN_TAG) == _text(before):
        _note(context, {SEEN_TAG: _text(after)})


def seen_before(context: dg.AssetExecutionContext) -> Seen:
    """The state that the run's first step recorded."""
    at, _, rows = _tags(context).get(SEEN_TAG, _text(Seen(None, 0))).partition(" ")
    return Seen(None if at == _NOTHING else datetime.fromisoformat(at), int(rows))


def makes_all_current(context: dg.AssetExecutionContext, findings: Collection[dg.AssetKey]) -> bool:
    """Whether all ``findings`` match the state that the run saw: it makes each, or they were current when it began."""
    made = context.job_def.asset_layer.selected_asset_keys
    return set(findings) <= made or _tags(context).get(CURRENT_TAG) == "yes"


def _text(seen_then: Seen) -> str:
    return f"{seen_then.at.isoformat() if seen_then.at else _NOTHING} {seen_then.rows}"


def _note(context: dg.AssetExecutionContext, tags: dict[str, str]) -> None:
    context.instance.add_run_tags(context.run.run_id, tags)


def _tags(context: dg.AssetExecutionContext) -> dict[str, str]:
    """The run's present tags; those in the context date from the start of the process."""
    run = context.instance.get_run_by_id(context.run.run_id)
    return dict(run.tags) if run else {}
