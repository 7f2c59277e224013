"""A file that stays open over many turns of one process: one opening, and nobody else's turn meanwhile."""

import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from dockml_dagster.settings import Location
from dockml_dagster.warehouse import connection as turns
from dockml_dagster.warehouse.connection import Warehouse

OTHER = """
import sys
from pathlib import Path
from dockml_dagster.errors import DockmlError
from dockml_dagster.warehouse.connection import Warehouse
try:
    with Warehouse(Path(sys.argv[1]), lock_timeout_seconds=0.1).write():
        print("written")
except DockmlError as error:
    print(type(error).__name__)
"""


@pytest.fixture
def openings(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The files that were opened for keeping, in order."""
    found: list[Path] = []
    real = turns.connect

    def connect(path: Path, *, read_only: bool) -> duckdb.DuckDBPyConnection:
        found.append(path)
        return real(path, read_only=read_only)

    monkeypatch.setattr(turns, "connect", connect)
    return found


def _other(warehouse: Warehouse) -> str:
    said = subprocess.run(
        [sys.executable, "-c", OTHER, str(warehouse.location)], capture_output=True, text=True, check=True
    )
    return said.stdout.strip()


def test_many_turns_open_it_once_and_others_wait(warehouse: Warehouse, openings: list[Path]) -> None:
    with warehouse.kept_open():
        with warehouse.write() as connection:
            connection.execute("CREATE TABLE t AS SELECT 1 AS x")
        with Warehouse(warehouse.location).write() as connection:
            connection.execute("INSERT INTO t VALUES (2)")
        with warehouse.read() as connection:
            assert connection.execute("FROM t ORDER BY x").fetchall() == [(1,), (2,)]
            assert connection.execute("SELECT current_setting('TimeZone')").fetchone() == ("UTC",)
        assert _other(warehouse) == "WarehouseBusyError"
    assert openings == [warehouse.location.file]
    assert _other(warehouse) == "written"


def test_kept_within_kept_is_one(warehouse: Warehouse, openings: list[Path]) -> None:
    with warehouse.kept_open(), warehouse.kept_open(), warehouse.write() as connection:
        connection.execute("CREATE TABLE t AS SELECT 1 AS x")
    assert openings == [warehouse.location.file]
    assert _other(warehouse) == "written"


def test_a_turn_that_fails_leaves_nothing_and_the_next_goes_on(warehouse: Warehouse) -> None:
    with warehouse.kept_open():
        with warehouse.write() as connection:
            connection.execute("CREATE TABLE t AS SELECT 1 AS x")
        with pytest.raises(ValueError, match="half"), warehouse.write() as connection:
            connection.execute("INSERT INTO t VALUES (2)")
            raise ValueError("half done")
        with warehouse.read() as connection:
            assert connection.execute("FROM t").fetchall() == [(1,)]


@pytest.mark.parametrize("error", [duckdb.FatalException, duckdb.InternalException])
def test_what_duckdb_does_not_survive_is_opened_anew(
    warehouse: Warehouse, openings: list[Path], error: type[duckdb.Error]
) -> None:
    with warehouse.kept_open():
        with pytest.raises(error), warehouse.write():
            raise error("the database has been invalidated")
        with warehouse.write() as connection:
            connection.execute("CREATE TABLE t AS SELECT 1 AS x")
    assert len(openings) == 2


def test_an_end_by_an_exception_frees_it(warehouse: Warehouse) -> None:
    with pytest.raises(KeyboardInterrupt), warehouse.kept_open(), warehouse.write():
        raise KeyboardInterrupt
    assert _other(warehouse) == "written"


def test_who_replaces_the_file_finds_it_closed(warehouse: Warehouse) -> None:
    file = warehouse.location.file
    assert file is not None
    with warehouse.kept_open():
        with warehouse.write() as connection:
            connection.execute("CREATE TABLE t AS SELECT 1 AS x")
        with warehouse.locked():
            new = file.with_name("new")
            with duckdb.connect(str(new)) as other:
                other.execute("CREATE TABLE t AS SELECT 7 AS x")
            new.replace(file)
        with warehouse.read() as connection:
            assert connection.execute("FROM t").fetchall() == [(7,)]


def test_another_file_is_another_matter(warehouse: Warehouse, tmp_path: Path) -> None:
    other = Warehouse(Location.of_file(tmp_path / "other" / "other.duckdb"))
    with warehouse.kept_open(), other.write() as connection:
        connection.execute("CREATE TABLE t AS SELECT 1 AS x")
    assert _other(other) == "written"
