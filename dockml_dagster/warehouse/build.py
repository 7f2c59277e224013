"""Running the SQL models: seeds, views and tables, their documentation, their tests.

Here: the changes that running models makes to the warehouse, on one connection inside the caller's transaction.
Not here: reading the files (``models``), reporting to Dagster (``defs``).
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dockml_dagster.warehouse.lake import is_lake
from dockml_dagster.warehouse.models import KEY_TEST, Check, Model, ModelError, Project, named_test
from dockml_dagster.warehouse.rows import Row, insert, literal, qualified, quote

if TYPE_CHECKING:
    import duckdb

SAMPLE_ROWS = 5


@dataclass(frozen=True, slots=True)
class Built:
    """A model that ran: its row count, and duration in seconds."""

    model: Model
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
        """Whether no row breaks it."""
        return self.failing == 0


def load_seeds(connection: duckdb.DuckDBPyConnection, project: Project) -> None:
    """Make ``seeds.*`` from the CSV files. Types come from the documentation; other columns are text."""
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
        ModelError: a statement fails; the text names the model and quotes DuckDB.
    """
    for model in models:
        start = time.perf_counter()
        rows = make(connection, model, model.sql)
        seconds = time.perf_counter() - start
        yield Built(model, count(connection, model.name) if rows is None else rows, seconds)


def write_computed(
    connection: duckdb.DuckDBPyConnection, model: Model, types: Mapping[str, str], rows: Sequence[Row]
) -> int:
    """Replace a table by rows that Python computed; returns their number. ``types``: column → DuckDB type."""
    columns = ", ".join(f"CAST(NULL AS {type_name}) AS {quote(name)}" for name, type_name in types.items())
    make(connection, model, f"SELECT {columns} LIMIT 0")
    return insert(connection, model.name, rows)


def make(connection: duckdb.DuckDBPyConnection, model: Model, statement: str) -> int | None:
    """Make a model's table or view from a statement, and document it; returns the rows of a table, None for a view.

    Raises:
        ModelError: the statement fails; the text names the model and quotes DuckDB.
    """
    import duckdb

    connection.execute(f"CREATE SCHEMA IF NOT EXISTS {quote(model.schema)}")
    kind = "VIEW" if model.is_view else "TABLE"
    try:
        made = connection.execute(f"CREATE OR REPLACE {kind} {qualified(model.name)} AS\n{statement}")
    except duckdb.Error as error:
        raise ModelError(f"{model.name}: {str(error).strip().splitlines()[0]}") from error
    rows = None if model.is_view else made.fetchone()
    document(connection, model, kind=kind)
    return None if rows is None else int(rows[0])


def count(connection: duckdb.DuckDBPyConnection, table: str) -> int:
    """The number of rows of a table or view."""
    answer = connection.execute(f"SELECT count(*) FROM {qualified(table)}").fetchone()
    return int(answer[0]) if answer else 0


def first_rows(connection: duckdb.DuckDBPyConnection, table: str, most: int) -> list[tuple[Any, ...]]:
    """Some rows of a table or view, as a sample."""
    return connection.execute(f"SELECT * FROM {qualified(table)} LIMIT {most}").fetchall()


def document(connection: duckdb.DuckDBPyConnection, model: Model, *, kind: str) -> None:
    """Write descriptions into DuckDB as comments, where ``DESCRIBE``-like tools and people find them."""
    comments = []
    if text := described(model):
        comments.append(f"COMMENT ON {kind} {qualified(model.name)} IS {literal(text)}")
    # A DuckLake stores no comments on columns of views.
    if kind != "VIEW" or not is_lake(connection):
        comments += [
            f"COMMENT ON COLUMN {qualified(model.name)}.{quote(column.name)} IS {literal(column.description)}"
            for column in model.columns
        ]
    # Together: one at a time they take half as long again, and there are some two thousand.
    connection.execute(";".join(comments))


def document_raw(connection: duckdb.DuckDBPyConnection, project: Project) -> None:
    """Write the descriptions of the tables that collection fills, if they exist."""
    there = dict(
        connection.execute(
            "SELECT table_schema || '.' || table_name, replace(table_type, 'BASE ', '') FROM information_schema.tables "
            "WHERE table_catalog = current_database()"
        ).fetchall()
    )
    connection.begin()
    for model in project.raw:
        if kind := there.get(model.name):
            document(connection, model, kind=kind)
    connection.commit()


def described(model: Model) -> str:
    """The description of a table, with its key where it has one."""
    return f"{model.description} Key: {', '.join(model.key)}." if model.key else model.description


@dataclass(frozen=True, slots=True)
class GenericTest:
    """A test of a property file: its name within the table, what it asserts, and a SELECT of the rows that break it."""

    name: str
    description: str
    failing: str
    warn_only: bool


