"""A database a case: tables typed as the real ones are, filled with the rows of the case."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import duckdb
import pytest

from dockml_dagster.warehouse import build, migrations
from dockml_dagster.warehouse.computed.findings import COMPUTATIONS
from dockml_dagster.warehouse.models import Project, load
from dockml_dagster.warehouse.rows import columns_of


@dataclass(frozen=True)
class Types:
    """Column types of every table and view, and the rows of the seeds."""

    project: Project
    columns: Mapping[str, Mapping[str, str]]
    seeds: Mapping[str, list[tuple[object, ...]]]


@pytest.fixture(scope="session")
def types() -> Iterator[Types]:
    """What every model makes of no collected row."""
    project = load()
    with duckdb.connect() as connection:
        migrations.apply(connection)
        build.load_seeds(connection, project)
        list(build.run(connection, project.models))
        for computation in COMPUTATIONS:
            computation.write(connection, project)
        yield Types(
            project,
            {
                name: columns_of(connection, name)
                for name in project.by_name
                if name not in {model.name for model in project.computed}
            },
            {seed.name: connection.execute(f"FROM {seed.name}").fetchall() for seed in project.seeds},
        )
