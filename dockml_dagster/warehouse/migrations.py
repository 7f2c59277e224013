"""The schema of ``raw.*`` over time: numbered SQL files, each applied once, in order.

Here: applying them and recording which were applied. Not here: the tables themselves (``migrations``), the meaning of
their columns, which is in ``dbt_like_sql/raw.yml``. A released file is never edited: a change is a new file.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING

from dockml_dagster.errors import BadInputError
from dockml_dagster.settings import Location
from dockml_dagster.warehouse import layer_files

if TYPE_CHECKING:
    import duckdb


@cache
def available() -> Mapping[int, str]:
    """Number → SQL text of every migration of this version of dockml, ascending."""
    folder = resources.files("dockml_dagster.warehouse") / "migrations"
    files = sorted((entry for entry in folder.iterdir() if entry.name.endswith(".sql")), key=lambda e: e.name)
    return {int(entry.name.partition("_")[0]): entry.read_text(encoding="utf-8") for entry in files}


def apply(connection: duckdb.DuckDBPyConnection, at: Location | None = None) -> list[int]:
    """Migrate the open database to this version's schema inside the caller's transaction; returns the numbers applied.

    ``at``: its location. A database that this process has checked is not checked again in full, only for its migration
    numbers: a full check costs more than a short transaction's own statements.

    Raises:
        BadInputError: a newer dockml wrote the file, or one between two releases with other tables.
    """
    migrations = available()
    place = _place(at)
    if place in _in_order and _numbers(connection) == migrations.keys():
        return []
    connection.execute("CREATE SCHEMA IF NOT EXISTS raw")
    connection.execute(
        "CREATE TABLE IF NOT EXISTS raw.schema_migrations (number BIGINT NOT NULL, applied_at TIMESTAMP NOT NULL)"
    )
    done = _numbers(connection)
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
    changed = layer_files.define_view(connection)
    # Changes of this transaction may still be rolled back.
    if place is not None and not due and not changed:
        _in_order.add(place)
    return due


_Place = tuple[str, int, int]
_in_order: set[_Place] = set()


def _place(at: Location | None) -> _Place | None:
    """The location and identity of the file: a replaced file is another one. None: check it in full."""
    if at is None or at.file is None:
        return None if at is None else (at.address, 0, 0)
    with suppress(OSError):
        layer_files.empty_file(at.file.parent).stat()
        found = at.file.stat()
        return at.address, found.st_dev, found.st_ino
    return None


def _numbers(connection: duckdb.DuckDBPyConnection) -> set[int]:
    """Numbers of the migrations applied to the connected database."""
    # Not by trying: in DuckDB 2 a failing statement ends the transaction.
    if not connection.execute(_KNOWS_NUMBERS).fetchall():
        return set()
    return {number for (number,) in connection.execute("SELECT number FROM raw.schema_migrations").fetchall()}


_KNOWS_NUMBERS = """
    SELECT 1
    FROM duckdb_tables()
    WHERE database_name = current_database() AND schema_name = 'raw' AND table_name = 'schema_migrations'
"""


def differences(connection: duckdb.DuckDBPyConnection) -> list[str]:
    """Tables whose columns differ from those that the migrations make, each in a few words; other tables are ignored.

    Before a release a migration is edited in place, so its number does not reveal a file made by an earlier version.
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
