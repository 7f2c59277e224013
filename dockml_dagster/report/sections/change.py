"""The projects then and now: two visits of one corpus, or the projects of 2021 and the same ones on GitHub.

Here: ``findings.change_over_time`` and ``findings.moment_differences``. Not here: change from commit to commit, which
is in ``findings.rebuilds`` (``rebuilds``); labellers who changed their coding (``coder_drift``).
"""

from __future__ import annotations

from collections.abc import Sequence

from dockml_dagster.report import charts
from dockml_dagster.report.blocks import Block, Column, Figure, Heading, Paragraph, Part, Section, Table
from dockml_dagster.report.sections.measures import MEASURE, clear
from dockml_dagster.report.source import Row, Source
from dockml_dagster.report.text import (
    Html,
    count,
    count_range,
    counted,
    decimal,
    decimal_text,
    or_none,
    percent,
    percent_text,
    say,
)

METRICS = {
    "dockerfiles": "Dockerfiles",
    "base_images_shipped": "base images shipped",
    "practices_violated_a_dockerfile": "practices violated, mean of a Dockerfile",
    "images_behind_a_reference": "images behind a name",
}
ROSE, FELL = "rose", "fell"
SHOWN = 20
"""Most measures in a figure; larger tables are folded."""


def _change(source: Source) -> Sequence[Block]:
    rows = source.rows(f"""
        SELECT corpus_before, strftime(earliest, '%Y-%m-%d') AS earliest, strftime(latest, '%Y-%m-%d') AS latest,
            metric AS measure, {MEASURE} AS label, unit_of_analysis, n, mean_before, mean_after, rose, fell, changed,
            share_changed
        FROM findings.change_over_time
        WHERE corpus = $corpus AND n > 0 AND rose + fell + changed IS NOT NULL ORDER BY corpus_before, metric
    """)
    tests = source.rows(f"""
        SELECT *, {MEASURE} AS label FROM (
            SELECT split_part(pairs.first, ' ', 1) AS corpus_before, pairs.measure, pairs.unit_of_analysis AS unit,
                pairs.n, pairs.clusters,
                earlier.median AS before, earlier.median_low AS before_low, earlier.median_high AS before_high,
                later.median AS after, later.median_low AS after_low, later.median_high AS after_high,
                pairs.statistic, pairs.p, pairs.p_holm, pairs.cliffs_delta AS delta, pairs.magnitude, pairs.note
            FROM findings.moment_differences AS pairs
            LEFT JOIN findings.moment_differences AS earlier
                ON earlier.corpus = pairs.corpus AND earlier.measure = pairs.measure AND earlier.row_kind = 'group'
                AND earlier.first = pairs.first AND earlier.second = pairs.second
            LEFT JOIN findings.moment_differences AS later
                ON later.corpus = pairs.corpus AND later.measure = pairs.measure AND later.row_kind = 'group'
                AND later.first = pairs.second AND later.second = pairs.first
            WHERE pairs.corpus = $corpus AND pairs.row_kind = 'pair' AND pairs.cliffs_delta IS NOT NULL
        ) ORDER BY corpus_before, delta DESC, measure
    """)
    # First the study of 2021, then the corpus's own earlier visit.
    before = sorted({row["corpus_before"] for row in rows}, key=lambda name: (name == source.corpus, name))
    return [
        block
        for name in before
        for block in (
            *_since(source, name, [row for row in rows if row["corpus_before"] == name]),
            *_tests(source, name, [row for row in tests if row["corpus_before"] == name]),
        )
    ]


