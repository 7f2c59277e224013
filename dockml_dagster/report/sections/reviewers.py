"""For reviewers: how each number of the report is made, on one page.

Here: the estimators, intervals, tests and families of the findings, with the data behind each in this corpus. Not here:
their definitions (``study.statistics``), the results.
"""

from __future__ import annotations

from collections.abc import Sequence

from dockml_dagster.report.blocks import Block, Column, Paragraph, Part, Section, Table
from dockml_dagster.report.source import PAPERS_OWN, Row, Source
from dockml_dagster.report.text import Html, counted, or_none, say

MADE: tuple[tuple[str, str, str], ...] = (
    (
        "share of projects",
        "projects that have it, of those of which it is known",
        "Wilson’s interval",
    ),
    (
        "share of Dockerfiles, images or layers",
        "per project: mean over projects of each one’s share, so that every project weighs the same; pooled: all units "
        "weigh the same, and the largest project most",
        "Wilson’s interval with the effective number of units (jackknife over projects) and Student’s t of one degree of "
        "freedom fewer than projects",
    ),
    (
        "median",
        "of distinct units; a value that a cap cut short counts as it stands and is marked as a lower bound",
        "Woodruff’s interval: that of the share below the median, read off the distribution",
    ),
    (
        "difference between groups",
        "ridit scores of units, averaged by project; Cliff’s delta in which every project weighs the same",
        "labels of whole projects permuted; Fisher’s z for delta. Groups of few projects are described, not tested",
    ),
    (
        "difference between moments",
        "signed ranks of the same units, averaged by project",
        "signs of whole projects flipped",
    ),
    (
        "several tests",
        "all measures of one grouping are a family; the pairs of those that differ clearly are the second",
        "Holm’s correction in each family",
    ),
    (
        "share of a category or purpose",
        "people’s labels where there are any; of the other projects, people’s share among the labelled with the same "
        "machine label",
        "Wilson’s interval with the variance of what was not labelled; none where nobody labelled",
    ),
    (
        "number beside the paper’s",
        "the paper’s way repeats its formula on the same input; corrected is the sound one of the same question",
        "equal means within half a unit of the last digit printed",
    ),
    (
        "claim of the paper",
        "the number that answers it, by one query, with the unit that the claim is about",
        "holds or not where the whole interval does, and else cannot be told; a number that is to be “about” another holds "
        "within a tenth of it",
    ),
)
"""Kind of number, its definition, its interval or test."""


def _made(source: Source) -> Sequence[Block]:
    rows: list[Row] = [
        {"number": number, "estimate": estimate, "interval": interval} for number, estimate, interval in MADE
    ]
    known = source.row("""
        SELECT count(*) AS projects,
            (SELECT count(*) FROM core.dockerfiles WHERE corpus = $corpus AND valid) AS dockerfiles,
            (SELECT count(*) FROM core.images WHERE corpus = $corpus) AS images,
            (SELECT count(DISTINCT image) FROM core.image_file_totals WHERE corpus = $corpus) AS inside
        FROM core.projects WHERE corpus = $corpus
    """)
    return [
        Paragraph(
            say(
                "The corpus has {projects}, {dockerfiles} and {images}; what "
                "these hold is known of {inside}. Units of one project resemble each other, so the project is "
                "the cluster of every interval and test.{inside_of_paper}",
                projects=counted(known["projects"], "project"),
                dockerfiles=counted(known["dockerfiles"], "valid Dockerfile"),
                images=counted(known["images"], "distinct image"),
                inside=or_none(known["inside"]),
                inside_of_paper=_published_layers(source),
            )
        ),
        Table(
            caption=say(
                "How each kind of number is made. Every table of findings has its unit of analysis, n, and the number of "
                "projects; the SQL of each section stands at its end."
            ),
            table="findings.*",
            columns=(
                Column("number", "number"),
                Column("estimate", "what it is"),
                Column("interval", "interval or test"),
            ),
            rows=rows,
        ),
    ]


def _published_layers(source: Source) -> Html:
    if source.corpus != PAPERS_OWN:
        return Html("")
    return say(
        " The study published summaries of layers for a few images only; everything about files rests on these, as sums "
        "over layers, in which hidden files count."
    )


SECTION = Section(
    "reviewers",
    "For reviewers: how each number is made",
    (Part("how numbers are made", ("core.projects",), _made),),
)
