"""Advice: what would be recommended to most projects, and the bytes that it would save.

Here: ``findings.advice`` with the texts of ``seeds.recommendations``. Not here: advice on one project
(``commands.advise``).
"""

from __future__ import annotations

from collections.abc import Sequence

from dockml_dagster.report import charts
from dockml_dagster.report.blocks import (
    WILSON,
    Block,
    Column,
    Figure,
    Heading,
    Paragraph,
    Part,
    Section,
    share_table,
)
from dockml_dagster.report.source import Row, Source
from dockml_dagster.report.text import (
    Html,
    count,
    count_range,
    counted,
    joined,
    percent,
    percent_text,
    say,
    size,
)
from dockml_dagster.text import size_text

SHOWN = 20
"""Recommendations in the figure: those that apply to most projects."""


def _shares(source: Source) -> Sequence[Block]:
    rows = source.rows(f"""
        SELECT advice.recommendation || if(advice.about = 'dockerfile', '', ' (' || advice.about || ')') AS label,
            advice.recommendation, advice.about, known.action, advice.severity, advice.projects,
            advice.n, advice.share, {WILSON}, advice.saves_bytes
        FROM findings.advice AS advice LEFT JOIN seeds.recommendations AS known USING (recommendation)
        WHERE advice.corpus = $corpus AND advice.category = 'All' AND advice.share IS NOT NULL
        ORDER BY advice.share DESC, label
    """)
    if not rows:
        return []
    shown = rows[:SHOWN]
    measured = any(row["saves_bytes"] for row in rows)
    warnings = [row for row in rows if row["severity"] != "note"]
    blocks: list[Block] = []
    if warnings:
        # Each has its own n: equal shares may refer to projects with images or to those with Dockerfiles.
        leaders = [row for row in warnings if row["share"] == warnings[0]["share"]]
        blocks.append(
            Paragraph(
                say(
                    "Of the recommendations that are more than a note, {names} the largest share of projects ({share}).",
                    names=joined(
                        [
                            *(_concerned(row) for row in leaders[:-1]),
                            say(
                                "{last} {concern}",
                                last=_concerned(leaders[-1]),
                                concern="concern" if len(leaders) > 1 else "concerns",
                            ),
                        ],
                        " and ",
                    ),
                    share=percent(warnings[0]["share"]),
                )
            )
        )
    return [
        *blocks,
        Figure(
            name="advice",
            title=say("What would be advised to most projects"),
            describes="Share of projects that a recommendation concerns, with 95 % intervals: "
            + "; ".join(f"{row['label']} {percent_text(row['share'])} % of {row['n']}" for row in shown)
            + ".",
            table="findings.advice",
            rows=shown,
            draw=lambda width: charts.shares(
                shown, width=width, x_title="share of the projects that were judged (%)", limit=1.0
            ),
            note=say(
                "The commonest of {all}; without brackets: about Dockerfiles. Point: share; line: Wilson’s "
                "95 % interval. n: {n} projects.",
                all=count(len(rows)),
                n=count_range(row["n"] for row in shown),
            ),
        ),
        share_table(
            say(
                "Recommendations. n: projects that have what the recommendation is about, where it could be judged. {saved}",
                saved="Saved: over all images, uncompressed." if measured else "",
            ),
            "findings.advice",
            rows,
            texts=(
                Column("recommendation", "recommendation", "code"),
                Column("about", "about"),
                Column("action", "what to do"),
            ),
            counts=Column("projects", "projects", "count"),
            after=(Column("saves_bytes", "saved", "size"),) if measured else (),
        ),
    ]


def _concerned(row: Row) -> Html:
    return say(
        "<code>{name}</code> (of {about}s: {projects} of {n})",
        name=row["recommendation"],
        about="Dockerfile" if row["about"] == "dockerfile" else row["about"],
        projects=count(row["projects"]),
        n=counted(row["n"], "project"),
    )


def _bytes(source: Source) -> Sequence[Block]:
    rows = source.rows("""
        SELECT recommendation AS label, sum(saves_bytes)::BIGINT AS bytes, sum(subjects) AS subjects, max(n) AS n
        FROM findings.advice
        WHERE corpus = $corpus AND category = 'All' AND saves_bytes > 0
        GROUP BY recommendation ORDER BY bytes DESC, label
    """)
    total = source.row("""
        SELECT sum(bytes) AS bytes, count(*) AS images
        FROM (
            SELECT DISTINCT config_digest, bytes + coalesce(wasted_bytes, 0) AS bytes FROM core.images
            WHERE corpus = $corpus AND bytes IS NOT NULL
        )
    """)
    if not rows:
        return []
    saved = sum(row["bytes"] for row in rows)
    return [
        Heading("What it would save"),
        Paragraph(
            say(
                "Followed in each of {images} whose files are known, the advice saves {saved} of the {all} that their "
                "layers hold, every image counted by itself ({share}). Bytes are measured in the layers, and none is "
                "counted for two recommendations.",
                images=counted(total["images"], "image"),
                saved=size(saved),
                all=size(total["bytes"]),
                share=percent(saved / total["bytes"] if total["bytes"] else None),
            )
        ),
        Figure(
            name="savings",
            title=say(
                "<code>{name}</code> saves most: {bytes}", name=rows[0]["label"], bytes=size(rows[0]["bytes"])
            ),
            describes="Bytes that each recommendation saves over all images: "
            + "; ".join(f"{row['label']} {size_text(row['bytes'])}" for row in rows)
            + ".",
            table="findings.advice",
            rows=rows,
            draw=lambda width: charts.savings(
                rows, width=width, x_title=f"saved over {total['images']} images, uncompressed"
            ),
            note=say("Layers that images share are counted with each of them."),
        ),
    ]


SECTION = Section(
    "advice",
    "Advice: what to change, and what it saves",
    (
        Part("the advice", ("findings.advice",), _shares),
        Part("the bytes that advice saves", ("findings.advice", "core.images"), _bytes, stage="layer_stats"),
    ),
)
