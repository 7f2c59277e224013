"""Models run in a file itself and beside a lake, and what they made is there afterwards, all of it or nothing."""

from collections.abc import Callable
from pathlib import Path

import pytest

from dockml_dagster.settings import Location
from dockml_dagster.warehouse import build, lake
from dockml_dagster.warehouse.connection import Warehouse
from dockml_dagster.warehouse.models import Project, load
from dockml_dagster.warehouse.opening import connect
from dockml_dagster.warehouse.staging_copy import staging_copy

FILES = {
    "raw.yml": "sources: [{name: raw, tables: [{name: figures}, {name: layer_files}]}]",
    "seeds/seeds.yml": "seeds: [{name: kinds, columns: [{name: kind}]}]",
    "seeds/kinds.csv": "kind\nlight\n",
    "staging/staging.yml": "models: [{name: figures, description: As told.}]",
    "staging/figures.sql": "SELECT corpus, value FROM raw.figures",
    "core/core.yml": "models: [{name: sums, description: A sum., columns: [{name: value, description: The sum.}]}]",
    "core/sums.sql": "SELECT sum(value) AS value FROM staging.figures",
    "findings/findings.yml": "models: [{name: heights, description: Sum and seed.}]",
    "findings/heights.sql": "SELECT value, kind, (SELECT count(*) FROM raw.layer_files) AS n FROM core.sums, seeds.kinds",
}


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """Three models in a row, a seed, two raw tables."""
    for name, text in FILES.items():
        file = tmp_path / "sql" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    return load(tmp_path / "sql")


@pytest.fixture(params=["file", "lake"])
def warehouse(request: pytest.FixtureRequest, tmp_path: Path) -> Warehouse:
    """Nothing written yet."""
    if request.param == "lake" and lake.packaged("ducklake") is None:
        pytest.skip("no DuckLake extension for this DuckDB as a package here")
    address = {"file": "dockml.duckdb", "lake": "ducklake:catalog.ducklake"}[request.param]
    kind, _, name = address.rpartition(":")
    return Warehouse(Location.parse(f"{kind}:{tmp_path / name}".lstrip(":"), tmp_path / "home"))


def run(warehouse: Warehouse, project: Project, *names: str) -> None:
    selected = [model for model in project.models if model.name in names or not names]
    with staging_copy(warehouse, project, selected) as place:
        build.load_seeds(place.connection, project)
        views = [model for model in project.models if model.is_view]
        list(place.run(dict.fromkeys([*views, *selected])))


def tell(warehouse: Warehouse, value: float) -> None:
    with warehouse.write() as connection:
        connection.execute(
            "INSERT INTO raw.figures (corpus, figure, value, n, built_at) VALUES ('c', 'f', ?, 1, now()::TIMESTAMP)",
            [value],
        )


def rows(warehouse: Warehouse, table: str) -> list[tuple[object, ...]]:
    with warehouse.read() as connection:
        return connection.execute(f"FROM {table}").fetchall()


def test_what_was_made_is_there_and_documented(warehouse: Warehouse, project: Project) -> None:
    run(warehouse, project)
    tell(warehouse, 2.0)
    run(warehouse, project)
    assert rows(warehouse, "findings.heights") == [(2.0, "light", 0)]
    assert rows(warehouse, "staging.figures") == [("c", 2.0)]
    with warehouse.read() as connection:
        comments = connection.execute(
            "SELECT comment FROM duckdb_columns() WHERE database_name = current_database() AND table_name = 'sums'"
        ).fetchall()
    assert comments == [("The sum.",)]


def test_nothing_is_left_of_what_was_broken_off(warehouse: Warehouse, project: Project) -> None:
    run(warehouse, project)
    before = sorted(path.name for path in warehouse.location.folder.iterdir())
    tell(warehouse, 2.0)

    def break_off() -> None:
        with staging_copy(warehouse, project, project.models) as place:
            build.load_seeds(place.connection, project)
            list(place.run(project.models))
            raise RuntimeError

    with pytest.raises(RuntimeError):
        break_off()
    assert rows(warehouse, "findings.heights") == [(None, "light", 0)]
    assert sorted(path.name for path in warehouse.location.folder.iterdir()) == before


def test_what_is_not_selected_is_read_and_stays(warehouse: Warehouse, project: Project) -> None:
    run(warehouse, project)
    tell(warehouse, 2.0)
    run(warehouse, project, "findings.heights")
    assert rows(warehouse, "findings.heights") == [(None, "light", 0)], "of the sum that stands"
    assert rows(warehouse, "core.sums") == [(None,)]
    run(warehouse, project, "core.sums", "findings.heights")
    assert rows(warehouse, "findings.heights") == [(2.0, "light", 0)]


@pytest.mark.parametrize("warehouse", ["lake"], indirect=True)
def test_a_lake_is_not_written_to_before_the_end(warehouse: Warehouse, project: Project) -> None:
    run(warehouse, project)
    with staging_copy(warehouse, project, project.models) as place:
        build.load_seeds(place.connection, project)
        states = "SELECT count(*) FROM ducklake_snapshots('warehouse')"
        before = place.connection.execute(states).fetchall()
        list(build.run(place.connection, project.models))
        assert place.connection.execute(states).fetchall() == before


@pytest.mark.parametrize("warehouse", ["lake"], indirect=True)
def test_builds_add_no_tables_to_the_catalog(warehouse: Warehouse, project: Project) -> None:
    counts = []
    for _ in range(3):
        run(warehouse, project)
        with connect(Path(warehouse.location.address.partition(":")[2]), read_only=True) as catalog:
            counts.append(catalog.execute("SELECT count(*) FROM duckdb_tables()").fetchone())
    assert counts[1:] == counts[:1] * 2


def instances(use: Callable[[], None]) -> int:
    """How many instances of DuckDB are idle after use."""
    use()
    return sum(len(idle) for idle in lake._idle.values())


@pytest.mark.parametrize("warehouse", ["lake"], indirect=True)
def test_an_instance_is_used_again_unless_something_went_wrong(
    warehouse: Warehouse, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lake, "_idle", {})

    def fail() -> None:
        with pytest.raises(RuntimeError), warehouse.read() as connection:
            connection.execute("CREATE TEMP TABLE mine AS SELECT 1")
            raise RuntimeError

    def look() -> None:
        with warehouse.read() as connection:
            connection.execute("CREATE TEMP TABLE mine AS SELECT 1")
            assert connection.execute("SELECT current_setting('TimeZone')").fetchone() == ("UTC",)

    run(warehouse, project)
    assert [instances(use) for use in (look, look, fail, look)] == [1, 1, 0, 1]
