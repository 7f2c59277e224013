"""Writing rows: twice is once, nothing is lost, every type comes back as it went."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import duckdb
import pytest

from dockml_dagster.warehouse.rows import insert, qualified, quote, row_hash, write_visit

FIRST, SECOND, THIRD = (datetime(2026, 1, day, 10) for day in (1, 2, 3))


def _file(path: str, **more: Any) -> dict[str, Any]:
    return {
        "project": "sample/a/b",
        "corpus": "sample",
        "path": path,
        "file_kind": "dockerfile",
        "source": "s",
        "source_file": path,
        **more,
    }


def _seen(connection: duckdb.DuckDBPyConnection) -> list[tuple[Any, ...]]:
    return connection.execute(
        "SELECT path, source_row, first_seen, last_seen FROM raw.repository_files ORDER BY ALL"
    ).fetchall()


def _write(connection: duckdb.DuckDBPyConnection, rows: list[Mapping[str, Any]], at: datetime) -> int:
    return write_visit(connection, "raw.repository_files", rows, observed_at=at)


def test_the_same_visit_twice_is_once(raw: duckdb.DuckDBPyConnection) -> None:
    assert _write(raw, [_file("A"), _file("B")], FIRST) == 2
    assert _write(raw, [_file("A"), _file("B")], FIRST) == 0
    assert _seen(raw) == [("A", None, FIRST, FIRST), ("B", None, FIRST, FIRST)]


def test_last_seen_moves_and_what_is_gone_keeps_its_own(raw: duckdb.DuckDBPyConnection) -> None:
    _write(raw, [_file("A"), _file("B")], FIRST)
    assert _write(raw, [_file("A"), _file("C")], SECOND) == 1
    assert _seen(raw) == [("A", None, FIRST, SECOND), ("B", None, FIRST, FIRST), ("C", None, SECOND, SECOND)]
    assert _write(raw, [_file("B")], THIRD) == 0
    assert ("B", None, FIRST, THIRD) in _seen(raw), "what comes back is the row it was"


def test_a_changed_row_is_a_new_one(raw: duckdb.DuckDBPyConnection) -> None:
    _write(raw, [_file("A", bytes=1)], FIRST)
    assert _write(raw, [_file("A", bytes=2)], SECOND) == 1
    assert len(_seen(raw)) == 2


def test_equal_lines_of_a_file_are_two_rows(raw: duckdb.DuckDBPyConnection) -> None:
    rows = [_file("A", source_row=2), _file("A", source_row=3)]
    assert _write(raw, rows, FIRST) == 2
    assert _write(raw, rows, SECOND) == 0
    assert _seen(raw) == [("A", 2, FIRST, SECOND), ("A", 3, FIRST, SECOND)]


def test_rows_of_no_project_are_known_again(raw: duckdb.DuckDBPyConnection) -> None:
    free = _file("A", project=None)
    assert _write(raw, [free], FIRST) == 1
    assert _write(raw, [free], SECOND) == 0
    assert _write(raw, [_file("A")], SECOND) == 1, "the same row of a project is another row"
    assert _seen(raw) == [("A", None, FIRST, SECOND), ("A", None, SECOND, SECOND)]


def test_one_project_is_not_touched_by_another(raw: duckdb.DuckDBPyConnection) -> None:
    _write(raw, [_file("A"), _file("A", project="sample/c/d")], FIRST)
    _write(raw, [_file("A")], SECOND)
    assert _seen(raw) == [("A", None, FIRST, FIRST), ("A", None, FIRST, SECOND)]


def test_no_rows_are_no_visit(raw: duckdb.DuckDBPyConnection) -> None:
    assert _write(raw, [], FIRST) == 0
    assert insert(raw, "raw.repository_files", []) == 0


ALL_TYPES = """
    CREATE TABLE raw.types (
        project VARCHAR, number INTEGER, big BIGINT, fraction DOUBLE, truth BOOLEAN, text VARCHAR, bytes BLOB,
        moment TIMESTAMP, texts VARCHAR[], numbers INTEGER[]
    )