def generic_tests(model: Model) -> Iterator[GenericTest]:
    """The tests of a table and its columns; all ``not_null`` tests are one test, the first.

    Raises:
        ModelError: a test is of an unknown kind.
    """
    never_null = [column.name for column in model.columns if "not_null" in column.tests]
    if never_null:
        # One test for all columns: most tests are of this kind, and each costs Dagster three events.
        yield GenericTest(
            "not_null",
            f"Never NULL: {', '.join(never_null)}.",
            _with_nulls(model.name, never_null),
            warn_only=False,
        )
    for owner, entry in [
        *((None, entry) for entry in model.tests),
        *((column.name, entry) for column in model.columns for entry in column.tests if entry != "not_null"),
    ]:
        name, options = named_test(entry)
        if owner is None:
            columns = list(options["combination_of_columns"]) if name == KEY_TEST else []
            told = ("unique_key", f"One row a {', '.join(columns)}.", _repeated(model.name, columns))
        else:
            columns = [owner]
            told = (f"{owner}_{name}", *_column_test(model.name, owner, name, options))
        if not columns:
            raise ModelError(f"{model.name}: no generic test of a table is called {name}")
        yield GenericTest(*told, warn_only=(options.get("config") or {}).get("severity") == "warn")


def test(
    connection: duckdb.DuckDBPyConnection,
    model: Model,
    *,
    only: Collection[str] | None = None,
    rows: int | None = None,
) -> Iterator[Tested]:
    """Run the generic tests of a table and of its columns; ``only``: tests of these names; ``rows``: of the table, if known.

    What breaks a generic test is a row of the table, so an empty one is not asked.
    """
    for entry in generic_tests(model):
        if only is not None and entry.name not in only:
            continue
        if rows == 0:
            yield Tested(model.name, entry.name, 0, (), entry.warn_only)
            continue
        yield _run_test(connection, model.name, entry.name, entry.failing, warn_only=entry.warn_only)


def check(connection: duckdb.DuckDBPyConnection, singular: Check) -> Tested:
    """Run one check of ``checks/``."""
    return _run_test(connection, "checks", singular.name, singular.sql, warn_only=singular.warn_only)


def _run_test(
    connection: duckdb.DuckDBPyConnection, table: str, name: str, failing: str, *, warn_only: bool
) -> Tested:
    import duckdb

    try:
        answer = connection.execute(f"SELECT count(*) FROM ({failing}\n)").fetchone()
        number = int(answer[0]) if answer else 0
        sample = tuple(connection.execute(f"{failing}\nLIMIT {SAMPLE_ROWS}").fetchall()) if number else ()
    except duckdb.Error as error:
        raise ModelError(f"check {name} of {table}: {str(error).strip().splitlines()[0]}") from error
    return Tested(table, name, number, sample, warn_only)


def _column_test(table: str, column: str, name: str, options: dict[str, Any]) -> tuple[str, str]:
    """What a generic test of a column asserts, and the rows that break it. The four tests and their options are dbt's."""
    source, value = qualified(table), quote(column)
    if name == "not_null":
        return f"{column} is never NULL.", f"SELECT * FROM {source} WHERE {value} IS NULL"
    if name == "unique":
        return f"No two rows have the same {column}.", _repeated(
            table, [column], f"WHERE {value} IS NOT NULL"
        )
    if name == "accepted_values":
        accepted = [str(item) for item in options["values"]]
        return (
            f"{column} is one of {', '.join(accepted)}.",
            f"SELECT DISTINCT {value} FROM {source} WHERE {value} IS NOT NULL "
            f"AND {value}::VARCHAR NOT IN ({', '.join(literal(item) for item in accepted)})",
        )
    if name == "relationships":
        other, field = options["to"], options["field"]
        return (
            f"Every {column} is a {field} of {other}.",
            f"SELECT {value} FROM {source} AS child WHERE {value} IS NOT NULL "
            f"AND NOT EXISTS (SELECT 1 FROM {qualified(other)} AS parent WHERE parent.{quote(field)} = child.{value})",
        )
    raise ModelError(f"{table}.{column}: no generic test is called {name}")


def _with_nulls(table: str, columns: Sequence[str]) -> str:
    """A SELECT of the rows where one of the columns is NULL, preceded by the column's name."""
    named = ", ".join(f"CASE WHEN {quote(one)} IS NULL THEN {literal(one)} END" for one in columns)
    any_null = " OR ".join(f"{quote(one)} IS NULL" for one in columns)
    return f"SELECT concat_ws(', ', {named}) AS missing, * FROM {qualified(table)} WHERE {any_null}"


def _repeated(table: str, columns: Sequence[str], where: str = "") -> str:
    key = ", ".join(quote(column) for column in columns)
    return f"SELECT {key}, count(*) AS n FROM {qualified(table)} {where} GROUP BY ALL HAVING count(*) > 1"
