"""The schema of ``raw.*`` over time: numbered SQL files, each applied once, in order.

Belongs here: applying them and knowing which were applied. The tables themselves are in ``migrations/*.sql``;
their columns are documented in ``dbt_like_sql/raw.yml``. A released file is never edited: a change is a new file.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
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
        BadInputError: a newer dockml wrote the file, or one between two releases, whose tables were others.
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
    if len(due) < len(migrations):
        _require_tables(connection, migrations)
    layer_files.define_view(connection)
    return due


def differences(connection: duckdb.DuckDBPyConnection) -> list[str]:
    """Tables whose columns are not those that the migrations make, each in a few words; other tables are not looked at.

    Before a release a migration changes in place, and no number tells a file that was made before.
    """
    return _differences(connection, available())


def _differences(connection: duckdb.DuckDBPyConnection, migrations: Mapping[int, str]) -> list[str]:
    found = _columns(connection)
    said = []
    for table, columns in sorted(_columns_made_by(tuple(migrations.values())).items()):
        if table not in found:
            said.append(f"there is no raw.{table}")
        elif missing := columns - found[table]:
            said.append(f"raw.{table} has no {', '.join(sorted(missing))}")
        elif more := found[table] - columns:
            said.append(f"raw.{table} still has {', '.join(sorted(more))}")
    return said


def _require_tables(connection: duckdb.DuckDBPyConnection, migrations: Mapping[int, str]) -> None:
    if said := _differences(connection, migrations):
        more = f"; {len(said) - 1} tables more differ" if len(said) > 1 else ""
        raise BadInputError(f"{OTHER_TABLES} ({said[0]}{more}). Nothing was changed; {START_ANEW}")


OTHER_TABLES = "the warehouse was made by a dockml between two releases, and its tables are not this one's"
START_ANEW = (
    "move warehouse/dockml.duckdb in DOCKML_HOME away and run the same command again: what was downloaded is kept in the "
    "cache, and layers that were read are not read again"
)

_COLUMNS = """
    SELECT table_name, column_name
    FROM duckdb_columns()
    WHERE database_name = current_database() AND schema_name = 'raw'
"""


@cache
def _columns_made_by(texts: tuple[str, ...]) -> Mapping[str, set[str]]:
    """Table → columns after these migrations."""
    import duckdb

    with duckdb.connect() as connection:
        connection.execute("CREATE SCHEMA raw")
        for text in texts:
            connection.execute(text)
        return _columns(connection)


def _columns(connection: duckdb.DuckDBPyConnection) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for table, column in connection.execute(_COLUMNS).fetchall():
        found.setdefault(table, set()).add(column)
    return found
