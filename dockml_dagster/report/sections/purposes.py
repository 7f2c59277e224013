"""RQ2: what the projects use Docker for, and the labels behind it.

Here: ``findings.label_shares`` of purposes, and ``findings.rq2_purposes`` of Dockerfiles. Not here: how far raters
agree on a purpose (``threats``), how they changed their coding (``coder_drift``).
"""

from __future__ import annotations

from collections.abc import Sequence

from dockml_dagster.report import charts
from dockml_dagster.report.blocks import Block, Column, Figure, Paragraph, Part, Section, Table
from dockml_dagster.report.sections.coder_drift import coder_drift_part
from dockml_dagster.report.source import Row, Source
from dockml_dagster.report.text import (
    Html,
    count,
    counted,
    joined,
    leading,
    listed,
    percent,
    percent_text,
    points,
    say,
)

BEST = """
    SELECT code AS purpose, label_source, n, n_people, n_machine, n_unseen, share_people, people_low, people_high,
        share_machine,
        share_calibrated, share_cross_fitted, share_if_as_measured, machine_informedness, note,
        coalesce(share_calibrated, share_people, share_machine) AS share,
        -- Where people labelled all there is nothing to estimate.
        if(label_source = 'people', people_low, low) AS low, if(label_source = 'people', people_high, high) AS high
    FROM findings.label_shares
    WHERE corpus = $corpus AND code_system = 'purpose'
        AND coalesce(share_calibrated, share_people, share_machine) IS NOT NULL
    ORDER BY share DESC, purpose
"""
"""The purposes with the best estimate of each: people's labels with the machine's, people's alone, or the machine's."""


def rests_on(source: Source, rows: Sequence[Row]) -> Html:
    """The labels behind the shares of a corpus, in sentences."""
    row = rows[0]
    if row["label_source"] == "machine":
        return say(
            "No project of this corpus was labelled by people: these shares are the machine’s, and nobody checked them "
            "here. How far they can be trusted was measured on the study’s own projects: the last column is near zero "
            "where the machine cannot tell a purpose at all, and one where it errs in nothing."
        )
    if row["label_source"] == "people":
        return say("People labelled the purposes of every project ({n}).", n=count(row["n_people"]))
    said = say(
        "People labelled the purposes of {people} of {n} projects. The shares estimate all of them: of the others, "
        "those with the same machine label are taken to be like the labelled ones. These were not drawn at random "
        "({compared}), and no interval carries that.",
        people=count(row["n_people"]),
        n=count(row["n"]),
        compared=_labelled_beside_others(source),
    )
    moved = [
        abs(each["share_cross_fitted"] - each["share"])
        for each in rows
        if each["share_cross_fitted"] is not None
    ]
    if not moved:
        return said
    return joined(
        [
            said,
            say(
                "The machine’s rules were made on a half of the labelled projects. Cross-fitted shares learn how to "
                "correct it from the other half alone, {unseen} projects; they differ from the estimates by {most} points "
                "at most.",
                unseen=count(row["n_unseen"]),
                most=points(max(moved)),
            ),
        ]
    )


def _labelled_beside_others(source: Source) -> Html:
    """How labelled projects differ from the others in measures known for both."""
    found = source.row("""
        SELECT median(releases) FILTER (coded) AS releases, median(releases) FILTER (NOT coded) AS other_releases,
            median(dockerfiles) FILTER (coded) AS files, median(dockerfiles) FILTER (NOT coded) AS other_files
        FROM (
            SELECT releases, dockerfiles_as_listed AS dockerfiles, project IN (
                SELECT unit FROM core.purposes WHERE source = 'people' AND unit_kind = 'project'
            ) AS coded
            FROM core.projects WHERE corpus = $corpus AND cohort IS DISTINCT FROM 'control'
        )
    """)
    return say(
        "median {releases} releases and {files}, of the others {other_releases} and {other_files}",
        releases=count(found["releases"]),
        files=counted(found["files"], "Dockerfile"),
        other_releases=count(found["other_releases"]),
        other_files=count(found["other_files"]),
    )


