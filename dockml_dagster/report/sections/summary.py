"""The study in five sentences: selection, kinds and purposes, Dockerfiles, images, the paper compared with the rerun.

Here: one sentence per part, which ``dockml study`` prints too. Not here: the same numbers in full, which are in the
section on each subject (``projects``, ``purposes``, ``dockerfiles``, ``images``, ``paper``).
"""

from __future__ import annotations

from collections.abc import Sequence

from dockml_dagster.report.blocks import Block, Paragraph, Part, Section
from dockml_dagster.report.sections.claims import VERDICTS
from dockml_dagster.report.sections.dockerfiles import MIX
from dockml_dagster.report.sections.paper import AGREEMENT
from dockml_dagster.report.sections.purposes import BEST
from dockml_dagster.report.source import PAPERS_OWN, SAMPLE, Row, Source
from dockml_dagster.report.text import (
    Html,
    count,
    counted,
    decimal,
    leading,
    listed,
    or_none,
    percent,
    percent_range,
    points,
    say,
    size,
)


def _lead(template: str, **values: Html | str | None) -> list[Block]:
    return [Paragraph(say(template, **values), role="lead")]


def _by_machine_alone(source: Source) -> list[Block]:
    """If no project was labelled by people: how far the machine can be trusted, before any result based on it."""
    people = source.row("SELECT max(n_people) AS n FROM findings.label_shares WHERE corpus = $corpus")["n"]
    if people or people is None:
        return []
    measured = source.row("""
        SELECT sum(given_right) FILTER (code_system = 'category') AS right,
            any_value(given + not_given) FILTER (code_system = 'category') AS projects,
            sum(given_right) FILTER (code_system = 'purpose') / sum(given) FILTER (code_system = 'purpose') AS precision,
            sum(given_right) FILTER (code_system = 'purpose')
                / sum(given_right + not_given_missed) FILTER (code_system = 'purpose') AS recall,
            any_value(given + not_given) FILTER (code_system = 'purpose') AS coded
        FROM seeds.machine_reliability
    """)
    moved = source.row("""
        SELECT max(abs(share_if_as_measured - share_machine)) AS most,
            arg_max(code, abs(share_if_as_measured - share_machine)) AS code
        FROM findings.label_shares WHERE corpus = $corpus
    """)
    said = say(
        "No project of this corpus was labelled by people: categories and purposes are the machine’s, and nobody checked "
        "them here. Of {projects} projects of the study it gave {right} the category that people did, by weights that "
        "had not seen them; of the purposes that it gave to {coded} others {precision} were right, and it found {recall} "
        "of those that people gave. If it errs here as there, its shares move by up to {most} points ({code}); the "
        "tables of categories and purposes show each.",
        projects=count(measured["projects"]),
        right=count(measured["right"]),
        coded=count(measured["coded"]),
        precision=percent(measured["precision"]),
        recall=percent(measured["recall"]),
        most=points(moved["most"]),
        code=moved["code"],
    )
    return [Paragraph(said, role="note")]


def _selection(source: Source) -> Sequence[Block]:
    return [*_written(source), *_by_machine_alone(source), *_selected(source)]


def _written(source: Source) -> list[Block]:
    """If the projects are examples: a sentence that they are not a sample of any population."""
    if source.corpus != SAMPLE:
        return []
    said = say(
        "The projects of this corpus were written for dockml, to show every kind of finding: its numbers, and their "
        "intervals, describe no other projects."
    )
    return [Paragraph(said, role="note")]


def _selected(source: Source) -> list[Block]:
    found = source.row("""
        SELECT min_by(n, step_number) AS first, min_by(step, step_number) AS first_step,
               max_by(n, step_number) AS last, max(step_number) - min(step_number) AS steps,
               sum(not_asked) AS not_asked
        FROM findings.funnel WHERE corpus = $corpus AND cohort = 'ml'
    """)
    if found["first"] == found["last"]:
        if found["last"] == 1:
            return _lead("The one project of the corpus is studied.")
        return _lead("All {last} of the corpus are studied.", last=counted(found["last"], "project"))
    lead = _lead(
        "Of {first} {step}, {last} are left after {steps} of selection, and are studied here.",
        first=counted(found["first"], "repository", "repositories"),
        step=found["first_step"],
        last=counted(found["last"], "project"),
        steps=counted(found["steps"], "step"),
    )
    if found["not_asked"]:
        lead += _lead(
            "{open} not asked for yet, so this is a part.",
            open=counted(found["not_asked"], "repository was", "repositories were"),
        )
    return lead


