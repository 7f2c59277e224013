"""The schema of ``raw.*`` over time: numbered SQL files, each applied once, in order.

Belongs here: applying them and knowing which were applied. The tables themselves are in ``migrations/*.sql``;
their columns are documented in ``dbt_like_sql/raw.yml``. A released file is never edited: a change is a new file.
"""

from __future__ import annotations

from importlib import resources
from typing import TYPE_CHECKING

from dockml_dagster.errors import BadInputError
from dockml_dagster.warehouse import layer_files

if TYPE_CHECKING:
    import duckdb


def available() -> dict[int, str]:
    """Number → SQL text of every migration of this version of dockml, ascending."""
    folder = resources.files("dockml_dagster.warehouse") / "migrations"
    files = sorted((entry for entry in folder.iterdir() if entry.name.endswith(".sql")), key=lambda e: e.name)
    return {int(entry.name.split("_", 1)[0]): entry.read_text(encoding="utf-8") for entry in files}


def apply(connection: duckdb.DuckDBPyConnection) -> list[int]:
    """Bring the open file to this version's schema inside the caller's transaction; returns the numbers applied.

    Raises:
        BadInputError: a newer dockml wrote the file.
    """
    connection.execute("CREATE SCHEMA IF NOT EXISTS raw")
    connection.execute(
        "CREATE TABLE IF NOT EXISTS raw.schema_migrations (number INTEGER NOT NULL, applied_at TIMESTAMP NOT NULL)"
    )
    done = {number for (number,) in connection.execute("SELECT number FROM raw.schema_migrations").fetchall()}
    migrations = available()
    unknown = done - migrations.keys()
    if unknown:
        raise BadInputError(
            f"the warehouse has schema {max(unknown)}, this dockml knows up to {max(migrations)}; use a newer dockml"
        )
    due = [number for number in migrations if number not in done]
    for number in due:
        connection.execute(migrations[number])
        connection.execute("INSERT INTO raw.schema_migrations VALUES (?, now()::TIMESTAMP)", [number])
    layer_files.define_view(connection)
    return due
