"""Attaching a lake: statements, extensions, keys of a store, instances that are used again, and caring for its files."""

import os
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from dockml_dagster.errors import BadInputError, DockmlError, UnreachableError
from dockml_dagster.settings import Location
from dockml_dagster.warehouse import lake, maintenance
from dockml_dagster.warehouse.connection import Warehouse
from dockml_dagster.warehouse.opening import connect

FOLDER = Path("/home")

with_ducklake = pytest.mark.skipif(
    lake.packaged("ducklake") is None, reason="no DuckLake extension for this DuckDB as a package here"
)


@pytest.mark.parametrize(
    ("address", "data", "read_only", "said"),
    [
        ("ducklake:c", None, False, ["ATTACH 'ducklake:c' AS \"warehouse\"", 'USE "warehouse"']),
        (
            "ducklake:c",
            None,
            True,
            ["ATTACH 'ducklake:c' AS \"warehouse\" (READ_ONLY)", 'USE "warehouse"'],
        ),
        (
            "ducklake:postgres:dbname=it's",
            "s3://b/d",
            True,
            [
                "ATTACH 'ducklake:postgres:dbname=it''s' AS \"warehouse\" (DATA_PATH 's3://b/d', READ_ONLY)",
                'USE "warehouse"',
            ],
        ),
        ("md:mine?motherduck_token=x", None, True, ["ATTACH 'md:mine?motherduck_token=x'", 'USE "mine"']),
    ],
)
def test_the_statements_that_attach(address: str, data: str | None, read_only: bool, said: list[str]) -> None:
    assert lake.attaching(Location(address, FOLDER, data), read_only=read_only) == said


@pytest.mark.parametrize("address", ["md:", "md:?motherduck_token=x"])
def test_a_service_needs_a_database(address: str) -> None:
    with pytest.raises(BadInputError, match="names no database"):
        lake.attaching(Location(address, FOLDER), read_only=False)


@pytest.mark.parametrize(
    ("address", "data", "extensions"),
    [
        ("ducklake:c", None, ("ducklake",)),
        ("ducklake:c", "/folder", ("ducklake",)),
        ("ducklake:c", "s3://b/d", ("ducklake", "httpfs")),
        ("ducklake:Postgres:dbname=c", None, ("ducklake", "postgres_scanner")),
        ("ducklake:sqlite:c", "s3://b/d", ("ducklake", "sqlite_scanner", "httpfs")),
        ("md:mine", None, ("motherduck",)),
    ],
)
def test_what_a_place_needs(address: str, data: str | None, extensions: tuple[str, ...]) -> None:
    kind = lake._kind(Location(address, FOLDER, data), read_only=True)
    assert (kind.process, kind.extensions) == (os.getpid(), extensions)


def test_only_a_lake_whose_catalog_is_a_server_stays_attached() -> None:
    served = Location("ducklake:postgres:dbname=c", FOLDER)
    assert lake._kind(served, read_only=True).stays == (served, True)
    assert lake._kind(served, read_only=False).stays == (served, False)
    assert lake._kind(Location("ducklake:c", FOLDER), read_only=True).stays is None


