"""The last asset of the graph: ``published``, the read-only file for all queries.

Here: the asset. Not here: the copying (``warehouse.published.swap``).
"""

import dagster as dg

from dockml_dagster.corpora.base import STAGES
from dockml_dagster.defs.assets.tables import asset_key
from dockml_dagster.defs.jobs import READ_BY_PYTHON
from dockml_dagster.defs.resources import WarehouseResource
from dockml_dagster.defs.runs.seen import makes_all_current, seen_before, step_of_findings
from dockml_dagster.settings import Settings
from dockml_dagster.warehouse.checks import failed_checks, known_checks, require_passed
from dockml_dagster.warehouse.due.storages import storage_of
from dockml_dagster.warehouse.due.work import record_build, record_figures
from dockml_dagster.warehouse.maintenance import compact_if_worth
from dockml_dagster.warehouse.models import load
from dockml_dagster.warehouse.published.dictionary import write_dictionary
from dockml_dagster.warehouse.published.swap import publish
from dockml_dagster.warehouse.versions import build_version, code_version


@dg.definitions
def publishing_definitions() -> dg.Definitions:
    """The asset, after every finding."""
    project = load()
    made = [*project.models, *project.computed]
    findings = [asset_key(model.name) for model in made if model.schema == "findings"]
    # Views are as current as the tables that they show.
    tables = [asset_key(model.name) for model in made if not model.is_view]
    known = known_checks(project)
    whole = {*tables, *map(dg.AssetKey, READ_BY_PYTHON)}

    # The copy contains the collected tables too.
    collected = [dg.AssetKey(name) for name in ("repo_list", "labels", *STAGES, *READ_BY_PYTHON)]

    @dg.asset(
        group_name="published",
        kinds={"duckdb"},
        deps=[*findings, *collected],
        code_version=code_version(
            ("warehouse.published.swap",), ("warehouse.published",), Settings.from_environment()
        ),
    )
    def published(
        context: dg.AssetExecutionContext, warehouse: WarehouseResource
    ) -> dg.MaterializeResult[None]:
        """A copy of the warehouse for readers, swapped in by rename: it can stay open while a run goes on."""
        settings = Settings.from_environment()
        with step_of_findings(context, warehouse):
            with warehouse.get_connection() as connection:
                require_passed(failed_checks(connection, lambda: known))
                record_figures(connection)
                # Otherwise tables that the run left out would count as made from everything that it saw.
                if makes_all_current(context, whole):
                    record_build(
                        connection,
                        build_version(settings),
                        seen_before(context),
                        storage=storage_of(settings),
                    )
            target = settings.published
            size = publish(warehouse.warehouse, target)
            page = write_dictionary(target, project)
            compacted = compact_if_worth(warehouse.warehouse)
        return dg.MaterializeResult(
            metadata={
                "path": dg.MetadataValue.path(str(target)),
                "data dictionary": dg.MetadataValue.path(str(page)),
                "bytes": size,
                "compacted": bool(compacted),
            }
        )

    return dg.Definitions(assets=[published])
