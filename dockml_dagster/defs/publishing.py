"""The last asset of the graph: ``published``, the read-only file for everybody who asks questions.

Belongs here: the asset. The copying is in ``warehouse.publish``.
"""

import dagster as dg

from dockml_dagster.build_version import build_version
from dockml_dagster.defs.resources import WarehouseResource
from dockml_dagster.defs.sql_models import asset_key
from dockml_dagster.defs.verdict import verdict
from dockml_dagster.settings import Settings
from dockml_dagster.warehouse.care import compact_if_worth
from dockml_dagster.warehouse.due import record_build, record_figures
from dockml_dagster.warehouse.models import load
from dockml_dagster.warehouse.publish import publish


@dg.definitions
def publishing_definitions() -> dg.Definitions:
    """The asset, after every finding."""
    project = load()
    findings = [
        asset_key(model.name) for model in (*project.models, *project.computed) if model.schema == "findings"
    ]

    @dg.asset(group_name="published", kinds={"duckdb"}, deps=findings)
    def published(
        context: dg.AssetExecutionContext, warehouse: WarehouseResource
    ) -> dg.MaterializeResult[None]:
        """A copy of the warehouse for readers, swapped in by rename: it can stay open while a run goes on."""
        with verdict(context):
            with warehouse.get_connection() as connection:
                record_figures(connection)
                record_build(connection, build_version())
            target = Settings.from_environment().published
            size = publish(warehouse.warehouse, target)
            compacted = compact_if_worth(warehouse.warehouse)
        return dg.MaterializeResult(
            metadata={"path": dg.MetadataValue.path(str(target)), "bytes": size, "compacted": bool(compacted)}
        )

    return dg.Definitions(assets=[published])