def _purposes(source: Source) -> Sequence[Block]:
    rows = source.rows(BEST)
    if not rows:
        return []
    shown: list[Row] = [{**row, "label": row["purpose"]} for row in rows]
    first, leaders = rows[0], leading(rows, "share", "purpose")
    machine = first["label_source"] == "machine"
    return [
        Paragraph(rests_on(source, rows), role="note" if machine else "plain"),
        Figure(
            name="purposes",
            title=say(
                "{purpose} {are} the most frequent {purposes}{whose}, {each}in {share} of the projects",
                purpose=listed(leaders),
                are="are" if len(leaders) > 1 else "is",
                purposes="purposes" if len(leaders) > 1 else "purpose",
                each="each " if len(leaders) > 1 else "",
                whose=" by the machine’s labels" if machine else "",
                share=percent(first["share"]),
            ),
            describes="Share of projects that serve each purpose: "
            + "; ".join(f"{row['purpose']} {percent_text(row['share'])} %" for row in rows)
            + ".",
            table="findings.label_shares",
            rows=shown,
            draw=lambda width: charts.shares(
                shown, width=width, x_title=f"share of projects (%), n = {first['n']}"
            ),
            note=say(
                "Point: {whose}.{line}",
                whose="the machine’s share, which has no interval" if machine else "estimated share",
                line="" if machine else " Line: its interval, over projects.",
            ),
        ),
        Table(
            caption=say("Purposes of projects: by people, by the machine, and estimated from both."),
            table="findings.label_shares",
            columns=(
                Column("purpose", "purpose"),
                Column("share_calibrated", "estimated (%)", "percent"),
                Column("low", "95 % interval, from (%)", "percent"),
                Column("high", "to (%)", "percent"),
                Column("n", "n", "count"),
                *(
                    (Column("share_cross_fitted", "cross-fitted (%)", "percent"),)
                    if first["n_unseen"]
                    else ()
                ),
                Column("share_people", "by people (%)", "percent"),
                Column("n_people", "n", "count"),
                Column("share_machine", "by the machine (%)", "percent"),
                Column("n_machine", "n", "count"),
                *(
                    (Column("share_if_as_measured", "if it errs as measured (%)", "percent"),)
                    if machine
                    else ()
                ),
                Column("machine_informedness", "sensitivity + specificity - one", "decimal"),
            ),
            rows=rows,
        ),
    ]


def _dockerfiles(source: Source) -> Sequence[Block]:
    rows = source.rows("""
        SELECT purpose, label_source, units, n, clusters, share, share_low, share_high, share_per_project, per_project_low,
            per_project_high
        FROM findings.rq2_purposes
        WHERE corpus = $corpus AND category = 'All' AND unit_of_analysis = 'Dockerfile' AND label_source = 'machine'
            AND units > 0
        ORDER BY share_per_project DESC, purpose
    """)
    if not rows:
        return []
    return [
        Table(
            caption=say("Purposes of Dockerfiles, by the machine’s labels. The project is the cluster."),
            table="findings.rq2_purposes",
            columns=(
                Column("purpose", "purpose"),
                Column("share_per_project", "share per project (%)", "percent"),
                Column("per_project_low", "95 % interval, from (%)", "percent"),
                Column("per_project_high", "to (%)", "percent"),
                Column("units", "Dockerfiles", "count"),
                Column("n", "n", "count"),
                Column("clusters", "projects", "count"),
                Column("share", "pooled (%)", "percent"),
                Column("share_low", "95 % interval, from (%)", "percent"),
                Column("share_high", "to (%)", "percent"),
            ),
            rows=rows,
            folded=True,
        )
    ]


SECTION = Section(
    "rq2",
    "RQ2. What Docker is used for",
    (
        Part("the purposes", ("findings.label_shares",), _purposes, stage="labels"),
        Part("the purposes of Dockerfiles", ("findings.rq2_purposes",), _dockerfiles, stage="labels"),
        coder_drift_part("purpose"),
    ),
)
