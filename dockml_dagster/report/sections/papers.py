"""Other papers' numbers compared with this corpus, their rules on its Dockerfiles, and this corpus compared with others.

Here: ``findings.paper_comparison`` of all papers but the one that is rerun, ``findings.rule_violations`` and
``findings.corpus_differences``. Not here: the paper that is rerun (``paper``), a control cohort of one corpus (``cohorts``).
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from dockml_dagster.report import charts
from dockml_dagster.report.blocks import Block, Column, Figure, Heading, Paragraph, Part, Section, Table
from dockml_dagster.report.sections.measures import MEASURE, clear
from dockml_dagster.report.source import Row, Source
from dockml_dagster.report.text import (
    count,
    count_range,
    counted,
    or_none,
    percent_text,
    say,
)

SHOWN = 25
"""Measures in a figure of two corpora: those that differ most."""
DRAWN = 3
"""Most corpora in a figure of rules, and most figures of two corpora: those with the most projects; the tables have all."""
_NOT_DRAWN = frozenset({"package", "rule"})
"""Topics that are not in the figure of two corpora, only in its table or in the figure of rules."""
_READINGS = ("printed", "the paper’s way", "corrected")


_COMPARED = (
    Column("paper", "paper"),
    Column("rq", "about"),
    Column("metric", "number"),
    Column("published", "printed", "decimal"),
    Column("published_unit", "printed as"),
    Column("as_published", "the paper’s way", "decimal"),
    Column("corrected", "corrected", "decimal"),
    Column("n", "n", "count"),
    Column("clusters", "projects", "count"),
    Column("of_corpus", "of"),
    Column("note", "what differs"),
    Column("location", "where"),
)


def _numbers(source: Source) -> Sequence[Block]:
    rows = source.rows("""
        SELECT comparison.paper, papers.title, papers.venue, rq, replace(metric, '_', ' ') AS metric, published,
            published_unit, as_published, corrected, unit, n, clusters, of_corpus, location, comparison.read_in, note
        FROM findings.paper_comparison AS comparison JOIN seeds.papers AS papers ON papers.paper = comparison.paper
        WHERE corpus = $corpus AND comparison.paper <> 'ease2022' ORDER BY comparison.paper, rq, metric
    """)
    if not rows:
        return []
    computed = [row for row in rows if row["as_published"] is not None or row["corrected"] is not None]
    others = [row for row in rows if row["as_published"] is None and row["corrected"] is None]
    own = [row for row in computed if row["of_corpus"] == source.corpus]
    drawn = [
        {"label": f"{row['paper']}: {row['metric']}", "group": name, "share": row[key] / 100}
        for row in computed
        if row["unit"] == "%"
        for name, key in zip(_READINGS, ("published", "as_published", "corrected"), strict=True)
        if row[key] is not None
    ]
    unread = source.rows("SELECT title, venue, read_in, not_read, url FROM seeds.papers ORDER BY title")
    blocks: list[Block] = [
        Paragraph(
            say(
                "{numbers} of other papers stand beside this corpus; {computed} can be computed on it, {own} of these on "
                "the very data that the paper speaks of. Elsewhere a difference is one between data first.",
                numbers=counted(len(rows), "number"),
                computed=or_none(len(computed)),
                own=or_none(len(own)),
            )
        )
    ]
    if drawn:
        blocks.append(
            Figure(
                name="other-papers",
                title=say("Other papers’ shares, as printed and as computed here"),
                describes="Shares: "
                + "; ".join(f"{row['label']}, {row['group']} {percent_text(row['share'])} %" for row in drawn)
                + ".",
                table="findings.paper_comparison",
                rows=drawn,
                draw=lambda width: charts.pairs(drawn, width=width, x_title="share (%)", names=_READINGS),
                note=say("n and what differs: in the table."),
            )
        )
    return [
        *blocks,
        *(
            Table(
                caption=caption,
                table="findings.paper_comparison",
                columns=_COMPARED,
                rows=some,
                folded=folded,
            )
            for caption, some, folded in (
                (
                    say("Numbers of other papers that can be computed here, and what differs."),
                    computed,
                    False,
                ),
                (say("Those that cannot, and why."), others, True),
            )
            if some
        ),
        Table(
            caption=say("What the papers were read in, and what of them could not be."),
            table="seeds.papers",
            columns=(
                Column("title", "paper"),
                Column("venue", "published"),
                Column("read_in", "read in"),
                Column("not_read", "not read"),
            ),
            rows=unread,
            folded=True,
        ),
    ]


def _rules(source: Source) -> Sequence[Block]:
    rows = source.rows("""
        SELECT corpus, rule AS label, asks, reading, unit_of_analysis AS unit, violations, n, clusters,
            share_violated AS share, share_low AS low, share_high AS high, share_per_project AS per_project,
            dockerfiles, dockerfiles_violating, practice, of_binnacle, corpus = $corpus AS own
        FROM findings.rule_violations ORDER BY rule, own DESC, corpus, reading
    """)
    corpora = source.rows("""
        SELECT corpus AS name, max(clusters) AS projects FROM findings.rule_violations
        GROUP BY corpus ORDER BY corpus = $corpus DESC, projects DESC, corpus
    """)
    names = [str(row["name"]) for row in corpora[:DRAWN]]
    here = [row for row in rows if row["own"]]
    ruled = {row["label"] for row in here}
    drawn: list[Row] = [
        {**row, "group": row["corpus"]}
        for row in rows
        if row["reading"] == "as_published" and row["corpus"] in names and row["label"] in ruled
    ]
    return [
        Heading("The rules of binnacle and Parfum"),
        Figure(
            name="other-rules",
            title=say("How often their rules are violated where they apply"),
            describes="Share of places that violate a rule: "
            + "; ".join(f"{row['label']}, {row['group']} {percent_text(row['share'])} %" for row in drawn)
            + ".",
            table="findings.rule_violations",
            rows=drawn,
            draw=lambda width: charts.groups(
                drawn, width=width, x_title="places that violate it (%)", names=names
            ),
            note=say(
                "By the papers’ own recipes, with 95 % intervals, the project being the cluster. n: {n}, as in the table.",
                n=count_range(row["n"] for row in drawn),
            ),
        ),
        Table(
            caption=say(
                "Each rule on this corpus: its paper’s way, and by the practice of dockml that asks the same."
            ),
            table="findings.rule_violations",
            columns=(
                Column("label", "rule", "code"),
                Column("asks", "asks for"),
                Column("reading", "reading"),
                Column("practice", "practice", "code"),
                Column("unit", "unit"),
                Column("violations", "violations", "count"),
                Column("n", "n", "count"),
                Column("share", "violated (%)", "percent"),
                Column("low", "95 % interval, from (%)", "percent"),
                Column("high", "to (%)", "percent"),
                Column("per_project", "mean of projects (%)", "percent"),
                Column("clusters", "projects", "count"),
            ),
            rows=here,
            folded=True,
        ),
    ]


def _corpora(source: Source) -> Sequence[Block]:
    rows = source.rows(f"""
        SELECT other_corpus AS other, topic, {MEASURE} AS label, unit_of_analysis AS unit, share, share_low, share_high, n,
            clusters, other_share, other_low, other_high, other_n, other_clusters, difference, difference_low AS low,
            difference_high AS high, p, p_holm, family_tests, note
        FROM findings.corpus_differences WHERE corpus = $corpus
        ORDER BY max(other_clusters) OVER (PARTITION BY other_corpus) DESC, other, abs(difference) DESC, label
    """)
    blocks: list[Block] = [Heading("This corpus beside the others here")]
    for place, (other, found) in enumerate(groupby(rows, key=lambda row: str(row["other"]))):
        of = list(found)
        drawn = [row for row in of if row["topic"] not in _NOT_DRAWN and row["p"] is not None][:SHOWN]
        blocks.append(
            Paragraph(
                say(
                    "Of {all} in which {here} can be set beside {other}, {clear} differ clearly (p below 0.05 after Holm’s "
                    "correction over {tests}).",
                    all=counted(len(of), "measure"),
                    here=source.corpus,
                    other=other,
                    clear=or_none(len(clear(of))),
                    tests=counted(sum(row["p"] is not None for row in of), "test"),
                )
            )
        )
        if drawn and place < DRAWN:
            blocks.append(_apart(source.corpus, other, drawn, place))
        blocks.append(
            Table(
                caption=say("{here} beside {other}: every measure.", here=source.corpus, other=other),
                table="findings.corpus_differences",
                columns=_BESIDE,
                rows=of,
                folded=True,
            )
        )
    blocks.append(
        Paragraph(
            say(
                "The projects behind a share stand in core.share_parts, by corpus and measure; the Dockerfiles in "
                "core.dockerfile_findings, core.rule_matches and core.packages."
            ),
            role="note",
        )
    )
    return blocks


_BESIDE = (
    Column("topic", "about"),
    Column("label", "measure"),
    Column("unit", "unit"),
    Column("share", "here (%)", "percent"),
    Column("n", "n", "count"),
    Column("clusters", "projects", "count"),
    Column("other_share", "there (%)", "percent"),
    Column("other_n", "n there", "count"),
    Column("other_clusters", "projects there", "count"),
    Column("difference", "difference (points)", "percent"),
    Column("low", "95 % interval, from", "percent"),
    Column("high", "to", "percent"),
    Column("p_holm", "p, Holm", "decimal"),
    Column("note", "note"),
)


def _apart(here: str, other: str, rows: Sequence[Row], place: int) -> Figure:
    """The measures in which two corpora differ most."""
    drawn: list[Row] = []
    for row in rows:
        drawn.append({**row, "group": here, "low": row["share_low"], "high": row["share_high"]})
        drawn.append(
            {
                **row,
                "group": other,
                "share": row["other_share"],
                "low": row["other_low"],
                "high": row["other_high"],
            }
        )
    return Figure(
        name=f"beside-{place + 1}",
        title=say("Where {here} differs most from {other}", here=here, other=other),
        describes=f"Shares in {here} and in {other}, by difference: "
        + "; ".join(
            f"{row['label']} {percent_text(row['share'])} % and {percent_text(row['other_share'])} %"
            for row in rows
        )
        + ".",
        table="findings.corpus_differences",
        rows=drawn,
        draw=lambda width: charts.groups(drawn, width=width, x_title="share (%)", names=(here, other)),
        note=say(
            "The {shown} largest differences that were tested, packages and rules left out. Every project weighs 1; 95 % "
            "intervals over projects. Projects: {clusters} in {here}, {others} in {other}; n in the table.",
            shown=count(len(rows)),
            here=here,
            other=other,
            clusters=count_range(row["clusters"] for row in rows),
            others=count_range(row["other_clusters"] for row in rows),
        ),
    )


SECTION = Section(
    "papers",
    "Beside other papers and other corpora",
    (
        Part(
            "other papers’ numbers",
            ("findings.paper_comparison", "findings.measures_of_others"),
            _numbers,
        ),
        Part("the rules of other papers", ("findings.rule_violations",), _rules),
        Part(
            "the comparison with other corpora",
            ("findings.corpus_differences",),
            _corpora,
            without=say(
                "No other corpus of this home has Dockerfiles to compare with; a set of your own is one: dockml study "
                "--corpus dataset:NAME."
            ),
        ),
    ),
)