"""
VALUES: list[dict[str, Any]] = [
    {
        "number": 0,
        "big": 0,
        "fraction": 0.0,
        "truth": False,
        "text": "",
        "bytes": b"",
        "texts": [],
        "numbers": [],
    },
    {
        "number": -1,
        "big": 2**63 - 1,
        "fraction": 0.1,
        "truth": True,
        "text": "é – 🐳",
        "bytes": b"\x00\xff\n",
    },
    {"big": -(2**63), "text": "a'b\"c\\d\nE\x00f", "texts": ["a,b", 'q"', "é", ""], "numbers": [1, -2]},
    {
        "big": 2**53 + 1,
        "moment": datetime(1969, 12, 31, 23, 59, 59, 999999),
        "bytes": b"plain",
        "text": "NULL",
    },
    {"fraction": 1e308, "text": "nan", "texts": ["null", "NULL"], "moment": datetime(2026, 1, 1)},
    {"number": None, "big": None, "texts": None, "text": None},
]


@pytest.mark.parametrize("rows", [VALUES, VALUES[::-1], [{}] * 3000 + VALUES], ids=["", "reversed", "late"])
def test_every_type_comes_back(raw: duckdb.DuckDBPyConnection, rows: list[dict[str, Any]]) -> None:
    """In any order: no type is guessed from the rows that come first."""
    raw.execute(ALL_TYPES)
    named = [{"project": f"{number:05}", **row} for number, row in enumerate(rows)]
    assert insert(raw, "raw.types", named) == len(named)
    answer = raw.execute("FROM raw.types ORDER BY project")
    columns = [column[0] for column in answer.description]
    for row, found in zip(named, answer.fetchall(), strict=True):
        assert dict(zip(columns, found, strict=True)) == {**dict.fromkeys(columns), **row}


def test_columns_of_only_none_stay_unknown(raw: duckdb.DuckDBPyConnection) -> None:
    raw.execute(ALL_TYPES)
    names = ("number", "big", "fraction", "truth", "text", "bytes", "moment", "texts", "numbers")
    insert(raw, "raw.types", [dict.fromkeys(names)] * 2)
    assert raw.execute("FROM raw.types").fetchall() == [(None,) * 10] * 2


def test_a_number_too_large_is_refused_not_bent(raw: duckdb.DuckDBPyConnection) -> None:
    raw.execute(ALL_TYPES)
    for row in ({"number": 2**31}, {"big": 2**63}):
        with pytest.raises((duckdb.Error, OverflowError, TypeError, ValueError)):
            insert(raw, "raw.types", [row])


def test_a_name_that_is_no_unicode_is_stored(raw: duckdb.DuckDBPyConnection) -> None:
    """File names are bytes; Python shows those that are not UTF-8 as lone surrogates, which DuckDB cannot hold."""
    assert _write(raw, [_file("Dockerfile.\udcff"), _file("B")], FIRST) == 2
    assert _write(raw, [_file("Dockerfile.\udcff"), _file("B")], SECOND) == 0
    assert [row[0] for row in _seen(raw)] == ["B", "Dockerfile.�"]


def test_an_unknown_column_is_an_error_that_names_it(raw: duckdb.DuckDBPyConnection) -> None:
    with pytest.raises(ValueError, match=r"raw\.repository_files has no column colour"):
        _write(raw, [_file("A"), _file("B", colour="red")], FIRST)
    assert _seen(raw) == []


def test_a_column_that_must_be_there_is_required(raw: duckdb.DuckDBPyConnection) -> None:
    with pytest.raises(duckdb.ConstraintException):
        _write(raw, [{"project": None, "path": "A", "source": "s"}], FIRST)


def test_identity_is_the_content_whatever_the_order() -> None:
    assert row_hash({"a": 1, "b": [1, None]}) == row_hash({"b": [1, None], "a": 1})
    rows: list[dict[str, Any]] = [{"a": 1}, {"a": "1"}, {"a": None}, {}, {"a": b"1"}, {"a": [1]}, {"a": True}]
    assert len({row_hash(row) for row in rows}) == len(rows)
    assert row_hash({"a": "\udcff"}) != row_hash({"a": "�"})


def test_a_value_without_a_stable_text_is_refused() -> None:
    with pytest.raises(TypeError, match="object"):
        row_hash({"a": object()})


def test_identifiers_are_quoted() -> None:
    assert quote('a"b') == '"a""b"'
    assert qualified("core.images") == '"core"."images"'
    with duckdb.connect() as connection:
        connection.execute(f"CREATE TABLE {quote('x; DROP TABLE y')} (a INTEGER)")
        assert connection.execute("SELECT table_name FROM duckdb_tables()").fetchall() == [
            ("x; DROP TABLE y",)
        ]
