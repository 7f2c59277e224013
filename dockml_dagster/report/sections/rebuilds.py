"""What commits rebuild, derived from the projects' histories, and how their Dockerfiles changed from year to year.

Here: ``findings.rebuilds``, ``rebuild_advice`` and ``change_in_history``. Not here: two visits of one project (``change``).
"""

from __future__ import annotations

from collections.abc import Sequence

from dockml_dagster.report import charts
from dockml_dagster.report.blocks import Block, Column, Figure, Heading, Paragraph, Part, Section, Table
from dockml_dagster.report.source import Row, Source
from dockml_dagster.report.text import count, count_range, counted, percent, percent_range, percent_text, say

REBUILDS = "rebuilds"
SHOWN = 20
"""Lines to move in the table, and measures in the figure of the years."""
_COLUMNS = (
    Column("counted", "counted", "count"),
    Column("n", "n", "count"),
    Column("share", "share (%)", "percent"),
    Column("share_low", "95 % interval, from (%)", "percent"),
    Column("share_high", "to (%)", "percent"),
    Column("per_project", "mean of projects (%)", "percent"),
    Column("per_project_low", "95 % interval, from (%)", "percent"),
    Column("per_project_high", "to (%)", "percent"),
    Column("clusters", "projects", "count"),
    Column("largest_cluster_share", "largest project (%)", "percent"),
)
_SELECTED = """
    figure, period, unit_of_analysis, counted, n, clusters, share, share_low, share_high, share_per_project AS per_project,
    per_project_low, per_project_high, largest_cluster_share
"""


def _rebuilds(source: Source) -> Sequence[Block]:
    rows = source.rows(f"""
        SELECT {_SELECTED} FROM findings.rebuilds
        WHERE corpus = $corpus AND category = 'All' AND period = 'all'
        ORDER BY list_position(['commit', 'rebuilding commit', 'missed instruction', 'missed RUN'], unit_of_analysis),
            figure
    """)
    if not rows:
        return []
    (all_of_them,) = source.rows("""
        SELECT count(*) AS projects, count(*) FILTER (reason IS NULL) AS walked, mode(reason) AS why
        FROM core.histories WHERE corpus = $corpus
    """)
    years = source.rows(f"""
        SELECT period AS label, {_SELECTED}, per_project_low AS low, per_project_high AS high FROM findings.rebuilds
        WHERE corpus = $corpus AND category = 'All' AND figure = '{REBUILDS}' AND period <> 'all' ORDER BY period
    """)
    first = rows[0]
    drawn: list[Row] = [
        {
            **row,
            "label": f"{row['figure']} (of {row['unit_of_analysis']}s)",
            "share": row["per_project"],
            "low": row["per_project_low"],
            "high": row["per_project_high"],
        }
        for row in rows
    ]
    return [
        Paragraph(
            say(
                "{share} of the commits since a project’s first Dockerfile build something of it again, as a mean of "
                "{clusters} projects{range}; pooled, {pooled} of {n} commits.",
                share=percent(first["per_project"]),
                clusters=count(first["clusters"]),
                range=percent_range(first["per_project_low"], first["per_project_high"]),
                pooled=percent(first["share"]),
                n=count(first["n"]),
            )
        ),
        Paragraph(
            say(
                "Told from git alone by BuildKit’s cache rules: nothing was built. {walked} of {projects} projects have a "
                "history here{why}.",
                walked=count(all_of_them["walked"]),
                projects=count(all_of_them["projects"]),
                why=say("; of the others, mostly: {why}", why=all_of_them["why"])
                if all_of_them["why"]
                else say(""),
            )
        ),
        Figure(
            name="rebuilds",
            title=say("What is built again, and why"),
            describes="Mean share of projects: "
            + "; ".join(f"{row['label']} {percent_text(row['share'])} %" for row in drawn)
            + ".",
            table="findings.rebuilds",
            rows=drawn,
            draw=lambda width: charts.shares(drawn, width=width, x_title="mean share of projects (%)"),
            note=say(
                "With 95 % intervals over projects. n: {n}, as in the table.",
                n=count_range(row["n"] for row in drawn),
            ),
        ),
        Table(
            caption=say(
                "Shares of the whole history. Open: history does not tell, and an unchanged state was taken."
            ),
            table="findings.rebuilds",
            columns=(Column("figure", "figure"), Column("unit_of_analysis", "of"), *_COLUMNS),
            rows=rows,
        ),
        Table(
            caption=say("Commits that build something again, by year."),
            table="findings.rebuilds",
            columns=(Column("label", "year"), *_COLUMNS),
            rows=years,
            folded=True,
        ),
    ]


