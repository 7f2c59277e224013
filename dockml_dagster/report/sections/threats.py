"""Threats to validity, with numbers: missing data, unknowns, and disagreement between readings of the same file.

Here: censoring, the two readings, unresolved base images, images' links to projects, raters. Not here: the parts on
missing data (``missing``), what a reviewer would ask first (``reviewers``).
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
    Table,
    share_table,
)
from dockml_dagster.report.sections.measures import measure
from dockml_dagster.report.sections.missing import coverage, passed_over
from dockml_dagster.report.source import PAPERS_OWN, SAMPLE, Row, Source
from dockml_dagster.report.text import (
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

LEARNT = {
    PAPERS_OWN: "The machine learnt from these labels",
    SAMPLE: "These projects and the machine’s rules were written together",
}
"""Corpora that the machine was trained on, and how."""


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
                "The contents of {n} are known: of {scanned} by a scan here, of {taken} by counts of a source.{cut}",
                n=counted(row["n"], "distinct layer"),
                scanned=or_none(row["scanned"]),
                taken=or_none(row["taken"]),
                cut=say(" A cap cut {n} of the scans short.", n=or_none(row["censored"]))
                if row["scanned"]
                else "",
            )
        ),
    ]


def _unresolved(source: Source) -> Sequence[Block]:
    row = source.row("""
        SELECT count(*) FILTER (base_kind = 'unresolved') AS unresolved, count(*) AS n
        FROM core.base_images WHERE corpus = $corpus AND dockerfile_valid
    """)
    files = source.row("""
        SELECT count(*) FILTER (valid) AS valid, count(*) AS n FROM core.dockerfiles WHERE corpus = $corpus
    """)
    return [
        Heading("Dockerfiles that do not tell"),
        Paragraph(
            say(
                "Of {files} whose name says Dockerfile, the rules of BuildKit accept {valid}{others}. "
                "Of {n}, a variable that the file does not set decides {unresolved} ({share}).",
                valid=or_none(files["valid"]),
                others="; the rest is in no corrected number" if files["valid"] < files["n"] else "",
                files=counted(files["n"], "file"),
                unresolved=or_none(row["unresolved"]),
                n=counted(row["n"], "base image"),
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
                "The paper’s parser and BuildKit’s reading differ on {files} of {n} files ({share}).",
                files=count(most["files"]),
                n=count(most["n"]),
                share=percent(most["share"]),
            )
        ),
        share_table(
            say(
                "Files that the paper’s parser and BuildKit read differently, by kind of difference; a file may have "
                "several."
            ),
            "findings.rq3_reading_differences",
            rows,
            texts=(Column("kind", "kind"), Column("meaning", "what it is")),
            counts=Column("files", "files", "count"),
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
    said = say("No question was labelled by more than {raters} people.", raters=count(most))
    if most < 2:
        said = say(
            "No second person labelled anything, so that agreement between people is not known{why}.",
            why=": the paper’s authors published their consensus only" if source.corpus == PAPERS_OWN else "",
        )
    blocks: list[Block] = [Heading("Labels and raters"), Paragraph(said)]
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
        share_table(
            say("Typed base images by how they relate to the file."),
            "findings.rq3_base_image_agreement",
            rows,
            texts=(Column("kind", "kind"), Column("counts_as", "counts as")),
            counts=Column("rows", "rows", "count"),
        ),
    ]


def _links(source: Source) -> Sequence[Block]:
    rows = source.rows(f"""
        SELECT link_grade, link_grade AS label, images, n, share, {WILSON}, projects FROM findings.rq4_link_grades
        WHERE corpus = $corpus AND share IS NOT NULL AND images IS NOT NULL
        ORDER BY list_position(['confirmed', 'likely', 'possible', 'none'], link_grade)
    """)
    if not rows:
        return []
    sensitive = source.rows("""
        SELECT link_grade, metric, unit, n, clusters, median, median_low, median_high FROM findings.rq4_link_sensitivity
        WHERE corpus = $corpus AND median IS NOT NULL
        ORDER BY metric, list_position(['confirmed', 'likely', 'possible', 'any'], link_grade)
    """)
    sure = sum(row["images"] for row in rows if row["link_grade"] in {"confirmed", "likely"})
    n = rows[0]["n"]
    return [
        Heading("How the images are tied to their projects"),
        Paragraph(
            say(
                "Of {n} named for a project, {sure} ({share}) are confirmed or likely to be its own; of {nothing} nothing "
                "visible shows a tie.",
                n=counted(n, "image"),
                sure=or_none(sure),
                share=percent(sure / n if n else None),
                nothing=or_none(sum(row["images"] for row in rows if row["link_grade"] == "none")),
            )
        ),
        Figure(
            name="links",
            title=say("What ties the images to their projects"),
            describes="Share of named images by the grade of their tie, with 95 % intervals: "
            + "; ".join(f"{row['label']} {percent_text(row['share'])} %" for row in rows)
            + ".",
            table="findings.rq4_link_grades",
            rows=rows,
            draw=lambda width: charts.shares(
                rows, width=width, x_title=f"share of named images (%), n = {n}"
            ),
            note=say(
                "Confirmed: the project’s own CI or scripts push it, or its label names the project; likely: built or shown "
                "to users under a name that is the project’s; possible: a mention. Line: Wilson’s 95 % interval."
            ),
        ),
        share_table(
            say("Named images by the evidence that ties them to their project."),
            "findings.rq4_link_grades",
            rows,
            texts=(Column("link_grade", "grade"),),
            counts=Column("images", "images", "count"),
            after=(Column("projects", "projects", "count"),),
        ),
        Table(
            caption=say(
                "The same medians over images whose tie has at least a grade: do the answers depend on it?"
            ),
            table="findings.rq4_link_sensitivity",
            columns=(
                Column("name", "measure"),
                Column("link_grade", "at least"),
                Column("median", "median", "own"),
                Column("median_low", "95 % interval, from", "own"),
                Column("median_high", "to", "own"),
                Column("n", "n", "count"),
                Column("clusters", "projects", "count"),
            ),
            rows=[measure(row) for row in sensitive],
        ),
    ]


def _agreement(source: Source) -> Sequence[Block]:
    rows = source.rows("""
        SELECT if(code = 'All', 'every ' || code_system, code)
                || if(second = 'machine', '', ' (' || first || ' and ' || second || ')') AS label,
            code_system, unit_of_analysis, first, second, code, n, by_first, by_second, observed, kappa
        FROM findings.label_agreement WHERE corpus = $corpus
        ORDER BY code_system, unit_of_analysis DESC, second = 'machine', first, second, code = 'All' DESC, code
    """)
    together = [row for row in rows if row["code"] == "All"]
    shown: list[Row] = [
        row for row in rows if row["kappa"] is not None and row["unit_of_analysis"] == "project"
    ]
    blocks: list[Block] = [
        Heading("Agreement"),
        *(
            Paragraph(
                say(
                    "On the {question} of {n} the labels of <code>{first}</code> and {second} agree in {observed} of the "
                    "decisions{kappa}.",
                    question=row["code_system"],
                    n=counted(row["n"], row["unit_of_analysis"]),
                    first=row["first"],
                    second="the machine"
                    if row["second"] == "machine"
                    else say("<code>{name}</code>", name=row["second"]),
                    kappa=""
                    if row["kappa"] is None
                    else say(", with Cohen’s kappa {kappa}", kappa=decimal(row["kappa"])),
                    observed=percent(row["observed"]),
                )
            )
            for row in together
        ),
    ]
    if source.corpus in LEARNT and any(row["second"] == "machine" for row in together):
        said = LEARNT[source.corpus] + (
            ", so its agreement with them is too optimistic; how good it is on projects that it does not know is in "
            "docs/labels.md."
        )
        blocks.append(Paragraph(say(said), role="note"))
    if shown:
        least = min(0.0, *(row["kappa"] for row in shown))
        blocks.append(
            Figure(
                name="agreement",
                title=say("How far those who labelled agree"),
                describes="Cohen’s kappa by question and code; one is full agreement, zero is chance: "
                + "; ".join(f"{row['label']} {decimal_text(row['kappa'])}" for row in shown)
                + ".",
                table="findings.label_agreement",
                rows=shown,
                draw=lambda width: charts.effects(
                    shown, width=width, x_title="Cohen’s kappa", key="kappa", least=least - 0.05, top=1.0
                ),
                note=say(
                    "One: full agreement; zero, the line: what chance gives. n: {n} projects. "
                    "Intervals: <code>dockml labels agreement</code>.",
                    n=count_range(row["n"] for row in shown),
                ),
            )
        )
    blocks.append(
        Table(
            caption=say("Agreement by question and code. A kappa of few positive labels says little."),
            table="findings.label_agreement",
            columns=(
                Column("code", "code"),
                Column("code_system", "question"),
                Column("first", "first"),
                Column("second", "second"),
                Column("by_first", "labels of the first", "count"),
                Column("by_second", "of the second", "count"),
                Column("n", "n", "count"),
                Column("observed", "agreeing (%)", "percent"),
                Column("kappa", "kappa", "decimal"),
            ),
            rows=rows,
            folded=True,
        )
    )
    return blocks


SECTION = Section(
    "threats",
    "Threats to validity",
    (
        Part("coverage", ("findings.coverage",), coverage),
        Part(
            "what was passed over",
            ("findings.passed_over",),
            passed_over,
            without=say("every file, image and layer that was seen was taken."),
        ),
        Part("the layers looked into", ("core.layers",), _censoring, stage="layer_stats"),
        Part("what Dockerfiles leave open", ("core.dockerfiles",), _unresolved, stage="dockerfiles"),
        Part("the two parsers", ("findings.rq3_reading_differences",), _readers, stage="dockerfiles"),
        Part("typed base images", ("findings.rq3_base_image_agreement",), _typed, stage="labels"),
        Part(
            "the ties between images and projects",
            ("findings.rq4_link_grades", "findings.rq4_link_sensitivity"),
            _links,
            stage="manifests",
        ),
        Part("labels", ("core.labels",), _raters, stage="labels"),
        Part(
            "the agreement of raters",
            ("findings.label_agreement",),
            _agreement,
            without=say("nothing was labelled by two, so that nothing can be said of their agreement."),
        ),
    ),
)
