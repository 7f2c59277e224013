"""The asset that links projects to images: ``image_links``.

Here: passing the due projects to the rules. Not here: which are due (``warehouse.due``), the rules
(``study.image_links``). After a change of the rules every project is linked again, without network.
"""

from functools import partial

import dagster as dg

from dockml_dagster.clients.registry.settings import RegistrySettings
from dockml_dagster.corpora.derived import Apart, projects_linked
from dockml_dagster.defs.assets.tables import filled
from dockml_dagster.defs.resources import WarehouseResource
from dockml_dagster.defs.runs.seen import step_of_findings
from dockml_dagster.settings import Settings
from dockml_dagster.warehouse.due.derivation import UNIT_SECONDS, WHOLE, Derived, Part, derive
from dockml_dagster.warehouse.due.derivations import LINKS
from dockml_dagster.warehouse.versions import version_of


@dg.definitions
def image_link_definitions() -> dg.Definitions:
    """The asset. A function, because its code version is computed from files."""

    @dg.asset(
        group_name="collection",
        kinds={"python", "duckdb"},
        deps=["repo_list", "dockerfiles", "manifests"],
        code_version=version_of(LINKS, Settings.from_environment()),
    )
    def image_links(
        context: dg.AssetExecutionContext, warehouse: WarehouseResource
    ) -> dg.MaterializeResult[None]:
        """Which images belong to each project, with the file and line that shows it and a grade (confirmed …).

        Fills `raw.image_links`, `raw.image_reference_grades` (the grade of every image that a source names for a project,
        none among them) and `raw.image_link_readings`.
        """
        with step_of_findings(context, warehouse):
            return link_projects(warehouse)

    return dg.Definitions(assets=[image_links])


def version(settings: Settings) -> str:
    """The current version of linking. Links depend on the accepted registries as well as on the rules."""
    own = RegistrySettings.parse(settings.registries).own
    return " ".join([version_of(LINKS, settings), *sorted(own)])


def link_some(warehouse: WarehouseResource, part: Part = WHOLE) -> Derived:
    """Link the due projects of a part."""
    settings = Settings.from_environment()
    compute = partial(projects_linked, frozenset(RegistrySettings.parse(settings.registries).own))
    with Apart("projects linked", unit_seconds=UNIT_SECONDS) as apart:
        return derive(
            warehouse.get_connection, LINKS, version(settings), compute, start=apart.start, part=part
        )


def link_projects(warehouse: WarehouseResource) -> dg.MaterializeResult[None]:
    """Link the due projects to their images."""
    done = link_some(warehouse)
    return filled(warehouse, LINKS.name, {"projects read": done.units, "new rows": done.rows})
