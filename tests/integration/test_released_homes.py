"""Homes that released versions left are opened by this one: nothing collected is lost, and everything is asked as before.

``released_homes/VERSION.tar.xz``: two local projects, studied by that version (``fixture_home.py``).
"""

import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path

import duckdb
import pytest

from tests.integration.fixture_home import FOLDER, PROJECTS, projects, unpack

HOMES = sorted(FOLDER.glob("*.tar.xz"))
LIMIT = 1_000_000
"""Bytes of a released home in the repository."""


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """An empty home: these projects need none of the sample's images."""
    return tmp_path / "home"


def _collected(home: Path) -> Mapping[str, int]:
    """Raw table → rows, without what is derived again."""
    with duckdb.connect(str(home / "warehouse" / "dockml.duckdb"), read_only=True) as connection:
        names = connection.execute(
            "SELECT table_name FROM duckdb_tables() JOIN duckdb_columns() USING (schema_name, table_name) "
            "WHERE schema_name = 'raw' AND column_name = 'row_hash'"
        ).fetchall()
        return {
            name: connection.execute(f'SELECT count(*) FROM raw."{name}"').fetchall()[0][0]
            for (name,) in names
        }


def test_there_is_one() -> None:
    assert HOMES


@pytest.mark.parametrize("released", HOMES, ids=[path.name for path in HOMES])
def test_a_released_home_goes_on(
    released: Path, home: Path, tmp_path: Path, dockml: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    assert released.stat().st_size < LIMIT
    before = _collected(unpack(released, home))
    assert before["projects"] >= len(PROJECTS)
    assert before["image_layers"]
    done = dockml(
        home, "study", "--corpus", "local", "--quiet", "--path", str(projects(tmp_path / "projects"))
    )
    assert done.returncode == 0, done.stderr
    after = _collected(home)
    assert {name: after[name] for name in before if after[name] < before[name]} == {}
    status = dockml(home, "status", "--corpus", "local")
    assert status.returncode == 0, status.stderr
    asked = dockml(
        home,
        "sql",
        "SELECT project FROM core.projects WHERE corpus = 'local' ORDER BY project",
        "--format",
        "csv",
    )
    assert asked.stdout.split() == ["project", *(f"local/{name}" for name in PROJECTS)]
    assert dockml(home, "show", "rq4_layers", "--corpus", "local").returncode == 0
