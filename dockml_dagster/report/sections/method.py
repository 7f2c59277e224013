"""Method and versions: the sources of the rows, the code that computed them, and the meaning of every table.

Here: sources, builds, libraries (handed in by the caller), the glossary of findings. Not here: what is missing or
doubtful (``threats``).
"""

from __future__ import annotations

from collections.abc import Sequence

from dockml_dagster.report.blocks import Block, Column, Heading, Paragraph, Part, Section, Table
from dockml_dagster.report.source import Source
from dockml_dagster.report.text import say


def _readings(_: Source) -> Sequence[Block]:
    return [
        Paragraph(
            say(
                "Where the paper’s own computation differs from a sound one, both are computed: the reading "
                "<i>as_published</i> repeats "
                "the paper’s formula on the same input, <i>corrected</i> is the sound one. Dockerfiles are read "
                "as BuildKit reads "
                "them; the paper’s reading uses its parser. Sizes are bytes, printed in decimal units. Every number rests "
                "on n units of analysis "
                "and is a row of the published DuckDB file; the statements behind each section stand at its end."
            )
        )
    ]


def _sources(source: Source) -> Sequence[Block]:
    return [
        Heading("Sources"),
        Table(
            caption=say("What was read, and when (UTC)."),
            table="raw.listings",
            columns=(
                Column("source", "source"),
                Column("projects", "projects", "count"),
                Column("listed_at", "listed"),
            ),
            rows=source.rows("""
                SELECT source, projects, strftime(listed_at, '%Y-%m-%d %H:%M') AS listed_at FROM raw.listings
                WHERE corpus = $corpus ORDER BY raw.listings.listed_at
            """),
        ),
    ]


def _builds(source: Source) -> Sequence[Block]:
    row = source.row("""
        SELECT max_by(version, built_at) AS version, strftime(max(built_at), '%Y-%m-%d %H:%M') AS built_at FROM raw.builds
    """)
    return [
        Paragraph(
            say(
                "The findings were built at {built_at} UTC by the SQL and the readers of version "
                "<code>{version}</code>.",
                built_at=say("<time>{text}</time>", text=row["built_at"]),
                version=row["version"],
            )
        )
    ]


def _watched(source: Source) -> Sequence[Block]:
    return [
        Heading("Watched numbers"),
        Table(
            caption=say("Numbers that a build compares with the one before; shares as fractions of one."),
            table="findings.watched_figures",
            columns=(
                Column("figure", "number"),
                Column("unit_of_analysis", "unit"),
                Column("value", "value", "decimal"),
                Column("n", "n", "count"),
            ),
            rows=source.rows(
                "SELECT figure, unit_of_analysis, value, n FROM findings.watched_figures WHERE corpus = $corpus"
            ),
            folded=True,
        ),
    ]


def _tables(source: Source) -> Sequence[Block]:
    return [
        Heading("Tables"),
        Table(
            caption=say("The findings tables. <code>dockml show NAME</code> prints one."),
            table="findings.*",
            columns=(Column("name", "table", "code"), Column("description", "what it holds")),
            rows=source.rows("""
                SELECT 'findings.' || table_name AS name, comment AS description FROM duckdb_tables()
                WHERE schema_name = 'findings' ORDER BY table_name
            """),
        ),
    ]


SECTION = Section(
    "method",
    "Method and versions",
    (
        Part("the method", (), _readings),
        Part("the sources", ("raw.listings",), _sources),
        Part("the versions", ("raw.builds",), _builds),
        Part("the watched numbers", ("findings.watched_figures",), _watched),
        Part("the tables", (), _tables),
    ),
)
