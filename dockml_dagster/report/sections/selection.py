"""Selection: how many repositories pass each step.

Here: the funnel of ``findings.funnel``. Not here: what could not be collected of those selected (``missing``).
"""

from __future__ import annotations

from collections.abc import Sequence

from dockml_dagster.report import charts
from dockml_dagster.report.blocks import Block, Column, Figure, Paragraph, Part, Section, Table
from dockml_dagster.report.source import Source
from dockml_dagster.report.text import count, count_text, counted, leading, listed, percent, say


def _funnel(source: Source) -> Sequence[Block]:
    rows = source.rows("""
        SELECT step_number AS position, step AS label, unit_of_analysis, n, excluded, added, not_asked,
               n / lag(n) OVER (ORDER BY step_number) AS share_kept
        FROM findings.funnel WHERE corpus = $corpus AND cohort = 'ml' AND n > 0 ORDER BY step_number
    """)
    if not rows:
        return []
    first, last = rows[0], rows[-1]
    blocks: list[Block] = []
    not_asked = sum(row["not_asked"] or 0 for row in rows)
    if not_asked:
        blocks.append(
            Paragraph(
                say(
                    "Of {open} repositories it is not known yet how far they come: they were not asked for, or not answered "
                    "for. No step excludes them, and what is left here is not the whole.",
                    open=count(not_asked),
                )
            )
        )
    steps = [row for row in rows if row["excluded"] is not None]
    if any(row["excluded"] for row in steps):
        most = max(steps, key=lambda row: row["excluded"])
        blocks.append(
            Paragraph(
                say(
                    "{kept} of {first} repositories are left. Most are excluded by {steps}: {excluded}.",
                    kept=percent(last["n"] / first["n"]),
                    first=count(first["n"]),
                    steps=listed([f"“{label}”" for label in leading(steps, "excluded", "label")])
                    + (", each" if len(leading(steps, "excluded", "label")) > 1 else ""),
                    excluded=count(most["excluded"]),
                )
            )
        )
    blocks += [
        Figure(
            name="selection",
            title=say(
                "From {first} to {last}: what is left after each step"
                if first["n"] != last["n"]
                else "No step leaves out any of the {first}",
                first=counted(first["n"], "repository", "repositories"),
                last=count(last["n"]),
            ),
            describes="Points on a logarithmic axis, one a step of selection: "
            + "; ".join(f"{row['label']} {count_text(row['n'])}" for row in rows)
            + ".",
            table="findings.funnel",
            rows=rows,
            draw=lambda width: charts.steps(rows, width=width, x_title="repositories (logarithmic axis)"),
        ),
        Table(
            caption=say("Steps of selection. A step may add what an earlier one had left out."),
            table="findings.funnel",
            columns=(
                Column("label", "step"),
                Column("n", "left", "count"),
                Column("excluded", "excluded", "count"),
                Column("added", "added", "count"),
                Column("not_asked", "not asked yet", "count"),
                Column("share_kept", "kept of the step before (%)", "percent"),
            ),
            rows=rows,
        ),
    ]
    return blocks


SECTION = Section(
    "selection",
    "Selection",
    (Part("the steps of selection", ("findings.funnel",), _funnel, stage="repo_list"),),
)
