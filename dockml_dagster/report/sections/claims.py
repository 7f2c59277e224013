"""The paper's claims, each with the number that answers it.

Here: ``findings.claims``. Not here: every number that the paper prints (``paper``), computing the claims
(``warehouse.computed.claims``).
"""

from __future__ import annotations

from collections.abc import Sequence

from dockml_dagster.report.blocks import Block, Column, Paragraph, Part, Section, Table
from dockml_dagster.report.source import Row, Source
from dockml_dagster.report.text import count, count_text, decimal_text, or_none, percent_text, say
from dockml_dagster.text import size_text

VERDICTS = """
    SELECT count(*) AS claims, count(*) FILTER (verdict = 'holds') AS holds,
        count(*) FILTER (verdict = 'does not hold') AS fails, count(*) FILTER (verdict = 'cannot be told here') AS untold
    FROM (
        SELECT claim, verdict FROM findings.claims WHERE corpus = $corpus AND reading = 'corrected'
        -- Of a claim that is asked of several units, the first is what the paper says.
        QUALIFY row_number() OVER (PARTITION BY claim ORDER BY position) = 1
    )
"""
"""A SELECT of how many claims hold."""


def _claims(source: Source) -> Sequence[Block]:
    rows = source.rows("""
        SELECT statement, page, unit_of_analysis AS unit, measured, number_unit, value, low, high, n, clusters, verdict, why
        FROM findings.claims WHERE corpus = $corpus AND reading = 'corrected' ORDER BY position
    """)
    if not rows:
        return []
    total = source.row(VERDICTS)
    shown = [{**row, "found": found(row), "said": row["statement"]} for row in rows]
    return [
        Paragraph(
            say(
                "The corpus {corpus} supports {holds} of {claims} claims of the paper, contradicts {fails}, and cannot "
                "answer {untold}. Of a claim that is asked of several units, the first counts.",
                claims=count(total["claims"]),
                holds=or_none(total["holds"]),
                fails=or_none(total["fails"]),
                untold=or_none(total["untold"]),
                corpus=source.corpus,
            )
        ),
        Table(
            caption=say(
                "The paper’s claims in our own words, and what answers each. An interval takes the project as the cluster, "
                "and an image that no project names as one of its own. The query behind each number: "
                "<code>dockml show claims</code>."
            ),
            table="findings.claims",
            columns=(
                Column("said", "claim"),
                Column("page", "page"),
                Column("verdict", "verdict"),
                Column("found", "found (95 % interval)"),
                Column("measured", "what was measured"),
                Column("unit", "unit"),
                Column("n", "n", "count"),
                Column("clusters", "clusters", "count"),
                Column("why", "remark"),
            ),
            rows=shown,
        ),
    ]


def found(row: Row) -> str:
    """``56.6 % (50.8 to 62.2)``: the number of a claim with its interval."""
    if row["value"] is None:
        return "–"
    one = {
        "share": lambda value: f"{percent_text(value)} %",
        "difference of shares": lambda value: f"{percent_text(value)} points",
        "byte": lambda value: size_text(value or 0),
        "count": count_text,
    }.get(row["number_unit"], decimal_text)
    if row["low"] is None:
        return one(row["value"])
    return f"{one(row['value'])} ({one(row['low'])} to {one(row['high'])})"


SECTION = Section(
    "claims",
    "The paper’s claims",
    (Part("the paper’s claims", ("findings.claims",), _claims),),
)
