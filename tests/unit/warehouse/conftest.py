"""A warehouse in a folder of its own, and an open transaction with the schema in it."""

from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from dockml_dagster.warehouse import migrations
from dockml_dagster.warehouse.connection import Warehouse


@pytest.fixture
def warehouse(tmp_path: Path) -> Warehouse:
    """Nothing written yet; gives up on a busy lock at once."""
    return Warehouse(tmp_path / "home" / "dockml.duckdb", lock_timeout_seconds=0.3)


@pytest.fixture
def raw() -> Iterator[duckdb.DuckDBPyConnection]:
    """The raw tables in memory."""
    with duckdb.connect() as connection:
        migrations.apply(connection)
        yield connection
