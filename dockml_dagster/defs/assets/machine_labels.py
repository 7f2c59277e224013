"""The asset that labels: ``machine_labels``.

Here: handing the projects that are due to the labellers. Not here: which are due (``warehouse.due``), the labellers
(``study.labels.machine``). A changed rule labels every project again without the network.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

import dagster as dg

from dockml_dagster.defs.assets.tables import filled
from dockml_dagster.defs.resources import WarehouseResource
from dockml_dagster.defs.runs.seen import step_of_findings
from dockml_dagster.progress import advance
from dockml_dagster.settings import Settings
from dockml_dagster.study.labels.machine import Labeller
from dockml_dagster.study.project.facts import ProjectMetadata
from dockml_dagster.warehouse.due.derivation import Attempt, Found, Rows, Unit, derive
from dockml_dagster.warehouse.due.derivations import LABELS
from dockml_dagster.warehouse.label_model import label_seeds
from dockml_dagster.warehouse.versions import version_of


@dg.definitions
def machine_label_definitions() -> dg.Definitions:
    """The asset. A function, because its code version is read out of files."""

    @dg.asset(
        group_name="collection",
        kinds={"python", "duckdb"},
        deps=["repo_list", "dockerfiles"],
        code_version=version_of(LABELS, Settings.from_environment()),
    )
    def machine_labels(
        context: dg.AssetExecutionContext, warehouse: WarehouseResource
    ) -> dg.MaterializeResult[None]:
        """Category and purposes of every project and the purposes of every Dockerfile, as the labellers see them.

        Fills `raw.machine_labels` (with probability; "cannot tell" is an answer) and `raw.machine_label_evidence` (file,
        line, rule).
        """
        with step_of_findings(context, warehouse):
            return label_projects(warehouse)

    return dg.Definitions(assets=[machine_labels])


def label_projects(warehouse: WarehouseResource) -> dg.MaterializeResult[None]:
    """Label the projects that are due."""
    labeller = Labeller(label_seeds(Settings.from_environment()))

    def label(units: Sequence[Unit], found: Found, attempt: Attempt) -> Rows:
        dockerfiles = by_project(found["dockerfiles"])
        files = by_project(
            (project, path, (content, size)) for project, path, content, size in found["files"]
        )
        rows: dict[str, list[dict[str, Any]]] = defaultdict(list)
        for unit in units:
            project = unit["project"]
            metadata = ProjectMetadata(
                unit["name"], unit["description"], tuple(unit["topics"] or ()), unit["language"]
            )
            of_project: list[tuple[str, dict[str, Any]]] = []
            with attempt(unit):
                of_project = list(
                    labeller.rows_of_files(
                        project, metadata, dockerfiles[project], files[project], whole=unit["whole"]
                    )
                )
            for table, row in of_project:
                rows[f"raw.{table}"].append({"project": project, "corpus": unit["corpus"], **row})
            advance("projects labelled")
        return rows

    version = version_of(LABELS, Settings.from_environment())
    done = derive(warehouse.get_connection, LABELS, version, label)
    return filled(warehouse, LABELS.name, {"projects labelled": done.units, "new rows": done.rows})


def by_project(rows: Iterable[Sequence[Any]]) -> dict[str, dict[str, Any]]:
    """Project → path → content, of rows of the three."""
    found: dict[str, dict[str, Any]] = defaultdict(dict)
    for project, path, content in rows:
        found[project][path] = content
    return found
