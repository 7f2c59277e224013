"""Fixtures of the conventions: the warehouse built on empty tables, and the repository's files."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

import dockml_dagster
from dockml_dagster.warehouse import build, migrations
from dockml_dagster.warehouse.computed.findings import COMPUTATIONS
from dockml_dagster.warehouse.models import Project, load

ROOT = Path(dockml_dagster.__file__).parents[1]


@pytest.fixture(scope="session")
def project() -> Project:
    """Everything under ``dbt_like_sql/``."""
    return load()


@pytest.fixture(scope="session")
def built(project: Project) -> Iterator[duckdb.DuckDBPyConnection]:
    """Raw tables, seeds and every model, without any collected row."""
    with duckdb.connect() as connection:
        migrations.apply(connection)
        build.load_seeds(connection, project)
        assert len(list(build.run(connection, project.models))) == len(project.models)
        written = [name for computation in COMPUTATIONS for name in computation.write(connection, project)]
        assert sorted(written) == [model.name for model in project.computed]
        yield connection


@pytest.fixture(scope="session")
def tracked() -> list[Path]:
    """The files of the repository, as git lists them."""
    listed = subprocess.run(
        ["git", "-C", str(ROOT), "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        capture_output=True,
        check=False,
    )
    if listed.returncode != 0:
        pytest.skip("not a git checkout: the repository's files are unknown")
    paths = (ROOT / name for name in listed.stdout.decode().split("\0") if name)
    return [path for path in paths if path.is_file()]
