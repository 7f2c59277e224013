"""Every SQL model on small tables: a folder ``<schema>.<model>/<case>/`` with ``input.yaml`` and ``expect.yaml`` a case.

``input.yaml``: table → rows, of the tables the model itself reads; a table left out is empty (seeds: as they are), a
column left out is NULL. ``expect.yaml``: ``rows``, with any of the model's columns; ``where``, a condition that picks the
rows compared. Order does not matter. Adding a case needs no Python.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml

from dockml_dagster.warehouse.rows import qualified, quote

FOLDER = Path(__file__).parent
CASES = sorted(path.parent for path in FOLDER.glob("*/*/input.yaml"))


def _read(path: Path) -> dict[str, Any]:
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert isinstance(content, dict), f"{path}: a mapping is expected"
    return content


def _fill(
    connection: duckdb.DuckDBPyConnection,
    table: str,
    columns: Mapping[str, str],
    rows: Sequence[Mapping[str, Any]],
) -> None:
    connection.execute(f"CREATE SCHEMA IF NOT EXISTS {quote(table.split('.', maxsplit=1)[0])}")
    # No constraint: a case names the columns that matter to it.
    body = ", ".join(f"{quote(name)} {type_name}" for name, type_name in columns.items())
    connection.execute(f"CREATE TABLE {qualified(table)} ({body})")
    for row in rows:
        assert row.keys() <= columns.keys(), f"{table} has no column {sorted(row.keys() - columns.keys())}"
        names = ", ".join(quote(name) for name in row)
        values = ", ".join(f"CAST(? AS {columns[name]})" for name in row)
        connection.execute(f"INSERT INTO {qualified(table)} ({names}) VALUES ({values})", list(row.values()))


def _comparable(value: Any) -> Any:
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, int | float | Decimal):
        return int(value) if value == int(value) else round(float(value), 9)
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, list | tuple):
        return [_comparable(item) for item in value]
    return value


def _sorted(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    plain = [{name: _comparable(value) for name, value in row.items()} for row in rows]
    return sorted(plain, key=lambda row: repr(sorted(row.items())))


def test_there_are_cases() -> None:
    assert CASES
    assert [path for path in CASES if not (path / "expect.yaml").is_file()] == []


@pytest.mark.parametrize("case", CASES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_model(case: Path, types: Any) -> None:
    name = case.parent.name
    model = types.project.by_name[name]
    given, expected = _read(case / "input.yaml"), _read(case / "expect.yaml")
    assert given.keys() <= set(model.references), (
        f"{name} does not read {sorted(given.keys() - set(model.references))}"
    )
    assert expected.keys() <= {"rows", "where"}
    wanted = expected["rows"]
    with duckdb.connect() as connection:
        for table in model.references:
            _fill(connection, table, types.columns[table], given.get(table, ()))
            if table in types.seeds and table not in given:
                marks = ", ".join("?" for _ in types.columns[table])
                connection.executemany(f"INSERT INTO {qualified(table)} VALUES ({marks})", types.seeds[table])
        found = connection.execute(f"FROM ({model.sql}) WHERE {expected.get('where', 'true')}")
        columns = [column[0] for column in found.description]
        rows = [dict(zip(columns, row, strict=True)) for row in found.fetchall()]
    compared = list(wanted[0]) if wanted else columns
    assert all(list(row) == compared for row in wanted), (
        "every expected row names the same columns, in one order"
    )
    assert set(compared) <= set(columns)
    assert _sorted([{column: row[column] for column in compared} for row in rows]) == _sorted(wanted)
