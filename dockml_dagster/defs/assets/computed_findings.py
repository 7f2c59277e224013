"""The findings that SQL cannot compute, as assets with their checks.

Here: one step per computation. Not here: the list of computations (``warehouse.computed.findings``), the computing.
"""

from collections.abc import Iterator

import dagster as dg

from dockml_dagster.defs.assets.tables import (
    asset_key,
    check_result,
    check_specs,
    keep_failed,
    table_metadata,
)
from dockml_dagster.defs.resources import WarehouseResource
from dockml_dagster.defs.runs.retries import verdict
from dockml_dagster.progress import advance, at
from dockml_dagster.settings import Settings
from dockml_dagster.warehouse import build
from dockml_dagster.warehouse.computed.findings import COMPUTATIONS, Computation
from dockml_dagster.warehouse.models import Project, load
from dockml_dagster.warehouse.versions import code_version


@dg.definitions
def computed_findings() -> dg.Definitions:
    """The assets, after the core tables that they read."""
    project = load()
    return dg.Definitions(assets=[_assets(project, computation) for computation in COMPUTATIONS])


def _assets(project: Project, computation: Computation) -> dg.AssetsDefinition:
    models = [project.by_name[table] for table in computation.tables]
    specs = [
        dg.AssetSpec(
            asset_key(model.name),
            deps=[asset_key(name) for name in (*computation.reads, "repo_list")],
            code_version=code_version(
                (computation.write.__module__.removeprefix("dockml_dagster."),),
                ("study", "warehouse.computed"),
                Settings.from_environment(),
            ),
            description=model.description,
            group_name="findings",
            kinds={"python", "table"},
            metadata={"dagster/table_name": model.name, **computation.settings},
            skippable=True,
        )
        for model in models
    ]
    checks = [check for model in models for check in check_specs(model)]

    @dg.multi_asset(name=computation.name, specs=specs, check_specs=checks, can_subset=True)
    def computed(
        context: dg.AssetExecutionContext, warehouse: WarehouseResource
    ) -> Iterator[dg.MaterializeResult[None] | dg.AssetCheckResult]:
        wanted = {(key.asset_key, key.name) for key in context.selected_asset_check_keys}
        results = []
        with verdict(context):
            with warehouse.get_connection() as connection:
                # All tables of a computation, whichever are selected: they are computed together.
                rows = computation.write(connection, project) if context.selected_asset_keys else {}
                for model in models:
                    key = asset_key(model.name)
                    if key in context.selected_asset_keys:
                        advance("models")
                        at(model.name)
                        yield dg.MaterializeResult(
                            asset_key=key, metadata=table_metadata(connection, model, rows[model.name])
                        )
                    for tested in build.test(connection, model, rows=rows.get(model.name)):
                        if rows or (key, tested.name) in wanted:
                            results.append((model.name, tested))
                        if (key, tested.name) in wanted:
                            yield check_result(key, tested)
            keep_failed(warehouse, results)

    return computed
