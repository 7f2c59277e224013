"""Running the SQL models: seeds, views and tables, their documentation, their tests.

Here: what happens to the warehouse when models run, on one connection inside the caller's transaction.
Not here: reading the files (``models``), telling Dagster (``defs``).
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dockml_dagster.warehouse.lake import is_lake
from dockml_dagster.warehouse.models import Check, Model, ModelError, Project
from dockml_dagster.warehouse.rows import Row, insert, literal, qualified, quote

if TYPE_CHECKING:
    import duckdb

SAMPLE_ROWS = 5


@dataclass(frozen=True, slots=True)
class Built:
    """A model that ran: its columns (name → DuckDB type), row count, and the seconds it took."""

    model: Model
    columns: Mapping[str, str]
    rows: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Tested:
    """A data test that ran. ``failing`` counts the rows that break it; ``sample`` shows a few of them."""

    table: str
    name: str
    failing: int
    sample: tuple[tuple[Any, ...], ...]
    warn_only: bool = False

    @property
    def passed(self) -> bool:
        """No row breaks it."""
        return self.failing == 0


def load_seeds(connection: duckdb.DuckDBPyConnection, project: Project) -> None:
    """Make ``seeds.*`` from the CSV files. Types come from the documentation, else everything is text."""
    connection.execute("CREATE SCHEMA IF NOT EXISTS seeds")
    for seed in project.seeds:
        typed = ", ".join(
            f"CAST({quote(column.name)} AS {column.data_type or 'VARCHAR'}) AS {quote(column.name)}"
            for column in seed.columns
        )
        connection.execute(
            f"CREATE OR REPLACE TABLE {qualified(seed.name)} AS SELECT {typed} "
            "FROM read_csv(?, header = true, all_varchar = true, delim = ',', quote = '\"')",
            [str(seed.path)],
        )
        document(connection, seed, kind="TABLE")


def run(connection: duckdb.DuckDBPyConnection, models: Iterable[Model]) -> Iterator[Built]:
    """Materialise models in the order given, yielding each as it is done.

    Raises:
        ModelError: a statement fails; the text names the model and what DuckDB said.
    """
    for model in models:
        start = time.perf_counter()
        make(connection, model, model.sql)
        seconds = time.perf_counter() - start
        columns = {
            row[0]: row[1] for row in connection.execute(f"DESCRIBE {qualified(model.name)}").fetchall()
        }
        yield Built(model, columns, count(connection, model.name), seconds)


def write_computed(
    connection: duckdb.DuckDBPyConnection, model: Model, types: Mapping[str, str], rows: Sequence[Row]
) -> int:
    """Put a table that Python computed in the place of what it was; returns its rows. ``types``: column → DuckDB type."""
    columns = ", ".join(f"CAST(NULL AS {type_name}) AS {quote(name)}" for name, type_name in types.items())
    make(connection, model, f"SELECT {columns} LIMIT 0")
    return insert(connection, model.name, rows)


def make(connection: duckdb.DuckDBPyConnection, model: Model, statement: str) -> None:
    """Make a model's table or view of a statement, and document it.

    Raises:
        ModelError: the statement fails; the text names the model and what DuckDB said.
    """
    import duckdb

    connection.execute(f"CREATE SCHEMA IF NOT EXISTS {quote(model.schema)}")
    kind = "VIEW" if model.is_view else "TABLE"
    try:
        connection.execute(f"CREATE OR REPLACE {kind} {qualified(model.name)} AS\n{statement}")
    except duckdb.Error as error:
        raise ModelError(f"{model.name}: {str(error).strip().splitlines()[0]}") from error
    document(connection, model, kind=kind)


def count(connection: duckdb.DuckDBPyConnection, table: str) -> int:
    """Rows of a table or view."""
    answer = connection.execute(f"SELECT count(*) FROM {qualified(table)}").fetchone()
    return int(answer[0]) if answer else 0


def document(connection: duckdb.DuckDBPyConnection, model: Model, *, kind: str) -> None:
    """Write descriptions into DuckDB as comments, where ``DESCRIBE``-like tools and people find them."""
    if model.description:
        connection.execute(f"COMMENT ON {kind} {qualified(model.name)} IS {literal(model.description)}")
    if kind == "VIEW" and is_lake(connection):
        return  # a DuckLake keeps no comments on the columns of views
    for column in model.columns:
        connection.execute(
            f"COMMENT ON COLUMN {qualified(model.name)}.{quote(column.name)} IS {literal(column.description)}"
        )


def test(connection: duckdb.DuckDBPyConnection, model: Model) -> Iterator[Tested]:
    """Run the generic tests of a model's columns."""
    for column in model.columns:
        for entry in column.tests:
            name, options = (entry, {}) if isinstance(entry, str) else next(iter(entry.items()))
            failing = _failing_rows(model.name, column.name, name, dict(options))
            yield _run_test(connection, model.name, f"{column.name}_{name}", failing, warn_only=False)


def check(connection: duckdb.DuckDBPyConnection, singular: Check) -> Tested:
    """Run one check of ``checks/``."""
    return _run_test(connection, "checks", singular.name, singular.sql, warn_only=singular.warn_only)


def _run_test(
    connection: duckdb.DuckDBPyConnection, table: str, name: str, failing: str, *, warn_only: bool
) -> Tested:
    answer = connection.execute(f"SELECT count(*) FROM ({failing})").fetchone()
    number = int(answer[0]) if answer else 0
    sample = tuple(connection.execute(f"{failing} LIMIT {SAMPLE_ROWS}").fetchall()) if number else ()
    return Tested(table, name, number, sample, warn_only)


def _failing_rows(table: str, column: str, name: str, options: dict[str, Any]) -> str:
    """The rows that break a generic test, as a SELECT. The four tests and their options are dbt's."""
    source, value = qualified(table), quote(column)
    options = options.get("arguments", options)
    if name == "not_null":
        return f"SELECT * FROM {source} WHERE {value} IS NULL"
    if name == "unique":
        return f"SELECT {value}, count(*) AS n FROM {source} WHERE {value} IS NOT NULL GROUP BY ALL HAVING count(*) > 1"
    if name == "accepted_values":
        accepted = ", ".join(literal(str(item)) for item in options["values"])
        return f"SELECT DISTINCT {value} FROM {source} WHERE {value} IS NOT NULL AND {value}::VARCHAR NOT IN ({accepted})"
    if name == "relationships":
        other, other_column = qualified(options["to"]), quote(options["field"])
        return (
            f"SELECT {value} FROM {source} AS child WHERE {value} IS NOT NULL "
            f"AND NOT EXISTS (SELECT 1 FROM {other} AS parent WHERE parent.{other_column} = child.{value})"
        )
    raise ModelError(f"{table}.{column}: no generic test is called {name}")
