"""The study in five sentences: selection, kinds and purposes, Dockerfiles, images, the paper beside the rerun.

Here: one sentence a part, with the numbers that the section of the same subject shows in full.
"""

from __future__ import annotations

from collections.abc import Sequence

from dockml_dagster.report.blocks import Block, Paragraph, Part, Section
from dockml_dagster.report.sections.paper import AGREEMENT
from dockml_dagster.report.source import PAPERS_OWN, Source
from dockml_dagster.report.text import Html, count, decimal, percent, say, size

PURPOSE = """
    SELECT purpose, share, n FROM findings.rq2_purposes
    WHERE corpus = $corpus AND category = 'All' AND unit_of_analysis = 'project' AND label_source = 'final'
        AND share IS NOT NULL
    ORDER BY share DESC, purpose LIMIT 1
"""


def _lead(template: str, **values: Html | str | None) -> list[Block]:
    return [Paragraph(say(template, **values), role="lead")]


def _selection(source: Source) -> Sequence[Block]:
    found = source.row("""
        SELECT min_by(n, step_number) AS first, min_by(step, step_number) AS first_step,
               max_by(n, step_number) AS last, max(step_number) AS steps
        FROM findings.funnel WHERE corpus = $corpus
    """)
    return _lead(
        "Of {first} repositories ({step}), {last} projects are left after {steps} steps of selection, and are "
        "studied here.",
        first=count(found["first"]),
        step=found["first_step"],
        last=count(found["last"]),
        steps=count(found["steps"]),
    )


def _kinds(source: Source) -> Sequence[Block]:
    kinds = source.rows("""
        SELECT category, n, share FROM findings.rq1_categories
        WHERE corpus = $corpus AND reading = 'corrected' AND category <> 'All' AND share IS NOT NULL
        ORDER BY projects DESC, category
    """)
    if not kinds:
        return []
    purpose = source.row(PURPOSE) if source.has_rows("findings.rq2_purposes") else {}
    first = kinds[0]
    said = "The commonest of {kinds} kinds is {first} ({share} of {n})"
    if purpose:
        said += ", and what Docker is used for most often is {purpose} ({serve} of {looked} projects)"
    return _lead(
        said + ".",
        first=first["category"],
        share=percent(first["share"]),
        n=count(first["n"]),
        kinds=count(len(kinds)),
        purpose=purpose.get("purpose"),
        serve=percent(purpose.get("share")),
        looked=count(purpose.get("n")),
    )


def _files(source: Source) -> Sequence[Block]:
    mix = source.row("""
        SELECT keyword, pooled_share, instructions FROM findings.rq3_instruction_mix
        WHERE corpus = $corpus AND reading = 'corrected' AND category = 'All' ORDER BY pooled_share DESC LIMIT 1
    """)
    task = source.row("""
        SELECT task, pooled_share FROM findings.rq3_run_tasks
        WHERE corpus = $corpus AND reading = 'corrected' AND category = 'All' ORDER BY pooled_share DESC LIMIT 1
    """)
    stages = source.row("""
        SELECT share, n FROM findings.rq3_multi_stage
        WHERE corpus = $corpus AND reading = 'corrected' AND category = 'All' AND unit_of_analysis = 'Dockerfile'
    """)
    user = source.row("""
        SELECT share_followed AS share, n FROM findings.rq3_practices
        WHERE corpus = $corpus AND category = 'All' AND practice = 'non-root-user'
    """)
    return _lead(
        "{keyword} is {mix} of all instructions of their {n} Dockerfiles, and {work} of the classified commands "
        "in RUN are of the "
        "class {task}; {stages} of the Dockerfiles have more than one FROM, and {user} of the {known} whose user "
        "is known leave root.",
        keyword=mix.get("keyword"),
        mix=percent(mix.get("pooled_share")),
        n=count(stages.get("n")),
        work=percent(task.get("pooled_share")),
        task=task.get("task"),
        stages=percent(stages.get("share")),
        user=percent(user.get("share")),
        known=count(user.get("n")),
    )


def _images(source: Source) -> Sequence[Block]:
    found = {
        row["metric"]: row
        for row in source.rows("""
            SELECT metric, median, q25, q75, n FROM findings.rq4_image_properties
            WHERE corpus = $corpus AND reading = 'corrected' AND category = 'All'
              AND metric IN ('compressed_bytes', 'layers')
        """)
    }
    shared = source.row("""
        SELECT share_in_one_image AS alone, n, layer_dedup_ratio AS ratio FROM findings.rq4_sharing
        WHERE corpus = $corpus AND reading = 'corrected' AND category = 'All'
    """)
    sizes, layers = found.get("compressed_bytes", {}), found.get("layers", {})
    return _lead(
        "The median image takes {size} as stored (middle half {q25} to {q75}, n = {n} images) in {layers} "
        "layers; {alone} of the {distinct} distinct layers occur in one image only, so that without sharing all images "
        "would take {ratio} times the room.",
        size=size(sizes.get("median")),
        q25=size(sizes.get("q25")),
        q75=size(sizes.get("q75")),
        n=count(sizes.get("n")),
        layers=count(layers.get("median")),
        alone=percent(shared.get("alone")),
        distinct=count(shared.get("n")),
        ratio=decimal(shared.get("ratio")),
    )


def _paper(source: Source) -> Sequence[Block]:
    found = source.row(f"""
        SELECT count(*) AS numbers, count(*) FILTER (repeatable) AS repeatable,
               count(*) FILTER (repeated) AS repeated, count(*) FILTER (comparable AND NOT kept) AS changed,
               count(*) FILTER (comparable) AS comparable
        FROM ({AGREEMENT})
    """)
    if source.corpus != PAPERS_OWN:
        return _lead(
            "Of {numbers} numbers that the paper or its package gives for its own projects, {comparable} can be "
            "computed soundly "
            "for these projects too, and {kept} of these are the same here.",
            numbers=count(found["numbers"]),
            comparable=count(found["comparable"]),
            kept=count(found["comparable"] - found["changed"]),
        )
    return _lead(
        "Of {numbers} numbers that the paper or its package gives, {repeatable} can be computed here the paper’s "
        "way and {repeated} "
        "of these repeat to the last digit printed; a sound computation changes {changed} of the {comparable} it "
        "can be made for.",
        numbers=count(found["numbers"]),
        repeatable=count(found["repeatable"]),
        repeated=count(found["repeated"]),
        changed=count(found["changed"]),
        comparable=count(found["comparable"]),
    )


SECTION = Section(
    "summary",
    "The study in five sentences",
    (
        Part("the selection", ("findings.funnel",), _selection, stage="repo_list"),
        Part("the kinds of project", ("findings.rq1_categories",), _kinds, stage="labels"),
        Part(
            "the Dockerfiles",
            (
                "findings.rq3_instruction_mix",
                "findings.rq3_run_tasks",
                "findings.rq3_multi_stage",
                "findings.rq3_practices",
            ),
            _files,
            stage="dockerfiles",
        ),
        Part(
            "the images",
            ("findings.rq4_image_properties", "findings.rq4_sharing"),
            _images,
            stage="manifests",
        ),
        Part("the comparison with the paper", ("findings.paper_comparison",), _paper),
    ),
)
