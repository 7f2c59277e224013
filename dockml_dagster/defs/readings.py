"""The asset that reads Dockerfile texts: ``dockerfile_readings``.

Belongs here: choosing the texts that were not read yet by this version of the reader, and storing what was read. Does
not: reading (``study.dockerfile``). It is keyed by content, not by project: 2,493 files are 2,341 texts, and a new
reader needs no network.
"""

from collections import defaultdict
from typing import Any

import dagster as dg

from dockml_dagster.build_version import reader_version
from dockml_dagster.defs.resources import WarehouseResource
from dockml_dagster.progress import advance
from dockml_dagster.study.dockerfile.tables import READER_VERSION, SEEDS, TABLES, Reader
from dockml_dagster.warehouse.due import moment
from dockml_dagster.warehouse.models import folder
from dockml_dagster.warehouse.rows import insert, qualified

_UNREAD = """
    SELECT found.sha256, any_value(found.content) AS content
    FROM raw.dockerfiles AS found
    WHERE NOT EXISTS (
        SELECT 1 FROM raw.dockerfile_readings AS known
        WHERE known.sha256 = found.sha256 AND known.reader_version = ?
    )
    GROUP BY found.sha256
    ORDER BY found.sha256
"""


@dg.asset(
    group_name="collection", kinds={"python", "duckdb"}, deps=["dockerfiles"], code_version=READER_VERSION
)
def dockerfile_readings(warehouse: WarehouseResource) -> dg.MaterializeResult[None]:
    """Every distinct Dockerfile text, read twice: as BuildKit reads it and as the paper did.

    Fills `raw.dockerfile_readings` and the tables of its instructions, stages, RUN commands and word counts.
    """
    with warehouse.get_connection() as connection:
        unread = connection.execute(_UNREAD, [reader_version()]).fetchall()
    reader = Reader(
        {name: (folder() / "seeds" / f"{name}.csv").read_text(encoding="utf-8") for name in SEEDS}
    )
    rows: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for _, content in unread:
        for table, row in reader.rows(content):
            rows[table].append(row)
        advance("texts")
    with warehouse.get_connection() as connection:
        read_at = moment(connection)
        for row in rows["raw.dockerfile_readings"]:
            row |= {"read_at": read_at, "reader_version": reader_version()}
        digests = [sha256 for sha256, _ in unread]
        for table in TABLES:
            connection.execute(
                f"DELETE FROM {qualified(table)} WHERE sha256 IN (SELECT unnest($digests))",
                {"digests": digests},
            )
            insert(connection, table, rows[table])
    return dg.MaterializeResult(
        metadata={"texts read": len(unread), "rows": sum(len(found) for found in rows.values())}
    )
