"""What was collected in part, and will be looked for again, is current for labels and links as it is for the SQL models."""

from datetime import datetime
from pathlib import Path

import pytest

from dockml_dagster.defs.assets.image_links import link_projects
from dockml_dagster.defs.assets.machine_labels import label_projects
from dockml_dagster.defs.resources import WarehouseResource
from dockml_dagster.warehouse.due.visits import make_visits

FIRST, SECOND = datetime(2026, 1, 1), datetime(2026, 1, 2)
PROJECT = "local/a/b"
STAMP = {"project": PROJECT, "corpus": "local", "source": "test"}
DOCKERFILE = b"FROM python:3.12\n"


@pytest.fixture
def warehouse(tmp_path: Path) -> WarehouseResource:
    """One project. Its files were visited twice; the second visit found some, and will be repeated."""
    from dockml_dagster.warehouse.due.query import record_outcomes
    from dockml_dagster.warehouse.rows import write_visit

    found = WarehouseResource(database=str(tmp_path / "dockml.duckdb"))
    outcome = {
        "corpus": "local",
        "subject": "",
        "status": "collected",
        "retryable": False,
        "method_version": "1",
    }
    with found.get_connection() as connection:
        listed = {**STAMP, "name": "a/b", "owner": "a"}
        write_visit(connection, "raw.projects", [listed], observed_at=FIRST)
        connection.execute(
            "INSERT INTO raw.inputs VALUES (?, 'local', 'dockerfiles', 0, 'hash', ?)", [PROJECT, FIRST]
        )
        for path, at in (("old/Dockerfile", FIRST), ("new/Dockerfile", SECOND)):
            content = {"sha256": path, "content": DOCKERFILE, "bytes": len(DOCKERFILE)}
            write_visit(connection, "raw.dockerfiles", [{**STAMP, "path": path, **content}], observed_at=at)
        record_outcomes(
            connection,
            [
                {**outcome, "project": None, "stage": "repo_list", "observed_at": FIRST},
                {**outcome, "project": PROJECT, "stage": "dockerfiles", "observed_at": FIRST},
                {
                    **outcome,
                    "project": PROJECT,
                    "stage": "dockerfiles",
                    "observed_at": SECOND,
                    "retryable": True,
                },
            ],
        )
    return found


def test_the_definition_is_that_of_the_model(warehouse: WarehouseResource) -> None:
    with warehouse.get_connection() as connection:
        make_visits(connection)
        newest = connection.execute("SELECT observed_at FROM visits WHERE stage = 'dockerfiles'").fetchall()
    assert newest == [(SECOND,)]


def test_labels_are_of_the_newest_files(warehouse: WarehouseResource) -> None:
    label_projects(warehouse)
    with warehouse.get_connection() as connection:
        units = connection.execute("SELECT DISTINCT unit FROM raw.machine_labels").fetchall()
    assert any("new/Dockerfile" in unit for (unit,) in units)
    assert not any("old/Dockerfile" in unit for (unit,) in units)


def test_links_know_the_project(warehouse: WarehouseResource) -> None:
    link_projects(warehouse)
    with warehouse.get_connection() as connection:
        read = connection.execute("SELECT project FROM raw.image_link_readings").fetchall()
    assert read == [(PROJECT,)]
