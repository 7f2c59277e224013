"""What ``--gpu`` prints: the GPU code in an image, and which of it a given GPU can load.

Here: names and order of the output. Not here: reading the code and what can be loaded where (``study.device_code``). JSON
keys are a contract, like those of ``output``; null means unknown, never zero.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from dockml_dagster.commands.output import Format, render
from dockml_dagster.commands.scan_image.model import ScannedImage, ScannedReference
from dockml_dagster.commands.scan_image.tables import json_document, table
from dockml_dagster.errors import BadInputError
from dockml_dagster.study.device_code.image import ImageDeviceFile, device_bytes, unused, use_of
from dockml_dagster.study.device_code.loading import Gpu, parse_gpu, use_by
from dockml_dagster.text import printable, size_text

_USES: Final = ("chosen_bytes", "passed_over_bytes", "never_bytes")
COLUMNS: Final = ("path", "layer", "hidden_by", "package", "bytes", *_USES, "problem")
_SHOWN: Final = ("device code", "loaded at most", "passed over", "never loadable", "path", "package", "layer")
_FILES: Final = 30


def gpu_named(text: str) -> Gpu:
    """The GPU that an option names. Raises BadInputError."""
    gpu = parse_gpu(text)
    if gpu is None:
        raise BadInputError(f"{text!r} is no architecture of a GPU: write sm_90, 9.0 or gfx942")
    return gpu


def architecture_rows(files: Sequence[ImageDeviceFile]) -> list[dict[str, Any]]:
    """GPU code visible in a container, by kind and architecture, most bytes first."""
    sums: dict[tuple[str, str, str], list[int]] = {}
    for one in files:
        if one.hidden_by is not None:
            continue
        met: set[tuple[str, str, str]] = set()
        for row in one.rows:
            key = (row.vendor, row.kind, row.architecture)
            total = sums.setdefault(key, [0, 0, 0, 0])
            total[0] += key not in met
            for place, value in enumerate((row.entries, row.bytes, row.inflated_bytes), 1):
                total[place] += value
            met.add(key)
    names = ("vendor", "kind", "architecture", "files", "entries", "bytes", "inflated_bytes")
    rows = [dict(zip(names, (*key, *total), strict=True)) for key, total in sums.items()]
    return sorted(rows, key=lambda row: (-row["bytes"], row["architecture"], row["kind"]))


def device_object(scanned: ScannedImage) -> dict[str, Any] | None:
    """The image's GPU code by architecture; ``--gpu`` shows more. None: unknown."""
    files = scanned.device_code
    if files is None:
        return None
    idle = unused(files)
    return {
        "bytes": device_bytes(files),
        "idle_bytes": 0 if idle is None else idle.bytes,
        "architectures": architecture_rows(files),
    }


def device_code_text(scanned: Sequence[ScannedReference], gpu: Gpu, format_: Format) -> str:
    """For every image, the GPU code that the GPU can load, as text that ends with a line feed."""
    if format_ == "json":
        objects = [_object(reference, gpu) for reference in scanned]
        return json_document(objects)
    if format_ == "csv":
        rows = [
            [printable(reference.name), _platform(image), *_row(one, gpu).values()]
            for reference in scanned
            for image in reference.images
            for one in image.device_code or ()
        ]
        return render(("reference", "platform", *COLUMNS), rows, "csv")
    return "\n".join(
        part
        for reference in scanned
        for image in reference.images
        for part in _tables(reference, image, gpu, format_)
    )


def _platform(image: ScannedImage) -> str | None:
    return None if image.image.platform is None else str(image.image.platform)


def _row(one: ImageDeviceFile, gpu: Gpu) -> dict[str, Any]:
    return {
        "path": printable(one.path),
        "layer": one.layer + 1,
        "hidden_by": None if one.hidden_by is None else one.hidden_by + 1,
        "package": None if one.package is None else printable(one.package),
        "bytes": one.bytes,
        **dict(zip(_USES, use_by(gpu, one.rows), strict=True)),
        "problem": one.problem,
    }


def _object(reference: ScannedReference, gpu: Gpu) -> dict[str, Any]:
    images = []
    for image in reference.images:
        files = image.device_code
        found: dict[str, Any] = {
            "platform": _platform(image),
            "manifest_digest": str(image.image.digest),
            "gpu": gpu.name,
            "reason": None if files is not None else image.reason or image.inventory_reason,
        }
        if files is None:
            images.append(found | dict.fromkeys(("bytes", *_USES, "idle_bytes", "architectures", "files")))
            continue
        use, idle = use_of(files, gpu), unused(files)
        found |= {"bytes": sum(use), **dict(zip(_USES, use, strict=True))}
        found |= {"idle_bytes": 0 if idle is None else idle.bytes}
        found |= {"architectures": architecture_rows(files), "files": [_row(one, gpu) for one in files]}
        for row, one in zip(found["files"], files, strict=True):
            row["rows"] = [part._asdict() for part in one.rows]
        images.append(found)
    return {"reference": printable(reference.name), "images": images}


def _tables(reference: ScannedReference, image: ScannedImage, gpu: Gpu, format_: Format) -> list[str]:
    heading = f"{printable(reference.name)}  {_platform(image) or 'unknown platform'}"
    files = image.device_code
    if files is None:
        reason = image.reason or image.inventory_reason or "a layer was read without looking for it"
        return [f"{heading}: code for GPUs unknown ({reason})\n"]
    use = use_of(files, gpu)
    total = sum(use)
    if not total:
        return [f"{heading}: no code for GPUs was found\n"]
    rows: list[list[Any]] = [
        [name, size_text(size), f"{size / total:.1%}"]
        for name, size in (
            (f"loaded on {gpu.name} at most", use.chosen),
            ("could be loaded, and there is better beside it", use.passed_over),
            (f"can never be loaded on {gpu.name}", use.never),
            ("all", total),
        )
    ]
    shown: list[list[Any]] = []
    for one in [one for one in files if one.hidden_by is None][:_FILES]:
        sizes = [size_text(size) for size in (one.bytes, *use_by(gpu, one.rows))]
        shown.append([*sizes, printable(one.path), one.package, one.layer + 1])
    parts = [
        table(
            f"Code for GPUs in {heading}, as stored; a lower bound", ("what", "size", "share"), rows, format_
        ),
        table("Files", _SHOWN, shown, format_),
        table("Architectures", *architecture_table(files), format_),
    ]
    problems = [[printable(one.path), one.problem] for one in files if one.problem is not None]
    if problems:
        parts.append(table("Not read to the end", ("path", "problem"), problems, format_))
    return parts


def architecture_table(files: Sequence[ImageDeviceFile]) -> tuple[tuple[str, ...], list[list[Any]]]:
    """Columns and rows of the table of architectures."""
    rows = [
        [
            row["architecture"],
            row["kind"],
            size_text(row["bytes"]),
            size_text(row["inflated_bytes"]),
            row["files"],
        ]
        for row in architecture_rows(files)
    ]
    return ("architecture", "kind", "size", "inflated", "files"), rows
