"""What a published file of others, and other users of the machine, can do: nothing."""

import os
import stat
from pathlib import Path

import duckdb
import pytest

from dockml_dagster.commands.export.dataset import export_dataset
from dockml_dagster.errors import BadInputError
from dockml_dagster.settings import Settings
from dockml_dagster.warehouse.opening import make_home, make_shown, open_published
from dockml_dagster.warehouse.published.query import query


@pytest.fixture
def published(tmp_path: Path) -> Settings:
    """A published file that was made to read a file beside it."""
    settings = Settings.from_environment({"DOCKML_HOME": str(tmp_path / "home")})
    settings.published.parent.mkdir(parents=True)
    (tmp_path / "secret.txt").write_text("hunter2")
    with duckdb.connect(settings.published) as connection:
        connection.execute("CREATE SCHEMA raw")
        connection.execute("CREATE SCHEMA findings")
        connection.execute(
            "CREATE TABLE raw.listings AS SELECT 'x' AS corpus, 's' AS source, 1 AS projects, now()::TIMESTAMP AS listed_at"
        )
        connection.execute("CREATE TABLE findings.t AS SELECT 1 AS a, 2 AS b")
        connection.execute(
            f"CREATE VIEW findings.funnel AS SELECT content FROM read_text('{tmp_path}/secret.txt')"
        )
    return settings


@pytest.mark.parametrize("statement", ["FROM findings.t", "SHOW TABLES", "DESCRIBE findings.t", "EXPLAIN SELECT 1",
    "PIVOT findings.t ON a", "SELECT 1;", "PRAGMA table_info('findings.t')", "VALUES (1)"])  # fmt: skip
def test_one_query_is_run(published: Settings, statement: str) -> None:
    assert query(published, statement).columns


@pytest.mark.parametrize(
    ("statement", "says"),
    [
        ("SELECT 1; SELECT 2", "one query is run at a time, these are 2"),
        ("SELECT 1; DROP TABLE findings.t", "one query"),
        ("PRAGMA enable_profiling", "this is pragma"),
        ("CALL enable_logging()", "this is call"),
        ("SET threads = 1", "this is set"),
        ("COPY findings.t TO 'x.csv'", "this is copy"),
        ("ATTACH ':memory:' AS x", "this is attach"),
        ("LOAD httpfs", "this is load"),
        ("DROP TABLE findings.t", "this is drop"),
        ("", "no statement"),
        ("-- nothing", "no statement"),
        ("FROM findings.funnel", "disabled"),
        ("SELECT * FROM read_text('/etc/hostname')", "disabled"),
    ],
)
def test_what_is_no_query_is_refused_in_one_line(published: Settings, statement: str, says: str) -> None:
    with pytest.raises(BadInputError, match=says) as refused:
        query(published, statement)
    assert "\n" not in str(refused.value)


def test_an_export_of_a_file_of_others_reads_no_file(published: Settings, tmp_path: Path) -> None:
    target = tmp_path / "export"
    with pytest.raises(BadInputError, match="disabled") as refused:
        export_dataset(published, target)
    assert "hunter2" not in str(refused.value)
    assert b"hunter2" not in b"".join(path.read_bytes() for path in target.rglob("*") if path.is_file())


def test_a_published_file_writes_to_one_folder_at_most(published: Settings, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    with open_published(published.published, writes_to=tmp_path / "out") as connection:
        connection.execute(f"COPY findings.t TO '{tmp_path}/out/t.csv'")
        with pytest.raises(duckdb.PermissionException):
            connection.execute(f"COPY findings.t TO '{tmp_path}/t.csv'")


def _mode(path: Path) -> str:
    return oct(stat.S_IMODE(path.stat().st_mode))


def test_a_home_is_passed_through_and_not_read(tmp_path: Path) -> None:
    home = tmp_path / "a" / "home"
    mask = os.umask(0o022)
    try:
        make_home(home, (home / "cache", home / "warehouse"))
        make_shown(home / "published")
    finally:
        os.umask(mask)
    assert {path.name: _mode(path) for path in (home, *home.iterdir())} == {
        "home": "0o711", "cache": "0o700", "warehouse": "0o700", "published": "0o755",
    }  # fmt: skip


def test_a_folder_that_is_there_keeps_its_mode(tmp_path: Path) -> None:
    (tmp_path / "cache").mkdir(mode=0o750)
    (tmp_path / "cache").chmod(0o750)
    make_home(tmp_path, (tmp_path / "cache",))
    assert _mode(tmp_path / "cache") == "0o750"
