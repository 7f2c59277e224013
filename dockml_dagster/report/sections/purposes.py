"""RQ2: what the projects use Docker for.

Here: ``findings.rq2_purposes``, by people and by the machine.
"""

from __future__ import annotations

from collections.abc import Sequence

from dockml_dagster.report import charts
from dockml_dagster.report.blocks import Block, Column, Figure, Part, Section, Table
from dockml_dagster.report.sections.coder_drift import coder_drift_part
from dockml_dagster.report.source import Row, Source
from dockml_dagster.report.text import count, percent, percent_text, say

GROUPS = {"people": "by people", "machine": "by the machine"}


def _purposes(source: Source) -> Sequence[Block]:
    rows = source.rows("""
        SELECT purpose, side, label_source, units, n, share, share_low AS low, share_high AS high
        FROM findings.rq2_purposes
        WHERE corpus = $corpus AND category = 'All' AND unit_of_analysis = 'project' AND share IS NOT NULL
        ORDER BY max(share) FILTER (label_source = 'final') OVER (PARTITION BY purpose) DESC NULLS LAST, purpose,
            label_source DESC
    """)
    final = [row for row in rows if row["label_source"] == "final"]
    if not final:
        return []
    shown: list[Row] = [
        {**row, "label": row["purpose"], "group": GROUPS[row["label_source"]]}
        for row in rows
        if row["label_source"] in GROUPS
    ]
    table: list[Row] = [
        {
            **row,
            **{source_: _of(rows, row["purpose"], source_, "share") for source_ in GROUPS},
            **{f"n_{source_}": _of(rows, row["purpose"], source_, "n") for source_ in GROUPS},
        }
        for row in final
    ]
    first = final[0]
    return [
        Figure(
            name="purposes",
            title=say(
                "{purpose} is the commonest purpose, in {share} of the projects",
                purpose=first["purpose"],
                share=percent(first["share"]),
            ),
            describes="Share of projects that serve each purpose, by people and by the machine, with their "
            "intervals. "
            "With people’s labels where they looked, else the machine’s: "
            + "; ".join(f"{row['purpose']} {percent_text(row['share'])} %" for row in final)
            + ".",
            table="findings.rq2_purposes",
            rows=shown,
            draw=lambda width: charts.groups(
                shown,
                width=width,
                x_title="share of projects (%)",
                names=[name for name in GROUPS.values() if any(row["group"] == name for row in shown)],
            ),
            note=say(
                "Mark: share; line: Wilson’s 95 % interval. n: people looked at {people}, the machine at "
                "{machine} projects.",
                people=count(max((row["n_people"] or 0 for row in table), default=None)),
                machine=count(max((row["n_machine"] or 0 for row in table), default=None)),
            ),
        ),
        Table(
            caption=say(
                "Purposes of projects. Final: people’s label where they looked, else the machine’s. The paper "
                "prints no share."
            ),
            table="findings.rq2_purposes",
            columns=(
                Column("purpose", "purpose"),
                Column("side", "side of the paper’s figure"),
                Column("share", "final (%)", "percent"),
                Column("units", "projects", "count"),
                Column("n", "n", "count"),
                Column("people", "by people (%)", "percent"),
                Column("n_people", "n", "count"),
                Column("machine", "by the machine (%)", "percent"),
                Column("n_machine", "n", "count"),
            ),
            rows=table,
        ),
    ]


def _of(rows: Sequence[Row], purpose: str, label_source: str, key: str) -> float | None:
    return next(
        (row[key] for row in rows if row["purpose"] == purpose and row["label_source"] == label_source), None
    )


SECTION = Section(
    "rq2",
    "RQ2. What Docker is used for",
    (
        Part("the purposes", ("findings.rq2_purposes",), _purposes, stage="labels"),
        coder_drift_part("purpose"),
    ),
)
