"""Where the models run: in the warehouse itself, or, for a lake, in a copy on this machine.

Here: copying the tables that models read, writing back those that they made. Not here: running them (``build``).

Models read each other's tables dozens of times. In a file that is a read from memory. In a lake, each read asks the catalog
and the store, and tables made in the same transaction have no statistics, so their joins are planned badly. So a lake is
read once, the models run as in a file, and their tables are written at the end, in a transaction that can be repeated.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from dockml_dagster.warehouse import build, migrations
from dockml_dagster.warehouse.connection import Warehouse
from dockml_dagster.warehouse.lake import NAME
from dockml_dagster.warehouse.models import Model, Project
from dockml_dagster.warehouse.opening import make_folder
from dockml_dagster.warehouse.published.swap import remove_leftovers
from dockml_dagster.warehouse.rows import literal, qualified, quote

if TYPE_CHECKING:
    from pathlib import Path

    import duckdb

_COPY: Final = "copy_of_lake"
_READ_IN_PLACE: Final = "raw.layer_files"
"""One row per file of every layer, perhaps billions; only one model reads it, once."""


@dataclass(frozen=True, slots=True)
class StagingCopy:
    """A connection in which models run. ``made``: the models that have run."""

    connection: duckdb.DuckDBPyConnection
    made: list[Model] = field(default_factory=list)

    def run(self, models: Iterable[Model]) -> Iterator[build.Built]:
        """See ``build.run``."""
        for built in build.run(self.connection, models):
            self.made.append(built.model)
            yield built


@contextmanager
def staging_copy(
    warehouse: Warehouse, project: Project, selected: Collection[Model]
) -> Iterator[StagingCopy]:
    """A place where the ``selected`` models can run, with the schema up to date. Their tables are in the
    warehouse at the end, unless an exception ends the block.

    Raises:
        WarehouseConflictError, UnreachableError: as ``Warehouse.write`` and ``Warehouse.commit``.
    """
    if not warehouse.location.is_lake:
        with warehouse.write() as connection:
            migrations.apply(connection, warehouse.location)
            yield StagingCopy(connection)
        return
    warehouse.commit(lambda lake: _prepare(lake, warehouse, project))
    target = make_folder(warehouse.location.folder) / "models.duckdb"
    remove_leftovers(target)
    file = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        with warehouse.read() as connection:
            connection.execute(f"ATTACH {literal(file)} AS {_COPY}")
            connection.begin()
            _copy(connection, project, selected)
            connection.execute(f"USE {_COPY}")
            place = StagingCopy(connection)
            yield place
            connection.commit()
        warehouse.commit(lambda lake: _put_back(lake, file, project, place.made))
    finally:
        remove_leftovers(target)


def _prepare(connection: duckdb.DuckDBPyConnection, warehouse: Warehouse, project: Project) -> None:
    migrations.apply(connection, warehouse.location)
    for schema in _schemas(project):
        connection.execute(f"CREATE SCHEMA IF NOT EXISTS {quote(schema)}")


def _schemas(project: Project) -> list[str]:
    return sorted({model.schema for model in project.by_name.values()})


def _copy(connection: duckdb.DuckDBPyConnection, project: Project, selected: Collection[Model]) -> None:
    """Copy the tables that the selected models and the checks may read but do not make."""
    there = {
        name
        for (name,) in connection.execute(
            "SELECT schema_name || '.' || table_name FROM duckdb_tables() WHERE database_name = ?", [NAME]
        ).fetchall()
    }
    made = {model.name for model in (*selected, *project.seeds)}
    for schema in _schemas(project):
        connection.execute(f"CREATE SCHEMA {_COPY}.{quote(schema)}")
    for name in project.by_name:
        if name in there and name not in made:
            kind = "VIEW" if name == _READ_IN_PLACE else "TABLE"
            connection.execute(
                f"CREATE {kind} {_COPY}.{qualified(name)} AS SELECT * FROM {NAME}.{qualified(name)}"
            )


def _put_back(
    connection: duckdb.DuckDBPyConnection, file: Path, project: Project, made: Collection[Model]
) -> None:
    # For inlined rows (kept in the catalog instead of small files), DuckLake makes a table in the catalog for every new
    # table: here a hundred per build, for as long as the build's state is kept.
    limited = connection.execute(
        "SELECT scope_entry FROM ducklake_options(?) WHERE option_name = 'data_inlining_row_limit'", [NAME]
    ).fetchall()
    for schema in {*_schemas(project)} - {"raw", *(name for (name,) in limited)}:
        connection.execute(
            f"CALL {NAME}.set_option('data_inlining_row_limit', 0, schema => {literal(schema)})"
        )
    connection.execute(f"ATTACH {literal(file)} AS {_COPY} (READ_ONLY)")
    build.load_seeds(connection, project)
    for model in made:
        build.make(
            connection,
            model,
            model.sql if model.is_view else f"SELECT * FROM {_COPY}.{qualified(model.name)}",
        )
