"""RQ1: which kinds of project use Docker, and what those projects are like.

Here: ``findings.rq1_categories`` and ``findings.rq1_project_profile``. Not here: how far raters agree on a category
(``threats``), how they changed their coding (``coder_drift``).
"""

from __future__ import annotations

from collections.abc import Sequence

from dockml_dagster.report import charts
from dockml_dagster.report.blocks import WILSON, Block, Column, Figure, Paragraph, Part, Section, Table
from dockml_dagster.report.sections.coder_drift import coder_drift_part
from dockml_dagster.report.source import Row, Source
from dockml_dagster.report.text import count, leading, listed, percent, percent_text, say

METRICS = {
    "repository_bytes": "repository (KiB)",
    "commits": "commits",
    "contributors": "contributors",
    "forks": "forks",
    "stars": "stars",
    "releases": "releases",
    "dockerfiles": "Dockerfiles",
}
"""Measure of a project → its name with the unit, in the order of the paper's table."""


def _categories(source: Source) -> Sequence[Block]:
    rows = source.rows(f"""
        SELECT category, projects, n, share, {WILSON} FROM findings.rq1_categories
        WHERE corpus = $corpus AND reading = 'corrected' AND category <> 'All' AND share IS NOT NULL
        ORDER BY projects DESC, category
    """)
    if not rows:
        return []
    published = {
        row["category"]: row["projects"]
        for row in source.rows("""
            SELECT category, projects FROM findings.rq1_categories
            WHERE corpus = $corpus AND reading = 'as_published'
        """)
    }
    shown: list[Row] = [
        {**row, "label": row["category"], "as_published": published.get(row["category"])} for row in rows
    ]
    labelled = [row for row in rows if row["category"] != "unlabelled"]
    first = (labelled or rows)[0]
    leaders = leading(labelled or rows, "projects", "category")
    # Without people's labels: the shares behind the machine's, if its errors are as where they were measured.
    guessed = {
        row["code"]: row
        for row in source.rows("""
            SELECT code, share_if_as_measured, machine_informedness FROM findings.label_shares
            WHERE corpus = $corpus AND code_system = 'category' AND n_people = 0
        """)
    }
    shown = [{**row, **guessed.get(row["category"], {})} for row in shown]
    return [
        Figure(
            name="categories",
            title=say("No project has a category")
            if not labelled
            else say(
                "{category} are the most frequent kinds of project, each with {projects} of {n}"
                if len(leaders) > 1
                else "{category} is the most frequent kind of project, with {projects} of {n}",
                category=listed(leaders),
                projects=count(first["projects"]),
                n=count(first["n"]),
            ),
            describes="Share of projects by category, with 95 % intervals: "
            + "; ".join(f"{row['category']} {percent_text(row['share'])} %" for row in rows)
            + ".",
            table="findings.rq1_categories",
            rows=shown,
            draw=lambda width: charts.shares(
                shown, width=width, x_title=f"share of projects (%), n = {first['n']}"
            ),
            note=say("Point: share; line: Wilson’s 95 % interval."),
        ),
        Table(
            caption=say("Projects by category, n = {n}.", n=count(first["n"])),
            table="findings.rq1_categories",
            columns=(
                Column("category", "category"),
                Column("projects", "projects", "count"),
                Column("share", "share (%)", "percent"),
                Column("low", "95 % interval, from (%)", "percent"),
                Column("high", "to (%)", "percent"),
                Column("as_published", "projects, the paper’s way", "count"),
                *(
                    (
                        Column("share_if_as_measured", "if the machine errs as measured (%)", "percent"),
                        Column("machine_informedness", "sensitivity + specificity - one", "decimal"),
                    )
                    if guessed
                    else ()
                ),
            ),
            rows=shown,
        ),
    ]


def _profile(source: Source) -> Sequence[Block]:
    rows = source.rows("""
        SELECT
            profile.category, profile.metric, profile.n,
            profile.median / scale AS median, profile.q25 / scale AS q25, profile.q75 / scale AS q75,
            profile.median_low / scale AS median_low, profile.median_high / scale AS median_high
        FROM (
            SELECT *, CASE metric WHEN 'repository_bytes' THEN 1024 ELSE 1 END AS scale
            FROM findings.rq1_project_profile
        ) AS profile
        LEFT JOIN findings.rq1_categories AS size
            ON size.corpus = profile.corpus AND size.reading = profile.reading AND size.category = profile.category
        WHERE profile.corpus = $corpus AND profile.reading = 'corrected' AND profile.category <> 'All'
            AND profile.median IS NOT NULL
        ORDER BY size.projects DESC, profile.category
    """)
    if not rows:
        return []
    known = {
        metric: title for metric, title in METRICS.items() if any(row["metric"] == metric for row in rows)
    }
    panels: list[Row] = [
        {
            "panel": title,
            "label": row["category"],
            "metric": metric,
            **{key: row[key] for key in ("n", "median", "q25", "q75", "median_low", "median_high")},
        }
        for metric, title in known.items()
        for row in rows
        if row["metric"] == metric
    ]
    table: dict[str, Row] = {}
    for row in rows:
        line = table.setdefault(row["category"], {"category": row["category"], "n": 0})
        line[row["metric"]] = row["median"]
        line["n"] = max(line["n"], row["n"])
    return [
        Figure(
            name="profile",
            title=say("What projects of each category are like"),
            describes="A panel a measure; in each a row a category, with the median and the range of the middle "
            "half. "
            "The table below has the medians.",
            table="findings.rq1_project_profile",
            rows=panels,
            draw=lambda width: charts.panels(panels, width=width, across=4 if width > 500 else 1),
            note=say(
                "Point: median; line: its 95 % interval; band: the middle half of the projects; n = {n}. Every "
                "panel has an axis of its own.",
                n=count(sum(line["n"] for line in table.values())),
            ),
        ),
        Table(
            caption=say(
                "Medians by category. n: projects for which the measure that is known most often is known."
            ),
            table="findings.rq1_project_profile",
            columns=(
                Column("category", "category"),
                Column("n", "n", "count"),
                *(Column(metric, title, "count") for metric, title in known.items()),
            ),
            rows=list(table.values()),
        ),
    ]


def _commonest(source: Source) -> Sequence[Block]:
    row = source.row("""
        SELECT count(category) AS labelled, count(*) AS n FROM core.projects WHERE corpus = $corpus
    """)
    if not row["labelled"]:
        return [Paragraph(say("No project has a category."))]
    return [
        Paragraph(
            say(
                "{labelled} of {n} projects ({share}) have a category, one each.",
                labelled=count(row["labelled"]),
                n=count(row["n"]),
                share=percent(row["labelled"] / row["n"]),
            )
        )
    ]


SECTION = Section(
    "rq1",
    "RQ1. Which kinds of project use Docker",
    (
        Part("the labelled projects", ("core.projects",), _commonest, stage="labels"),
        Part("the categories", ("findings.rq1_categories",), _categories, stage="labels"),
        Part("the profile of the projects", ("findings.rq1_project_profile",), _profile, stage="repo_list"),
        coder_drift_part("category"),
    ),
)