def _kinds(source: Source) -> Sequence[Block]:
    kinds = source.rows("""
        SELECT category, n, share, share_low, share_high, labelled_by_machine FROM findings.rq1_categories
        WHERE corpus = $corpus AND reading = 'corrected' AND category NOT IN ('All', 'unlabelled') AND share IS NOT NULL
        ORDER BY projects DESC, category
    """)
    if not kinds:
        return []
    purposes = source.rows(BEST) if source.has_rows("findings.label_shares") else []
    first = kinds[0]
    leaders = leading(kinds, "share", "category")
    said = "Of {kinds} of project {first} is the most frequent ({share} of {n}{interval_of_kind}{whose})"
    if len(kinds) == 1:
        said = "The only kind of project is {first} ({share} of {n}{interval_of_kind}{whose})"
    elif len(leaders) > 1:
        said = "Of {kinds} of project {first} are the most frequent (each {share} of {n}{interval_of_kind}{whose})"
    if purposes:
        each = "each " if len(leading(purposes, "share", "purpose")) > 1 else ""
        said += f"; Docker is used most often for {{purpose}} ({each}{{serve}} of the projects{{interval}}, {{basis}})"
    machine = sum(row["labelled_by_machine"] or 0 for row in kinds)
    return _lead(
        said + ".",
        first=listed(leaders),
        share=percent(first["share"]),
        interval_of_kind=percent_range(first["share_low"], first["share_high"], ", 95 % interval ", ""),
        n=count(first["n"]),
        kinds=counted(len(kinds), "kind"),
        whose=say("; the machine’s labels for {machine}", machine=count(machine)) if machine else "",
        **(_purpose(purposes) if purposes else {}),
    )


def _purpose(rows: Sequence[Row]) -> dict[str, Html | str]:
    row = rows[0]
    basis = {
        "machine": say("by the machine’s labels alone, which nobody checked"),
        "people": say("labelled by people"),
        "calibrated": say("estimated from people’s labels of {people}", people=count(row["n_people"])),
    }
    return {
        "purpose": listed(leading(rows, "share", "purpose")),
        "serve": percent(row["share"]),
        "interval": percent_range(row["low"], row["high"], ", ", ""),
        "basis": basis[row["label_source"]],
    }


def _files(source: Source) -> Sequence[Block]:
    keywords = source.rows(MIX)
    tasks = source.rows("""
        SELECT task, share_per_project, per_project_low, per_project_high FROM findings.rq3_run_tasks
        WHERE corpus = $corpus AND reading = 'corrected' AND category = 'All' AND share_per_project IS NOT NULL
        ORDER BY share_per_project DESC, task
    """)
    mix, task = keywords[0] if keywords else {}, tasks[0] if tasks else {}
    first, most = leading(keywords, "pooled_share", "keyword"), leading(tasks, "share_per_project", "task")
    stages = source.row("""
        SELECT share_per_project AS share, per_project_low AS low, per_project_high AS high, n, clusters
        FROM findings.rq3_multi_stage
        WHERE corpus = $corpus AND reading = 'corrected' AND category = 'All' AND unit_of_analysis = 'Dockerfile'
    """)
    user = source.row("""
        SELECT share_per_project AS share, per_project_low AS low, per_project_high AS high, n FROM findings.rq3_practices
        WHERE corpus = $corpus AND category = 'All' AND practice = 'non-root-user'
    """)
    return _lead(
        "{keyword} {mix} of the instructions{mix_interval} in {n} of {projects}. Averaged over projects, {work} of the "
        "classified commands in RUN{work_interval} are {of_class} {task}, {stages} of the Dockerfiles{stages_interval} "
        "have more than one FROM, and {user}{user_interval} of those whose user is known do not run as root.",
        keyword=f"{listed(first)} {'are each' if len(first) > 1 else 'is'}",
        mix=percent(mix.get("pooled_share")),
        mix_interval=percent_range(mix.get("pooled_low"), mix.get("pooled_high")),
        n=counted(stages.get("n"), "Dockerfile"),
        projects=counted(stages.get("clusters"), "project"),
        work=percent(task.get("share_per_project")),
        work_interval=percent_range(task.get("per_project_low"), task.get("per_project_high")),
        of_class="of each of the classes" if len(most) > 1 else "of the class",
        task=listed(most),
        stages=percent(stages.get("share")),
        stages_interval=percent_range(stages.get("low"), stages.get("high")),
        user=percent(user.get("share")),
        user_interval=percent_range(user.get("low"), user.get("high")),
    )