class Listening:
    """A connection that only notes what it is asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def execute(self, statement: str) -> None:
        self.asked.append(statement)


@pytest.mark.parametrize(
    ("environment", "said"),
    [
        ({}, "(TYPE s3)"),
        (
            {"AWS_ACCESS_KEY_ID": "k", "AWS_SECRET_ACCESS_KEY": "it's", "AWS_DEFAULT_REGION": "eu"},
            "(TYPE s3, KEY_ID 'k', SECRET 'it''s', REGION 'eu')",
        ),
        (
            {"AWS_REGION": "us", "AWS_DEFAULT_REGION": "eu", "AWS_SESSION_TOKEN": "t"},
            "(TYPE s3, SESSION_TOKEN 't', REGION 'us')",
        ),
        (
            {"AWS_ENDPOINT_URL": "http://store:9000"},
            "(TYPE s3, ENDPOINT 'store:9000', URL_STYLE 'path', USE_SSL false)",
        ),
        (
            {"AWS_ENDPOINT_URL": "https://store"},
            "(TYPE s3, ENDPOINT 'store', URL_STYLE 'path', USE_SSL true)",
        ),
    ],
)
def test_the_keys_of_a_store(environment: dict[str, str], said: str) -> None:
    connection = Listening()
    lake._log_in(connection, environment)  # type: ignore[arg-type]
    assert connection.asked == [f"CREATE OR REPLACE SECRET store {said}"]


def test_a_store_is_asked_again_for_half_a_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    connection = Listening()
    lake._set_up_store(connection)  # type: ignore[arg-type]
    assert connection.asked == [
        "SET http_retries = 7",
        "SET http_retry_wait_ms = 250",
        "SET http_retry_backoff = 2",
        "CREATE OR REPLACE SECRET store (TYPE s3)",
    ]


def test_an_extension_that_is_no_package_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lake, "packaged", lambda name: None)
    connection = Listening()
    lake._load(connection, "httpfs")  # type: ignore[arg-type]
    assert connection.asked == ["INSTALL httpfs", "LOAD httpfs"]

    class Offline(Listening):
        def execute(self, statement: str) -> None:
            raise duckdb.IOException("no way out\nat all")

    with pytest.raises(BadInputError, match=r"httpfs is not installed.*\(IO Error: no way out\)$|no way out"):
        lake._load(Offline(), "httpfs")  # type: ignore[arg-type]


@pytest.fixture
def idle(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[lake._Kind, list[lake._Instance]]]:
    """No instance of another test."""
    instances: dict[lake._Kind, list[lake._Instance]] = {}
    monkeypatch.setattr(lake, "_idle", instances)
    yield instances
    for some in instances.values():
        for one in some:
            one.root.close()


@pytest.fixture
def location(tmp_path: Path) -> Location:
    return Location.parse(f"ducklake:{tmp_path / 'catalog.ducklake'}", tmp_path)


def numbers(location: Location) -> list[tuple[int]]:
    with lake.attached(location, read_only=True) as connection:
        return connection.execute("FROM t ORDER BY x").fetchall()


@with_ducklake
def test_a_lake_is_written_read_and_let_go(
    location: Location, idle: dict[lake._Kind, list[lake._Instance]], tmp_path: Path
) -> None:
    with lake.attached(location, read_only=False) as connection:
        assert lake.is_lake(connection)
        assert connection.execute("SELECT current_setting('ducklake_max_retry_count')").fetchone() == (100,)
        connection.execute("CREATE TABLE t AS SELECT 1 AS x")
        (kept,) = connection.execute(
            "SELECT value FROM duckdb_settings() WHERE name = 'enable_external_file_cache'"
        ).fetchall()
        assert kept == ("false",)
    with pytest.raises(duckdb.Error):
        connection.execute("SELECT 1")
    assert numbers(location) == [(1,)]
    (instances,) = idle.values()
    assert len(instances) == 1, "one instance served both"
    assert instances[0].root.execute(lake._ATTACHED).fetchall() == []
    with (
        lake.attached(location, read_only=True) as connection,
        pytest.raises(duckdb.Error, match="read-only"),
    ):
        connection.execute("CREATE TABLE other (x INTEGER)")
    with connect(tmp_path / "file.duckdb", read_only=False) as file:
        assert not lake.is_lake(file)


@with_ducklake
def test_an_instance_in_which_something_went_wrong_is_let_go(
    location: Location, idle: dict[lake._Kind, list[lake._Instance]], monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(KeyError), lake.attached(location, read_only=False) as connection:
        connection.execute("CREATE TABLE t (x INTEGER)")
        raise KeyError
    assert not any(idle.values())
    once = lake.attached(location, read_only=True), lake.attached(location, read_only=True)
    with once[0], once[1], lake.attached(location, read_only=True):
        pass
    (instances,) = idle.values()
    assert len(instances) == lake._IDLE_INSTANCES, "no more are kept"
    old = list(instances)
    late = max(one.until for one in old) + 1
    monkeypatch.setattr(lake.time, "monotonic", lambda: late)
    assert numbers(location) == []
    assert [one.until for one in instances] == [late + lake._INSTANCE_SECONDS], "made anew"
    for one in old:
        with pytest.raises(duckdb.Error):
            one.root.execute("SELECT 1")


class Refusing(Listening):
    """A connection whose ATTACH fails, as DuckDB says it."""

    def __init__(self, said: str) -> None:
        super().__init__()
        self._said = said

    def execute(self, statement: str) -> "Refusing":  # type: ignore[override]
        super().execute(statement)
        if statement.startswith("ATTACH"):
            raise duckdb.IOException(self._said)
        return self

    def fetchall(self) -> list[tuple[str]]:
        """No database is attached."""
        return []


@pytest.mark.parametrize(
    ("address", "said", "error"),
    [
        (
            "ducklake:postgres:dbname=c password=hush",
            "Unable to connect to dbname=c password=hush",
            UnreachableError,
        ),
        ("ducklake:postgres:dbname=c password=hush", "no such schema at password=hush", BadInputError),
        # A file is no service that may answer later.
        ("ducklake:c", "unable to connect to c", BadInputError),
    ],
)
def test_a_place_that_cannot_be_attached_is_named_without_its_password(
    address: str, said: str, error: type[DockmlError]
) -> None:
    with pytest.raises(DockmlError) as caught:
        lake._attach(Refusing(f"{said}\nand again"), Location(address, FOLDER), read_only=True)  # type: ignore[arg-type]
    assert type(caught.value) is error
    text = said.replace("hush", "…")
    assert str(caught.value) == f"cannot attach {address.replace('hush', '…')}: {text}"


@with_ducklake
def test_a_lake_is_always_cared_for(location: Location, tmp_path: Path) -> None:
    warehouse = Warehouse(location)
    for number in range(3):
        with warehouse.write() as connection:
            connection.execute("CREATE TABLE IF NOT EXISTS t (x INTEGER)")
            connection.execute("CREATE TABLE big AS SELECT range AS x FROM range(100000)")
            connection.execute(f"INSERT INTO t VALUES ({number})")
            connection.execute("DROP TABLE IF EXISTS big")
    with warehouse.write() as connection:
        connection.execute("CREATE TABLE large AS SELECT hash(range) AS x FROM range(5000)")
    done = maintenance.compact_if_worth(warehouse)
    assert done is not None
    before, after = done
    assert before >= after > 1000
    assert numbers(location) == [(0,), (1,), (2,)]
