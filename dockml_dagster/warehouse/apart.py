"""Storing rows of many items so that one row that the database refuses does not lose the others' rows.

Here: storing together, and after a refusal, halving until the item with the bad row is found. Not here: writing rows
(``rows``), what happens to that item (the caller records an outcome).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, TypeVar

from dockml_dagster.errors import DockmlError
from dockml_dagster.warehouse.rows import Row, stage

if TYPE_CHECKING:
    import duckdb

T = TypeVar("T")


def together_or_apart(
    items: Sequence[T], store: Callable[[Sequence[T]], object], refused: Callable[[T, Exception], object]
) -> None:
    """Store ``items`` in one transaction, or, if a row is refused, in as many as needed.

    ``store``: stores items in its own transaction; it leaves nothing if it raises. ``refused``: called for each item that
    is refused even alone. An error that no single row causes (the disk, the lock) is raised.
    """
    try:
        store(items)
    except Exception as error:
        if not is_refusal(error):
            raise
        if len(items) == 1:
            refused(items[0], error)
            return
        half = len(items) // 2
        for part in (items[:half], items[half:]):
            together_or_apart(part, store, refused)


def sound_rows(
    connect: Callable[[], AbstractContextManager[duckdb.DuckDBPyConnection]], table: str, rows: Iterable[Row]
) -> tuple[list[Row], list[tuple[Row, Exception]]]:
    """The rows that a table accepts, and those that it refuses, with the error. Nothing is written.

    ``connect``: returns a connection in its own transaction, which is unusable after a refusal.
    """
    sound: list[Row] = []
    refused: list[tuple[Row, Exception]] = []

    def look(some: Sequence[Row]) -> None:
        with connect() as connection:
            stage(connection, table, some)
        sound.extend(some)

    listed = list(rows)
    if listed:
        together_or_apart(listed, look, lambda row, error: refused.append((row, error)))
    return sound, refused


def is_refusal(error: Exception) -> bool:
    """Whether the database refused a value, rather than being unreachable, busy or full."""
    import duckdb

    refusals = (
        duckdb.DataError,
        duckdb.IntegrityError,
        duckdb.ProgrammingError,
        duckdb.NotSupportedError,
        ValueError,
        TypeError,
        OverflowError,
    )
    return isinstance(error, refusals) and not isinstance(error, DockmlError)


def reason_of(error: Exception) -> str:
    """Why rows were not stored, in one line that does not quote them."""
    return f"its rows cannot be stored: {type(error).__name__}"
