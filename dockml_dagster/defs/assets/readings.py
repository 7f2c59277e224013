"""The asset that reads Dockerfile texts: ``dockerfile_readings``.

Here: passing the due texts to the reader. Not here: which are due (``warehouse.due``), reading
(``study.readings``). Reading again after a change needs no network.
"""

from functools import partial

import dagster as dg

from dockml_dagster.corpora.derived import Apart, pairs, texts_read
from dockml_dagster.defs.assets.tables import filled
from dockml_dagster.defs.resources import WarehouseResource
from dockml_dagster.defs.runs.seen import step_of_findings
from dockml_dagster.settings import Settings
from dockml_dagster.warehouse.due.derivation import UNIT_SECONDS, WHOLE, Derived, Part, derive
from dockml_dagster.warehouse.due.derivations import READINGS
from dockml_dagster.warehouse.models import seed_texts
from dockml_dagster.warehouse.versions import version_of


@dg.definitions
def reading_definitions() -> dg.Definitions:
    """The asset. A function, because its code version is computed from files."""

    @dg.asset(
        group_name="collection",
        kinds={"python", "duckdb"},
        deps=["repo_list", "dockerfiles", "rebuilds"],
        code_version=version(Settings.from_environment()),
    )
    def dockerfile_readings(
        context: dg.AssetExecutionContext, warehouse: WarehouseResource
    ) -> dg.MaterializeResult[None]:
        """Every distinct Dockerfile text of now and of the histories, read twice: as BuildKit reads it and as the paper did.

        Fills `raw.dockerfile_readings` and the tables of its instructions, stages, RUN commands and word counts.
        """
        with step_of_findings(context, warehouse):
            return read_texts(warehouse)

    return dg.Definitions(assets=[dockerfile_readings])


def version(settings: Settings) -> str:
    """The current version of this derivation."""
    return version_of(READINGS, settings)


def read_some(warehouse: WarehouseResource, part: Part = WHOLE) -> Derived:
    """Read the due texts of a part."""
    compute = partial(texts_read, pairs(seed_texts(READINGS.seeds)))
    with Apart("texts", unit_seconds=UNIT_SECONDS) as apart:
        return derive(
            warehouse.get_connection,
            READINGS,
            version(Settings.from_environment()),
            compute,
            start=apart.start,
            part=part,
        )


def read_texts(warehouse: WarehouseResource) -> dg.MaterializeResult[None]:
    """Read the due texts."""
    done = read_some(warehouse)
    return filled(warehouse, READINGS.name, {"texts read": done.units, "new rows": done.rows})
