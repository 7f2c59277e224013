"""``dockml show`` and ``dockml sql``: queries of the published file.

Here: their options, and printing one findings table, which ``dockml study --tables`` uses too. Not here: running a
query (``warehouse.published.query``), formatting (``output``).
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import click

from dockml_dagster.commands.options import corpus_option, format_option
from dockml_dagster.commands.output import Format, render, say
from dockml_dagster.errors import DockmlError
from dockml_dagster.settings import Settings


def _complete_finding(_: click.Context, __: click.Parameter, incomplete: str) -> list[str]:
    """Names of findings, for shell completion; none if nothing is published."""
    from dockml_dagster.warehouse.published.query import findings

    try:
        return [name for name in findings(Settings.from_environment()) if name.startswith(incomplete)]
    except DockmlError:
        return []


@click.command(short_help="Print one findings table, or list them.")
@click.argument("name", required=False, shell_complete=_complete_finding)
@corpus_option
@format_option
def show(name: str | None, corpus: str | None, format_: Format) -> None:
    """Print one table of findings. Without NAME, list them with what each holds.

    \b
    Examples:
      dockml show
      dockml show rq1_categories --corpus sample
      dockml show paper_comparison --format csv > comparison.csv
    """
    from dockml_dagster.warehouse.published.query import query

    settings = Settings.from_environment()
    if name is None:
        answer = query(
            settings,
            "SELECT table_name AS name, comment AS description FROM duckdb_tables() "
            "WHERE schema_name = 'findings' ORDER BY 1",
        )
        say(render(answer.columns, answer.rows, format_), nl=False)
        return
    print_finding(settings, name, corpus, format_)


def print_finding(
    settings: Settings,
    name: str,
    corpus: str | None,
    format_: Format,
    *,
    title: str | None = None,
    columns: str | None = None,
    where: Callable[[Mapping[str, Any]], bool] | None = None,
) -> None:
    """Print the rows of a findings table.

    ``columns`` (comma-separated) selects columns. If a table by category is shown without its column ``category``, only
    the row of all categories is printed. ``where`` selects rows.
    """
    from dockml_dagster.warehouse.published.query import finding

    answer = finding(settings, name, corpus)
    rows: Sequence[Sequence[Any]] = answer.rows
    names: Sequence[str] = answer.columns
    if where is not None:
        rows = [row for row in rows if where(dict(zip(names, row, strict=True)))]
    if columns is not None:
        if "category" in names and "category" not in columns:
            rows = [row for row in rows if row[names.index("category")] == "All"]
        wanted = [column.strip() for column in columns.split(",")]
        rows = [[row[names.index(column)] for column in wanted] for row in rows]
        names = wanted
    if title is not None and not rows:
        say(f'{title}\n  not available in this corpus yet; see: dockml sql "FROM staging.outcomes"\n')
        return
    say(render(names, rows, format_, title=title), nl=False)


# A statement may begin with a comment, whose two dashes must not be read as an option.
@click.command(
    context_settings={"ignore_unknown_options": True},
    short_help="Run one read-only SQL query on the results.",
)
@click.argument("statement")
@format_option
def sql(statement: str, format_: Format) -> None:
    """Run one read-only SQL query (DuckDB's dialect) on the results of the last study.

    A STATEMENT of `-` is read from standard input. 'dockml show' lists the findings, 'SHOW ALL TABLES' everything.

    \b
    Examples:
      dockml sql "FROM findings.funnel"
      dockml sql "SELECT category, projects, share FROM findings.rq1_categories"
      dockml sql "DESCRIBE core.projects" --format csv
      dockml sql - < query.sql
    """
    from dockml_dagster.warehouse.published.query import query

    if statement == "-":
        statement = sys.stdin.read()
    answer = query(Settings.from_environment(), statement)
    say(render(answer.columns, answer.rows, format_), nl=False)
