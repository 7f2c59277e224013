"""Describing an exported dataset: a Frictionless Data Package and a citation.

Here: the two forms. Not here: reading or writing any file (``export``).
https://specs.frictionlessdata.io/data-package/, https://specs.frictionlessdata.io/table-schema/,
https://citation-file-format.github.io
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

PAPER = "10.1145/3530019.3530039"
TITLE = "How machine-learning projects use Docker: a dataset by dockml"
SUMMARY = (
    "Projects, Dockerfiles, images and layers, and the findings of the study on them. Identifiers, digests and derived "
    "facts; other people's texts are left out unless provenance.json says otherwise."
)

NULL = r"\N"
"""An unknown value in a CSV file; an empty cell is an empty text."""
PARQUET = {"format": "parquet", "mediatype": "application/vnd.apache.parquet"}
CSV = {"format": "csv", "mediatype": "text/csv", "encoding": "utf-8"}

_TYPES = {
    "VARCHAR": "string",
    "UUID": "string",
    "BLOB": "any",
    "BOOLEAN": "boolean",
    "TIMESTAMP": "datetime",
    "TIMESTAMP WITH TIME ZONE": "datetime",
    "DATE": "date",
    "TIME": "time",
    "DOUBLE": "number",
    "FLOAT": "number",
}
_INTEGERS = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT")


@dataclass(frozen=True, slots=True)
class ExportedColumn:
    """A column as written. ``type``: DuckDB's name; ``tests``: dbt's generic tests on it."""

    name: str
    type: str
    description: str
    tests: tuple[str | Mapping[str, Any], ...]


@dataclass(frozen=True, slots=True)
class ExportedTable:
    """A table as written. ``path``: relative to the dataset, its extension is the format; ``size``: bytes."""

    name: str
    description: str
    path: str
    rows: int
    size: int
    sha256: str
    columns: tuple[ExportedColumn, ...]


def data_package(
    tables: Sequence[ExportedTable], *, version: str, created: datetime, sources: Sequence[str]
) -> dict[str, Any]:
    """The content of ``datapackage.json``; tests of the columns become constraints and foreign keys."""
    known = {table.name for table in tables}
    return {
        "name": "dockml",
        "title": TITLE,
        "description": SUMMARY,
        "version": version,
        "created": created.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "sources": [
            *({"title": source} for source in dict.fromkeys(sources)),
            {"title": "The study that is rerun", "path": f"https://doi.org/{PAPER}"},
        ],
        "resources": [_resource(table, known) for table in tables],
    }


def _resource(table: ExportedTable, known: set[str]) -> dict[str, Any]:
    schema: dict[str, Any] = {"fields": [_field(column) for column in table.columns]}
    form = PARQUET if table.path.endswith(".parquet") else CSV
    if form is CSV:
        schema["missingValues"] = [NULL]
    keys = [key for column in table.columns for key in _foreign_keys(column, known)]
    if keys:
        schema["foreignKeys"] = keys
    return {
        "name": _resource_name(table.name),
        "type": "table",
        "title": table.name,
        "description": table.description,
        "path": table.path,
        "scheme": "file",
        **form,
        "bytes": table.size,
        "hash": f"sha256:{table.sha256}",
        "rows": table.rows,
        "schema": schema,
    }


def _resource_name(table: str) -> str:
    return table.replace(".", "-").replace("_", "-")


def _field(column: ExportedColumn) -> dict[str, Any]:
    field: dict[str, Any] = {
        "name": column.name,
        "type": field_type(column.type),
        "description": column.description,
    }
    constraints = _constraints(column)
    return {**field, "constraints": constraints} if constraints else field


def field_type(duckdb_type: str) -> str:
    """Table Schema's name of a DuckDB type."""
    if duckdb_type.endswith("[]"):
        return "array"
    if duckdb_type.startswith(("STRUCT", "MAP")):
        return "object"
    if duckdb_type in _INTEGERS:
        return "integer"
    if duckdb_type.startswith("DECIMAL"):
        return "number"
    return _TYPES.get(duckdb_type, "any")


def _constraints(column: ExportedColumn) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for test in column.tests:
        name, options = (test, {}) if isinstance(test, str) else next(iter(test.items()))
        if name == "not_null":
            found["required"] = True
        elif name == "unique":
            found["unique"] = True
        elif name == "accepted_values" and field_type(column.type) == "string":
            options = options.get("arguments", options)
            found["enum"] = [str(value) for value in options["values"]]
    return found


def _foreign_keys(column: ExportedColumn, known: set[str]) -> list[dict[str, Any]]:
    keys = []
    for test in column.tests:
        if isinstance(test, str) or "relationships" not in test:
            continue
        options = test["relationships"].get("arguments", test["relationships"])
        if options["to"] in known:
            reference = {"resource": _resource_name(options["to"]), "fields": [options["field"]]}
            keys.append({"fields": [column.name], "reference": reference})
    return keys


def citation(version: str, created: datetime) -> str:
    """The content of the dataset's ``CITATION.cff``."""
    return f"""\
cff-version: 1.2.0
message: If you use this dataset, please cite it and the study it reruns.
type: dataset
title: "{TITLE}"
version: "{version}"
date-released: "{created:%Y-%m-%d}"
authors:
  - name: The dockml project
keywords:
  - docker
  - machine-learning
  - replication
references:
  - type: conference-paper
    title: Studying the Practices of Deploying Machine Learning Projects on Docker
    authors:
      - family-names: Openja
        given-names: Moses
      - family-names: Majidi
        given-names: Forough
      - family-names: Khomh
        given-names: Foutse
      - family-names: Chembakottu
        given-names: Bhagya
      - family-names: Li
        given-names: Heng
    year: 2022
    doi: {PAPER}
"""


def readme(tables: Sequence[ExportedTable], created: datetime) -> str:
    """The content of the dataset's ``README.md``."""
    listed = "\n".join(f"| `{table.path}` | {table.rows:,} | {table.description} |" for table in tables)
    return f"""\
# {TITLE}

Written {created:%Y-%m-%d} by `dockml export`. Each table is a file; `data_dictionary.json` says what every column means,
`datapackage.json` describes them for Frictionless tools, `croissant.json` as Croissant, `ro-crate-metadata.json` as an
RO-Crate; `provenance.json` says what was read, when, and by which versions; `dataset.ipynb` makes three figures.

- In CSV files `{NULL}` stands for what is unknown; an empty cell is an empty text. Lists are JSON.
- Other people's texts (files, commands, descriptions) are left out unless `provenance.json` names their table under
  `with_contents`; such texts stay under the licences of their projects.
- Cite it as `CITATION.cff` says, with the study that it reruns (https://doi.org/{PAPER}); under which terms: `LICENCE.md`.

| file | rows | what it holds |
| --- | --- | --- |
{listed}
"""


LICENCE = """\
# Terms

What dockml wrote (seeds, descriptions, and the tables that it computed) is under the Apache License 2.0,
https://www.apache.org/licenses/LICENSE-2.0.

Facts about other people's projects (names, counts, digests, sizes) are facts; dockml claims nothing in them. Labels and
numbers that the study's authors published are theirs, and their package states no licence for its data. Texts of others,
where they were exported at all, stay under the licences of their projects.
"""
"""The content of the dataset's ``LICENCE.md``."""
