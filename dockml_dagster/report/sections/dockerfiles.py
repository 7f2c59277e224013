"""RQ3: which features of Dockerfiles the projects use.

Here: instructions, RUN tasks, base images, several FROM, practices, and where the two readings disagree. Not here:
what each commit builds again (``rebuilds``), what practices cost in bytes (``advice``).
"""

from __future__ import annotations

from collections.abc import Sequence

from dockml_dagster.report import charts
from dockml_dagster.report.blocks import (
    INTERVAL,
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
from dockml_dagster.report.source import Row, Source
from dockml_dagster.report.text import (
    Html,
    count,
    count_range,
    counted,
    leading,
    listed,
    or_none,
    percent,
    percent_range,
    percent_text,
    say,
)

MIX = """
    SELECT keyword, pooled_share, pooled_low, pooled_high FROM findings.rq3_instruction_mix
    WHERE corpus = $corpus AND reading = 'corrected' AND category = 'All' AND pooled_share IS NOT NULL
    ORDER BY pooled_share DESC, keyword
"""
"""A SELECT of each instruction's share of all instructions, pooled over projects."""
LEAST_PROJECTS = 5
"""Fewest projects for which a practice is named as the most or least followed."""


def _both(rows: Sequence[Row]) -> list[Row]:
    """One row per label with the shares of both readings; ``item`` is the label without additions for drawing."""
    table: dict[str, Row] = {}
    for row in rows:
        line = table.setdefault(row["label"], {"item": row.get("item", row["label"])})
        line[row["reading"]] = row["share"]
        line[f"n_{row['reading']}"] = row["n"]
        line[f"projects_{row['reading']}"] = row.get("projects")
        if row["reading"] == "corrected":
            line |= {"low": row["low"], "high": row["high"]}
    return list(table.values())


def _most(rows: Sequence[Row], reading: str) -> Html:
    return count(max((row["n"] for row in rows if row["reading"] == reading), default=None))


def _readings(
    source: Source,
    *,
    name: str,
    title: Html,
    statement: str,
    table: str,
    label: str,
    x_title: str,
    caption: Html,
    label_note: str = "",
) -> list[Block]:
    """A figure and a table of one share in both readings; the statement gives reading, label, share, projects, n."""
    rows = source.rows(statement)
    if not rows:
        return []
    corrected = [row for row in rows if row["reading"] == "corrected"]
    return [
        Figure(
            name=name,
            title=title,
            describes=f"{x_title}, corrected: "
            + "; ".join(f"{row['label']} {percent_text(row['share'])} %" for row in corrected)
            + ". The second mark of a row is the paper's own computation.",
            table=table,
            rows=rows,
            draw=lambda width: charts.readings(rows, width=width, x_title=x_title),
            note=say(
                "Circle: corrected, with its 95 % interval over n = {sound} projects; diamond: the paper’s way, "
                "n = {printed}. {note}",
                sound=_most(rows, "corrected"),
                printed=_most(rows, "as_published"),
                note=label_note,
            ),
        ),
        Table(
            caption=caption,
            table=table,
            columns=(
                Column("item", label),
                Column("corrected", "share, corrected (%)", "percent"),
                Column("low", "95 % interval, from (%)", "percent"),
                Column("high", "to (%)", "percent"),
                Column("projects_corrected", "projects", "count"),
                Column("n_corrected", "n", "count"),
                Column("as_published", "share, the paper’s way (%)", "percent"),
                Column("n_as_published", "n", "count"),
            ),
            rows=_both(rows),
        ),
    ]


def _mix(source: Source) -> Sequence[Block]:
    keywords = source.rows(MIX)
    first = leading(keywords, "pooled_share", "keyword")
    return [
        Heading("Instructions"),
        *_readings(
            source,
            name="instructions",
            title=say(
                "{keyword} {are} {share} of all instructions",
                keyword=listed(first),
                are="are each" if len(first) > 1 else "is",
                share=percent(keywords[0]["pooled_share"] if keywords else None),
            ),
            statement="""
                SELECT reading, keyword AS item,
                    keyword || ' (' || max(projects_using) FILTER (reading = 'corrected')
                        OVER (PARTITION BY keyword) || ')' AS label,
                    pooled_share AS share, pooled_low AS low, pooled_high AS high, projects_using AS projects, n
                FROM findings.rq3_instruction_mix
                WHERE corpus = $corpus AND category = 'All' AND pooled_share IS NOT NULL
                ORDER BY max(pooled_share) OVER (PARTITION BY keyword) DESC, keyword, reading DESC
            """,
            table="findings.rq3_instruction_mix",
            label="instruction",
            x_title="share of all instructions (%)",
            label_note="In brackets: projects that use it.",
            caption=say(
                "Share of each instruction among all, pooled over projects. “Projects” use it at least once."
            ),
        ),
    ]


def _tasks(source: Source) -> Sequence[Block]:
    rows = {
        row["reading"]: row
        for row in source.rows("""
            SELECT reading, task, pooled_share FROM findings.rq3_run_tasks
            WHERE corpus = $corpus AND category = 'All' AND task = 'Build/Execute'
        """)
    }
    blocks: list[Block] = [Heading("What RUN is used for")]
    if len(rows) == 2:
        blocks.append(
            Paragraph(
                say(
                    "The paper counts words of every instruction, so that “apt-get install” is also an execution "
                    "of “install”. "
                    "Read as commands of RUN alone, Build/Execute falls from {before} of all that is counted to "
                    "{after}.",
                    before=percent(rows["as_published"]["pooled_share"]),
                    after=percent(rows["corrected"]["pooled_share"]),
                )
            )
        )
    blocks += _readings(
        source,
        name="run-tasks",
        title=say("What the commands of RUN are for"),
        statement="""
            SELECT reading, task AS label, pooled_share AS share, pooled_low AS low, pooled_high AS high,
                projects_using AS projects, n
            FROM findings.rq3_run_tasks
            WHERE corpus = $corpus AND category = 'All' AND task IS NOT NULL AND pooled_share IS NOT NULL
            ORDER BY max(pooled_share) OVER (PARTITION BY task) DESC, task, reading DESC
        """,
        table="findings.rq3_run_tasks",
        label="task",
        x_title="share of everything counted (%)",
        caption=say("RUN tasks, pooled over all projects. “Projects” have at least one such command."),
    )
    return blocks


def _bases(source: Source) -> Sequence[Block]:
    top = source.rows("""
        SELECT base_image AS image, projects, n, share FROM findings.rq3_base_images
        WHERE corpus = $corpus AND reading = 'corrected' AND category = 'All' ORDER BY projects DESC, base_image LIMIT 10
    """)
    types = source.rows("""
        SELECT coalesce(base_image_type, 'not classified') AS type, share FROM findings.rq3_base_image_types
        WHERE corpus = $corpus AND reading = 'corrected' AND category = 'All' AND share IS NOT NULL
        ORDER BY share DESC, type
    """)
    first = leading(types, "share", "type")
    return [
        Heading("Base images"),
        *_readings(
            source,
            name="base-images",
            title=say(
                "{share} of the projects start from a base image of {each} {type}",
                share=percent(types[0]["share"] if types else None),
                each="each of the types" if len(first) > 1 else "the type",
                type=listed(first),
            ),
            statement="""
                SELECT reading, coalesce(base_image_type, 'not classified') AS label, share, projects, n,
                    CASE reading WHEN 'corrected' THEN share_low END AS low,
                    CASE reading WHEN 'corrected' THEN share_high END AS high
                FROM findings.rq3_base_image_types WHERE corpus = $corpus AND category = 'All' AND share IS NOT NULL
                ORDER BY max(share) OVER (PARTITION BY base_image_type) DESC, base_image_type, reading DESC
            """,
            table="findings.rq3_base_image_types",
            label="type of base image",
            x_title="share of projects with at least one (%)",
            caption=say(
                "Projects with at least one base image of each type; a project may count in several."
            ),
        ),
        share_table(
            say("The base images that most projects use (corrected reading)."),
            "findings.rq3_base_images",
            top,
            texts=(Column("image", "image", "code"),),
            counts=Column("projects", "projects", "count"),
        ),
    ]


def _stages(source: Source) -> Sequence[Block]:
    rows = source.rows("""
        SELECT category, unit_of_analysis AS unit, multiple_from, n, share, maximum_from, clusters,
            share_low AS low, share_high AS high, share_per_project, per_project_low, per_project_high
        FROM findings.rq3_multi_stage
        WHERE corpus = $corpus AND reading = 'corrected'
        ORDER BY category = 'All' DESC, category, unit
    """)
    everything = next(
        (row for row in rows if row["category"] == "All" and row["unit"] == "Dockerfile"), rows[0]
    )
    return [
        Heading("More than one FROM"),
        Paragraph(
            say(
                "Of {n}, {several} have more than one FROM ({share}; averaged over projects {mean}{interval}); the most in "
                "one file is {most}.",
                several=or_none(everything["multiple_from"]),
                share=percent(everything["share"]),
                n=counted(everything["n"], "Dockerfile"),
                mean=percent(everything["share_per_project"]),
                interval=percent_range(
                    everything["per_project_low"], everything["per_project_high"], ", ", ""
                ),
                most=count(everything["maximum_from"]),
            )
        ),
        share_table(
            say("Dockerfiles and projects with more than one FROM (corrected reading)."),
            "findings.rq3_multi_stage",
            rows,
            texts=(Column("category", "category"), Column("unit", "unit")),
            counts=Column("multiple_from", "with several", "count"),
            after=(*INTERVAL, Column("maximum_from", "most FROM", "count")),
        ),
    ]


def _practices(source: Source) -> Sequence[Block]:
    rows = source.rows("""
        SELECT found.practice AS label, known.definition, found.share_per_project AS share, found.per_project_low AS low,
            found.per_project_high AS high, found.share_followed, found.share_low, found.share_high, found.followed, found.n,
            found.clusters, found.unknown, found.not_applicable
        FROM findings.rq3_practices AS found LEFT JOIN seeds.practices AS known USING (practice)
        WHERE found.corpus = $corpus AND found.category = 'All' AND found.n > 0
        ORDER BY found.share_per_project DESC, found.practice
    """)
    if not rows:
        return []
    # With few projects, an extreme share means nothing.
    told = [row for row in rows if (row["clusters"] or 0) >= LEAST_PROJECTS]
    return [
        Heading("Practices"),
        Figure(
            name="practices",
            title=say("Practices followed")
            if not told
            else say(
                "Practices followed, from {most} ({high}) to {least} ({low}), of those that at least five projects show"
                if len(told) < len(rows)
                else "Practices followed, from {most} ({high}) to {least} ({low})",
                most=told[0]["label"],
                high=percent(told[0]["share"]),
                least=told[-1]["label"],
                low=percent(told[-1]["share"]),
            ),
            describes="Share of a project's Dockerfiles that follow each practice, mean over projects, with 95 % intervals: "
            + "; ".join(f"{row['label']} {percent_text(row['share'])} % of {row['n']}" for row in rows)
            + ".",
            table="findings.rq3_practices",
            rows=rows,
            draw=lambda width: charts.shares(
                rows,
                width=width,
                x_title="% of a project’s Dockerfiles, mean",
                limit=1.0,
            ),
            note=say(
                "Point: share of the Dockerfiles to which it applies, every project weighing the same; line: 95 % interval "
                "over projects. Dockerfiles: {n}; projects: {clusters}; the table has both of each.",
                n=count_range(row["n"] for row in rows),
                clusters=count_range(row["clusters"] for row in rows),
            ),
        ),
        Table(
            caption=say(
                "Practices. n: Dockerfiles to which it applies and which can be judged; the others are counted beside it."
            ),
            table="findings.rq3_practices",
            columns=(
                Column("label", "practice", "code"),
                Column("definition", "what it asks"),
                Column("share", "followed, per project (%)", "percent"),
                *INTERVAL,
                Column("share_followed", "pooled (%)", "percent"),
                Column("share_low", "95 % interval, from (%)", "percent"),
                Column("share_high", "to (%)", "percent"),
                Column("n", "n", "count"),
                Column("unknown", "cannot tell", "count"),
                Column("not_applicable", "does not apply", "count"),
            ),
            rows=rows,
        ),
    ]


SECTION = Section(
    "rq3",
    "RQ3. Which features of Dockerfiles they use",
    (
        Part("the instruction mix", ("findings.rq3_instruction_mix",), _mix, stage="dockerfiles"),
        Part("the tasks of RUN", ("findings.rq3_run_tasks",), _tasks, stage="dockerfiles"),
        Part(
            "the base images",
            ("findings.rq3_base_image_types", "findings.rq3_base_images"),
            _bases,
            stage="dockerfiles",
        ),
        Part("several FROM in a file", ("findings.rq3_multi_stage",), _stages, stage="dockerfiles"),
        Part("the practices", ("findings.rq3_practices",), _practices, stage="dockerfiles"),
    ),
)
