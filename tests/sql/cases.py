"""A case of a SQL model: its folder, the tables that it fills, and whether the model gives what is expected.

Here: what the words in ``input.yaml`` and ``expect.yaml`` mean. Not here: which cases there are (the folders).
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import yaml

from dockml_dagster.warehouse import build, migrations
from dockml_dagster.warehouse.computed.findings import COMPUTATIONS
from dockml_dagster.warehouse.models import Model, Project, load
from dockml_dagster.warehouse.rows import columns_of, qualified, quote

FOLDER = Path(__file__).parent
CASES = sorted(path.parent for path in FOLDER.glob("*/*/input.yaml"))


@dataclass(frozen=True)
class Types:
    """Column types of every table and view, and the rows of the seeds."""

    project: Project
    columns: Mapping[str, Mapping[str, str]]
    seeds: Mapping[str, list[tuple[object, ...]]]


def read_types() -> Types:
    """What every model makes of no collected row."""
    project = load()
    with duckdb.connect() as connection:
        migrations.apply(connection)
        build.load_seeds(connection, project)
        list(build.run(connection, project.models))
        for computation in COMPUTATIONS:
            computation.write(connection, project)
        computed = {model.name for model in project.computed}
        return Types(
            project,
            {name: columns_of(connection, name) for name in project.by_name if name not in computed},
            {seed.name: connection.execute(f"FROM {seed.name}").fetchall() for seed in project.seeds},
        )


def fill(
    connection: duckdb.DuckDBPyConnection,
    table: str,
    columns: Mapping[str, str],
    rows: Sequence[Mapping[str, Any]],
) -> None:
    """Make ``table`` without constraints, so that a case names only the columns that matter to it."""
    connection.execute(f"CREATE SCHEMA IF NOT EXISTS {quote(table.split('.', maxsplit=1)[0])}")
    body = ", ".join(f"{quote(name)} {type_name}" for name, type_name in columns.items())
    connection.execute(f"CREATE TABLE {qualified(table)} ({body})")
    for row in rows:
        assert row.keys() <= columns.keys(), f"{table} has no column {sorted(row.keys() - columns.keys())}"
        names = ", ".join(quote(name) for name in row)
        values = ", ".join(f"CAST(? AS {columns[name]})" for name in row)
        connection.execute(f"INSERT INTO {qualified(table)} ({names}) VALUES ({values})", list(row.values()))


def check(case: Path, types: Types, sql: str | None = None) -> None:
    """Run the model of ``case``, or ``sql`` in its place, and compare.

    Raises:
        AssertionError: the rows are others than expected, or the case names what is not there.
    """
    name = case.parent.name
    model = types.project.by_name[name]
    given, expected = _read(case / "input.yaml"), _read(case / "expect.yaml")
    unread = sorted(given.keys() - set(model.references))
    assert not unread, f"{name} does not read {unread}"
    assert expected.keys() <= {"rows", "where", "in_order"}
    wanted = expected["rows"]
    columns, rows = _run(model, types, given, sql or model.sql, expected.get("where", "true"))
    compared = list(wanted[0]) if wanted else columns
    for row in wanted:
        assert list(row) == compared, "every expected row names the same columns, in one order"
    assert set(compared) <= set(columns)
    found = _plain([{column: row[column] for column in compared} for row in rows])
    if expected.get("in_order"):
        assert found == _plain(wanted)
    else:
        assert sorted(found, key=_by_text) == sorted(_plain(wanted), key=_by_text)


def _run(
    model: Model, types: Types, given: Mapping[str, Any], sql: str, where: str
) -> tuple[list[str], list[dict[str, Any]]]:
    with duckdb.connect() as connection:
        for table in model.references:
            fill(connection, table, types.columns[table], given.get(table) or ())
            if table in types.seeds and table not in given:
                marks = ", ".join("?" for _ in types.columns[table])
                connection.executemany(f"INSERT INTO {qualified(table)} VALUES ({marks})", types.seeds[table])
        found = connection.execute(f"FROM ({sql}) WHERE {where}")
        columns = [column[0] for column in found.description]
        return columns, [dict(zip(columns, row, strict=True)) for row in found.fetchall()]


def _read(path: Path) -> dict[str, Any]:
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert isinstance(content, dict), f"{path}: a mapping is expected"
    return content


def _plain(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    return [{name: _comparable(value) for name, value in row.items()} for row in rows]


def _by_text(row: Mapping[str, Any]) -> str:
    return repr(sorted(row.items()))


def _comparable(value: Any) -> Any:
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, int | float | Decimal):
        number = float(value)
        if not math.isfinite(number):
            return str(number)
        return int(value) if number.is_integer() else round(number, 9)
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, list | tuple):
        return [_comparable(item) for item in value]
    return value
