"""The notebook of an exported dataset: it loads the tables and redraws three figures of the study.

Here: its cells. Not here: writing files (``dataset``). It imports only libraries that dockml itself uses (duckdb, altair).
"""

from __future__ import annotations

from typing import Any

INTRODUCTION = """\
# The dataset, loaded

Each table is a file beside this notebook. DuckDB reads them where they lie; polars and pandas read them too. Needs `duckdb`
and `altair`."""

LOAD = """\
from pathlib import Path

import altair
import duckdb

here = Path.cwd()
connection = duckdb.connect()
for file in sorted([*here.glob("*/*.parquet"), *here.glob("*/*.csv")]):
    connection.execute(f'CREATE SCHEMA IF NOT EXISTS "{file.parent.name}"')
    reader = "read_parquet('{}')" if file.suffix == ".parquet" else r"read_csv('{}', nullstr='\\N', all_varchar=false)"
    source = reader.format(str(file).replace("'", "''"))
    connection.execute(f'CREATE VIEW "{file.parent.name}"."{file.stem}" AS FROM {source}')


def rows(query):
    result = connection.execute(query)
    names = [column[0] for column in result.description]
    return [dict(zip(names, row)) for row in result.fetchall()]


corpus = rows("SELECT corpus FROM core.projects GROUP BY corpus ORDER BY count(*) DESC, corpus LIMIT 1")[0]["corpus"]
corpus"""

FIGURE = '''\
{name} = rows(f"""
{query}
""")
base = altair.Chart(altair.InlineData(values={name})).encode(y=altair.Y("label:N", sort=None, title=None))
line = base.mark_rule().encode(x=altair.X("low:Q", title="{title}"), x2="high:Q")
figure_{name} = line + base.mark_point(filled=True).encode(x="value:Q")
figure_{name}'''

FIGURES: tuple[tuple[str, str, str, str], ...] = (
    (
        "categories",
        "## Which kinds of project use Docker",
        "share of projects, 95 % interval",
        """\
SELECT category AS label, share AS value, share_low AS low, share_high AS high
FROM findings.rq1_categories
WHERE corpus = '{corpus}' AND reading = 'corrected' AND category <> 'All' AND share IS NOT NULL
ORDER BY share DESC, label""",
    ),
    (
        "practices",
        "## Practices, per project",
        "share of a project’s Dockerfiles, 95 % interval",
        """\
SELECT practice AS label, share_per_project AS value, per_project_low AS low, per_project_high AS high
FROM findings.rq3_practices
WHERE corpus = '{corpus}' AND category = 'All' AND n > 0
ORDER BY value DESC, label""",
    ),
    (
        "sizes",
        "## Size of images as stored, by category",
        "median bytes, 95 % interval",
        """\
SELECT category AS label, median AS value, median_low AS low, median_high AS high
FROM findings.rq4_image_properties
WHERE corpus = '{corpus}' AND reading = 'corrected' AND metric = 'compressed_bytes'
ORDER BY label = 'All' DESC, label""",
    ),
)
"""Name, heading, axis title, and a query that returns label, value, low, high."""


def notebook() -> dict[str, Any]:
    """The content of ``dataset.ipynb`` (nbformat 4.5), without outputs."""
    cells = [("markdown", INTRODUCTION), ("code", LOAD)]
    for name, heading, title, query in FIGURES:
        cells += [("markdown", heading), ("code", FIGURE.format(name=name, query=query, title=title))]
    return {
        "nbformat": 4,
        "nbformat_minor": 5,
        "metadata": {
            "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
            "language_info": {"name": "python"},
        },
        "cells": [_cell(number, kind, text) for number, (kind, text) in enumerate(cells)],
    }


def _cell(number: int, kind: str, text: str) -> dict[str, Any]:
    cell: dict[str, Any] = {
        "id": f"cell-{number}",
        "cell_type": kind,
        "metadata": {},
        "source": text.splitlines(keepends=True),
    }
    return {**cell, "execution_count": None, "outputs": []} if kind == "code" else cell
