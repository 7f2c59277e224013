"""The current rows of all collected ones, for assets that run before the SQL models.

Here: reusing the one definition, ``staging/visits.sql``. Not here: a second one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dockml_dagster.warehouse.models import folder

if TYPE_CHECKING:
    import duckdb


def make_visits(connection: duckdb.DuckDBPyConnection) -> None:
    """Make the temporary view ``visits`` for this connection: what ``staging.visits`` would be if it were made now."""
    statement = (folder() / "staging" / "visits.sql").read_text(encoding="utf-8")
    connection.execute(f"CREATE OR REPLACE TEMP VIEW visits AS {statement}")
