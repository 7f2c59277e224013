"""The data dictionary: one HTML page beside the published file, from the property files and the file itself.

Here: writing it. Not here: the descriptions (``dbt_like_sql``), the comments inside the file (``warehouse.build``), the
dictionary of an export (``commands.export``).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from html import escape
from pathlib import Path

from dockml_dagster.warehouse.models import Model, Project
from dockml_dagster.warehouse.opening import opened

NAME = "data-dictionary.html"

SCHEMAS = {
    "findings": "Results: small tables, one per question, with denominator and unit of analysis.",
    "core": "Projects, Dockerfiles, images and layers as they are now, ready to be joined.",
    "seeds": "Taxonomies, rules and the numbers printed in the paper, each with its source.",
    "staging": "The current rows of collected data, for listed projects only.",
    "raw": "Collected data, unchanged; nothing is overwritten, and rows of projects that left stay.",
}
"""Schema → its content, in the order in which a reader needs them. DuckDB stores no comments on schemas."""

_HEAD = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>dockml: data dictionary</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>
body { font: 15px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: #222;
background: #fff }
table { border-collapse: collapse; width: 100% }
td, th { text-align: left; vertical-align: top; padding: .2rem .8rem .2rem 0; border-bottom: 1px solid #ddd }
code { font-family: ui-monospace, monospace } h3 { margin-bottom: 0 }
</style></head><body>
<h1>Data dictionary</h1>
<p>Every table of <code>dockml.duckdb</code>, the file beside this page; the same text is in the comments of its tables
and columns.</p>
"""


def write_dictionary(published: Path, project: Project) -> Path:
    """Write the page beside the published file, by rename; returns its path."""
    types: dict[str, dict[str, str]] = {}
    with opened(published, read_only=True) as connection:
        columns = connection.execute(
            "SELECT schema_name || '.' || table_name, column_name, data_type FROM duckdb_columns() "
            "WHERE database_name = current_database()"
        ).fetchall()
    for table, column, type_name in columns:
        types.setdefault(table, {})[column] = type_name
    made = (*project.raw, *project.seeds, *project.models, *project.computed)
    tables = [model for model in made if model.name in types]
    target = published.with_name(NAME)
    partial = target.with_name(f".{NAME}.new")
    partial.write_text(_HEAD + "".join(_sections(tables, types)) + "</body></html>\n", encoding="utf-8")
    partial.replace(target)
    return target


def _sections(tables: list[Model], types: Mapping[str, Mapping[str, str]]) -> Iterator[str]:
    for schema, meaning in SCHEMAS.items():
        of_it = sorted((model for model in tables if model.schema == schema), key=lambda model: model.name)
        links = ", ".join(f'<a href="#{escape(model.name)}">{escape(model.name)}</a>' for model in of_it)
        yield f"<h2>{schema}</h2>\n<p>{escape(meaning)}</p>\n<p>{links}</p>\n"
        for model in of_it:
            yield _table(model, types[model.name])


def _table(model: Model, types: Mapping[str, str]) -> str:
    key = f" Key: <code>{escape(', '.join(model.key))}</code>." if model.key else ""
    rows = "".join(
        f"<tr><td><code>{escape(column.name)}</code></td><td>{escape(types.get(column.name, ''))}</td>"
        f"<td>{escape(column.description)}</td></tr>\n"
        for column in model.columns
    )
    return (
        f'<h3 id="{escape(model.name)}"><code>{escape(model.name)}</code></h3>\n<p>{escape(model.description)}{key}</p>\n'
        f"<table><tr><th>column</th><th>type</th><th>meaning</th></tr>\n{rows}</table>\n"
    )
