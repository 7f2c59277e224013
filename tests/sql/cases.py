"""A case of a SQL model: its folder, the tables that it fills, and whether the model gives what is expected.

Here: what the words in ``input.yaml`` and ``expect.yaml`` mean. Not here: which cases there are (the folders).
"""

import hashlib
import json
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
from dockml_dagster.warehouse.models import Project, load
from dockml_dagster.warehouse.rows import columns_of, qualified, quote

FOLDER = Path(__file__).parent
CASES = sorted(path.parent for path in FOLDER.glob("*/*/input.yaml"))
NOTED = FOLDER / "rows_said.json"
"""The digest of each case's rows."""
TWIN = "twin/"
"""What the names of a second corpus and its projects begin with."""


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


def name_of(folder: Path) -> str:
    """``schema.model/case``."""
    return f"{folder.parent.name}/{folder.name}"


class Case:
    """The tables of one case, filled, on which its model is run; to be closed by ``with``.

    ``with_twin``: beside every corpus of the case lies another of the same rows, which must change nothing in it.
    """

    def __init__(self, folder: Path, types: Types, *, with_twin: bool = False) -> None:
        self.name = name_of(folder)
        self.model = types.project.by_name[folder.parent.name]
        given, expected = _read(folder / "input.yaml"), _read(folder / "expect.yaml")
        unread = sorted(given.keys() - set(self.model.references))
        assert not unread, f"{self.model.name} does not read {unread}"
        assert expected.keys() <= {"rows", "where", "in_order", "alone"}
        self._where = expected.get("where", "true")
        self._rows = expected["rows"]
        self._in_order = expected.get("in_order", False)
        self._with_twin = with_twin
        if with_twin and not expected.get("alone"):
            given = _twinned(given, types)
            self._where = f"({self._where}) AND NOT starts_with(corpus, '{TWIN}')"
        self._connection = duckdb.connect()
        for table in self.model.references:
            fill(self._connection, table, types.columns[table], given.get(table) or ())
            if table in types.seeds and table not in given:
                marks = ", ".join("?" for _ in types.columns[table])
                self._connection.executemany(
                    f"INSERT INTO {qualified(table)} VALUES ({marks})", types.seeds[table]
                )

    def __enter__(self) -> "Case":
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def said(self, sql: str | None = None) -> list[Mapping[str, Any]]:
        """Every row of the model, or of ``sql`` in its place, with all columns, in its own order where its last clause is
        one.
        """
        found = self._connection.execute(sql or self.model.sql)
        columns = [column[0] for column in found.description]
        rows = _plain([dict(zip(columns, row, strict=True)) for row in found.fetchall()])
        return rows if "\nORDER BY " in (sql or self.model.sql) else sorted(rows, key=_by_text)

    def digest(self, sql: str | None = None) -> str:
        """A digest of what is ``said``."""
        return hashlib.sha256(json.dumps(self.said(sql), default=str).encode()).hexdigest()[:12]

    def check(self, sql: str | None = None) -> None:
        """Run the model, or ``sql`` in its place, and compare; without twins also the digest of all rows.

        Raises:
            AssertionError: the rows are others than expected or noted, or a column is named that the model does not have.
        """
        found = self._connection.execute(f"FROM ({sql or self.model.sql}) WHERE {self._where}")
        columns = [column[0] for column in found.description]
        rows = [dict(zip(columns, row, strict=True)) for row in found.fetchall()]
        compared = list(self._rows[0]) if self._rows else columns
        for row in self._rows:
            assert list(row) == compared, "every expected row names the same columns, in one order"
        assert set(compared) <= set(columns)
        plain = _plain([{column: row[column] for column in compared} for row in rows])
        if self._in_order:
            assert plain == _plain(self._rows)
        else:
            assert sorted(plain, key=_by_text) == sorted(_plain(self._rows), key=_by_text)
        if not self._with_twin:
            noted = json.loads(NOTED.read_text("utf-8")).get(self.name)
            assert self.digest(sql) == noted, f"python -m tests.sql.test_cases {self.name}"


def _twinned(given: Mapping[str, Any], types: Types) -> dict[str, Any]:
    """The rows, and after them the same again in another corpus, of other projects."""
    projects = {str(row["project"]) for rows in given.values() for row in rows or () if row.get("project")}

    def renamed(column: str, value: Any) -> Any:
        if isinstance(value, list):
            return [renamed(column, item) for item in value]
        if not isinstance(value, str):
            return value
        of_project = any(value == project or value.startswith(f"{project}/") for project in projects)
        return TWIN + value if column == "corpus" or of_project else value

    return {
        table: [
            *(rows or ()),
            *(
                {column: renamed(column, value) for column, value in row.items()}
                for row in rows or ()
                if "corpus" in types.columns[table] or "project" in types.columns[table]
            ),
        ]
        for table, rows in given.items()
    }


def _read(path: Path) -> dict[str, Any]:
    content = yaml.load(
        path.read_text(encoding="utf-8"), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    )
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
