"""A check of severity error that fails: nothing is published, one line names it; when it is mended, it is published."""

import shutil
from pathlib import Path

import pytest

from dockml_dagster.warehouse.models import folder
from tests.forked import COMMAND
from tests.integration import plain_findings
from tests.integration.test_local_study import commit

CHECK = "checks/no_project_is_like_that.sql"
ON_OTHER_SQL = """
import sys
from pathlib import Path
from dockml_dagster.warehouse import models, versions
other = Path(sys.argv.pop(1))
models.folder = versions.folder = lambda: other
models.load.cache_clear()
"""


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """An empty home: this project needs none of the sample's images."""
    return tmp_path / "home"


@pytest.fixture
def sql(tmp_path: Path) -> Path:
    """A copy of the SQL with a check that every project fails."""
    shutil.copytree(folder(), tmp_path / "sql")
    (tmp_path / "sql" / CHECK).write_text("SELECT project FROM core.projects", encoding="utf-8")
    return tmp_path / "sql"


def test_nothing_is_published_until_it_is_mended(home, tmp_path, sql, run_program, environment_of):
    commit(tmp_path / "all" / "birds" / "egret", {"Dockerfile": "FROM python:3.11\n"})
    study = ("study", "--corpus", "local", "--path", str(tmp_path / "all"), "--quiet")

    def dockml(*arguments, program=COMMAND):
        return run_program(ON_OTHER_SQL + program, str(sql), *arguments, env=environment_of(home))

    failed = dockml(*study)
    assert failed.returncode == 4
    last = failed.stderr.strip().splitlines()[-1]
    assert "no_project_is_like_that of core.projects (1 row, such as ('local/birds/egret',))" in last
    published = home / "published" / "dockml.duckdb"
    assert not published.exists()
    assert "no_project_is_like_that" in dockml("status").stdout

    (sql / CHECK).write_text("SELECT project FROM core.projects WHERE project = ''", encoding="utf-8")
    mended = dockml(*study, program=plain_findings.PROGRAM)
    assert mended.returncode == 0, mended.stderr
    assert published.exists()
    assert "no_project_is_like_that" not in dockml("status").stdout