def _advice(source: Source) -> Sequence[Block]:
    rows = source.rows("""
        SELECT project, path, line, above_line, saved, n, share FROM findings.rebuild_advice
        WHERE corpus = $corpus ORDER BY saved DESC, project, path, line
    """)
    if not rows:
        return []
    return [
        Heading("Lines to move"),
        Paragraph(
            say(
                "{lines} would have been kept {saved} times if they stood higher, with the files that they name. A bound: "
                "what a command reads unasked is not known.",
                lines=counted(len(rows), "line"),
                saved=count(sum(row["saved"] for row in rows)),
            )
        ),
        Table(
            caption=say(
                "Moves that would have saved most, at most {shown}: of the rebuilds of RUN in the file’s history.",
                shown=count(SHOWN),
            ),
            table="findings.rebuild_advice",
            columns=(
                Column("project", "project", "code"),
                Column("path", "Dockerfile", "code"),
                Column("line", "move line", "count"),
                Column("above_line", "above line", "count"),
                Column("saved", "saved", "count"),
                Column("n", "n", "count"),
                Column("share", "share (%)", "percent"),
            ),
            rows=rows[:SHOWN],
        ),
    ]


def _years(source: Source) -> Sequence[Block]:
    rows = source.rows(f"""
        SELECT {_SELECTED} FROM findings.change_in_history
        WHERE corpus = $corpus AND category = 'All' ORDER BY figure, period
    """)
    if not rows:
        return []
    ends = source.rows("""
        WITH known AS (
            SELECT figure, period, share_per_project AS share, per_project_low AS low, per_project_high AS high, n,
                min(period) OVER () AS earliest, max(period) OVER () AS latest
            FROM findings.change_in_history
            -- A year of few projects says little of the others.
            WHERE corpus = $corpus AND category = 'All' AND clusters >= 2
        )
        SELECT figure AS label, period AS year, share, low, high, n
        FROM known
        WHERE period IN (earliest, latest)
            AND figure IN (SELECT figure FROM known WHERE period = earliest)
            AND figure IN (SELECT figure FROM known WHERE period = latest)
        ORDER BY figure, period
    """)
    moved: dict[str, float] = {}
    for row in ends:
        moved[row["label"]] = row["share"] - moved.get(row["label"], 0.0)
    chosen = sorted(moved, key=lambda label: (-abs(moved[label]), label))[:SHOWN]
    names = sorted({str(row["year"]) for row in ends})
    drawn: list[Row] = [
        {**row, "group": str(row["year"])} for row in ends if row["label"] in chosen and len(names) == 2
    ]
    blocks: list[Block] = [Heading("From year to year")]
    if drawn:
        blocks.append(
            Figure(
                name="change-in-history",
                title=say("What moved most from {first} to {last}", first=names[0], last=names[1]),
                describes="Mean share of projects: "
                + "; ".join(f"{row['label']} {row['group']} {percent_text(row['share'])} %" for row in drawn)
                + ".",
                table="findings.change_in_history",
                rows=drawn,
                draw=lambda width: charts.pairs(
                    drawn, width=width, x_title="mean share of projects (%)", names=names
                ),
                note=say(
                    "Of the Dockerfiles that stood at the end of the year. n: {n}, as in the table.",
                    n=count_range(row["n"] for row in drawn),
                ),
            )
        )
    return [
        *blocks,
        Table(
            caption=say("Instructions, practices and base images at the end of each year."),
            table="findings.change_in_history",
            columns=(
                Column("figure", "figure"),
                Column("period", "year"),
                Column("unit_of_analysis", "of"),
                *_COLUMNS,
            ),
            rows=rows,
            folded=True,
        ),
    ]


_WITHOUT = say(
    "the corpus has no git repositories with a history on this machine; those of <code>local</code> that are no shallow "
    "clones do."
)

SECTION = Section(
    "rebuilds",
    "What commits build again",
    (
        Part("what commits build again", ("findings.rebuilds",), _rebuilds, without=_WITHOUT),
        Part(
            "lines to move",
            ("findings.rebuild_advice",),
            _advice,
            without=say("no line was found that another order had kept."),
        ),
        Part("the change from year to year", ("findings.change_in_history",), _years, without=_WITHOUT),
    ),
)
