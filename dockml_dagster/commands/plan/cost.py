"""What ``dockml plan`` does: estimate the cost of a run before it is spent.

Here: collecting the facts from corpus and warehouse, and the rows to print. Not here: the estimate itself
(``corpora.github.cost``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from dockml_dagster.corpora import open_corpus
from dockml_dagster.settings import Settings
from dockml_dagster.warehouse.connection import Warehouse, has_schema

COLUMNS = ("step", "calls", "counted", "counted_by", "remaining", "here", "bytes", "hours", "note")


@dataclass(frozen=True, slots=True)
class Plan:
    """``rows`` of ``COLUMNS``; ``remarks``: the assumptions, one line each; ``summary``: one line for the whole."""

    rows: list[tuple[Any, ...]]
    remarks: Sequence[str]
    summary: str


def plan(settings: Settings, corpus_name: str) -> Plan:
    """What bringing a corpus up to date would cost. Sends only one request about the budgets, which is free.

    Raises:
        BadInputError: there is nothing to plan, or a setting cannot be used.
        FetchError: GitHub cannot be reached.
    """
    corpus = open_corpus(corpus_name, settings)
    found = corpus.cost(images_here(settings, corpus_name))
    if not found.costs:
        return Plan([], [f"{corpus_name}: a run asks no service whose calls are counted"], "")
    rows = [
        (
            c.what,
            c.calls,
            c.counted,
            c.budget or None,
            c.remaining,
            c.here,
            c.bytes,
            round(c.seconds / 3600, 2),
            c.note,
        )
        for c in found.costs
    ]
    return Plan(rows, found.assumed, found.summary)


def images_here(settings: Settings, corpus: str) -> set[str]:
    """References whose manifests have been collected."""
    warehouse = Warehouse(settings.warehouse)
    if not warehouse.exists:
        return set()
    with warehouse.read() as connection:
        if not has_schema(connection):
            return set()
        rows = connection.execute(
            "SELECT DISTINCT reference FROM raw.manifests WHERE corpus = ?", [corpus]
        ).fetchall()
    return {row[0] for row in rows}
