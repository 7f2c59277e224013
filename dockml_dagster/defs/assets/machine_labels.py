"""The asset of machine labels: ``machine_labels``.

Here: passing the due projects to the labellers. Not here: which are due (``warehouse.due``), the labellers
(``study.labels.machine``). After a change of the rules every project is labelled again, without network.
"""

from functools import partial

import dagster as dg

from dockml_dagster.corpora.derived import Apart, pairs, projects_labelled
from dockml_dagster.defs.assets.tables import filled
from dockml_dagster.defs.resources import WarehouseResource
from dockml_dagster.defs.runs.seen import step_of_findings
from dockml_dagster.settings import Settings
from dockml_dagster.warehouse.due.derivation import UNIT_SECONDS, WHOLE, Derived, Part, derive
from dockml_dagster.warehouse.due.derivations import LABELS
from dockml_dagster.warehouse.label_model import label_seeds
from dockml_dagster.warehouse.versions import version_of


@dg.definitions
def machine_label_definitions() -> dg.Definitions:
    """The asset. A function, because its code version is computed from files."""

    @dg.asset(
        group_name="collection",
        kinds={"python", "duckdb"},
        deps=["repo_list", "dockerfiles"],
        code_version=version(Settings.from_environment()),
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


def version(settings: Settings) -> str:
    """The current version of this derivation."""
    return version_of(LABELS, settings)


def label_some(warehouse: WarehouseResource, part: Part = WHOLE) -> Derived:
    """Label the due projects of a part."""
    settings = Settings.from_environment()
    compute = partial(projects_labelled, pairs(label_seeds(settings)))
    with Apart("projects labelled", unit_seconds=UNIT_SECONDS) as apart:
        return derive(
            warehouse.get_connection, LABELS, version(settings), compute, start=apart.start, part=part
        )


def label_projects(warehouse: WarehouseResource) -> dg.MaterializeResult[None]:
    """Label the due projects."""
    done = label_some(warehouse)
    return filled(warehouse, LABELS.name, {"projects labelled": done.units, "new rows": done.rows})
