"""What ``--packages`` and ``--sbom`` print: the packages of an image with their bytes.

Here: names and order of the output. Not here: finding packages (``study.packages``). JSON keys are a contract, like
those of ``output``; null means unknown, never zero.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final, Literal

from dockml_dagster.commands.output import Format, render
from dockml_dagster.commands.scan_image.model import ScannedImage, ScannedReference
from dockml_dagster.commands.scan_image.tables import json_document
from dockml_dagster.errors import BadInputError
from dockml_dagster.study.packages.model import ImagePackage
from dockml_dagster.study.packages.sbom import Subject, cyclonedx, spdx
from dockml_dagster.text import printable, size_text

Sbom = Literal["cyclonedx", "spdx"]

COLUMNS: Final = (
    "ecosystem",
    "name",
    "version",
    "architecture",
    "licence",
    "purl",
    "family",
    "bytes",
    "compressed_bytes",
    "files",
    "files_missing",
    "hidden_bytes",
    "hidden_files",
    "visible",
    "inside",
    "layer",
    "instruction_text",
    "database",
)
_SHOWN: Final = ("size", "package", "version", "ecosystem", "files", "compressed", "layer", "inside")
_PLACES: Final = 15
_MOST_ROWS: Final = 2_000
"""Most rows of a table for people."""


def packages_text(scanned: Sequence[ScannedReference], format_: Format) -> str:
    """The packages of every image as text that ends with a line feed."""
    if format_ == "json":
        objects = [_object(reference) for reference in scanned]
        return json_document(objects)
    if format_ == "csv":
        rows = [
            [printable(reference.name), _platform(image), *_row(image, package).values()]
            for reference in scanned
            for image in reference.images
            for package in (() if image.inventory is None else image.inventory.packages)
        ]
        return render(("reference", "platform", *COLUMNS), rows, "csv")
    return "\n".join(
        part
        for reference in scanned
        for image in reference.images
        for part in _tables(reference, image, format_)
    )


def sbom_text(scanned: Sequence[ScannedReference], form: Sbom, version: str) -> str:
    """The bill of materials of one image. Raises BadInputError for several images, or if the packages are unknown."""
    images = [(reference, image) for reference in scanned for image in reference.images]
    if len(images) != 1:
        raise BadInputError(
            f"a bill of materials is of one image, not of {len(images)}: choose with --platform"
        )
    reference, image = images[0]
    if image.inventory is None:
        raise BadInputError(f"{reference.name}: its packages are unknown ({image.inventory_reason})")
    subject = Subject(
        printable(reference.name),
        str(image.image.digest),
        version,
        datetime.now(UTC),
        [None if layer.text is None else printable(layer.text) for layer in image.layers],
    )
    document = (cyclonedx if form == "cyclonedx" else spdx)(subject, image.inventory)
    return json.dumps(document, indent=2) + "\n"


def _platform(image: ScannedImage) -> str | None:
    return None if image.image.platform is None else str(image.image.platform)


def _row(image: ScannedImage, package: ImagePackage) -> dict[str, Any]:
    text = image.layers[package.layer].text
    found = package._asdict() | {
        "layer": package.layer + 1,
        "instruction_text": None if text is None else printable(text),
    }
    return {name: printable(found[name]) if isinstance(found[name], str) else found[name] for name in COLUMNS}


def _object(reference: ScannedReference) -> dict[str, Any]:
    images = []
    for image in reference.images:
        inventory = image.inventory
        common = {"platform": _platform(image), "manifest_digest": str(image.image.digest)}
        if inventory is None:
            unknown = dict.fromkeys(("distribution", "packages", "unowned", "doubled", "problems"))
            images.append({**common, "reason": image.inventory_reason, **unknown})
            continue
        images.append(
            {
                **common,
                "reason": None,
                "distribution": None
                if inventory.distribution is None
                else dict(zip(("id", "version"), inventory.distribution, strict=True)),
                "packages": [_row(image, package) for package in inventory.packages],
                "unowned": [
                    one._asdict() | {"directory": printable(one.directory)} for one in inventory.unowned
                ],
                "doubled": [
                    {"name": one.name, "packages": list(one.packages), "bytes": one.bytes}
                    for one in inventory.doubled
                ],
                "problems": [printable(problem) for problem in inventory.problems],
            }
        )
    return {"reference": printable(reference.name), "images": images}


def _tables(reference: ScannedReference, image: ScannedImage, format_: Format) -> list[str]:
    heading = f"{printable(reference.name)}  {_platform(image) or 'unknown platform'}"
    inventory = image.inventory
    if inventory is None:
        return [f"{heading}: packages unknown ({image.inventory_reason})\n"]
    packages = [
        [
            size_text(one.bytes) if one.visible else f"hidden {size_text(one.hidden_bytes)}",
            printable(one.name),
            printable(one.version),
            one.ecosystem,
            one.files,
            None if one.compressed_bytes is None else size_text(one.compressed_bytes),
            one.layer + 1,
            one.inside,
        ]
        for one in inventory.packages[:_MOST_ROWS]
    ]
    parts = [_table(f"Packages of {heading}", _SHOWN, packages, format_)]
    if len(inventory.packages) > _MOST_ROWS:
        parts[0] += f"{len(inventory.packages) - _MOST_ROWS} more rows; json and csv have them\n"
    if inventory.doubled:
        rows: list[list[Any]] = [
            [size_text(one.bytes), one.name, ", ".join(map(printable, one.packages))]
            for one in inventory.doubled
        ]
        parts.append(_table("There more than once", ("size", "what", "packages"), rows, format_))
    if inventory.unowned:
        rows = [
            [size_text(one.bytes), printable(one.directory), one.files, size_text(one.hidden_bytes)]
            for one in inventory.unowned[:_PLACES]
        ]
        parts.append(_table("Files of no package", ("size", "directory", "files", "wasted"), rows, format_))
    if inventory.problems:
        rows = [[printable(problem)] for problem in inventory.problems[:_MOST_ROWS]]
        parts.append(_table("Databases that were not read", ("problem",), rows, format_))
    return parts


def _table(title: str, columns: Sequence[str], rows: Sequence[Sequence[Any]], format_: Format) -> str:
    text = render(columns, rows, format_, title=title)
    return f"## {title}\n\n{text}" if format_ == "markdown" else text
