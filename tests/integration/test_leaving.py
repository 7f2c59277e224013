"""A project that leaves its corpus: no finding counts it, its partition goes, and who cannot be looked at has not left."""

import shutil
from pathlib import Path

import pytest

from dockml_dagster.warehouse.connection import Warehouse
from dockml_dagster.warehouse.models import load
from dockml_dagster.warehouse.rows import columns_of, qualified, quote
from tests.integration.conftest import settings_of
from tests.integration.kills import Row, differing
from tests.integration.test_local_study import commit

OF_HISTORY = {"core.moment_states", "findings.change_over_time", "findings.moment_differences"}


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """An empty home: these projects need none of the sample's images."""
    return tmp_path / "home"


@pytest.fixture
def projects(tmp_path: Path) -> Path:
    """Three repositories: two on one base image, the third on another, with a link and a compose file of its own."""
    root = tmp_path / "all"
    for name in ("egret", "heron"):
        commit(root / "birds" / name, {"Dockerfile": "FROM python:3.11\nRUN pip install x\n"})
    commit(
        root / "birds" / "stork",
        {
            "Dockerfile": "FROM ubuntu\nRUN apt-get update\n",
            "Makefile": "push:\n\tdocker push birds/stork:1\n",
            "docker-compose.yml": "services: {web: {image: birds/stork, privileged: true}}\n",
        },
    )
    return root


def contents(home: Path) -> dict[str, list[Row]]:
    """Rows of every table of core and findings, in any order and without moments."""
    made = [*load().models, *load().computed]
    found = {}
    with Warehouse(settings_of(home).warehouse).read() as connection:
        for model in made:
            if model.schema == "staging" or model.name in OF_HISTORY:
                continue
            columns = columns_of(connection, model.name)
            names = ", ".join(quote(name) for name, type_name in columns.items() if type_name != "TIMESTAMP")
            found[model.name] = connection.execute(f"SELECT {names} FROM {qualified(model.name)}").fetchall()
    return found


def test_who_leaves_is_counted_nowhere(projects, home, tmp_path, dockml, plain_study, ask, instance_of):
    options = ("--corpus", "local", "--path", str(projects), "--quiet")

    def study(where: Path) -> str:
        done = plain_study(where, *options)
        assert done.returncode == 0, done.stderr
        return done.stderr

    study(home)
    assert ask(home, "SELECT count(*) FROM core.image_links") == [(1,)]
    shutil.move(projects / "birds" / "stork", tmp_path / "stork")
    assert "listed no more: birds/stork" in study(home)
    other = tmp_path / "never had it"
    # By the job itself: so this holds too that findings made without Dagster are the job's.
    assert dockml(other, "study", *options).returncode == 0
    assert differing(contents(home), contents(other)) == []
    shares = "SELECT DISTINCT projects, n FROM findings.rq3_base_image_types WHERE category = 'All'"
    assert ask(home, shares) == [(2, 2)]
    # What was collected stays, and so does its past.
    assert ask(home, "SELECT count(*) FROM raw.dockerfiles WHERE project = 'local/birds/stork'") == [(1,)]
    with instance_of(home) as instance:
        assert instance.get_dynamic_partitions("project") == ["local/birds/egret", "local/birds/heron"]
    # An empty folder may be one that is not mounted: nobody has left.
    shutil.move(projects / "birds", tmp_path / "birds")
    assert "listed no more" not in study(home)
    assert ask(home, "SELECT project FROM core.projects ORDER BY 1") == [
        ("local/birds/egret",),
        ("local/birds/heron",),
    ]
