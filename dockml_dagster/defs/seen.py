"""What a run of the findings saw: everything that had happened before the first of its steps.

Something may be collected while findings are made. Whoever called the findings current because they were made later would
leave it out until the next change. So the first step of a run notes how far the warehouse had come, as a tag of the run.

Belongs here: that note. Does not: comparing it (``warehouse.due.built``).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

import dagster as dg

from dockml_dagster.defs.resources import WarehouseResource
from dockml_dagster.defs.verdict import verdict
from dockml_dagster.warehouse.due import changed_at

SEEN_TAG = "dockml/seen_to"
_NOTHING = "nothing"


@contextmanager
def step_of_findings(context: dg.AssetExecutionContext, warehouse: WarehouseResource) -> Iterator[None]:
    """``verdict``, and the note if this is the first step of its run."""
    # Two runs of the findings at once would replace each other's tables; elsewhere the writer's lock keeps them apart.
    with verdict(context), warehouse.warehouse.holding(["findings"]):
        if SEEN_TAG not in _tags(context):
            with warehouse.get_connection() as connection:
                at = changed_at(connection)
            context.instance.add_run_tags(context.run.run_id, {SEEN_TAG: at.isoformat() if at else _NOTHING})
        yield


def seen_to(context: dg.AssetExecutionContext) -> datetime | None:
    """What the run's first step noted."""
    noted = _tags(context).get(SEEN_TAG, _NOTHING)
    return None if noted == _NOTHING else datetime.fromisoformat(noted)


def _tags(context: dg.AssetExecutionContext) -> dict[str, str]:
    """The run's tags now; those of the context are as old as the process."""
    run = context.instance.get_run_by_id(context.run.run_id)
    return dict(run.tags) if run else {}
