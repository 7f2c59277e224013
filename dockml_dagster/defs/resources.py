"""Resources: thin Dagster shells around plain objects, so that nothing outside ``defs`` sees Dagster.

Here: the warehouse and the corpora as assets ask for them. Not here: the objects inside (``warehouse.connection``,
``corpora``).
https://docs.dagster.io/guides/build/external-resources
"""

import logging
import os
from collections.abc import Callable, Collection, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TypeVar

import dagster as dg
import duckdb
from dagster_duckdb import DuckDBResource
from pydantic import Field

from dockml_dagster.catalog import PATIENCE_SECONDS
from dockml_dagster.corpora import open_corpus
from dockml_dagster.corpora.base import Corpus
from dockml_dagster.settings import Settings
from dockml_dagster.warehouse import migrations
from dockml_dagster.warehouse.connection import Warehouse
from dockml_dagster.warehouse.models import Model, Project
from dockml_dagster.warehouse.staging_copy import StagingCopy, staging_copy

T = TypeVar("T")


class WarehouseResource(DuckDBResource):
    """The warehouse as Dagster's DuckDB resource.

    The stock resource always opens for writing, leaves the file locked after an exception, and retries for 100 s
    without jitter while another process holds it. This one gives a connection inside one transaction, takes the
    writer's lock, and is closed in all cases.
    """

    database: str = Field(default="", description="Path of a DuckDB file. Empty: as DOCKML_WAREHOUSE says.")

    @property
    def warehouse(self) -> Warehouse:
        """The plain ``Warehouse``."""
        location = Path(self.database) if self.database else Settings.from_environment().warehouse
        return Warehouse(location, patience_seconds=PATIENCE_SECONDS)

    def commit(self, unit: Callable[[duckdb.DuckDBPyConnection], T]) -> T:
        """``Warehouse.commit``, with the schema up to date: for data that was expensive to collect."""
        warehouse = self.warehouse

        def with_schema(connection: duckdb.DuckDBPyConnection) -> T:
            migrations.apply(connection, warehouse.location)
            return unit(connection)

        return warehouse.commit(with_schema)

    @contextmanager
    def get_connection(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """A connection in a transaction, with the schema up to date."""
        warehouse = self.warehouse
        with warehouse.write() as connection:
            migrations.apply(connection, warehouse.location)
            yield connection

    def for_models(
        self, project: Project, selected: Collection[Model]
    ) -> AbstractContextManager[StagingCopy]:
        """See ``staging_copy``."""
        return staging_copy(self.warehouse, project, selected)


class CorporaResource(dg.ConfigurableResource[Corpus]):
    """Opens corpora by name with the settings of the environment."""

    def corpus(self, name: str) -> Corpus:
        """See ``corpora.open_corpus``; one object per process and source, so that batches share what was read."""
        if name in _in_use:
            return _in_use[name]
        settings = Settings.from_environment()
        opened = open_corpus(name, settings)
        mark = (name, settings, opened.fingerprint())
        return _opened.setdefault(mark, opened)


_opened: dict[tuple[str, Settings, str], Corpus] = {}
_in_use: dict[str, Corpus] = {}


@contextmanager
def in_use(corpus: Corpus) -> Iterator[None]:
    """Meanwhile all steps in this process use this corpus as it was opened: one study looks at its source once."""
    _in_use[corpus.name] = corpus
    try:
        yield
    finally:
        del _in_use[corpus.name]


def say_where() -> None:
    """Log one line if Dagster was started with a home other than dockml's: its runs and partitions are then elsewhere."""
    home = Settings.from_environment().dagster_home
    given = os.environ.get("DAGSTER_HOME")
    if given is None or Path(given).resolve() != home.resolve():
        logging.getLogger("dagster").warning(
            "Dagster keeps runs and partitions in %s, not in dockml's home; set DAGSTER_HOME=%s or start it by: dockml ui",
            given or "a temporary folder",
            home.resolve(),
        )
