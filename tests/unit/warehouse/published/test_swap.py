"""The published copy: complete, swapped in whole, never under a reader's feet."""

import stat
from pathlib import Path

import duckdb
import pytest

from dockml_dagster.warehouse import migrations
from dockml_dagster.warehouse.connection import Warehouse
from dockml_dagster.warehouse.maintenance import Size
from dockml_dagster.warehouse.opening import connect
from dockml_dagster.warehouse.published.swap import publish


@pytest.fixture
def target(tmp_path: Path) -> Path:
    """Where readers look, with a quote in its folder's name."""
    return tmp_path / "user's" / "dockml.duckdb"


def _fill(warehouse: Warehouse, number: int) -> None:
    with warehouse.write() as connection:
        connection.execute("CREATE SCHEMA IF NOT EXISTS core; CREATE SCHEMA IF NOT EXISTS staging")
        connection.execute(f"CREATE OR REPLACE TABLE core.t AS SELECT {number} AS x")
        connection.execute("CREATE OR REPLACE VIEW staging.v AS SELECT x + 1 AS y FROM core.t")
        connection.execute("COMMENT ON TABLE core.t IS 'a table'; COMMENT ON COLUMN core.t.x IS 'a number'")


def _ask(connection: duckdb.DuckDBPyConnection) -> object:
    return connection.execute("SELECT x, y FROM core.t, staging.v").fetchall()


@pytest.mark.parametrize("empty", [12, 13])
def test_everything_is_copied(
    warehouse: Warehouse, target: Path, monkeypatch: pytest.MonkeyPatch, empty: int
) -> None:
    # A file with little empty space is copied whole, another by its rows.
    monkeypatch.setattr("dockml_dagster.warehouse.published.swap.size", lambda _: Size(100, empty))
    _fill(warehouse, 1)
    assert publish(warehouse, target) == target.stat().st_size > 0
    with connect(target, read_only=True) as reader:
        assert _ask(reader) == [(1, 2)]
        assert reader.execute("SELECT comment FROM duckdb_tables()").fetchall() == [("a table",)]
        assert ("a number",) in reader.execute(
            "SELECT comment FROM duckdb_columns() WHERE comment IS NOT NULL"
        ).fetchall()
    assert [path.name for path in target.parent.iterdir()] == [target.name], "nothing is left beside it"


def test_a_reader_keeps_the_file_it_opened(warehouse: Warehouse, target: Path) -> None:
    _fill(warehouse, 1)
    publish(warehouse, target)
    code = (
        "import duckdb, sys\nwith duckdb.connect(sys.argv[1], read_only=True) as c:\n"
        "    print('open', flush=True); sys.stdin.readline(); print(c.execute('SELECT x FROM core.t').fetchone()[0])"
    )
    import subprocess
    import sys

    with subprocess.Popen(
        [sys.executable, "-c", code, str(target)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as reader:
        assert reader.stdout is not None
        assert reader.stdout.readline().strip() == "open"
        _fill(warehouse, 2)
        publish(warehouse, target)
        with connect(target, read_only=True) as newcomer:
            assert _ask(newcomer) == [(2, 3)]
        answer, _ = reader.communicate("go\n")
    assert answer.strip() == "1"


@pytest.mark.parametrize(("copying", "empty"), [("shutil.copyfile", 12), ("copy_database", 13)])
def test_a_failed_publication_leaves_the_old_one(
    warehouse: Warehouse, target: Path, monkeypatch: pytest.MonkeyPatch, copying: str, empty: int
) -> None:
    _fill(warehouse, 1)
    publish(warehouse, target)

    def fail(_source: object, partial: Path) -> None:
        partial.write_bytes(b"half a file")
        raise OSError("no space left on device")

    monkeypatch.setattr(f"dockml_dagster.warehouse.published.swap.{copying}", fail)
    monkeypatch.setattr("dockml_dagster.warehouse.published.swap.size", lambda _: Size(100, empty))
    with pytest.raises(OSError, match="no space"):
        publish(warehouse, target)
    assert [path.name for path in target.parent.iterdir()] == [target.name]
    with connect(target, read_only=True) as reader:
        assert _ask(reader) == [(1, 2)]


def test_a_leftover_of_a_killed_publication_is_no_hindrance(warehouse: Warehouse, target: Path) -> None:
    import os

    _fill(warehouse, 1)
    target.parent.mkdir()
    (target.parent / f".{target.name}.{os.getpid()}").write_bytes(b"half a file")
    publish(warehouse, target)
    assert [path.name for path in target.parent.iterdir()] == [target.name]


def test_the_copy_is_for_readers_and_says_what_raw_is(warehouse: Warehouse, target: Path) -> None:
    with warehouse.write() as connection:
        migrations.apply(connection, warehouse.location)
    publish(warehouse, target)
    assert stat.S_IMODE(target.stat().st_mode) == 0o444
    publish(warehouse, target)
    with connect(target, read_only=True) as reader:
        silent = (
            "SELECT table_name, column_name FROM duckdb_columns() WHERE schema_name = 'raw' AND comment IS NULL "
            "AND table_name <> 'schema_migrations' UNION ALL "
            "SELECT table_name, NULL FROM duckdb_tables() WHERE schema_name = 'raw' AND comment IS NULL "
            "AND table_name <> 'schema_migrations'"
        )
        assert reader.execute(silent).fetchall() == []
