"""The asset ``file_facts``: every text once in every role, whatever else it is."""

from pathlib import Path

import pytest

from dockml_dagster.defs.assets import file_facts
from dockml_dagster.defs.resources import WarehouseResource

TEXT = b"services:\n  web:\n    image: web\n    privileged: true\n"
PATHS = {"compose": "docker-compose.yml", "workflow": ".github/workflows/build.yml"}


@pytest.fixture
def warehouse(tmp_path: Path) -> WarehouseResource:
    return WarehouseResource(database=str(tmp_path / "dockml.duckdb"))


def add(warehouse: WarehouseResource, read_as: str) -> None:
    with warehouse.get_connection() as connection:
        connection.execute(
            "INSERT INTO raw.repository_files BY NAME SELECT 'local/a/b' AS project, 'local' AS corpus, ? AS path, "
            "'other' AS file_kind, 'one' AS sha256, ? AS read_as, ?::BLOB AS content, 'test' AS source, "
            "? AS row_hash, now()::TIMESTAMP AS first_seen, now()::TIMESTAMP AS last_seen",
            [PATHS[read_as], read_as, TEXT, read_as],
        )


def stored(warehouse: WarehouseResource) -> set[tuple[str, str, str]]:
    with warehouse.get_connection() as connection:
        rows = connection.execute("SELECT read_as, coalesce(fact, ''), facts_version FROM raw.file_facts")
        return set(rows.fetchall())


def read(warehouse: WarehouseResource) -> int:
    metadata = file_facts.read_files(warehouse).metadata
    assert metadata is not None
    return int(str(metadata["texts read"]))


def test_one_text_in_two_roles_is_read_once_in_each(warehouse: WarehouseResource) -> None:
    add(warehouse, "compose")
    assert (read(warehouse), read(warehouse)) == (1, 0)
    as_compose = stored(warehouse)
    assert as_compose
    add(warehouse, "workflow")
    assert (read(warehouse), read(warehouse)) == (1, 0)
    assert as_compose < stored(warehouse)


def test_a_newer_version_takes_the_place_of_the_older(
    warehouse: WarehouseResource, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(warehouse, "compose")
    add(warehouse, "workflow")
    monkeypatch.setattr(file_facts, "version_of", lambda *_: "before")
    assert read(warehouse) == 2
    before = stored(warehouse)
    monkeypatch.setattr(file_facts, "version_of", lambda *_: "now")
    assert (read(warehouse), read(warehouse)) == (2, 0)
    assert stored(warehouse) == {(read_as, fact, "now") for read_as, fact, _ in before}
