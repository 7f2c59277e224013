"""A check of severity error that fails: nothing is published, one line names it; when it is mended, it is published."""

import os
import shutil
from pathlib import Path

import pytest

from tests.integration.test_local_study import commit

ROOT = Path(__file__).parents[2]
CHECK = "dbt_like_sql/checks/no_project_is_like_that.sql"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """An empty home: this project needs none of the sample's images."""
    return tmp_path / "home"


@pytest.fixture
def code(tmp_path: Path) -> Path:
    """A copy of this code with a check that every project fails."""
    ignored = shutil.ignore_patterns("__pycache__")
    for name in ("dockml_dagster", "dbt_like_sql"):
        shutil.copytree(ROOT / name, tmp_path / "code" / name, ignore=ignored)
    shutil.copy(ROOT / "pyproject.toml", tmp_path / "code")
    (tmp_path / "code" / CHECK).write_text("SELECT project FROM core.projects", encoding="utf-8")
    return tmp_path / "code"


def test_nothing_is_published_until_it_is_mended(home, tmp_path, code, dockml):
    commit(tmp_path / "all" / "birds" / "egret", {"Dockerfile": "FROM python:3.11\n"})
    path = os.pathsep.join([str(code), str(ROOT)])
    study = ("study", "--corpus", "local", "--path", str(tmp_path / "all"), "--quiet")

    failed = dockml(home, *study, PYTHONPATH=path)
    assert failed.returncode == 4
    last = failed.stderr.strip().splitlines()[-1]
    assert "no_project_is_like_that of core.projects (1 row, such as ('local/birds/egret',))" in last
    published = home / "published" / "dockml.duckdb"
    assert not published.exists()
    assert "no_project_is_like_that" in dockml(home, "status", PYTHONPATH=path).stdout

    (code / CHECK).write_text("SELECT project FROM core.projects WHERE project = ''", encoding="utf-8")
    mended = dockml(home, *study, PYTHONPATH=path)
    assert mended.returncode == 0, mended.stderr
    assert published.exists()
    assert "no_project_is_like_that" not in dockml(home, "status", PYTHONPATH=path).stdout
