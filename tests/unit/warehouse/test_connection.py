"""Turns, transactions, and what a user reads when the warehouse cannot be opened."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from dockml_dagster.errors import BadInputError, DockmlError
from dockml_dagster.settings import Settings
from dockml_dagster.warehouse.connection import Warehouse
from dockml_dagster.warehouse.opening import WarehouseBusyError, connect, make_folder

HOLD = """
import sys, time
from pathlib import Path
from dockml_dagster.warehouse.connection import Warehouse
with Warehouse(Path(sys.argv[1])).write() as connection:
    connection.execute("CREATE TABLE half (x INTEGER)")
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def holder(warehouse: Warehouse) -> Iterator[subprocess.Popen[str]]:
    """Another process in the middle of a transaction."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(warehouse.location)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline().strip() == "held"
    yield process
    process.kill()
    process.wait()
    process.stdout.close()


def _one_line(error: BaseException) -> str:
    text = str(error)
    assert text and "\n" not in text
    return text


def test_a_write_is_kept_and_read(warehouse: Warehouse) -> None:
    assert not warehouse.exists
    with warehouse.write() as connection:
        connection.execute("CREATE TABLE t AS SELECT 1 AS x")
    assert warehouse.exists
    with warehouse.read() as connection:
        assert connection.execute("FROM t").fetchall() == [(1,)]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
def test_an_exception_rolls_back_and_unlocks(warehouse: Warehouse, error: type[BaseException]) -> None:
    with warehouse.write() as connection:
        connection.execute("CREATE TABLE t AS SELECT 1 AS x")
    with pytest.raises(error), warehouse.write() as connection:
        connection.execute("INSERT INTO t VALUES (2)")
        connection.execute("CREATE TABLE other (x INTEGER)")
        raise error
    with pytest.raises(duckdb.Error):
        connection.execute("SELECT 1")  # closed
    with warehouse.write() as again:
        assert again.execute("FROM t").fetchall() == [(1,)]
        assert again.execute("SELECT count(*) FROM duckdb_tables()").fetchone() == (1,)


def test_an_exception_of_duckdb_rolls_back_too(warehouse: Warehouse) -> None:
    with warehouse.write() as connection:
        connection.execute("CREATE TABLE t (x INTEGER PRIMARY KEY)")
    with pytest.raises(duckdb.Error), warehouse.write() as connection:
        connection.execute("INSERT INTO t VALUES (1)")
        connection.execute("SELECT nothing FROM nowhere")
    with warehouse.read() as connection:
        assert connection.execute("SELECT count(*) FROM t").fetchone() == (0,)


def test_a_reader_cannot_write(warehouse: Warehouse) -> None:
    with warehouse.write() as connection:
        connection.execute("CREATE TABLE t (x INTEGER)")
    with warehouse.read() as connection, pytest.raises(duckdb.Error, match="read-only"):
        connection.execute("INSERT INTO t VALUES (1)")


@pytest.mark.parametrize("mode", ["write", "read"])
def test_a_held_lock_is_waited_for_then_reported(
    warehouse: Warehouse, holder: subprocess.Popen[str], mode: str
) -> None:
    start = time.monotonic()
    with pytest.raises(WarehouseBusyError) as caught, getattr(warehouse, mode)():
        pass
    assert 0.25 < time.monotonic() - start < 10
    assert str(warehouse.location) in _one_line(caught.value)
    assert caught.value.exit_code == 5


def test_a_killed_writer_leaves_neither_lock_nor_half_a_transaction(
    warehouse: Warehouse, holder: subprocess.Popen[str]
) -> None:
    os.kill(holder.pid, signal.SIGKILL)
    holder.wait()
    with warehouse.write() as connection:
        assert connection.execute("SELECT count(*) FROM duckdb_tables()").fetchone() == (0,)


def test_open_in_another_program_is_busy(tmp_path: Path) -> None:
    """Another program does not know our lock; DuckDB's own refusal is told in the same words."""
    path = tmp_path / "t.duckdb"
    code = "import duckdb, sys; c = duckdb.connect(sys.argv[1]); print('open', flush=True); sys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", code, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline().strip() == "open"
        with pytest.raises(WarehouseBusyError) as caught, Warehouse(path).write():
            pass
        other.communicate("")
    assert "another program" in _one_line(caught.value)


@pytest.mark.parametrize(
    "content", [b"not a database" * 500, b"x", b"\x00" * 20000], ids=["text", "short", "zeros"]
)
@pytest.mark.parametrize("read_only", [True, False])
def test_a_file_that_is_no_database_is_bad_input(tmp_path: Path, content: bytes, read_only: bool) -> None:
    path = tmp_path / "t.duckdb"
    path.write_bytes(content)
    with pytest.raises(BadInputError) as caught:
        connect(path, read_only=read_only)
    assert str(path) in _one_line(caught.value)
    assert path.read_bytes() == content, "what is not ours stays as it is"


def test_a_missing_file_is_bad_input_for_readers(tmp_path: Path) -> None:
    with pytest.raises(BadInputError) as caught:
        connect(tmp_path / "none.duckdb", read_only=True)
    _one_line(caught.value)


def test_a_home_that_is_a_file_is_bad_input(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("a file")
    with pytest.raises(BadInputError) as caught, Warehouse(tmp_path / "home" / "w" / "dockml.duckdb").write():
        pass
    assert "DOCKML_HOME" in _one_line(caught.value)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_home_without_permission_is_bad_input(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    try:
        for path in (tmp_path / "dockml.duckdb", tmp_path / "below" / "dockml.duckdb"):
            with pytest.raises(BadInputError) as caught, Warehouse(path).write():
                pass
            assert "DOCKML_HOME" in _one_line(caught.value)
    finally:
        tmp_path.chmod(0o700)


def test_a_folder_the_system_refuses_is_bad_input() -> None:
    """As root too: /proc takes no folders."""
    with pytest.raises(BadInputError, match="DOCKML_HOME"):
        make_folder(Path("/proc/dockml"))


def test_times_are_utc_whatever_the_machine_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    connection = connect(tmp_path / "t.duckdb", read_only=False)
    try:
        assert connection.execute("SELECT current_setting('TimeZone')").fetchone() == ("UTC",)
    finally:
        connection.close()


def test_settings_are_absolute_and_empty_means_unset(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    settings = Settings.from_environment({"DOCKML_HOME": "h", "DOCKML_EASE2022": ""})
    assert settings.home == tmp_path / "h"
    assert settings.warehouse.file == tmp_path / "h" / "warehouse" / "dockml.duckdb"
    assert settings.ease2022 is None
    assert list(tmp_path.iterdir()) == [], "reading settings makes nothing"


def test_busy_and_bad_input_are_errors_of_ours() -> None:
    assert issubclass(WarehouseBusyError, DockmlError)
    assert not issubclass(WarehouseBusyError, BadInputError), "a retry can help"
