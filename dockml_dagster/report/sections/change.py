"""The projects then and now: two visits of one corpus, or those of 2021 beside the same ones on GitHub.

Belongs here: ``findings.change_over_time``.
"""

from __future__ import annotations

from collections.abc import Sequence

from dockml_dagster.report import charts
from dockml_dagster.report.blocks import Block, Column, Figure, Heading, Paragraph, Part, Section, Table
from dockml_dagster.report.source import Row, Source
from dockml_dagster.report.text import count, percent, percent_text, say

METRICS = {
    "dockerfiles": "Dockerfiles",
    "base_images_shipped": "base images shipped",
    "practices_violated_a_dockerfile": "practices violated, mean of a Dockerfile",
    "images_behind_a_reference": "images behind a name",
}
ROSE, FELL = "rose", "fell"


def _change(source: Source) -> Sequence[Block]:
    rows = source.rows("""
        SELECT corpus_before, strftime(earliest, '%Y-%m-%d') AS earliest, strftime(latest, '%Y-%m-%d') AS latest, metric,
            unit_of_analysis, n, mean_before, mean_after, rose, fell, changed, share_changed
        FROM findings.change_over_time
        WHERE corpus = $corpus AND n > 0 AND rose + fell + changed IS NOT NULL ORDER BY corpus_before, metric
    """)
    # First what was studied in 2021, then the corpus's own earlier visit.
    before = sorted({row["corpus_before"] for row in rows}, key=lambda name: (name == source.corpus, name))
    return [
        block
        for name in before
        for block in _since(source, name, [row for row in rows if row["corpus_before"] == name])
    ]


def _since(source: Source, before: str, rows: Sequence[Row]) -> list[Block]:
    named: list[Row] = [{**row, "label": METRICS.get(row["metric"], row["metric"])} for row in rows]
    shown: list[Row] = [
        {"label": row["label"], "group": group, "share": row[group] / row["n"], "n": row["n"]}
        for row in named
        for group in (ROSE, FELL)
    ]
    most = max(named, key=lambda row: row["share_changed"] or 0)
    own = before == source.corpus
    return [
        Heading("Since the first visit" if own else f"Since the corpus {before}"),
        Paragraph(
            say(
                "Between {earliest} and {latest}, {label} changed most often: in {changed} of {n} {unit}s ({share}).",
                earliest=say("<time>{day}</time>", day=rows[0]["earliest"]),
                latest=say("<time>{day}</time>", day=rows[0]["latest"]),
                label=most["label"],
                n=count(most["n"]),
                unit=most["unit_of_analysis"],
                changed=count(most["changed"]),
                share=percent(most["share_changed"]),
            )
        ),
        Figure(
            name=f"change-{before}",
            title=say(
                "What rose and what fell since {before}",
                before="the first visit" if own else say("<code>{corpus}</code>", corpus=before),
            ),
            describes="Share of units in which a measure rose and in which it fell: "
            + "; ".join(f"{row['label']} {row['group']} {percent_text(row['share'])} %" for row in shown)
            + ".",
            table="findings.change_over_time",
            rows=shown,
            draw=lambda width: charts.pairs(
                shown, width=width, x_title="share of units known at both moments (%)", names=(ROSE, FELL)
            ),
            note=say(
                "Circle: rose; diamond: fell; the rest kept its number. n: from {least} to {most}, as in the table.",
                least=count(min(row["n"] for row in named)),
                most=count(max(row["n"] for row in named)),
            ),
        ),
        Table(
            caption=say("Units known at both moments. Changed: also where the number stayed."),
            table="findings.change_over_time",
            columns=(
                Column("label", "measure"),
                Column("unit_of_analysis", "unit"),
                Column("mean_before", "mean before", "decimal"),
                Column("mean_after", "mean after", "decimal"),
                Column(ROSE, "rose", "count"),
                Column(FELL, "fell", "count"),
                Column("changed", "changed", "count"),
                Column("n", "n", "count"),
                Column("share_changed", "changed (%)", "percent"),
            ),
            rows=named,
        ),
    ]


SECTION = Section(
    "change",
    "Then and now",
    (
        Part(
            "the change over time",
            ("findings.change_over_time",),
            _change,
            without=say(
                "every project was visited once; a later visit, or the corpus <code>github</code> beside "
                "<code>ease2022</code>, gives a second moment."
            ),
        ),
    ),
)
