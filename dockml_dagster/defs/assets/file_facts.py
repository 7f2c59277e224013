"""The asset that reads Compose files and CI workflows for advice: ``file_facts``.

Here: choosing the texts that were not read yet, and storing what they say. Not here: what they say
(``study.advice.project``). It is keyed by content, as ``dockerfile_readings`` is.
"""

from typing import Any

import dagster as dg

from dockml_dagster.defs.resources import WarehouseResource
from dockml_dagster.defs.runs.seen import step_of_findings
from dockml_dagster.progress import advance
from dockml_dagster.study.advice.project import FACTS_VERSION, READ_AS, file_facts
from dockml_dagster.warehouse.due.query import moment
from dockml_dagster.warehouse.rows import insert

TABLE = "raw.file_facts"
STORED_AT_ONCE = 1000
"""Texts a transaction: at most 256 KiB each."""

_UNREAD = f"""
    SELECT found.sha256, found.read_as, any_value(found.path) AS path
    FROM raw.repository_files AS found
    WHERE
        found.content IS NOT NULL
        AND list_contains($read_as, found.read_as)
        AND NOT EXISTS (
            SELECT 1 FROM {TABLE} AS known
            WHERE known.sha256 = found.sha256 AND known.read_as = found.read_as AND known.facts_version = $version
        )
    GROUP BY found.sha256, found.read_as
    ORDER BY found.sha256, found.read_as
"""
_CONTENT = """
    SELECT sha256, any_value(content) FROM raw.repository_files
    WHERE content IS NOT NULL AND sha256 IN (SELECT unnest($digests))
    GROUP BY sha256
"""


@dg.asset(
    key="file_facts",
    group_name="collection",
    kinds={"python", "duckdb"},
    deps=["dockerfiles"],
    code_version=FACTS_VERSION,
)
def file_facts_asset(
    context: dg.AssetExecutionContext, warehouse: WarehouseResource
) -> dg.MaterializeResult[None]:
    """What Compose files and CI workflows say about running and scanning images: privileges, root file system, scanners.

    Fills `raw.file_facts`, each distinct text once.
    """
    with step_of_findings(context, warehouse):
        return read_files(warehouse)


def read_files(warehouse: WarehouseResource) -> dg.MaterializeResult[None]:
    """Read the texts that this version did not read yet, ``STORED_AT_ONCE`` a transaction."""
    with warehouse.get_connection() as connection:
        asked = {"read_as": list(READ_AS), "version": FACTS_VERSION}
        unread = connection.execute(_UNREAD, asked).fetchall()
    stored = 0
    for start in range(0, len(unread), STORED_AT_ONCE):
        stored += _read_some(warehouse, unread[start : start + STORED_AT_ONCE])
    return dg.MaterializeResult(metadata={"texts read": len(unread), "rows": stored})


def _read_some(warehouse: WarehouseResource, texts: list[tuple[str, str, str]]) -> int:
    digests = [sha256 for sha256, _, _ in texts]
    with warehouse.get_connection() as connection:
        contents = dict(connection.execute(_CONTENT, {"digests": digests}).fetchall())
    rows: list[dict[str, Any]] = []
    for sha256, read_as, path in texts:
        key = {"sha256": sha256, "read_as": read_as, "facts_version": FACTS_VERSION}
        facts = file_facts(path, contents[sha256].decode("utf-8", "replace"))
        rows += [{**key, **fact._asdict()} for fact in facts]
        if not facts:
            rows.append({**key, "fact": None, "line": None, "what": None})
        advance("texts")
    with warehouse.get_connection() as connection:
        read_at = moment(connection)
        # Role by role: one text may be a Compose file here and a workflow there, and each is read in its time.
        connection.execute(
            f"DELETE FROM {TABLE} WHERE (sha256, read_as) IN (SELECT (unnest($digests), unnest($roles)))",
            {"digests": digests, "roles": [read_as for _, read_as, _ in texts]},
        )
        insert(connection, TABLE, [{**row, "read_at": read_at} for row in rows])
    return len(rows)
