"""What ``dockml doctor`` sees, and that it says what to do."""

import gzip
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import duckdb
import pytest

from dockml_dagster.commands.doctor.checks import Finding, _disk, examine
from dockml_dagster.settings import Settings
from dockml_dagster.warehouse import migrations
from dockml_dagster.warehouse.connection import Warehouse

OTHER_DUCKDB = Path(__file__).parents[2] / "warehouse" / "other_duckdb"


def _of(settings: Settings, subject: str) -> list[Finding]:
    return [one for one in examine(settings) if one.subject == subject]


@pytest.fixture
def settings(home: Path) -> Settings:
    found = Settings.from_environment()
    with Warehouse(found.warehouse).write() as connection:
        migrations.apply(connection)
    return found


def test_an_empty_home_is_in_order(home):
    assert {one.state for one in examine(Settings.from_environment())} <= {"ok", "warning"}
    assert not home.exists(), "looking makes nothing"


def test_a_file_in_the_way(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("DOCKML_HOME", str(tmp_path / "file" / "home"))
    (one,) = _of(Settings.from_environment(), "home")
    assert one.state == "problem"
    assert "DOCKML_HOME" in one.advice


def test_a_writer_is_named(settings, monkeypatch):
    monkeypatch.setattr("dockml_dagster.commands.doctor.checks.LOCK_SECONDS", 0.1)
    with Warehouse(settings.warehouse).write():
        (one,) = _of(settings, "warehouse")
    assert (one.state, "being written" in one.text) == ("warning", True)


@pytest.mark.parametrize(
    ("free", "state"), [(3 * 2**30 - 1, "problem"), (3 * 2**30 + 1, "warning"), (6 * 2**30, "ok")]
)
def test_a_run_needs_room_for_two_copies_of_the_warehouse(settings, monkeypatch, free, state):
    with settings.warehouse.file.open("r+b") as file:
        file.truncate(3 * 2**30)  # sparse
    monkeypatch.setattr(
        "dockml_dagster.commands.doctor.checks.shutil.disk_usage", lambda _: SimpleNamespace(free=free)
    )
    (one,) = _disk(settings)
    assert one.state == state
    assert (one.advice is None or "6.44 GB" in one.advice) if state != "ok" else True


@pytest.mark.parametrize(("free", "state"), [(2 * 2**30 - 1, "warning"), (2 * 2**30, "ok")])
def test_a_run_needs_some_room_in_any_case(settings, monkeypatch, free, state):
    monkeypatch.setattr(
        "dockml_dagster.commands.doctor.checks.shutil.disk_usage", lambda _: SimpleNamespace(free=free)
    )
    (one,) = _disk(settings)
    assert one.state == state


def test_a_newer_schema(settings):
    with Warehouse(settings.warehouse).write() as connection:
        connection.execute("INSERT INTO raw.schema_migrations VALUES (4711, now()::TIMESTAMP)")
    (one,) = _of(settings, "schema")
    assert (one.state, one.advice) == ("problem", "use a newer dockml")


def test_a_clock_that_was_set_back(settings):
    with Warehouse(settings.warehouse).write() as connection:
        connection.execute(
            "INSERT INTO raw.outcomes (corpus, stage, subject, status, retryable, observed_at) "
            "VALUES ('sample', 'labels', '', 'collected', false, ?)",
            [datetime.now(UTC).replace(tzinfo=None) + timedelta(days=3)],
        )
    (one,) = _of(settings, "clock")
    assert one.state == "warning"


def test_a_schema_between_two_releases(settings):
    with Warehouse(settings.warehouse).write() as connection:
        connection.execute("ALTER TABLE raw.builds DROP COLUMN seen_to")
    (one,) = _of(settings, "schema")
    assert one.state == "problem"
    assert "raw.builds has no seen_to" in one.text
    assert "warehouse/dockml.duckdb" in one.advice


@pytest.fixture
def file_of(home: Path) -> Callable[[str], Settings]:
    """``file_of("2.0.0")``: a home whose warehouse is a file that this version of DuckDB wrote."""

    def put(version: str) -> Settings:
        settings = Settings.from_environment()
        settings.warehouse.folder.mkdir(parents=True)
        written = OTHER_DUCKDB / f"{version}.duckdb.gz"
        settings.warehouse.file.write_bytes(gzip.decompress(written.read_bytes()))
        return settings

    return put


@pytest.mark.parametrize("version", ["0.8.1", "2.0.0"])
def test_a_file_of_another_duckdb_is_one_line(file_of, version):
    if duckdb.__version__ >= version > "1":
        pytest.skip(f"DuckDB {duckdb.__version__} reads the files of {version}")
    settings = file_of(version)
    (one,) = _of(settings, "warehouse")
    assert one.state == "problem"
    assert str(settings.warehouse) in one.text
    assert "\n" not in one.text


def test_a_file_without_our_tables(file_of):
    settings = file_of("1.1.3")
    (one,) = _of(settings, "warehouse")
    assert (one.state, "no tables of dockml" in one.text) == ("ok", True)


def test_a_file_that_is_no_database(settings):
    settings.warehouse.file.write_text("no database, and long enough to be looked at " * 500)
    (one,) = _of(settings, "warehouse")
    assert one.state == "problem"


def test_copies_that_were_cut_short(settings):
    settings.published.parent.mkdir(parents=True)
    (settings.published.parent / ".dockml.duckdb.99999999").write_bytes(b"x" * 100)
    assert [one.state for one in _of(settings, "published")] == ["warning", "ok"]


def test_a_package_that_is_not_there(settings, monkeypatch, tmp_path):
    monkeypatch.setenv("DOCKML_EASE2022", str(tmp_path / "nowhere"))
    (one,) = _of(Settings.from_environment(), "ease2022")
    assert one.state == "problem"


def test_no_secret_is_printed(settings, monkeypatch):
    monkeypatch.setenv("GITHUB_TOKEN", "ghp_averysecretone")
    assert "averysecretone" not in str(examine(Settings.from_environment()))


def test_compacting_keeps_every_row(settings):
    from dockml_dagster.warehouse import maintenance

    warehouse = Warehouse(settings.warehouse)
    with warehouse.write() as connection:
        connection.execute(
            "CREATE TABLE raw.wide AS SELECT n, repeat(md5(n::VARCHAR), 20) AS text FROM range(60000) t(n)"
        )
    with warehouse.write() as connection:
        connection.execute("DELETE FROM raw.wide WHERE n >= 10")
        connection.execute("COMMENT ON TABLE raw.wide IS 'kept'")
    before, after = maintenance.compact(warehouse)
    assert after < before
    with warehouse.read() as connection:
        assert connection.execute("SELECT count(*) FROM raw.wide").fetchone() == (10,)
        assert connection.execute(
            "SELECT comment FROM duckdb_tables() WHERE table_name = 'wide'"
        ).fetchone() == ("kept",)
        assert connection.execute("SELECT count(*) FROM raw.schema_migrations").fetchone() == (
            len(migrations.available()),
        )
    with warehouse.write() as connection:
        assert migrations.apply(connection) == []
        with pytest.raises(duckdb.ConstraintException):
            connection.execute("INSERT INTO raw.schema_migrations VALUES (NULL, now()::TIMESTAMP)")


@pytest.mark.parametrize(
    ("rows", "text"),
    [
        (
            "('local', NULL, NULL), ('local', ' ', []), ('local', 'a bot', NULL), ('local', NULL, ['ml'])",
            "2 of 4 local",
        ),
        ("('local', 'a bot', NULL), ('github', NULL, NULL)", None),
    ],
)
def test_local_projects_of_which_nothing_is_said(settings, rows, text):
    settings.published.parent.mkdir(parents=True)
    with duckdb.connect(str(settings.published)) as connection:
        connection.execute(
            "CREATE SCHEMA core; CREATE TABLE core.projects (corpus VARCHAR, description VARCHAR, topics VARCHAR[])"
        )
        connection.execute(f"INSERT INTO core.projects VALUES {rows}")
    found = [(one.state, text in one.text if text else None) for one in _of(settings, "labels")]
    assert found == ([("ok", True)] if text else [])
