"""Threats to validity, with numbers: what is missing, what cannot be told, what readers of the same file disagree on.

Belongs here: coverage by stage, censoring, the two readings, unresolved base images, raters.
"""

from __future__ import annotations

from collections.abc import Sequence

from dockml_dagster.report.blocks import Block, Column, Heading, Paragraph, Part, Section, Table
from dockml_dagster.report.sections.paper import PAPERS_OWN
from dockml_dagster.report.source import Source
from dockml_dagster.report.text import count, percent, say


def _coverage(source: Source) -> Sequence[Block]:
    rows = source.rows("""
        SELECT stage, state, projects, n, share, reason FROM findings.coverage
        WHERE corpus = $corpus ORDER BY stage, state = 'done' DESC, projects DESC, reason
    """)
    least = source.row("""
        SELECT stage, coalesce(sum(projects) FILTER (state IN ('done', 'censored')), 0) AS collected, max(n) AS n
        FROM findings.coverage WHERE corpus = $corpus GROUP BY stage ORDER BY collected, stage LIMIT 1
    """)
    return [
        Heading("Coverage"),
        Paragraph(
            say(
                "Least is known at the stage {stage}: {collected} of {n} projects ({share}). A share in this "
                "report is of "
                "what is known; what is missing is never counted as zero.",
                stage=least["stage"],
                collected=count(least["collected"]),
                n=count(least["n"]),
                share=percent(least["collected"] / least["n"] if least["n"] else None),
            )
        ),
        Table(
            caption=say("Projects by stage of collection and what became of it."),
            table="findings.coverage",
            columns=(
                Column("stage", "stage", "code"),
                Column("state", "state"),
                Column("projects", "projects", "count"),
                Column("n", "n", "count"),
                Column("share", "share (%)", "percent"),
                Column("reason", "reason"),
            ),
            rows=rows,
        ),
    ]


def _censoring(source: Source) -> Sequence[Block]:
    row = source.row("""
        SELECT count(*) AS n, count(*) FILTER (censored IS NOT NULL) AS censored,
               count(*) FILTER (verified = 'as_exported') AS taken, count(*) FILTER (verified <> 'as_exported') AS scanned
        FROM core.layers WHERE corpus = $corpus AND files IS NOT NULL
    """)
    return [
        Heading("Layers that were looked into"),
        Paragraph(
            say(
                "The contents of {n} distinct layers are known: {scanned} were scanned here and {taken} are "
                "counts that a source "
                "exported. A cap cut {censored} scans short.",
                n=count(row["n"]),
                scanned=count(row["scanned"]),
                taken=count(row["taken"]),
                censored=count(row["censored"]),
            )
        ),
    ]


def _unresolved(source: Source) -> Sequence[Block]:
    row = source.row("""
        SELECT count(*) FILTER (base_kind = 'unresolved') AS unresolved, count(*) AS n
        FROM core.base_images WHERE corpus = $corpus
    """)
    files = source.row("""
        SELECT count(*) FILTER (valid) AS valid, count(*) AS n FROM core.dockerfiles WHERE corpus = $corpus
    """)
    return [
        Heading("Dockerfiles that do not tell"),
        Paragraph(
            say(
                "{valid} of {files} files whose name says Dockerfile are accepted by BuildKit; the others are in "
                "no corrected number. "
                "{unresolved} of {n} base images depend on a variable that the file does not set ({share}).",
                valid=count(files["valid"]),
                files=count(files["n"]),
                unresolved=count(row["unresolved"]),
                n=count(row["n"]),
                share=percent(row["unresolved"] / row["n"] if row["n"] else None),
            )
        ),
    ]


