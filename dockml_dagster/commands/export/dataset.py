"""The dataset as files: Parquet of every documented table, a data dictionary, provenance, a description, a citation.

Here: which tables and columns are written, and writing them. Not here: the format of the descriptions
(``data_package``). Column descriptions come from the property files, as everywhere.

Only identifiers, digests and derived facts are written. Other people's texts (files, commands, descriptions) stay in the
warehouse unless requested by the table's name.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from dockml_dagster.commands.export.data_package import (
    LICENCE,
    NULL,
    ExportedColumn,
    ExportedTable,
    citation,
    data_package,
    field_type,
    readme,
)
from dockml_dagster.commands.export.linked_data import croissant, ro_crate
from dockml_dagster.commands.export.notebook import notebook
from dockml_dagster.errors import BadInputError
from dockml_dagster.settings import Settings
from dockml_dagster.warehouse.label_model import label_model_version
from dockml_dagster.warehouse.models import Column, Model, load
from dockml_dagster.warehouse.opening import make_folder, open_published
from dockml_dagster.warehouse.rows import literal, qualified, quote
from dockml_dagster.warehouse.versions import build_version, libraries

if TYPE_CHECKING:
    import duckdb

TEXTS = frozenset(
    {"content", "arguments", "created_by", "comment", "cmd", "entrypoint", "description", "full_description"}
)
"""Columns that hold other people's texts, and perhaps secrets, in any table but the seeds, whose texts are our own."""

TEXTS_OF_TABLES = frozenset(
    {
        ("raw.dockerfile_practices", "evidence"),
        ("core.dockerfile_findings", "evidence"),
        ("raw.dockerfile_advice", "evidence"),
        ("core.recommendations", "evidence"),
    }
)
"""Further such columns, whose names are no proof: lines of Dockerfiles as evidence."""


DESCRIBED = {
    "README.md": "What is here and how to read it",
    "LICENCE.md": "Terms of use",
    "CITATION.cff": "How to cite the dataset and the study",
    "data_dictionary.json": "What every table and column means",
    "provenance.json": "What was read, when, and by which versions",
    "datapackage.json": "Description for Frictionless tools",
    "croissant.json": "Description in Croissant",
    "dataset.ipynb": "A notebook that loads the tables and makes three figures",
}
"""Files beside the tables, with their meaning."""

Form = Literal["parquet", "csv"]
"""How tables are written. CSV is for tools that cannot read Parquet, and for Frictionless validators."""


def export_dataset(
    settings: Settings, directory: Path, with_contents: Sequence[str] = (), form: Form = "parquet"
) -> list[str]:
    """Write ``<schema>/<table>.parquet`` (or ``.csv``) and the files that describe them; returns the tables.

    ``with_contents``: tables, ``schema.table``, whose columns with other people's texts are written too.

    Raises:
        BadInputError: nothing is published, the directory cannot be written, or a table has no such column.
    """
    import duckdb

    if not settings.published.exists():
        raise BadInputError(f"nothing is published in {settings.home} yet; run: dockml study")
    documented = _documented()
    _check_names(documented, with_contents)
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BadInputError(f"cannot write to {directory}: {error.strerror}; choose another place") from error
    now = datetime.now(UTC).replace(microsecond=0)
    connection = open_published(settings.published, writes_to=directory)
    try:
        present = _present(connection)
        tables = [
            _write(connection, directory, model, form, contents=model.name in with_contents)
            for model in documented
            if model.name in present
        ]
        sources = _sources(connection)
    except duckdb.Error as error:
        raise BadInputError(
            f"{settings.published} cannot be exported: {str(error).splitlines()[0]}"
        ) from error
    finally:
        connection.close()
    versions = libraries()
    provenance = {
        "exported_at": now.isoformat(),
        "build_version": build_version(settings),
        "label_model": label_model_version(settings),
        "libraries": versions,
        "with_contents": sorted(with_contents),
        "sources": sources,
    }
    dictionary = [
        {
            "table": table.name,
            "description": table.description,
            "rows": table.rows,
            "columns": [
                {"name": column.name, "type": column.type, "description": column.description}
                for column in table.columns
            ],
        }
        for table in tables
    ]
    _write_json(directory / "data_dictionary.json", dictionary)
    _write_json(directory / "provenance.json", provenance)
    _write_json(
        directory / "datapackage.json",
        data_package(
            tables, version=versions["dockml"], created=now, sources=[row["source"] for row in sources]
        ),
    )
    _write_json(directory / "croissant.json", croissant(tables, version=versions["dockml"], created=now))
    _write_json(directory / "dataset.ipynb", notebook())
    (directory / "CITATION.cff").write_text(citation(versions["dockml"], now), encoding="utf-8")
    (directory / "LICENCE.md").write_text(LICENCE, encoding="utf-8")
    (directory / "README.md").write_text(readme(tables, now), encoding="utf-8")
    _write_json(
        directory / "ro-crate-metadata.json",
        ro_crate(tables, DESCRIBED, version=versions["dockml"], created=now),
    )
    return [table.name for table in tables]


