"""Running models: seeds with their types, views and tables, comments, and tests that find the row that was planted."""

from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from dockml_dagster.warehouse import build
from dockml_dagster.warehouse.models import Check, Column, Model, ModelError, load
from dockml_dagster.warehouse.rows import columns_of


@pytest.fixture
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    """A child and a parent table, in memory."""
    with duckdb.connect() as opened:
        opened.execute(
            """
            CREATE SCHEMA core;
            CREATE TABLE core.parent AS SELECT unnest(['a', 'b']) AS code;
            CREATE TABLE core.child (code VARCHAR, number INTEGER);
            INSERT INTO core.child VALUES ('a', 1), ('b', 2), ('a', 3), (NULL, 4);
            """
        )
        yield opened


def _test(
    connection: duckdb.DuckDBPyConnection, entry: object, column: str = "code", table: str = "core.child"
) -> build.Tested:
    model = Model(table, "", (Column(column, "", None, (entry,)),))  # type: ignore[arg-type]
    (tested,) = build.test(connection, model)
    return tested


# Test → (column, a row that breaks it, failing rows then). Before it is planted, the test passes.
PLANTED = {
    "not_null": ("number", "not_null", "('a', NULL)", 1),
    "unique": ("number", "unique", "('a', 3), ('b', 3)", 1),
    "accepted_values": (
        "code",
        {"accepted_values": {"values": ["a", "b"]}},
        "('it''s', 9), ('it''s', 10)",
        1,
    ),
    "accepted_values of numbers": ("number", {"accepted_values": {"values": [1, 2, 3, 4]}}, "('a', 5)", 1),
    "accepted_values as dbt 1.10 writes it": (
        "code",
        {"accepted_values": {"arguments": {"values": ["a", "b"]}}},
        "('c', 9)",
        1,
    ),
    "relationships": (
        "code",
        {"relationships": {"to": "core.parent", "field": "code"}},
        "('z', 9), ('z', 8)",
        2,
    ),
}


@pytest.mark.parametrize(("column", "entry", "row", "failing"), PLANTED.values(), ids=PLANTED)
def test_a_generic_test_finds_the_planted_row(
    connection: duckdb.DuckDBPyConnection, column: str, entry: object, row: str, failing: int
) -> None:
    before = _test(connection, entry, column)
    assert before.passed, before
    assert before.sample == ()
    connection.execute(f"INSERT INTO core.child VALUES {row}")
    after = _test(connection, entry, column)
    assert not after.passed
    assert after.failing == failing
    assert len(after.sample) == failing
    name = entry if isinstance(entry, str) else next(iter(entry))  # type: ignore[call-overload]
    assert (after.table, after.name) == (
        "core.child",
        "not_null" if name == "not_null" else f"{column}_{name}",
    )


