"""The asset that links projects to images: ``image_links``.

Here: handing the projects that are due to the rules. Not here: which are due (``warehouse.due``), the rules
(``study.image_links``). Changed rules read every project again without the network.
"""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import dagster as dg

from dockml_dagster.clients.registry.settings import RegistrySettings
from dockml_dagster.corpora.links import links_of_texts
from dockml_dagster.defs.assets.tables import filled
from dockml_dagster.defs.resources import WarehouseResource
from dockml_dagster.defs.runs.seen import step_of_findings
from dockml_dagster.progress import advance
from dockml_dagster.settings import Settings
from dockml_dagster.study.image_links.rows import NamedImage, link_rows
from dockml_dagster.warehouse.due.derivation import Attempt, Found, Rows, Unit, derive
from dockml_dagster.warehouse.due.derivations import LINKS
from dockml_dagster.warehouse.versions import version_of


@dg.definitions
def image_link_definitions() -> dg.Definitions:
    """The asset. A function, because its code version is read out of files."""

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


def link_projects(warehouse: WarehouseResource) -> dg.MaterializeResult[None]:
    """Link the projects that are due to their images."""
    settings = Settings.from_environment()
    own = RegistrySettings.parse(settings.registries).own
    links = 0

    def link(units: Sequence[Unit], found: Found, attempt: Attempt) -> Rows:
        nonlocal links
        texts: dict[str, dict[str, str]] = defaultdict(dict)
        for project, path, content in found["files"]:
            texts[project][path] = content.decode("utf-8", "replace")
        images: dict[str, list[NamedImage]] = defaultdict(list)
        for project, *image in found["images"]:
            images[project].append(NamedImage(*image))
        rows: dict[str, list[dict[str, Any]]] = defaultdict(list)
        for unit in units:
            project = unit["project"]
            made: list[tuple[str, dict[str, Any]]] = []
            with attempt(unit):
                made = list(link_rows(unit["name"], texts[project], images[project], own, links_of_texts))
            for table, row in made:
                rows[f"raw.{table}"].append({"project": project, "corpus": unit["corpus"], **row})
            advance("projects linked")
        links += len(rows["raw.image_links"])
        return rows

    # Which registries are real decides on links as the rules do.
    version = " ".join([version_of(LINKS, settings), *sorted(own)])
    done = derive(warehouse.get_connection, LINKS, version, link)
    return filled(warehouse, LINKS.name, {"projects read": done.units, "new links": links})
