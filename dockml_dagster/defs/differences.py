"""The two findings that SQL cannot compute: ``findings/category_differences`` and ``findings/cohort_differences``.

Belongs here: the assets and their checks. Does not: what is compared and how (``dockml_dagster.differences``).
"""

from collections.abc import Iterator

import dagster as dg

from dockml_dagster.defs.resources import WarehouseResource
from dockml_dagster.defs.sql_models import asset_key, check_result, check_specs
from dockml_dagster.defs.verdict import verdict
from dockml_dagster.differences import DRAWS, SEED, write_differences
from dockml_dagster.progress import advance
from dockml_dagster.warehouse import build
from dockml_dagster.warehouse.models import load

_READS = ("core.unit_measures", "core.categories")


@dg.definitions
def differences_definitions() -> dg.Definitions:
    """The assets, after the core tables that they read."""
    project = load()
    specs = [
        dg.AssetSpec(
            asset_key(model.name),
            deps=[asset_key(name) for name in _READS],
            description=model.description,
            group_name="findings",
            kinds={"python", "table"},
            metadata={"dagster/table_name": model.name, "bootstrap draws": DRAWS, "seed": SEED},
        )
        for model in project.computed
    ]
    checks = [check for model in project.computed for check in check_specs(model)]

    @dg.multi_asset(name="differences", specs=specs, check_specs=checks)
    def differences(
        context: dg.AssetExecutionContext, warehouse: WarehouseResource
    ) -> Iterator[dg.MaterializeResult[None] | dg.AssetCheckResult]:
        with verdict(context), warehouse.get_connection() as connection:
            rows = write_differences(connection, project)
            for model in project.computed:
                advance("models")
                yield dg.MaterializeResult(
                    asset_key=asset_key(model.name), metadata={"dagster/row_count": rows[model.name]}
                )
                for tested in build.test(connection, model):
                    yield check_result(asset_key(model.name), tested)

    return dg.Definitions(assets=[differences])
