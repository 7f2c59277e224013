"""Short reads of the warehouse, for sensors and the automation condition.

Here: what they share. Not here: decisions (``decisions``), requesting runs (``sensors``,
``condition``).
"""

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime

import duckdb

from dockml_dagster.corpora import known, open_corpus
from dockml_dagster.errors import DockmlError
from dockml_dagster.settings import Settings
from dockml_dagster.warehouse import migrations
from dockml_dagster.warehouse.connection import Warehouse
from dockml_dagster.warehouse.due import query as due_query
from dockml_dagster.warehouse.due.query import Due
from dockml_dagster.warehouse.due.storages import storage_of
from dockml_dagster.warehouse.opening import WarehouseBusyError

_log = logging.getLogger(__name__)

LOCK_SECONDS = 3.0


@contextmanager
def warehouse_for_a_moment() -> Iterator[duckdb.DuckDBPyConnection]:
    """The warehouse, with its schema up to date, for reading and writing.

    Raises:
        WarehouseBusyError: another process is writing. A tick does not wait for a writer, but for the next tick.
    """
    warehouse = Warehouse(Settings.from_environment().warehouse, lock_timeout_seconds=LOCK_SECONDS)
    with warehouse.write() as connection:
        migrations.apply(connection, warehouse.location)
        yield connection


def followed_corpora(connection: duckdb.DuckDBPyConnection) -> list[str]:
    """Corpora that were ever listed and that this version knows."""
    return known(due_query.followed(connection))


def due_of(connection: duckdb.DuckDBPyConnection, corpora: Sequence[str]) -> list[Due]:
    """Everything that is due in these corpora."""
    settings = Settings.from_environment()
    storage = storage_of(settings)
    due: list[Due] = []
    for name in corpora:
        with one_of_many(name):
            due += due_query.due(connection, name, open_corpus(name, settings).methods(), storage=storage)
    return due


@contextmanager
def one_of_many(corpus: str, said: list[str] | None = None) -> Iterator[None]:
    """A context for the work of a tick on one corpus: an error does not stop the others. ``said``: receives the reason
    in one line; without it, and for a bug of dockml, the reason goes to the sensor's log.
    """
    try:
        yield
    except WarehouseBusyError:
        raise
    except Exception as error:
        known = isinstance(error, DockmlError)
        if said is not None:
            said.append(f"{corpus}: {error}" if known else f"{corpus}: {type(error).__name__}: {error}"[:300])
        if said is None or not known:
            _log.exception("the corpus %s could not be looked at", corpus)


def now() -> datetime:
    """The present time as in the warehouse: UTC without zone."""
    return datetime.now(UTC).replace(tzinfo=None)