def _images(source: Source) -> Sequence[Block]:
    found = {
        row["metric"]: row
        for row in source.rows("""
            SELECT metric, median, median_low, median_high, n, clusters FROM findings.rq4_image_properties
            WHERE corpus = $corpus AND reading = 'corrected' AND category = 'All'
              AND metric IN ('compressed_bytes', 'layers')
        """)
    }
    shared = source.row("""
        SELECT share_in_one_image AS alone, n, layer_dedup_ratio AS ratio FROM findings.rq4_sharing
        WHERE corpus = $corpus AND reading = 'corrected' AND category = 'All'
    """)
    inside = source.row("""
        SELECT count(DISTINCT image) AS images, count(DISTINCT image) FILTER (basis = 'sum of layers') AS summed
        FROM core.image_file_totals
        WHERE corpus = $corpus AND coalesce(project, '') NOT IN (SELECT project FROM core.projects WHERE cohort = 'control')
    """)
    sizes, layers = found.get("compressed_bytes", {}), found.get("layers", {})
    return _lead(
        "The median image takes {size} as stored ({interval}{n} of {projects}) in {layers}; {alone} of the "
        "{distinct} distinct layers occur in one image only{unshared}. The files of {inside} are known{summed}.",
        inside=counted(inside["images"], "image"),
        summed=""
        if not inside["summed"]
        else " (as sums over their layers)"
        if inside["summed"] == inside["images"]
        else say(" ({n} of these as sums over their layers)", n=count(inside["summed"])),
        size=size(sizes.get("median")),
        interval=""
        if sizes.get("median_low") is None
        else say("{low} to {high}; ", low=size(sizes["median_low"]), high=size(sizes.get("median_high"))),
        n=counted(sizes.get("n"), "image"),
        projects=counted(sizes.get("clusters"), "project"),
        layers=counted(layers.get("median"), "layer"),
        alone=percent(shared.get("alone")),
        distinct=count(shared.get("n")),
        unshared=""
        if shared.get("ratio") in (None, 1)
        else say(
            ", and without sharing all images would take {ratio} times the room",
            ratio=decimal(shared["ratio"]),
        ),
    )


def _paper(source: Source) -> Sequence[Block]:
    found = source.row(f"""
        SELECT count(*) AS numbers, count(*) FILTER (repeatable) AS repeatable, count(*) FILTER (repeated) AS repeated,
               count(*) FILTER (comparable) AS comparable, count(*) FILTER (kept) AS kept,
               count(*) FILTER (weighed) AS weighed,
               avg(CAST(abs(corrected / published - 1) > 0.1 AS INTEGER)) FILTER (weighed) AS moved
        FROM ({AGREEMENT})
    """)
    verdicts = source.row(VERDICTS) if source.has_rows("findings.claims") else {}
    said = (
        "{numbers} numbers of the paper or its package are set beside this corpus, which gives the same in {kept} of the "
        "{comparable} that can be computed soundly."
    )
    if source.corpus == PAPERS_OWN:
        said = (
            "Of {numbers} numbers of the paper or its package, {repeatable} can be computed the paper’s way, and {repeated} "
            "of these repeat to the last digit printed; computed soundly, {moved} of {weighed} move by more than a tenth, "
            "in RQ4 because the unit is an image or a layer and not a project."
        )
    if verdicts:
        said += (
            " Of the paper’s {claims} claims {holds} are supported here, {fails} contradicted, and {untold} cannot be "
            "answered."
        )
    return _lead(
        said,
        **{
            name: or_none(found[name])
            for name in ("numbers", "repeatable", "repeated", "comparable", "kept", "weighed")
        },
        moved=percent(found["moved"]),
        **{name: or_none(verdicts[name]) for name in verdicts},
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
