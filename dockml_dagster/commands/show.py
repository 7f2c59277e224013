"""``dockml show`` and ``dockml sql``: what the published file says."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import click

from dockml_dagster.commands.options import corpus_option, format_option
from dockml_dagster.output import Format, render
from dockml_dagster.settings import Settings


@click.command()
@click.argument("name", required=False)
@corpus_option
@format_option
def show(name: str | None, corpus: str | None, format_: Format) -> None:
    """Print one findings table; without NAME, list them."""
    from dockml_dagster.published import query

    settings = Settings.from_environment()
    if name is None:
        answer = query(
            settings,
            "SELECT table_name AS name, comment AS description FROM duckdb_tables() "
            "WHERE schema_name = 'findings' ORDER BY 1",
        )
        click.echo(render(answer.columns, answer.rows, format_), nl=False)
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

    ``columns`` (comma-separated) chooses; where a table by category is asked for without its column ``category``, only
    the row of all categories is printed. ``where`` chooses among the rows.
    """
    from dockml_dagster.published import finding

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
        click.echo(f'{title}\n  not available in this corpus yet; see: dockml sql "FROM staging.outcomes"\n')
        return
    click.echo(render(names, rows, format_, title=title), nl=False)


# A statement may begin with a comment, whose two dashes are no option.
@click.command(context_settings={"ignore_unknown_options": True})
@click.argument("statement")
@format_option
def sql(statement: str, format_: Format) -> None:
    """Run one read-only query on the published file.

    \b
    dockml sql "SELECT category, projects, share FROM findings.rq1_categories WHERE reading = 'corrected'"
    dockml sql "SELECT table_schema, table_name FROM information_schema.tables" --format csv
    """
    from dockml_dagster.published import query

    answer = query(Settings.from_environment(), statement)
    click.echo(render(answer.columns, answer.rows, format_), nl=False)
