"""What ``dockml scan-image`` prints: one JSON form for programs, tables for people, one row per image as CSV.

Here: names and order of the output. Not here: any reading or counting (``scan``). The JSON keys are a
contract: keys may be added, never renamed. Sizes are bytes; null means unknown, never zero.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from dockml_dagster.commands.output import Format, render
from dockml_dagster.commands.scan_image.artifacts import model_object, model_tables, other_object
from dockml_dagster.commands.scan_image.bases import base_object, base_rows
from dockml_dagster.commands.scan_image.device_code import architecture_table, device_object
from dockml_dagster.commands.scan_image.model import ScannedImage, ScannedLayer, ScannedReference
from dockml_dagster.commands.scan_image.tables import (
    SHOWN_DIGEST,
    full_size,
    json_document,
    short_size,
    table,
)
from dockml_dagster.images.sources.reading import PlatformImage
from dockml_dagster.study.image.instruction_text import masked
from dockml_dagster.study.secrets.image import ImageSecret
from dockml_dagster.text import printable, size_text

_SHOWN = 10
"""Rows of evidence in a table; JSON has all of it."""
_LONGEST_TEXT = 72
"""Characters of an instruction in a table."""

IMAGE_COLUMNS = (
    "platform",
    "manifest_digest",
    "status",
    "config_bytes",
    "compressed_bytes",
    "bytes",
    "files",
    "directories",
    "max_depth",
    "env_count",
    "wasted_bytes",
    "duplicate_bytes",
)


def to_text(scanned: Sequence[ScannedReference], format_: Format, *, whole_texts: bool = False) -> str:
    """Everything as text that ends with a line feed. ``whole_texts``: instructions in tables are not shortened.

    JSON: one object, or an array for several references. CSV: one row per image or model.
    """
    if format_ == "json":
        objects = [reference_object(reference) for reference in scanned]
        # ASCII, because names of local files need not be valid Unicode.
        return json_document(objects)
    if format_ == "csv":
        rows = [
            [printable(reference.name), *row]
            for reference in scanned
            for row in (
                *map(_image_row, reference.images),
                *(_model_row(other) for other, _ in reference.models),
            )
        ]
        return render(("reference", *IMAGE_COLUMNS), rows, "csv")
    longest = None if whole_texts else _LONGEST_TEXT
    return "\n".join(
        _reference_text(reference, format_, longest) for reference in scanned if reference.reading
    )


def reference_object(scanned: ScannedReference) -> dict[str, Any]:
    """The JSON form of one reference."""
    error = scanned.error
    return {
        "reference": printable(scanned.name),
        "digest": None if scanned.reading is None else str(scanned.reading.digest),
        "digest_is_made_up": scanned.reading is not None and scanned.reading.top.synthetic,
        "error": None if error is None else _error(error.reason, str(error), error.retryable),
        "images": [_image_object(image) for image in scanned.images],
        "failures": [
            {
                "platform": None if failure.platform is None else str(failure.platform),
                "manifest_digest": str(failure.digest),
                **_error(failure.error.reason, str(failure.error), failure.error.retryable),
            }
            for failure in scanned.failures
        ],
        "models": [model_object(other, model) for other, model in scanned.models],
        "not_images": [other_object(other) for other in scanned.others],
    }


def _error(code: str, text: str, retryable: bool) -> dict[str, Any]:
    return {"code": code, "reason": printable(text), "retryable": retryable}


def _image_object(scanned: ScannedImage) -> dict[str, Any]:
    summary = scanned.summary
    found = dict(zip(IMAGE_COLUMNS, _image_row(scanned), strict=True))
    found["reason"] = scanned.reason
    found["censored"] = None if summary is None else list(summary.censored)
    found["layer_bytes"] = scanned.layer_bytes
    found["base_layers"] = scanned.base_layers
    found["base"] = base_object(scanned)
    found["config"] = _config_object(scanned)
    for name in (
        "symlinks",
        "hardlinks",
        "max_published_level",
        "wasted_files",
        "duplicate_files",
        "unhashed_files",
        "gini",
        "largest_percent_share",
    ):
        found[name] = None if summary is None else getattr(summary, name)
    found["hash_algorithms"] = None if summary is None else list(summary.hash_algorithms)
    found["layers"] = [_layer_object(layer, number) for number, layer in enumerate(scanned.layers, 1)]
    found["largest"] = None if summary is None else [file._asdict() for file in summary.largest]
    # Layers are counted from 1 wherever they are shown.
    found["wasted"] = (
        None
        if summary is None
        else [
            {**file._asdict(), "layer": file.layer + 1, "hidden_by": file.hidden_by + 1}
            for file in summary.wasted
        ]
    )
    found["duplicates"] = None if summary is None else [group._asdict() for group in summary.duplicates]
    found["file_types"] = None if summary is None else [count._asdict() for count in summary.file_types]
    found["secrets"] = None if scanned.secrets is None else [_secret_object(one) for one in scanned.secrets]
    found["secrets_cut_short"] = None if scanned.secrets is None else scanned.secrets_cut_short
    found["device_code"] = device_object(scanned)
    found["contents"] = (
        None
        if scanned.contents is None
        else [
            {
                "rule": content.rule,
                "group": content.group,
                "removable": content.removable,
                "files": content.files,
                "bytes": content.bytes,
                "duplicate_bytes": content.duplicate_bytes,
                "hidden_files": content.hidden_files,
                "hidden_bytes": content.hidden_bytes,
                "largest": [file._asdict() for file in content.largest],
            }
            for content in scanned.contents
        ]
    )
    return found


def _secret_object(secret: ImageSecret) -> dict[str, Any]:
    hidden_by = None if secret.hidden_by is None else secret.hidden_by + 1
    shown = {"path": printable(secret.path), "layer": secret.layer + 1, "hidden_by": hidden_by}
    return {"rule": secret.rule, **shown, "published_with": secret.published_with}


def _image_row(scanned: ScannedImage) -> list[Any]:
    image, summary = scanned.image, scanned.summary
    return [
        None if image.platform is None else str(image.platform),
        str(image.digest),
        scanned.status,
        image.config_bytes,
        image.compressed_bytes,
        *(
            (None,) * 4
            if summary is None
            else (summary.bytes, summary.files, summary.directories, summary.max_depth)
        ),
        scanned.env_count,
        *((None,) * 2 if summary is None else (summary.wasted_bytes, summary.duplicate_bytes)),
    ]


def _model_row(other: PlatformImage) -> list[Any]:
    """A model in the columns of images: its status is `model`, and columns that only images have are unknown."""
    known = {
        "manifest_digest": str(other.digest),
        "status": "model",
        "config_bytes": other.config_bytes,
        "compressed_bytes": other.compressed_bytes,
    }
    return [known.get(column) for column in IMAGE_COLUMNS]


def _config_object(scanned: ScannedImage) -> dict[str, Any] | None:
    """How a container runs, by the configuration. Values of variables and labels are left out: they may be secrets."""
    config = scanned.image.config
    if config is None:
        return None
    return {
        "created": _said(config.created),
        "user": _said(config.user),
        "entrypoint": _command(config.entrypoint),
        "command": _command(config.cmd),
        "working_directory": _said(config.working_dir),
        "ports": [printable(port) for port in config.exposed_ports or ()],
        "labels": sorted(map(printable, config.labels or ())),
    }


def _said(text: str | None) -> str | None:
    return printable(text) if text else None


def _command(arguments: Sequence[str] | None) -> list[str] | None:
    if arguments is None:
        return None
    shown = []
    for before, argument in zip(("", *arguments), arguments, strict=False):
        # `--password` and its value are two arguments.
        flag = f"{before} " if before.startswith("--") and "=" not in before else ""
        shown.append(printable(masked(flag + argument).removeprefix(flag)))
    return shown


def _layer_object(layer: ScannedLayer, number: int) -> dict[str, Any]:
    summary, scan, share = layer.summary, layer.scan, layer.share
    counts = ("bytes", "entries", "files", "directories", "max_depth", "whiteouts", "opaques")
    return {
        "number": number,
        "digest": str(layer.descriptor.digest),
        "media_type": layer.descriptor.media_type,
        "compressed_bytes": layer.descriptor.size,
        **{name: None if summary is None else getattr(summary, name) for name in counts},
        "censored": list(layer.censored),
        "status": layer.status,
        "reason": None if layer.reason is None else printable(layer.reason),
        "code": layer.code,
        "retryable": layer.retryable,
        "digest_verified": layer.digest_verified,
        "diff_id_verified": scan is not None and scan.diff_id_holds is True,
        "verified": None if scan is None else scan.verified,
        "fetched_bytes": None if scan is None else scan.fetched_bytes,
        "compression": None if scan is None else scan.compression,
        "instruction": layer.instruction,
        "instruction_text": None if layer.text is None else printable(layer.text),
        "visible_bytes": None if share is None else share.visible_bytes,
        "hidden_bytes": None if share is None else share.hidden_bytes,
    }


def _reference_text(scanned: ScannedReference, format_: Format, longest: int | None) -> str:
    assert scanned.reading is not None
    heading = f"{printable(scanned.name)}  {scanned.reading.digest}"
    parts = [f"# {heading}\n" if format_ == "markdown" else f"{heading}\n"]
    for image in scanned.images:
        parts += _image_tables(image, format_, longest, str(scanned.reading.digest))
    if scanned.failures:
        unread: list[list[Any]] = [
            [failure.platform, failure.digest, failure.error] for failure in scanned.failures
        ]
        parts.append(table("Not read", ("platform", "manifest_digest", "reason"), unread, format_))
    for other, model in scanned.models:
        parts += model_tables(model_object(other, model), format_)
    others: list[list[Any]] = [
        [
            other.kind,
            str(other.digest)[:SHOWN_DIGEST],
            part["title"] or part["media_type"],
            full_size(part["bytes"]),
        ]
        for other in scanned.others
        if other.model is None
        for part in other_object(other)["files"]
    ]
    if others:
        parts.append(table("Not images", ("kind", "manifest_digest", "file", "size"), others, format_))
    return "\n".join(parts)


def _image_tables(scanned: ScannedImage, format_: Format, longest: int | None, top: str) -> list[str]:
    """``top``: the digest shown in the heading."""
    platform = str(scanned.image.platform or "unknown platform")
    rows = list(_property_rows(scanned, top))
    for name, value in (_config_object(scanned) or {}).items():
        if value:
            rows.append((name.replace("_", " "), value if isinstance(value, str) else _listed(name, value)))
    if scanned.reason is not None:
        rows.append(("reason", scanned.reason))
    parts = [table(platform, ("property", "value"), rows, format_), _layers_table(scanned, format_, longest)]
    summary = scanned.summary
    if summary is None:
        return parts
    evidence: list[tuple[str, tuple[str, ...], list[list[Any]]]] = [
        (
            "Largest files",
            ("size", "bytes", "path"),
            [[size_text(file.size), file.size, file.path] for file in summary.largest],
        ),
        (
            "Secrets, also in what later layers hide; published with a package: a test key",
            ("rule", "path", "layer", "hidden_by", "published_with"),
            [list(_secret_object(secret).values()) for secret in scanned.secrets or ()],
        ),
        (
            "Code for GPUs, as stored (--gpu sm_90: what of it is never loaded there)",
            *architecture_table(scanned.device_code or ()),
        ),
        (
            "Hidden by later layers, shipped all the same",
            ("size", "bytes", "path", "layer", "hidden_by", "cause"),
            [
                [size_text(file.bytes), file.bytes, file.path, file.layer + 1, file.hidden_by + 1, file.cause]
                for file in summary.wasted
            ],
        ),
        (
            "Duplicates: the same content several times",
            ("saves", "copies", "path", "and"),
            [
                [
                    short_size(group.wasted),
                    group.copies,
                    group.paths[0] if group.paths else None,
                    ", ".join(group.paths[1:3]),
                ]
                for group in summary.duplicates
            ],
        ),
        (
            "What is in it (removable: a running container usually does without)",
            ("rule", "group", "files", "size", "duplicates", "hidden", "removable"),
            [
                [
                    each.rule,
                    each.group,
                    each.files,
                    *map(short_size, (each.bytes, each.duplicate_bytes, each.hidden_bytes)),
                    each.removable,
                ]
                for each in scanned.contents or ()
            ],
        ),
    ]
    for title, columns, found in evidence:
        if found:
            most = len(found) if columns[0] == "rule" else _SHOWN
            parts.append(table(title, columns, found[:most], format_))
    return parts


def _layers_table(scanned: ScannedImage, format_: Format, longest: int | None) -> str:
    columns = ("layer", "size", "share", "compressed", "files", "wasted", "instruction", "digest", "status")
    total = scanned.layer_bytes
    rows = []
    for number, layer in enumerate(scanned.layers, 1):
        found = _layer_object(layer, number)
        stored = found["bytes"]
        share = None if stored is None or not total else f"{stored / total:.1%}"
        text = found["instruction_text"] or found["instruction"]
        if text is not None and longest is not None and len(text) > longest:
            text = text[: longest - 1] + "…"
        status = found["status"] if found["reason"] is None else f"{found['status']}: {found['reason']}"
        sizes = short_size(stored), share, short_size(found["compressed_bytes"])
        wasted = short_size(found["hidden_bytes"])
        rows.append((number, *sizes, found["files"], wasted, text, found["digest"][:SHOWN_DIGEST], status))
    return table("Layers, lowest first", columns, rows, format_)


def _property_rows(scanned: ScannedImage, top: str) -> Iterator[tuple[str, str | None]]:
    """The properties of the image as a whole, sizes first."""
    image, summary, total = scanned.image, scanned.summary, scanned.layer_bytes
    if str(image.digest) != top:
        yield "manifest", str(image.digest)
    yield "status", scanned.status
    yield "layers as stored", full_size(image.compressed_bytes)
    yield "layers uncompressed", full_size(total)
    yield from base_rows(scanned)
    if summary is not None:
        yield "a container sees", full_size(summary.bytes)
        share = f", {summary.wasted_bytes / total:.1%}" if total else ""
        yield "hidden by later layers", f"{full_size(summary.wasted_bytes)}{share}"
        yield "there more than once", full_size(summary.duplicate_bytes)
        counts = f"{summary.files:,} files, {summary.directories:,} directories"
        yield "entries", f"{counts}, {summary.max_depth} levels deep"
    if scanned.secrets_cut_short:
        yield "secrets", "a lower bound: a layer has more text than is searched"
    yield "configuration", full_size(image.config_bytes)
    yield "environment variables", None if scanned.env_count is None else str(scanned.env_count)


def _listed(name: str, values: Sequence[str]) -> str:
    return " ".join(values) if name in {"entrypoint", "command"} else ", ".join(values)
