"""The Dagster entry point: it loads everything in ``defs``.

Here: what holds for all assets: executor, resources, owner, and the additions to each specification. Not here: any
asset, job or sensor (``defs``).
"""

from __future__ import annotations

import warnings
from pathlib import Path

import dagster as dg

from dockml_dagster.defs.assets.lineage import with_columns
from dockml_dagster.defs.assets.one_build import of_one_build
from dockml_dagster.defs.automation.condition import with_condition
from dockml_dagster.defs.automation.entity_limit import raise_entity_limit
from dockml_dagster.defs.resources import CorporaResource, WarehouseResource, say_where

OWNER = "team:dockml"
"""Owner of every asset in the UI: the operators of this system."""


@dg.definitions
def defs() -> dg.Definitions:
    """All of ``defs``, run in one process: threads and processes are used inside steps where they help."""
    say_where()
    raise_entity_limit()
    loaded = dg.Definitions.merge(
        dg.load_from_defs_folder(path_within_project=Path(__file__).parent),
        dg.Definitions(
            executor=dg.in_process_executor,
            resources={"warehouse": WarehouseResource(), "corpora": CorporaResource()},
        ),
    )
    with warnings.catch_warnings():
        # In preview; without it every asset would have to repeat what holds for all.
        warnings.simplefilter("ignore", dg.PreviewWarning)
        return loaded.map_asset_specs(func=_said_of_all)


def _said_of_all(spec: dg.AssetSpec) -> dg.AssetSpec:
    return with_columns(with_condition(of_one_build(spec.replace_attributes(owners=[OWNER]))))
