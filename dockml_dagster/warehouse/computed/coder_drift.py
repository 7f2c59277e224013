"""Coder drift as a table: ``findings.coder_drift``.

Here: the rows, and when a half is small. Not here: the counts (``core.label_halves``), the test
(``study.labels.coder_drift``). SQL has no exact test, so this finding is computed in Python and written as a whole; it is
documented beside the SQL models.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import groupby
from typing import TYPE_CHECKING, Any

from dockml_dagster.study.labels.coder_drift import Drift, Halves, coder_drift
from dockml_dagster.warehouse.build import write_computed
from dockml_dagster.warehouse.models import Project

if TYPE_CHECKING:
    import duckdb

TABLE = "findings.coder_drift"
READS = ("core.label_halves",)
"""The tables that it is computed from."""
SMALL_HALF = 10
"""A half with fewer units is noted: only the largest changes could be seen in it."""

_ORDER = ("corpus", "code_system", "unit_of_analysis", "rater", "sheet", "among")
"""Columns that identify a family of tests: its codes are corrected together."""
_COUNTS = ("n_first", "n_second", "units_first", "units_second")

COLUMNS = {
    **dict.fromkeys((*_ORDER, "code"), "VARCHAR"),
    "n": "BIGINT",
    **dict.fromkeys(_COUNTS, "BIGINT"),
    **dict.fromkeys(
        (
            "share_first",
            "share_first_low",
            "share_first_high",
            "share_second",
            "share_second_low",
            "share_second_high",
            "difference",
            "p",
            "p_holm",
        ),
        "DOUBLE",
    ),
    "note": "VARCHAR",
}
"""Its columns, with their DuckDB types."""

Row = dict[str, Any]


def write_coder_drift(connection: duckdb.DuckDBPyConnection, project: Project) -> dict[str, int]:
    """Compute the table from those of ``READS``; returns the number of rows by table."""
    columns = (*_ORDER, "code", *_COUNTS)
    counted = connection.execute(
        f"SELECT {', '.join(columns)} FROM core.label_halves ORDER BY {', '.join(columns[:7])}"
    ).fetchall()
    rows = list(_rows([dict(zip(columns, row, strict=True)) for row in counted]))
    return {TABLE: write_computed(connection, project.by_name[TABLE], COLUMNS, rows)}


def _rows(counted: list[Row]) -> Iterator[Row]:
    for _, together in groupby(counted, key=lambda row: tuple(row[name] for name in _ORDER)):
        codes = {row["code"]: row for row in together}
        known = {
            code: Halves(*(row[name] for name in _COUNTS))
            for code, row in codes.items()
            if row["n_first"] is not None
        }
        drifts = coder_drift(known)
        for code, row in codes.items():
            yield {**row, **(_figures(known[code], drifts[code]) if code in known else _UNKNOWN)}


_UNKNOWN: Mapping[str, Any] = {"note": "the machine looked at none of these units"}


def _figures(halves: Halves, drift: Drift) -> Row:
    small = min(halves.n_first, halves.n_second) < SMALL_HALF
    notes = (drift.reason, f"fewer than {SMALL_HALF} units in a half" if small else None)
    return {
        "n": halves.n_first + halves.n_second,
        "share_first": drift.first.share,
        "share_first_low": drift.first.low,
        "share_first_high": drift.first.high,
        "share_second": drift.second.share,
        "share_second_low": drift.second.low,
        "share_second_high": drift.second.high,
        "difference": drift.difference,
        "p": drift.p,
        "p_holm": drift.p_holm,
        "note": "; ".join(note for note in notes if note) or None,
    }
