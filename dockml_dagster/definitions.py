"""The Dagster entry point; everything it loads is in ``defs``."""

from __future__ import annotations

from pathlib import Path

import dagster as dg

from dockml_dagster.defs.automation.entity_limit import raise_entity_limit
from dockml_dagster.defs.resources import CorporaResource, WarehouseResource, say_where


@dg.definitions
def defs() -> dg.Definitions:
    """All of ``defs``, run in one process: threads and processes are used inside steps where they help."""
    say_where()
    raise_entity_limit()
    return dg.Definitions.merge(
        dg.load_from_defs_folder(path_within_project=Path(__file__).parent),
        dg.Definitions(
            executor=dg.in_process_executor,
            resources={"warehouse": WarehouseResource(), "corpora": CorporaResource()},
        ),
    )
