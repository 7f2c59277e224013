"""Machine-learning projects against a control group, and categories against each other.

Here: ``findings.cohort_differences`` and ``findings.category_differences``. Not here: computing them
(``warehouse.computed.differences``), moments against each other (``change``).
"""

from __future__ import annotations

from collections.abc import Sequence

from dockml_dagster.report import charts
from dockml_dagster.report.blocks import Block, Column, Figure, Heading, Paragraph, Part, Section, Table
from dockml_dagster.report.sections.measures import MEASURE, clear
from dockml_dagster.report.source import Row, Source
from dockml_dagster.report.text import Html, count, count_range, counted, decimal_text, or_none, say

SHOWN = 20
"""Measures in the figure of categories: those that differ most."""


def _cohorts(source: Source) -> Sequence[Block]:
    pairs = source.rows(f"""
        SELECT {MEASURE} AS label, unit_of_analysis AS unit, first, second, n_first, n_second, clusters_first,
            clusters_second, p, p_holm, cliffs_delta AS delta, delta_low AS low, delta_high AS high, magnitude
        FROM findings.cohort_differences
        WHERE corpus = $corpus AND row_kind = 'pair' AND cliffs_delta IS NOT NULL ORDER BY cliffs_delta DESC, measure
    """)
    if not pairs:
        groups = source.rows("""
            SELECT DISTINCT first AS name FROM findings.cohort_differences
            WHERE corpus = $corpus AND row_kind = 'group' ORDER BY first
        """)
        return [
            Paragraph(
                say(
                    "All projects of this corpus are of one group ({name}), so that nothing can be compared with a control.",
                    name=", ".join(str(row["name"]) for row in groups),
                ),
                role="note",
            )
        ]
    first = pairs[0]
    return [
        Figure(
            name="cohorts",
            title=say(
                "How {first} projects differ from {second}", first=first["first"], second=first["second"]
            ),
            describes="Cliff’s delta of each measure; right of zero the first group has the larger values: "
            + "; ".join(f"{row['label']} {decimal_text(row['delta'])}" for row in pairs)
            + ".",
            table="findings.cohort_differences",
            rows=pairs,
            draw=lambda width: charts.effects(
                pairs, width=width, x_title="Cliff’s delta", key="delta", least=-1, top=1
            ),
            note=say("Zero: no difference. n in the table."),
        ),
        Table(
            caption=say("{first} beside {second}.", first=first["first"], second=first["second"]),
            table="findings.cohort_differences",
            columns=(
                Column("label", "measure"),
                Column("unit", "unit"),
                Column("n_first", "n, first", "count"),
                Column("clusters_first", "projects, first", "count"),
                Column("n_second", "n, second", "count"),
                Column("clusters_second", "projects, second", "count"),
                Column("delta", "Cliff’s delta", "decimal"),
                Column("low", "95 % interval, from", "decimal"),
                Column("high", "to", "decimal"),
                Column("magnitude", "size"),
                Column("p_holm", "p, Holm", "decimal"),
            ),
            rows=pairs,
        ),
    ]


def _categories(source: Source) -> Sequence[Block]:
    rows = source.rows(f"""
        SELECT {MEASURE} AS label, unit_of_analysis AS unit, upper(rq) AS question, n, clusters, largest_cluster_share,
            statistic, degrees_of_freedom, p, p_holm, family_tests, epsilon_squared, note
        FROM findings.category_differences
        WHERE corpus = $corpus AND row_kind = 'overall' AND grouping = 'category' AND label_source = 'final'
            AND link_grade = 'any' AND epsilon_squared IS NOT NULL
        ORDER BY epsilon_squared DESC, measure
    """)
    if not rows:
        return []
    different = clear(rows)
    shown = rows[:SHOWN]
    return [
        Heading("Between categories"),
        Paragraph(_said_of_categories(source, rows, different)),
        Figure(
            name="categories-differ",
            title=say("How much of each measure the categories explain"),
            describes="Share of the variance of projects’ scores that the categories explain (epsilon squared), by measure: "
            + "; ".join(f"{row['label']} {decimal_text(row['epsilon_squared'])}" for row in shown)
            + ".",
            table="findings.category_differences",
            rows=shown,
            draw=lambda width: charts.effects(
                shown,
                width=width,
                x_title="epsilon squared (share of variance of scores)",
                key="epsilon_squared",
                least=0,
            ),
            note=say(
                "The {shown} largest of {all}; {which} units: {n}; projects: {clusters}.",
                shown=count(len(shown)),
                all=count(len(rows)),
                which=_which_are_clear([row for row in shown if row in different]),
                n=count_range(row["n"] for row in shown),
                clusters=count_range(row["clusters"] for row in shown),
            ),
        ),
        Table(
            caption=say(
                "Do categories differ? Projects’ scores, with the labels of whole projects permuted. "
                "Largest: the share of the units that one project has."
            ),
            table="findings.category_differences",
            columns=(
                Column("label", "measure"),
                Column("unit", "unit"),
                Column("question", "question"),
                Column("n", "n", "count"),
                Column("clusters", "projects", "count"),
                Column("largest_cluster_share", "largest (%)", "percent"),
                Column("statistic", "H", "decimal"),
                Column("degrees_of_freedom", "df", "count"),
                Column("p", "p", "decimal"),
                Column("p_holm", "p, Holm", "decimal"),
                Column("epsilon_squared", "epsilon squared", "decimal"),
                Column("note", "note"),
            ),
            rows=rows,
            folded=True,
        ),
        *_by_link_grade(source),
    ]


