"""Why runs failed: the rows of ``raw.run_failures``.

Here: storing them. Not here: detecting them (``defs.runs``), outcomes of single projects (``due``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from dockml_dagster.warehouse.rows import insert

if TYPE_CHECKING:
    import duckdb


@dataclass(frozen=True, slots=True)
class RunFailure:
    """One failed run. ``reason`` is one line; ``failed_at`` is UTC without zone."""

    run_id: str
    job: str
    corpus: str | None
    step: str | None
    reason: str
    failed_at: datetime


def record(connection: duckdb.DuckDBPyConnection, failures: Sequence[RunFailure]) -> int:
    """Store the failures that are not stored yet; returns how many."""
    known = {
        row[0]
        for row in connection.execute(
            "SELECT run_id FROM raw.run_failures WHERE run_id IN (SELECT unnest(?))",
            [[failure.run_id for failure in failures]],
        ).fetchall()
    }
    return insert(
        connection, "raw.run_failures", [asdict(one) for one in failures if one.run_id not in known]
    )
