"""Coder drift: whether the people who labelled changed their coding over time; shown beside the labels.

Here: ``findings.coder_drift`` of one question, as a part of that question's section. Not here: computing it
(``warehouse.computed.coder_drift``), the sections that show it (``projects``, ``purposes``).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from itertools import groupby

from dockml_dagster.report import charts
from dockml_dagster.report.blocks import Block, Column, Figure, Heading, Paragraph, Part, Table
from dockml_dagster.report.sections.measures import clear
from dockml_dagster.report.source import PAPERS_OWN, Row, Source
from dockml_dagster.report.text import (
    Html,
    count,
    counted,
    decimal,
    joined,
    or_none,
    percent,
    percent_text,
    say,
)

OF_THE_STUDY = {
    "category": say(
        "The rows of <code>labeling2</code> are partly sorted by the purposes that were noted there, so that their order "
        "says little of how categories were given."
    ),
    "purpose": say(
        "The sheet’s first rows are sorted by what was noted in them and the others are not, so most likely those were "
        "coded before the others, in an order that is not known. The labels are of two people under one name: one who "
        "changed and another who took over look alike."
    ),
}
"""Facts about the study’s own sheets."""
HALVES = {"first": "first half", "second": "second half"}


def coder_drift_part(question: str) -> Part:
    """The part for the section of a question, ``category`` or ``purpose``."""
    return Part(
        "coder drift",
        ("findings.coder_drift",),
        partial(_coder_drift, question=question),
        without=say("no label of a person has a place in an order."),
    )


def _coder_drift(source: Source, question: str) -> Sequence[Block]:
    rows = source.rows(
        """
        SELECT rater, unit_of_analysis, sheet, among, code, units_first, n_first, share_first, share_first_low,
            share_first_high, units_second, n_second, share_second, share_second_low, share_second_high, difference, p,
            p_holm, note
        FROM findings.coder_drift WHERE corpus = $corpus AND code_system = $question
        ORDER BY unit_of_analysis DESC, rater, sheet, among, p_holm NULLS LAST, p, code
    """,
        question=question,
    )
    if not rows:
        return []
    blocks: list[Block] = [Heading("Coder drift")]
    sheets: dict[tuple[str, str], int] = {}
    for number, ((rater, unit, sheet), found) in enumerate(
        groupby(rows, key=lambda row: (row["rater"], row["unit_of_analysis"], row["sheet"]))
    ):
        sheets[rater, unit] = sheets.get((rater, unit), 0) + 1
        blocks += _order(
            list(found), name=f"drift-{question}-{number + 1}", rater=rater, unit=unit, sheet=sheet
        )
    if any(several > 1 for several in sheets.values()):
        blocks.insert(
            1,
            Paragraph(
                say(
                    "Labels of one rater stand in several sheets, each in an order of its own. In which order they were "
                    "given is not known, so that the halves of each are told."
                )
            ),
        )
    if source.corpus == PAPERS_OWN:
        blocks.append(Paragraph(OF_THE_STUDY[question], role="note"))
    return blocks


def _order(rows: list[Row], *, name: str, rater: str, unit: str, sheet: str) -> list[Block]:
    """One order of units: a sentence, a figure where something changed clearly, the numbers."""
    every, alike = (
        [row for row in rows if (row["among"] == "every unit") is whole and row["p_holm"] is not None]
        for whole in (True, False)
    )
    where = say(
        "<code>{rater}</code>, {unit}s in the order of <code>{sheet}</code>",
        rater=rater,
        unit=unit,
        sheet=sheet,
    )
    blocks: list[Block] = [Paragraph(_sentences(every, alike, where))]
    if clear(every):
        blocks.append(_figure(every, name, where))
    return [
        *blocks,
        Table(
            caption=say(
                "How often each code was given in the first and the second half: {where}.",
                where=where,
            ),
            table="findings.coder_drift",
            columns=(
                Column("code", "code"),
                Column("among", "among"),
                Column("units_first", "first half", "count"),
                Column("n_first", "of", "count"),
                Column("units_second", "second half", "count"),
                Column("n_second", "of", "count"),
                Column("difference", "difference (%)", "percent"),
                Column("p", "p", "decimal"),
                Column("p_holm", "p after Holm", "decimal"),
                Column("note", "note"),
            ),
            rows=rows,
            folded=True,
        ),
    ]


def _sentences(every: list[Row], alike: list[Row], where: Html) -> Html:
    """What changed among all units, and among those that are alike; both with the clearest change first."""
    if not every:
        return say(
            "{where}: every code was given to all or to none, so that no change could be seen.", where=where
        )
    parts = [
        say(
            "{where}: {changed} Clearly: p below 0.05 in Fisher’s exact test after Holm’s correction.",
            where=where,
            changed=_changed(every),
        )
    ]
    if alike:
        parts.append(
            say(
                "Among those units alone to which the machine gives the code, which depends on what they contain and not on "
                "where they stand, {changed}",
                changed=_changed(alike),
            )
        )
    if clear(every):
        parts.append(
            say(
                "The share of such a code, and every comparison that rests on it, depends on when a project was coded."
            )
        )
    return joined(parts)


def _changed(tested: list[Row]) -> Html:
    changed, most = clear(tested), tested[0]
    return say(
        "of {tested} {clear} changed clearly from the first half to the second; the smallest p is {p}, of "
        "<em>{code}</em>, given to {units_first} of {n_first} and then to {units_second} of {n_second}.",
        tested=counted(len(tested), "code"),
        clear=or_none(len(changed)),
        code=most["code"],
        p=decimal(most["p_holm"]),
        **{name: count(most[name]) for name in ("units_first", "n_first", "units_second", "n_second")},
    )


def _figure(tested: list[Row], name: str, where: Html) -> Figure:
    ordered = sorted(tested, key=lambda row: (-row["difference"], row["code"]))
    shown: list[Row] = [
        {
            "label": row["code"],
            "group": group,
            "share": row[f"share_{half}"],
            "low": row[f"share_{half}_low"],
            "high": row[f"share_{half}_high"],
        }
        for row in ordered
        for half, group in HALVES.items()
    ]
    most = ordered[0] if abs(ordered[0]["difference"]) >= abs(ordered[-1]["difference"]) else ordered[-1]
    return Figure(
        name=name,
        title=say(
            "“{code}” was noted for {first} of the {unit}s in the first half and for {second} of those in the second",
            code=most["code"],
            unit=most["unit_of_analysis"],
            first=percent(most["share_first"]),
            second=percent(most["share_second"]),
        ),
        describes="Share of units that were given each code, in the first and the second half of the order: "
        + "; ".join(
            f"{row['code']} {percent_text(row['share_first'])} % and {percent_text(row['share_second'])} %"
            for row in ordered
        )
        + ".",
        table="findings.coder_drift",
        rows=shown,
        draw=lambda width: charts.groups(
            shown, width=width, x_title="share of units (%)", names=list(HALVES.values())
        ),
        note=say(
            "{where}; {first} and {second} of them. Mark: share; line: Wilson’s 95 % interval. From what rose most to what "
            "fell most.",
            where=where,
            first=count(tested[0]["n_first"]),
            second=count(tested[0]["n_second"]),
        ),
    )
