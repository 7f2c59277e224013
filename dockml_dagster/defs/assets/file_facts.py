"""The asset that reads Compose files and CI workflows for advice: ``file_facts``.

Here: passing the due texts to their reader. Not here: which are due (``warehouse.due``), reading them
(``study.advice.project``).
"""

from collections.abc import Sequence
from typing import Any

import dagster as dg

from dockml_dagster.defs.assets.tables import filled
from dockml_dagster.defs.resources import WarehouseResource
from dockml_dagster.defs.runs.seen import step_of_findings
from dockml_dagster.progress import advance
from dockml_dagster.settings import Settings
from dockml_dagster.study.advice.project import fact_rows
from dockml_dagster.warehouse.due.derivation import Attempt, Found, Rows, Unit, derive
from dockml_dagster.warehouse.due.derivations import FACTS
from dockml_dagster.warehouse.versions import version_of


@dg.definitions
def file_fact_definitions() -> dg.Definitions:
    """The asset. A function, because its code version is computed from files."""

    @dg.asset(
        group_name="collection",
        kinds={"python", "duckdb"},
        deps=["repo_list", "dockerfiles"],
        code_version=version_of(FACTS, Settings.from_environment()),
    )
    def file_facts(
        context: dg.AssetExecutionContext, warehouse: WarehouseResource
    ) -> dg.MaterializeResult[None]:
        """What Compose files and CI workflows say about running and scanning images: privileges, root file system, scanners.

        Fills `raw.file_facts`, each distinct text once.
        """
        with step_of_findings(context, warehouse):
            return read_files(warehouse)

    return dg.Definitions(assets=[file_facts])


def read_files(warehouse: WarehouseResource) -> dg.MaterializeResult[None]:
    """Read the due texts, each in all of its roles."""

    def read(units: Sequence[Unit], found: Found, attempt: Attempt) -> Rows:
        contents = dict(found["texts"])
        rows: list[dict[str, Any]] = []
        for unit in units:
            key = {"sha256": unit["sha256"], "read_as": unit["read_as"]}
            made: list[dict[str, Any]] = []
            with attempt(unit):
                made = [{**key, **row} for row in fact_rows(unit["path"], contents[unit["sha256"]])]
            rows += made
            advance("texts")
        return {"raw.file_facts": rows}

    version = version_of(FACTS, Settings.from_environment())
    done = derive(warehouse.get_connection, FACTS, version, read)
    return filled(warehouse, FACTS.name, {"texts read": done.units, "new rows": done.rows})
