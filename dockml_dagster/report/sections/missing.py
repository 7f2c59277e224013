"""Missing data: whole projects by stage, and files, images and layers that were passed over.

Here: two parts of the section on threats. Not here: the rest of it (``threats``).
"""

from __future__ import annotations

from collections.abc import Sequence

from dockml_dagster.report.blocks import Block, Column, Heading, Paragraph, share_table
from dockml_dagster.report.source import Source
from dockml_dagster.report.text import count, percent, say


def coverage(source: Source) -> Sequence[Block]:
    """Projects by stage and outcome."""
    rows = source.rows("""
        SELECT stage, state, projects, n, share, reason FROM findings.coverage
        WHERE corpus = $corpus ORDER BY stage, state = 'done' DESC, projects DESC, reason
    """)
    least = source.row("""
        SELECT stage, coalesce(sum(projects) FILTER (state IN ('done', 'censored')), 0) AS collected, max(n) AS n
        FROM findings.coverage WHERE corpus = $corpus GROUP BY stage ORDER BY collected, stage LIMIT 1
    """)
    return [
        Heading("Coverage"),
        Paragraph(
            say(
                "The stage that is known of fewest projects is {stage}: {collected} of {n} ({share}). A share in this "
                "report is of "
                "what is known; what is missing is never counted as zero.",
                stage=least["stage"],
                collected=count(least["collected"]),
                n=count(least["n"]),
                share=percent(least["collected"] / least["n"] if least["n"] else None),
            )
        ),
        share_table(
            say("Projects by stage of collection and what became of it."),
            "findings.coverage",
            rows,
            texts=(Column("stage", "stage", "code"), Column("state", "state")),
            counts=Column("projects", "projects", "count"),
            after=(Column("reason", "reason"),),
        ),
    ]


def passed_over(source: Source) -> Sequence[Block]:
    """Units below the project that were seen but not taken."""
    rows = source.rows("""
        SELECT stage, state, unit_of_analysis, reason, units, projects, n, units / n AS share FROM findings.passed_over
        WHERE corpus = $corpus ORDER BY stage, units DESC, state, reason
    """)
    return [
        share_table(
            say("Files, images and layers that were seen and not taken, or not whole, and why."),
            "findings.passed_over",
            rows,
            texts=(
                Column("stage", "stage", "code"),
                Column("state", "state"),
                Column("unit_of_analysis", "unit"),
            ),
            counts=Column("units", "units", "count"),
            after=(Column("projects", "projects", "count"), Column("reason", "reason")),
        ),
    ]
