"""The paper beside the rerun: what repeats, what a sound computation changes, and why.

Here: ``findings.paper_comparison`` of the paper that is rerun, by the families of ``seeds.comparison_families``.
Not here: other papers (``papers``).
"""

from __future__ import annotations

from collections.abc import Sequence

from dockml_dagster.report import charts
from dockml_dagster.report.blocks import Block, Column, Figure, Paragraph, Part, Section, Table
from dockml_dagster.report.source import PAPERS_OWN, Source
from dockml_dagster.report.text import count, or_none, percent, say

AGREEMENT = """
    SELECT *,
        as_published IS NOT NULL AS repeatable,
        abs(as_published - published) <= unit_in_last_place / 2 + 1e-9 AS repeated,
        corrected IS NOT NULL AS comparable,
        corrected IS NOT NULL AND published > 0 AND published_unit <> 'threshold' AS weighed,
        CASE published_unit
            WHEN 'threshold' THEN corrected >= 50
            ELSE abs(corrected - published) <= unit_in_last_place / 2 + 1e-9
        END AS kept
    FROM (
        SELECT *, pow(10, -max(length(rtrim(split_part(published::DECIMAL(20, 6)::VARCHAR, '.', 2), '0')))
            OVER (PARTITION BY rq, metric)) AS unit_in_last_place
        FROM findings.paper_comparison WHERE corpus = $corpus AND paper = 'ease2022'
    )
"""
"""Every number, with whether it can be repeated, was repeated, and stays. Equal means: within half a unit of the last
printed digit. The digits are those of the metric's most precise value, because a trailing zero may have been omitted. A
threshold that most are said to exceed is kept if at least half do; neither it nor zero has a size to compare with."""


def _beside(source: Source) -> Sequence[Block]:
    families = source.rows(f"""
        SELECT CASE families.rq WHEN 'funnel' THEN 'selection' ELSE upper(families.rq) END AS question,
            families.title AS label, families.explanation, count(*) AS numbers,
            count(*) FILTER (repeatable) AS repeatable,
            count(*) FILTER (repeated) AS repeated, count(*) FILTER (comparable) AS comparable,
            count(*) FILTER (comparable AND NOT kept) AS changed
        FROM ({AGREEMENT}) AS agreement JOIN seeds.comparison_families AS families
            ON families.rq = agreement.rq AND regexp_full_match(agreement.metric, families.metrics)
        GROUP BY families.rq, families.title, families.explanation
        ORDER BY question = 'selection' DESC, question, numbers DESC, label
    """)
    ratios = source.rows("""
        SELECT families.title AS label, reading, category, metric, value / published AS ratio
        FROM (
            UNPIVOT (SELECT rq, metric, category, published_unit, published, as_published, corrected
                     FROM findings.paper_comparison
                     WHERE corpus = $corpus AND paper = 'ease2022')
            ON as_published, corrected INTO NAME reading VALUE value
        ) AS numbers JOIN seeds.comparison_families AS families
            ON families.rq = numbers.rq AND regexp_full_match(numbers.metric, families.metrics)
        WHERE published > 0 AND value > 0 AND published_unit <> 'threshold'
        ORDER BY families.rq, families.title, reading, metric, category
    """)
    changed = sum(row["changed"] for row in families)
    comparable = sum(row["comparable"] for row in families)
    own = source.corpus == PAPERS_OWN
    blocks: list[Block] = []
    if not own:
        blocks.append(
            Paragraph(
                say(
                    "The projects of the corpus {corpus} are not the paper’s: a difference is one between "
                    "projects first, "
                    "and only then one between computations.",
                    corpus=source.corpus,
                ),
                role="note",
            )
        )
    blocks.append(
        Paragraph(
            say(
                "Every number that the paper prints, or that its package holds behind a figure, is set beside "
                "the same number computed "
                "the paper’s way and computed soundly. The paper’s way repeats {repeated} of {repeatable}; the "
                "sound way "
                "leaves {kept} of {comparable} as they were. Why a number changes stands beside it.",
                repeated=or_none(sum(row["repeated"] for row in families)),
                repeatable=count(sum(row["repeatable"] for row in families)),
                kept=or_none(comparable - changed),
                comparable=count(comparable),
            )
        )
    )
    if ratios:
        spread = source.row(f"""
            SELECT avg(CAST(abs(corrected / published - 1) > 0.1 AS INTEGER)) AS share, count(*) AS n
            FROM ({AGREEMENT}) WHERE weighed
        """)
        blocks.append(
            Figure(
                name="paper",
                title=say(
                    "A sound computation moves {share} of {n} numbers of the study by more than a tenth"
                    if own
                    else "{share} of {n} numbers of the study are more than a tenth away here",
                    share=percent(spread["share"]),
                    n=count(spread["n"]),
                ),
                describes="Each repeated number divided by the printed one, a row a family of numbers: the "
                "paper's own computation "
                "and the corrected one. One means the same as printed. The table below counts them.",
                table="findings.paper_comparison",
                rows=ratios,
                draw=lambda width: charts.ratios(
                    ratios, width=width, x_title="times the printed number (logarithmic axis)"
                ),
                note=say(
                    "Circle: corrected; diamond: the paper’s way; the vertical line is the printed number."
                ),
            )
        )
    blocks += [
        Table(
            caption=say("Numbers of the paper by family, and why the sound computation differs."),
            table="findings.paper_comparison",
            columns=(
                Column("question", "question"),
                Column("label", "numbers"),
                Column("numbers", "printed", "count"),
                Column("repeatable", "computed the paper’s way", "count"),
                Column("repeated", "repeated", "count"),
                Column("changed", "changed by the sound way", "count"),
                Column("explanation", "why"),
            ),
            rows=families,
        ),
        Table(
            caption=say("Every single number."),
            table="findings.paper_comparison",
            columns=(
                Column("rq", "question"),
                Column("metric", "metric", "code"),
                Column("category", "category"),
                Column("published", "printed", "decimal"),
                Column("published_unit", "printed as"),
                Column("as_published", "the paper’s way", "decimal"),
                Column("corrected", "corrected", "decimal"),
                Column("unit", "unit"),
                Column("n", "n", "count"),
                Column("clusters", "projects", "count"),
                Column("note", "note"),
                Column("location", "where"),
            ),
            rows=source.rows("""
                SELECT rq, metric, category, published, published_unit, as_published, corrected, unit, n, clusters, note,
                    location
                FROM findings.paper_comparison WHERE corpus = $corpus AND paper = 'ease2022'
                ORDER BY rq, metric, category
            """),
            folded=True,
        ),
    ]
    return blocks


SECTION = Section(
    "paper",
    "The paper beside the rerun",
    (Part("the comparison with the paper", ("findings.paper_comparison", "findings.measures"), _beside),),
)