def text_columns(model: Model) -> list[str]:
    """The columns of a table that hold other people's texts."""
    if model.schema == "seeds":
        return []
    return [
        column.name
        for column in model.columns
        if column.name in TEXTS or (model.name, column.name) in TEXTS_OF_TABLES
    ]


def _documented() -> list[Model]:
    project = load()
    return [*project.raw, *project.seeds, *project.models, *project.computed]


def _check_names(documented: Sequence[Model], with_contents: Sequence[str]) -> None:
    choices = [model.name for model in documented if text_columns(model)]
    for name in with_contents:
        if name not in choices:
            raise BadInputError(f"no texts are left out of {name!r}; there are {', '.join(choices)}")


def _present(connection: duckdb.DuckDBPyConnection) -> set[str]:
    found = connection.execute("SELECT table_schema || '.' || table_name FROM information_schema.tables")
    return {row[0] for row in found.fetchall()}


def _write(
    connection: duckdb.DuckDBPyConnection, directory: Path, model: Model, form: Form, *, contents: bool
) -> ExportedTable:
    left_out = set() if contents else set(text_columns(model))
    types = [
        (row[0], row[1])
        for row in connection.execute(f"DESCRIBE {qualified(model.name)}").fetchall()
        if row[0] not in left_out
    ]
    path = Path(model.schema) / f"{model.name.split('.')[1]}.{form}"
    target = make_folder(directory / model.schema) / path.name
    names = ", ".join(f"{_value(quote(name), kind, form)} AS {quote(name)}" for name, kind in types)
    options = "FORMAT parquet, COMPRESSION zstd"
    if form == "csv":
        # Keeps unknown values distinct from empty texts.
        options = f"FORMAT csv, HEADER, NULLSTR {literal(NULL)}"
    written = connection.execute(
        f"COPY (SELECT {names} FROM {qualified(model.name)}) TO {literal(target)} ({options})"
    ).fetchone()
    documented = {column.name: column for column in model.columns}
    return ExportedTable(
        name=model.name,
        description=model.description,
        path=path.as_posix(),
        rows=int(written[0]) if written else 0,
        size=target.stat().st_size,
        sha256=_sha256(target),
        columns=tuple(
            _column(documented.get(name), name, "BIGINT" if kind == "HUGEINT" else kind)
            for name, kind in types
        ),
    )


def _value(column: str, kind: str, form: Form) -> str:
    """The SQL expression that writes a column."""
    if kind == "HUGEINT":
        # Parquet has no 128-bit integer: DuckDB would write floating point, which is exact only up to 2**53.
        return f"CAST({column} AS BIGINT)"
    if form == "csv" and field_type(kind) in ("array", "object"):
        return f"CAST(to_json({column}) AS VARCHAR)"
    if form == "csv" and field_type(kind) == "datetime":
        return f"strftime({column}, '%Y-%m-%dT%H:%M:%S.%f')"
    return column


def _column(documented: Column | None, name: str, kind: str) -> ExportedColumn:
    if documented is None:
        return ExportedColumn(name, kind, "", ())
    return ExportedColumn(name, kind, documented.description, documented.tests)


def _sources(connection: duckdb.DuckDBPyConnection) -> list[dict[str, Any]]:
    rows = connection.execute(
        "SELECT corpus, source, projects, listed_at FROM raw.listings ORDER BY listed_at, corpus"
    ).fetchall()
    return [
        {"corpus": corpus, "source": source, "projects": projects, "listed_at": listed.isoformat()}
        for corpus, source, projects, listed in rows
    ]


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _write_json(path: Path, content: object) -> None:
    path.write_text(json.dumps(content, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
