"""Files that dockml makes are read by every DuckDB that it promises, whichever one makes them."""

from pathlib import Path

import duckdb
import pytest

from dockml_dagster.warehouse.connection import Warehouse
from dockml_dagster.warehouse.opening import STORAGE_VERSION, connect
from dockml_dagster.warehouse.published.swap import publish

OF_A_FILE = "SELECT tags['storage_version'] FROM duckdb_databases() WHERE database_name = current_database()"


def _storage(file: Path) -> str:
    with duckdb.connect(str(file), read_only=True) as connection:
        return str(connection.execute(OF_A_FILE).fetchall()[0][0])


def test_the_warehouse_and_what_is_published_have_the_promised_storage(
    warehouse: Warehouse, tmp_path: Path
) -> None:
    """The tests run on DuckDB 2.0 too (``make test-duckdb2``), whose own files 1.5 refuses."""
    with warehouse.write() as connection:
        connection.execute(
            "CREATE SCHEMA core; CREATE TABLE core.some AS SELECT [range] AS few FROM range(9)"
        )
    published = tmp_path / "published" / "dockml.duckdb"
    publish(warehouse, published)
    file = warehouse.location.file
    assert file is not None
    assert {_storage(file), _storage(published)} == {f"{STORAGE_VERSION}+"}


def test_a_file_that_is_there_keeps_its_storage(tmp_path: Path) -> None:
    path = tmp_path / "newer.duckdb"
    with duckdb.connect() as connection:
        connection.execute(
            f"ATTACH '{path}' AS one (STORAGE_VERSION 'v1.5.0'); CREATE TABLE one.t AS SELECT 1 AS x"
        )
    with connect(path, read_only=False) as connection:
        connection.execute("INSERT INTO t VALUES (2)")
    assert _storage(path) == "v1.5.0+"


@pytest.mark.parametrize("name", ["it's.duckdb", "a b.duckdb", "ünï.duckdb"])
def test_any_name_of_a_file(tmp_path: Path, name: str) -> None:
    with connect(tmp_path / name, read_only=False) as connection:
        connection.execute("CREATE TABLE t AS SELECT 1 AS x")
    with connect(tmp_path / name, read_only=True) as connection:
        assert connection.execute("FROM t").fetchall() == [(1,)]
