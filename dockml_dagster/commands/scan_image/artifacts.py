"""What ``scan-image`` shows of manifests that hold no image: models, and the files of anything else.

Here: their JSON objects and tables. Not here: knowledge about models (``study.image.model_artifact``). Models are also
listed among ``not_images``.
"""

from __future__ import annotations

from typing import Any, Final

from dockml_dagster.commands.output import Format
from dockml_dagster.commands.scan_image.tables import SHOWN_DIGEST, full_size, short_size, table
from dockml_dagster.images.sources.reading import PlatformImage
from dockml_dagster.study.image.model_artifact import ModelArtifact
from dockml_dagster.text import printable

MODEL_FACTS: Final = (
    "packaging",
    "format",
    "architecture",
    "parameters",
    "parameter_count",
    "quantization",
    "weights_bytes",
    "bytes",
)


def model_object(other: PlatformImage, model: ModelArtifact) -> dict[str, Any]:
    """The JSON form of a model: its stated properties, and each of its files."""
    facts = {name: getattr(model, name) for name in MODEL_FACTS}
    return {
        "manifest_digest": str(other.digest),
        **{name: printable(value) if isinstance(value, str) else value for name, value in facts.items()},
        "files": [
            {
                "role": file.role.value,
                "path": None if file.path is None else printable(file.path),
                "format": file.format,
                "media_type": printable(file.media_type),
                "bytes": file.bytes,
                "digest": file.digest,
            }
            for file in model.files
        ],
    }


def other_object(other: PlatformImage) -> dict[str, Any]:
    """The JSON form of a manifest without an image: its kind, and the stated type of each file."""
    files = [
        {
            "title": None if part.path is None else printable(part.path),
            "media_type": printable(part.media_type),
            "bytes": part.size,
            "digest": str(part.digest),
        }
        for part in other.layers
    ]
    return {"manifest_digest": str(other.digest), "kind": str(other.kind), "files": files}


def model_tables(model: dict[str, Any], format_: Format) -> list[str]:
    """The tables of a model, from its JSON form."""
    facts = [
        (name, full_size(model[name]) if name.endswith("bytes") else model[name]) for name in MODEL_FACTS
    ]
    files = []
    for file in model["files"]:
        sizes = short_size(file["bytes"]), file["bytes"]
        files.append(
            (file["role"], *sizes, file["path"] or file["media_type"], file["digest"][:SHOWN_DIGEST])
        )
    about = [("manifest_digest", model["manifest_digest"]), *facts]
    return [
        table("Model", ("property", "value"), about, format_),
        table("Its files", ("role", "size", "bytes", "file", "digest"), files, format_),
    ]