def test_columns_that_are_never_null_are_one_test_that_says_which(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    model = Model(
        "core.child",
        "",
        (
            Column("code", "", None, ("not_null", "unique")),
            Column("number", "", None, ("not_null", {"not_null": {"config": {"severity": "warn"}}})),
        ),
    )
    assert [(one.name, one.warn_only) for one in build.generic_tests(model)] == [
        ("not_null", False),
        ("code_unique", False),
        ("number_not_null", True),
    ]
    assert next(build.generic_tests(model)).description == "Never NULL: code, number."
    connection.execute(
        "DELETE FROM core.child; INSERT INTO core.child VALUES ('a', NULL), (NULL, NULL), ('b', 1)"
    )
    tested = next(build.test(connection, model))
    assert tested.failing == 2
    assert set(tested.sample) == {("number", "a", None), ("code, number", None, None)}


def test_only_not_null_minds_null(connection: duckdb.DuckDBPyConnection) -> None:
    connection.execute("INSERT INTO core.child VALUES (NULL, 5)")
    assert _test(connection, "not_null").failing == 2
    connection.execute("DELETE FROM core.child WHERE number = 3")
    for entry in (
        "unique",
        {"accepted_values": {"values": ["a", "b"]}},
        {"relationships": {"to": "core.parent", "field": "code"}},
    ):
        assert _test(connection, entry).passed


def test_the_sample_is_short(connection: duckdb.DuckDBPyConnection) -> None:
    connection.execute("INSERT INTO core.child SELECT NULL, range FROM range(100)")
    tested = _test(connection, "not_null")
    assert (tested.failing, len(tested.sample)) == (101, build.SAMPLE_ROWS)


def test_an_unknown_generic_test_is_refused_by_name(connection: duckdb.DuckDBPyConnection) -> None:
    with pytest.raises(ModelError, match=r"core\.child\.code: no generic test is called at_least_one"):
        _test(connection, "at_least_one")


@pytest.mark.parametrize("warn_only", [True, False])
def test_a_check_returns_the_rows_that_break_it(
    connection: duckdb.DuckDBPyConnection, warn_only: bool
) -> None:
    sql = "SELECT number FROM core.child WHERE number > 2 ORDER BY number"
    tested = build.check(connection, Check("few", "", sql, ("core.child",), warn_only))
    assert (tested.failing, tested.sample, tested.warn_only) == (2, ((3,), (4,)), warn_only)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A small folder of models."""
    files = {
        "raw.yml": "sources: [{name: raw, tables: [{name: t, columns: [{name: x}]}]}]",
        "seeds/s.csv": 'code,weight,note\n007,1.5,"a ""quoted"", text"\n,,\n',
        "seeds/s.yml": "seeds: [{name: s, description: A seed., columns: [{name: code, description: It's a code.},"
        " {name: weight, description: W., data_type: DOUBLE}, {name: note, description: N.}]}]",
        "staging/t.sql": "SELECT x + 1 AS y FROM raw.t",
        "core/c.sql": "SELECT y, s.code FROM staging.t LEFT JOIN seeds.s AS s ON y = 2",
        "core/c.yml": "models: [{name: c, description: 'C; ''quoted''.', columns: [{name: y, description: Y plus 1.}]}]",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


@pytest.fixture
def empty() -> Iterator[duckdb.DuckDBPyConnection]:
    """A raw table with one row."""
    with duckdb.connect() as opened:
        opened.execute("CREATE SCHEMA raw; CREATE TABLE raw.t AS SELECT 1 AS x")
        yield opened


def test_seeds_have_the_types_of_their_documentation(empty: duckdb.DuckDBPyConnection, root: Path) -> None:
    build.load_seeds(empty, load(root))
    assert empty.execute("FROM seeds.s").fetchall() == [("007", 1.5, 'a "quoted", text'), (None, None, None)]
    build.load_seeds(empty, load(root))
    assert build.count(empty, "seeds.s") == 2


def test_models_run_in_order_as_views_and_tables(empty: duckdb.DuckDBPyConnection, root: Path) -> None:
    project = load(root)
    build.load_seeds(empty, project)
    for _ in range(2):  # again over what is there
        built = list(build.run(empty, project.models))
    assert [(one.model.name, one.rows) for one in built] == [("staging.t", 1), ("core.c", 2)]
    assert columns_of(empty, "core.c") == {"y": "INTEGER", "code": "VARCHAR"}
    kinds = "SELECT table_name, table_type FROM information_schema.tables WHERE table_schema IN ('staging', 'core')"
    assert dict(empty.execute(kinds).fetchall()) == {"t": "VIEW", "c": "BASE TABLE"}
    empty.execute("INSERT INTO raw.t VALUES (5)")
    assert build.count(empty, "staging.t") == 2
    assert build.count(empty, "core.c") == 2, "a table keeps what it was built from"


def test_an_empty_table_is_not_asked_what_breaks_its_tests(connection: duckdb.DuckDBPyConnection) -> None:
    warned = {"unique": {"config": {"severity": "warn"}}}
    model = Model("core.child", "", (Column("code", "", None, ("not_null", warned)),))
    connection.execute("DELETE FROM core.child")
    asked = list(build.test(connection, model))
    assert len(asked) == 2
    connection.execute("DROP TABLE core.child")
    assert list(build.test(connection, model, rows=0)) == asked
    with pytest.raises(ModelError):
        list(build.test(connection, model, rows=1))


def test_descriptions_are_stored_as_comments(empty: duckdb.DuckDBPyConnection, root: Path) -> None:
    project = load(root)
    build.load_seeds(empty, project)
    list(build.run(empty, project.models))
    assert empty.execute("SELECT comment FROM duckdb_tables() WHERE table_name = 'c'").fetchone() == (
        "C; 'quoted'.",
    )
    columns = "SELECT column_name, comment FROM duckdb_columns() WHERE table_name IN ('c', 's') AND comment IS NOT NULL"
    assert dict(empty.execute(columns).fetchall()) == {
        "y": "Y plus 1.",
        "code": "It's a code.",
        "weight": "W.",
        "note": "N.",
    }


def test_a_failing_model_is_named_in_one_line(empty: duckdb.DuckDBPyConnection, root: Path) -> None:
    (root / "core" / "bad.sql").write_text("SELECT nothing FROM staging.t")
    project = load(root)
    build.load_seeds(empty, project)
    with pytest.raises(ModelError) as caught:
        list(build.run(empty, project.models))
    assert str(caught.value).startswith("core.bad: ")
    assert "nothing" in str(caught.value)
    assert "\n" not in str(caught.value)
