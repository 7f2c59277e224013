"""The dataset as files: Parquet of every documented table, a data dictionary, provenance.

Belongs here: writing them. What the columns mean comes from the same property files as everywhere; collected file
contents are never written.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dockml_dagster.build_version import build_version
from dockml_dagster.errors import BadInputError
from dockml_dagster.settings import Settings
from dockml_dagster.warehouse.connection import connect, make_folder
from dockml_dagster.warehouse.models import Model, load
from dockml_dagster.warehouse.rows import qualified, quote

if TYPE_CHECKING:
    import duckdb

OTHERS_CONTENT = {
    ("raw.dockerfiles", "content"),
    ("raw.repository_files", "content"),
    ("raw.dockerfile_instructions", "arguments"),
    ("raw.dockerfile_run_commands", "arguments"),
    ("raw.image_history", "created_by"),
    ("staging.dockerfiles", "content"),
    ("staging.repository_files", "content"),
    ("staging.image_history", "created_by"),
}
"""Columns that hold other people's texts, secrets perhaps; they stay in the warehouse."""

LIBRARIES = ("dockml", "duckdb", "dagster", "dockerfile-parse", "e2b-dockerfile-utils", "tree-sitter-bash")


def export_dataset(settings: Settings, directory: Path) -> list[str]:
    """Write ``<schema>/<table>.parquet``, ``data_dictionary.json`` and ``provenance.json``; returns the tables.

    Raises:
        BadInputError: nothing is published, or the directory cannot be written.
    """
    if not settings.published.exists():
        raise BadInputError(f"nothing is published in {settings.home} yet; run: dockml study")
    make_folder(directory)
    connection = connect(settings.published, read_only=True)
    try:
        dictionary = []
        for model in _documented():
            columns = [
                c for c in _columns(connection, model) if (model.name, c["name"]) not in OTHERS_CONTENT
            ]
            target = make_folder(directory / model.schema) / f"{model.name.split('.')[1]}.parquet"
            names = ", ".join(quote(column["name"]) for column in columns)
            connection.execute(
                f"COPY (SELECT {names} FROM {qualified(model.name)}) TO '{_text(target)}' (FORMAT parquet, COMPRESSION zstd)"
            )
            dictionary.append({"table": model.name, "description": model.description, "columns": columns})
        sources = connection.execute(
            "SELECT corpus, source, projects, listed_at FROM raw.listings ORDER BY listed_at"
        )
        provenance = {
            "exported_at": datetime.now(UTC).isoformat(timespec="seconds"),
            "build_version": build_version(),
            "libraries": {name: version(name) for name in LIBRARIES},
            "sources": [
                dict(zip(("corpus", "source", "projects", "listed_at"), map(str, row), strict=True))
                for row in sources.fetchall()
            ],
        }
    finally:
        connection.close()
    _write_json(directory / "data_dictionary.json", dictionary)
    _write_json(directory / "provenance.json", provenance)
    return [str(entry["table"]) for entry in dictionary]


def _documented() -> Iterator[Model]:
    project = load()
    yield from (*project.raw, *project.seeds, *project.models, *project.computed)


def _columns(connection: duckdb.DuckDBPyConnection, model: Model) -> list[dict[str, Any]]:
    described = {column.name: column.description for column in model.columns}
    rows = connection.execute(f"DESCRIBE {qualified(model.name)}").fetchall()
    return [{"name": row[0], "type": row[1], "description": described.get(row[0], "")} for row in rows]


def _text(path: Path) -> str:
    return str(path).replace("'", "''")


def _write_json(path: Path, content: object) -> None:
    path.write_text(json.dumps(content, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
