"""The asset that reads Dockerfile texts: ``dockerfile_readings``.

Here: choosing the texts that were not read yet by this version of the reader, and storing what was read. Does
not: reading (``study.dockerfile``). It is keyed by content, not by project: 2,493 files are 2,341 texts, and a new
reader needs no network.
"""

from collections import defaultdict
from typing import Any

import dagster as dg

from dockml_dagster.defs.resources import WarehouseResource
from dockml_dagster.defs.runs.seen import step_of_findings
from dockml_dagster.progress import advance
from dockml_dagster.study.readings import SEEDS, TABLES, Reader
from dockml_dagster.warehouse.due.contents import texts_to_read
from dockml_dagster.warehouse.due.query import moment
from dockml_dagster.warehouse.models import folder
from dockml_dagster.warehouse.rows import replace
from dockml_dagster.warehouse.versions import reader_version

_CONTENT = """
    SELECT any_value(content) FROM raw.dockerfiles
    WHERE sha256 IN (SELECT unnest($digests))
    GROUP BY sha256
    ORDER BY sha256
"""
STORED_AT_ONCE = 2500
"""Texts a transaction: bounds memory at any number of projects, and what an interrupted run loses to about ten seconds."""


@dg.definitions
def reading_definitions() -> dg.Definitions:
    """The asset. A function, because its code version is read out of files."""

    @dg.asset(
        group_name="collection",
        kinds={"python", "duckdb"},
        deps=["dockerfiles"],
        code_version=reader_version(),
    )
    def dockerfile_readings(
        context: dg.AssetExecutionContext, warehouse: WarehouseResource
    ) -> dg.MaterializeResult[None]:
        """Every distinct Dockerfile text, read twice: as BuildKit reads it and as the paper did.

        Fills `raw.dockerfile_readings` and the tables of its instructions, stages, RUN commands and word counts.
        """
        with step_of_findings(context, warehouse):
            return read_texts(warehouse)

    return dg.Definitions(assets=[dockerfile_readings])


def read_texts(warehouse: WarehouseResource) -> dg.MaterializeResult[None]:
    """Read the texts that this version did not read yet, ``STORED_AT_ONCE`` a transaction."""
    with warehouse.get_connection() as connection:
        unread = texts_to_read(connection, reader_version())
    reader = Reader(
        {name: (folder() / "seeds" / f"{name}.csv").read_text(encoding="utf-8") for name in SEEDS}
    )
    written = 0
    for start in range(0, len(unread), STORED_AT_ONCE):
        written += _read_some(warehouse, reader, unread[start : start + STORED_AT_ONCE])
    return dg.MaterializeResult(metadata={"texts read": len(unread), "rows": written})


def _read_some(warehouse: WarehouseResource, reader: Reader, digests: list[str]) -> int:
    """Read and store some texts, holding the writer's lock only to fetch and to store; returns the rows stored."""
    with warehouse.get_connection() as connection:
        texts = connection.execute(_CONTENT, {"digests": digests}).fetchall()
    rows: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for (content,) in texts:
        for table, row in reader.rows(content):
            rows[table].append(row)
        advance("texts")
    with warehouse.get_connection() as connection:
        read_at = moment(connection)
        for row in rows["raw.dockerfile_readings"]:
            row |= {"read_at": read_at, "reader_version": reader_version()}
        for table in TABLES:
            replace(connection, table, "sha256", digests, rows[table])
    return sum(len(found) for found in rows.values())