def _readers(source: Source) -> Sequence[Block]:
    rows = source.rows("""
        SELECT found.kind, known.meaning, found.files, found.n, found.share
        FROM findings.rq3_reading_differences AS found
        LEFT JOIN seeds.reading_difference_kinds AS known ON known.kind = found.kind
        WHERE found.corpus = $corpus AND found.files > 0 ORDER BY found.files DESC, found.kind
    """)
    if not rows:
        return [Paragraph(say("The paper’s parser and BuildKit read every file alike."))]
    most = rows[0]
    return [
        Heading("Two parsers"),
        Paragraph(
            say(
                "The paper’s parser sees {files} of {n} files otherwise than BuildKit does ({share}).",
                files=count(most["files"]),
                n=count(most["n"]),
                share=percent(most["share"]),
            )
        ),
        Table(
            caption=say(
                "Files that the paper’s parser reads otherwise, by kind of difference; a file may have several."
            ),
            table="findings.rq3_reading_differences",
            columns=(
                Column("kind", "kind"),
                Column("meaning", "what it is"),
                Column("files", "files", "count"),
                Column("n", "n", "count"),
                Column("share", "share (%)", "percent"),
            ),
            rows=rows,
        ),
    ]


def _raters(source: Source) -> Sequence[Block]:
    rows = source.rows("""
        SELECT code_system, count(DISTINCT rater) AS raters, count(DISTINCT unit) AS units, count(*) AS labels
        FROM core.labels WHERE corpus = $corpus AND rater_kind = 'person'
        GROUP BY code_system ORDER BY code_system
    """)
    if not rows:
        return []
    most = max(row["raters"] for row in rows)
    alone = (
        "Nobody labelled anything a second time, so that agreement cannot be computed: the paper’s authors "
        "published their "
        "consensus only."
        if source.corpus == PAPERS_OWN
        else "Nobody labelled anything a second time, so that agreement cannot be computed."
    )
    blocks: list[Block] = [
        Heading("Labels and raters"),
        Paragraph(
            say(
                "The most raters that a question has is {raters}. {alone}",
                raters=count(most),
                alone=alone if most < 2 else "",
            )
        ),
    ]
    blocks.append(
        Table(
            caption=say("Labels by question."),
            table="core.labels",
            columns=(
                Column("code_system", "question", "code"),
                Column("raters", "raters", "count"),
                Column("units", "projects or files labelled", "count"),
                Column("labels", "labels", "count"),
            ),
            rows=rows,
        )
    )
    return blocks


def _typed(source: Source) -> Sequence[Block]:
    rows = source.rows("""
        SELECT kind, counts_as, rows, n, share, comparable, agreement FROM findings.rq3_base_image_agreement
        WHERE corpus = $corpus AND rows > 0 ORDER BY rows DESC, kind
    """)
    if not rows:
        return []
    first = rows[0]
    return [
        Heading("Base images typed by hand"),
        Paragraph(
            say(
                "The study’s authors typed {n} base images by hand. Of the {comparable} that can be compared "
                "with the file, "
                "{agreement} say the same as it was read here.",
                n=count(first["n"]),
                comparable=count(first["comparable"]),
                agreement=percent(first["agreement"]),
            )
        ),
        Table(
            caption=say("Typed base images by how they relate to the file."),
            table="findings.rq3_base_image_agreement",
            columns=(
                Column("kind", "kind"),
                Column("counts_as", "counts as"),
                Column("rows", "rows", "count"),
                Column("n", "n", "count"),
                Column("share", "share (%)", "percent"),
            ),
            rows=rows,
        ),
    ]


SECTION = Section(
    "threats",
    "Threats to validity",
    (
        Part("coverage", ("findings.coverage",), _coverage),
        Part("the layers looked into", ("core.layers",), _censoring, stage="layer_stats"),
        Part("what Dockerfiles leave open", ("core.dockerfiles",), _unresolved, stage="dockerfiles"),
        Part("the two parsers", ("findings.rq3_reading_differences",), _readers, stage="dockerfiles"),
        Part("typed base images", ("findings.rq3_base_image_agreement",), _typed, stage="labels"),
        Part("labels", ("core.labels",), _raters, stage="labels"),
    ),
)