def _said_of_categories(source: Source, rows: Sequence[Row], clear: Sequence[Row]) -> Html:
    pairs = source.row("""
        SELECT count(p_holm) AS n, count(*) FILTER (p_holm < 0.05) AS clear,
            count(*) FILTER (p_holm < 0.05 AND magnitude = 'large') AS large
        FROM findings.category_differences
        WHERE corpus = $corpus AND row_kind = 'pair' AND grouping = 'category' AND label_source = 'final'
            AND link_grade = 'any'
    """)
    first = say(
        "The categories were compared in {tested}, and differ in {clear} (p below 0.05 after Holm’s correction over all of "
        "these).",
        tested=counted(rows[0]["family_tests"], "measure"),
        clear=or_none(len(clear)),
    )
    if not clear:
        return first
    return say(
        "{first} Only in these were two categories compared with each other: of {n} comparisons {differ} show a difference "
        "after correction over all of them, {large} a large one.",
        first=first,
        n=count(pairs["n"]),
        differ=or_none(pairs["clear"]),
        large=or_none(pairs["large"]),
    )


def _which_are_clear(rows: Sequence[Row]) -> Html:
    if not rows:
        return say("none of these differences is clear after Holm’s correction;")
    return say(
        "clear after Holm’s correction: {labels};", labels=", ".join(str(row["label"]) for row in rows)
    )


def _by_link_grade(source: Source) -> Sequence[Block]:
    """The same comparison of images and layers, without those whose link to the project is doubtful."""
    # Corrected again over the measures of images and layers: the family of one grade has only these, that of all has more.
    rows = source.rows("""
        SELECT unit_of_analysis AS unit, if(link_grade = 'any', link_grade, 'at least ' || link_grade) AS tie, link_grade,
            max(n) AS n, count(p) AS measures, max(clusters) AS clusters, count(*) FILTER (p_holm < 0.05) AS clear
        FROM (
            SELECT *, max(least(p * (tests - place + 1), 1)) OVER (PARTITION BY link_grade ORDER BY place) AS p_holm
            FROM (
                SELECT unit_of_analysis, link_grade, measure, n, clusters, p,
                    count(p) OVER (PARTITION BY link_grade) AS tests,
                    row_number() OVER (PARTITION BY link_grade ORDER BY p, measure) AS place
                FROM findings.category_differences
                WHERE corpus = $corpus AND grouping = 'category' AND label_source = 'final' AND row_kind = 'overall'
                    AND unit_of_analysis IN ('image', 'layer')
            )
        )
        GROUP BY unit_of_analysis, link_grade ORDER BY unit, list_position(['any', 'likely', 'confirmed'], link_grade)
    """)
    if not any(row["link_grade"] != "any" for row in rows):
        return []
    of = {grade: [row for row in rows if row["link_grade"] == grade] for grade in ("any", "likely")}
    total = {
        grade: {key: sum(row[key] for row in of[grade]) for key in ("measures", "clear")} for grade in of
    }
    confirmed = any(row["link_grade"] == "confirmed" for row in rows)
    return [
        Heading("Without images whose tie to the project is doubtful"),
        Paragraph(
            say(
                "Of {measures} of images and layers, the categories differ in {clear}; with those images alone whose tie to "
                "the project is at least likely, in {clear_likely} of {measures_likely}. For this comparison each is "
                "corrected over these measures only.{none}",
                measures=counted(total["any"]["measures"], "measure"),
                clear=or_none(total["any"]["clear"]),
                measures_likely=count(total["likely"]["measures"]),
                clear_likely=or_none(total["likely"]["clear"]),
                none="" if confirmed else " No image of this corpus is confirmed to be its project’s.",
            )
        ),
        Table(
            caption=say(
                "The comparison of images and layers by how firmly the images are tied to their projects; Holm’s correction "
                "over the measures of one tie."
            ),
            table="findings.category_differences",
            columns=(
                Column("unit", "unit"),
                Column("tie", "tie"),
                Column("n", "units, at most", "count"),
                Column("clusters", "projects, at most", "count"),
                Column("measures", "measures tested", "count"),
                Column("clear", "differ (p, Holm, below 0.05)", "count"),
            ),
            rows=rows,
        ),
    ]


SECTION = Section(
    "cohorts",
    "Differences: from other software, and between categories",
    (
        Part("the comparison with a control group", ("findings.cohort_differences",), _cohorts),
        Part("the differences between categories", ("findings.category_differences",), _categories),
    ),
)