def _since(source: Source, before: str, rows: Sequence[Row]) -> list[Block]:
    named: list[Row] = [{**row, "label": METRICS.get(row["measure"], row["label"])} for row in rows]
    drawn = sorted(named, key=lambda row: -(row["rose"] + row["fell"]) / row["n"])[:SHOWN]
    shown: list[Row] = [
        {"label": row["label"], "group": group, "share": row[group] / row["n"], "n": row["n"]}
        for row in drawn
        for group in (ROSE, FELL)
    ]
    most = max(named, key=lambda row: row["share_changed"] or 0)
    said = (
        "Between {earliest} and {latest}, {label} changed most often: in {changed} of {n} {unit}s ({share})."
    )
    if not most["share_changed"]:
        said = "Between {earliest} and {latest} nothing that is measured changed."
    return [
        Heading("Since the first visit" if before == source.corpus else f"Since the corpus {before}"),
        Paragraph(
            say(
                said,
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
                before=_earlier(source, before),
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
                "Circle: rose; diamond: fell; the rest kept its number. {which} n: {n}, as in the table.",
                which=_which(drawn, named),
                n=count_range(row["n"] for row in drawn),
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
            folded=len(named) > SHOWN,
        ),
    ]


def _earlier(source: Source, before: str) -> Html:
    """The moment that the other is compared with."""
    own = before == source.corpus
    return say("the first visit") if own else say("<code>{corpus}</code>", corpus=before)


def _which(drawn: Sequence[Row], named: Sequence[Row]) -> Html:
    """A sentence that the figure has only some of the measures, if so."""
    if len(drawn) == len(named):
        return say("")
    return say(
        "The {drawn} of {all} measures that moved most.", drawn=count(len(drawn)), all=count(len(named))
    )


def _tests(source: Source, before: str, rows: Sequence[Row]) -> list[Block]:
    """Tests and sizes of the changes; nothing if no unit is known at both moments."""
    if not rows:
        return []
    named: list[Row] = [
        {
            **row,
            "label": METRICS.get(row["measure"], row["label"]),
            **{moment: _with_interval(row, moment) for moment in ("before", "after")},
        }
        for row in rows
    ]
    furthest = sorted(named, key=lambda row: -abs(row["delta"]))
    most = furthest[0]
    drawn = sorted(furthest[:SHOWN], key=lambda row: -row["delta"])
    return [
        Paragraph(
            say(
                "Of {all}, {clear} moved by more than chance (signed ranks, the signs of whole projects flipped; p "
                "below 0.05 after Holm’s correction for their number). {furthest}",
                all=counted(len(named), "measure"),
                clear=or_none(len(clear(named))),
                furthest=_furthest(most),
            )
        ),
        Figure(
            name=f"moved-{before}",
            title=say(
                "How far it moved since {before}",
                before=_earlier(source, before),
            ),
            describes="Cliff’s delta within pairs of each measure; right of zero more units rose than fell: "
            + "; ".join(f"{row['label']} {decimal_text(row['delta'])}" for row in drawn)
            + ".",
            table="findings.moment_differences",
            rows=drawn,
            draw=lambda width: charts.effects(
                drawn,
                width=width,
                x_title="share that rose less share that fell",
                key="delta",
                least=-1,
                top=1,
            ),
            note=say(
                "Cliff’s delta within pairs; zero: as many rose as fell. {which} n: {n}.",
                which=_which(drawn, named),
                n=count_range(row["n"] for row in drawn),
            ),
        ),
        Table(
            caption=say(
                "The same units at two moments: medians with 95 % intervals, and a signed-rank test over projects."
            ),
            table="findings.moment_differences",
            columns=(
                Column("label", "measure"),
                Column("unit", "unit"),
                Column("n", "n", "count"),
                Column("before", "median before (95 %)"),
                Column("after", "median after (95 %)"),
                Column("clusters", "projects", "count"),
                Column("statistic", "signed ranks", "decimal"),
                Column("p", "p", "decimal"),
                Column("p_holm", "p, Holm", "decimal"),
                Column("delta", "Cliff’s delta", "decimal"),
                Column("magnitude", "size"),
                *((Column("note", "note"),) if any(row["note"] for row in named) else ()),
            ),
            rows=named,
            folded=len(named) > SHOWN,
        ),
    ]


def _furthest(most: Row) -> Html:
    if not most["delta"]:
        return say("As many units rose as fell in each.")
    return say(
        "{label} moved furthest one way: Cliff’s delta within pairs {delta} ({magnitude}), over {n} {unit}s.",
        label=most["label"][0].upper() + most["label"][1:],
        delta=decimal(most["delta"]),
        magnitude=most["magnitude"],
        n=count(most["n"]),
        unit=most["unit"],
    )


def _with_interval(row: Row, moment: str) -> str | None:
    """``7.3 (6.8 to 8)``: a median with its interval."""
    if row[moment] is None:
        return None
    low, high = (decimal_text(row[f"{moment}_{end}"]) for end in ("low", "high"))
    return f"{decimal_text(row[moment])} ({low} to {high})"


SECTION = Section(
    "change",
    "Then and now",
    (
        Part(
            "the change over time",
            ("findings.change_over_time", "findings.moment_differences"),
            _change,
            without=say(
                "every project was visited once; a later visit, or the corpus <code>github</code> beside "
                "<code>ease2022</code>, gives a second moment."
            ),
        ),
    ),
)
