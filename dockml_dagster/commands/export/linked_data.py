"""Describing an exported dataset for catalogues and for machine learning: Croissant, and an RO-Crate.

Here: the two JSON-LD documents. Not here: Frictionless and the citation (``data_package``), writing files (``dataset``).
https://docs.mlcommons.org/croissant/docs/croissant-spec.html (1.0), https://www.researchobject.org/ro-crate/1.1/
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from dockml_dagster.commands.export.data_package import (
    PAPER,
    SUMMARY,
    TITLE,
    ExportedColumn,
    ExportedTable,
    field_type,
)

LICENCE = "https://spdx.org/licenses/Apache-2.0"
"""The licence of dockml's own work: seeds, descriptions, findings. The dataset's ``LICENCE.md`` names the exceptions."""
CREATOR = "The dockml project"
HOME = f"https://doi.org/{PAPER}"
"""The paper that the dataset is about. Whoever publishes the dataset puts its own address here."""

_TYPES = {
    "boolean": "sc:Boolean",
    "date": "sc:Date",
    "datetime": "sc:DateTime",
    "integer": "sc:Integer",
    "number": "sc:Float",
}
_CONTEXT: Mapping[str, Any] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "sc": "https://schema.org/",
    "cr": "http://mlcommons.org/croissant/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "dct": "http://purl.org/dc/terms/",
    "citeAs": "cr:citeAs",
    "column": "cr:column",
    "conformsTo": "dct:conformsTo",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "equivalentProperty": "cr:equivalentProperty",
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "extract": "cr:extract",
    "field": "cr:field",
    "fileProperty": "cr:fileProperty",
    "fileObject": "cr:fileObject",
    "fileSet": "cr:fileSet",
    "format": "cr:format",
    "includes": "cr:includes",
    "isLiveDataset": "cr:isLiveDataset",
    "jsonPath": "cr:jsonPath",
    "key": "cr:key",
    "md5": "cr:md5",
    "parentField": "cr:parentField",
    "path": "cr:path",
    "recordSet": "cr:recordSet",
    "references": "cr:references",
    "regex": "cr:regex",
    "repeated": "cr:repeated",
    "replace": "cr:replace",
    "samplingRate": "cr:samplingRate",
    "separator": "cr:separator",
    "source": "cr:source",
    "subField": "cr:subField",
    "transform": "cr:transform",
}
"""The JSON-LD context of the specification; validators refuse a document without it."""


def croissant(tables: Sequence[ExportedTable], *, version: str, created: datetime) -> dict[str, Any]:
    """The content of ``croissant.json``: every table as a file and as a record set with its columns."""
    return {
        "@context": dict(_CONTEXT),
        "@type": "sc:Dataset",
        "name": "dockml",
        "alternateName": TITLE,
        "description": SUMMARY,
        "conformsTo": "http://mlcommons.org/croissant/1.0",
        "license": LICENCE,
        "url": HOME,
        "version": _semantic(version),
        "datePublished": f"{created:%Y-%m-%d}",
        "creator": {"@type": "sc:Organization", "name": CREATOR, "url": HOME},
        "citeAs": f"{CREATOR}: {TITLE}, version {version}, {created:%Y}; and the study that it reruns, {HOME}",
        "distribution": [_file_object(table) for table in tables],
        "recordSet": [_record_set(table) for table in tables],
    }


def _semantic(version: str) -> str:
    """``0.1.0.dev0`` → ``0.1.0-dev0``: Croissant accepts only semantic versions."""
    parts = version.split("+", maxsplit=1)[0].split(".")
    return ".".join(parts[:3]) + ("-" + ".".join(parts[3:]) if parts[3:] else "")


def _file_object(table: ExportedTable) -> dict[str, Any]:
    return {
        "@type": "cr:FileObject",
        "@id": table.path,
        "name": table.path,
        "description": table.description,
        "contentUrl": table.path,
        "contentSize": f"{table.size} B",
        "encodingFormat": "application/x-parquet" if table.path.endswith(".parquet") else "text/csv",
        "sha256": table.sha256,
    }


def _record_set(table: ExportedTable) -> dict[str, Any]:
    return {
        "@type": "cr:RecordSet",
        "@id": table.name,
        "name": table.name,
        "description": table.description,
        "field": [_field(table, column) for column in table.columns],
    }


def _field(table: ExportedTable, column: ExportedColumn) -> dict[str, Any]:
    parquet = table.path.endswith(".parquet")
    kind = column.type.removesuffix("[]") if parquet else column.type
    field: dict[str, Any] = {
        "@type": "cr:Field",
        "@id": f"{table.name}/{column.name}",
        "name": column.name,
        "description": column.description,
        "dataType": _TYPES.get(field_type(kind), "sc:Text"),
        "source": {"fileObject": {"@id": table.path}, "extract": {"column": column.name}},
    }
    # In CSV a list is one text.
    return {**field, "repeated": True} if kind != column.type else field


def ro_crate(
    tables: Sequence[ExportedTable], described: Mapping[str, str], *, version: str, created: datetime
) -> dict[str, Any]:
    """The content of ``ro-crate-metadata.json``. ``described``: the other files by path, with their meaning."""
    files = [
        *(_crate_file(table.path, table.description, table.size) for table in tables),
        *(_crate_file(path, what, None) for path, what in described.items()),
    ]
    return {
        "@context": "https://w3id.org/ro/crate/1.1/context",
        "@graph": [
            {
                "@id": "ro-crate-metadata.json",
                "@type": "CreativeWork",
                "conformsTo": {"@id": "https://w3id.org/ro/crate/1.1"},
                "about": {"@id": "./"},
            },
            {
                "@id": "./",
                "@type": "Dataset",
                "name": TITLE,
                "description": SUMMARY,
                "version": version,
                "datePublished": f"{created:%Y-%m-%dT%H:%M:%S}+00:00",
                "license": {"@id": LICENCE},
                "author": {"@id": "#dockml"},
                "publisher": {"@id": "#dockml"},
                "citation": {"@id": HOME},
                "hasPart": [{"@id": file["@id"]} for file in files],
            },
            {"@id": LICENCE, "@type": "CreativeWork", "name": "Apache License 2.0", "url": LICENCE}
            | {"description": "Of what dockml wrote; LICENCE.md says what it does not cover."},
            {"@id": "#dockml", "@type": "Organization", "name": CREATOR, "url": HOME},
            {
                "@id": HOME,
                "@type": "ScholarlyArticle",
                "name": "Studying the Practices of Deploying Machine Learning Projects on Docker",
                "identifier": HOME,
            },
            *files,
        ],
    }


def _crate_file(path: str, what: str, size: int | None) -> dict[str, Any]:
    formats = {
        ".parquet": "application/vnd.apache.parquet",
        ".csv": "text/csv",
        ".json": "application/json",
        ".md": "text/markdown",
        ".cff": "text/x-yaml",
        ".ipynb": "application/x-ipynb+json",
    }
    file: dict[str, Any] = {
        "@id": path,
        "@type": "File",
        "name": path,
        "description": what,
        "encodingFormat": formats["." + path.rpartition(".")[2]],
    }
    return file if size is None else {**file, "contentSize": str(size)}
