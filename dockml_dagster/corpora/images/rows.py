"""Images as rows of ``raw``: manifests, configurations, history, layers as listed.

Here: from a source's reading (``images.sources.reading``) to rows, and from errors to outcomes. Not here:
reading (``collection``), the content of layers (``layers``).

``source_file`` is the digest of the manifest (or layer) that a row was read from; ``source_row`` numbers its rows in the
table from 1. So an image that two projects name has the same source columns in both.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import PurePath
from typing import Any, Final

from dockml_dagster.clients.http.errors import (
    BrokenContentError,
    FetchError,
    ForbiddenError,
    GoneError,
    RefusedHostError,
    SettingError,
    TooLargeError,
    UnauthorizedError,
    UnsupportedError,
    redacted,
)
from dockml_dagster.corpora.base import Outcome, Stage, Status
from dockml_dagster.images.sources.reading import ImageReading, PlatformImage
from dockml_dagster.study.image.config import HistoryEntry, ImageConfig
from dockml_dagster.study.image.manifest import ContentKind, ImageManifest
from dockml_dagster.study.image.model_artifact import ModelArtifact
from dockml_dagster.study.image.reference import ImageReference, LocalImage
from dockml_dagster.study.layer.history import HistoryEntry as LayerHistoryEntry
from dockml_dagster.study.layer.history import instruction, split_base

Row = dict[str, Any]
Rows = dict[str, list[Row]]

_SHOWN_LABELS: Final = "org.opencontainers.image."
_LONGEST_LABEL: Final = 300


@dataclass(frozen=True, slots=True)
class NamedImage:
    """An image as a project names it.

    ``reference``: the text that identifies it in all tables (column ``reference``). ``origin``: where the project names it.
    ``location``: where it is read from, in the forms of ``study.image.reference.parse_location``, if that is not the
    reference itself. ``origin_row``, ``source_file``, ``source_row``: where the name was read, if known.
    """

    reference: str
    origin: str
    location: str | None = None
    origin_row: int | None = None
    source_file: str | None = None
    source_row: int | None = None


def reference_rows(
    images: Sequence[NamedImage], parsed: Mapping[str, ImageReference | LocalImage]
) -> list[Row]:
    """Rows of ``raw.image_references``; ``parsed``: reference → its parsed form, if valid."""
    rows = []
    for position, image in enumerate(images):
        row: Row = {
            "reference": image.reference,
            "origin": image.origin,
            "origin_row": image.origin_row,
            "position": position,
            "source_file": image.source_file,
            "source_row": image.source_row,
        }
        meaning = parsed.get(image.reference)
        if isinstance(meaning, ImageReference):
            row |= {
                "registry": str(meaning.registry),
                "repository": meaning.repository.path,
                "tag": str(meaning.tag) if meaning.tag else None,
                "digest": str(meaning.digest) if meaning.digest else None,
            }
        elif isinstance(meaning, LocalImage):
            row["tag"] = meaning.selector
        rows.append(row)
    return rows


def config_digest(image: PlatformImage) -> str:
    """Digest of the configuration; schema 1 manifests have none, so it is computed from their content."""
    manifest = image.manifest
    return str(manifest.config.digest if isinstance(manifest, ImageManifest) else image.digest)


def manifest_rows(reference: str, reading: ImageReading) -> Rows:
    """Rows of ``raw.manifests``, ``raw.image_configs``, ``raw.image_history``, ``raw.image_layers``, and of models
    ``raw.model_artifacts`` and ``raw.model_files``.

    One manifest per platform. Models, artifacts and attestations that were read are manifests too, marked by ``kind``.
    The platform is the index's, or else the configuration's.
    """
    tables = "manifests image_configs image_history image_layers model_artifacts model_files"
    rows: Rows = {name: [] for name in tables.split()}
    for image in reading.images:
        of_image: Rows = {"manifests": [_manifest(reading, image)]}
        if image.kind is ContentKind.IMAGE:
            of_image["image_layers"] = _layers(image)
            if image.config is not None:
                of_image["image_configs"] = [_config(image, image.config)]
                history = enumerate(image.config.history or ())
                of_image["image_history"] = [_history(image, position, entry) for position, entry in history]
        if image.model is not None:
            of_image |= model_rows(image, image.model)
        for table, found in of_image.items():
            rows[table] += numbered(reference, str(image.digest), found)
    return {f"raw.{table}": found for table, found in rows.items()}


def numbered(reference: str, digest: str, rows: Iterable[Row]) -> list[Row]:
    """Rows read from one document under a reference, with its digest as source and numbered."""
    return [
        {"reference": reference, "source_file": digest, "source_row": number, **row}
        for number, row in enumerate(rows, start=1)
    ]


def _manifest(reading: ImageReading, image: PlatformImage) -> Row:
    manifest, platform = image.manifest, image.platform
    own = isinstance(manifest, ImageManifest)
    return {
        # A manifest made for an archive without one exists nowhere else, but its digest is stable.
        "manifest_digest": str(image.digest),
        "index_digest": str(reading.digest) if reading.digest != image.digest else None,
        "kind": str(image.kind),
        "media_type": manifest.media_type,
        "schema_version": 2 if own else 1,
        "architecture": platform.architecture if platform else None,
        "os": platform.os if platform else None,
        "variant": platform.variant if platform else None,
        "os_version": platform.os_version if platform else None,
        "manifest_bytes": image.manifest_bytes,
        "config_digest": config_digest(image),
        "config_media_type": manifest.config.media_type if isinstance(manifest, ImageManifest) else None,
        "config_bytes": image.config_bytes,
        "layers": len(image.layers),
        "compressed_bytes": image.compressed_bytes,
    }


def model_rows(image: PlatformImage, model: ModelArtifact) -> Rows:
    """The row of a model and one row for each of its files, without the columns of the reference."""
    of_model: Row = {"manifest_digest": str(image.digest)}
    about = {
        "packaging": model.packaging.value,
        "model_format": model.format,
        "architecture": model.architecture,
        "parameters": model.parameters,
        "parameter_count": model.parameter_count,
        "quantization": model.quantization,
    }
    files = [
        {
            **of_model,
            "position": position,
            "file_role": file.role.value,
            "path": file.path,
            "media_type": file.media_type,
            "file_format": file.format,
            "file_digest": file.digest,
            "bytes": file.bytes,
        }
        for position, file in enumerate(model.files)
    ]
    return {"model_artifacts": [of_model | about], "model_files": files}


def _layers(image: PlatformImage) -> list[Row]:
    config, count = image.config, len(image.layers)
    history = (config.history if config else None) or ()
    made = [index for index, entry in enumerate(history) if not entry.empty_layer]
    # A wrong match of layer and instruction is worse than none (squashed images, tools that write no history).
    places: Sequence[int | None] = made if len(made) == count else [None] * count
    diff_ids = config.diff_ids if config and config.diff_ids and len(config.diff_ids) == count else None
    split = split_base(
        [LayerHistoryEntry(entry.created_by or "", entry.empty_layer) for entry in history],
        [str(diff_id) for diff_id in diff_ids or ()],
    )
    rows = []
    for position, (layer, place) in enumerate(zip(image.layers, places, strict=True)):
        made_by = history[place].created_by if place is not None else None
        rows.append(
            {
                "manifest_digest": str(image.digest),
                "config_digest": config_digest(image),
                "position": position,
                "layer_digest": str(layer.digest),
                "diff_id": str(diff_ids[position]) if diff_ids else None,
                "media_type": layer.media_type,
                "compressed_bytes": layer.size,
                "history_position": place,
                "instruction": instruction(made_by) if made_by else None,
                "before_last_start": None if split is None else position < split.layers,
            }
        )
    return rows


def _config(image: PlatformImage, config: ImageConfig) -> Row:
    unreadable = {problem.partition(" ")[0] for problem in config.problems}
    env = () if config.env is None and not any("Env" in problem for problem in unreadable) else config.env
    return {
        "config_digest": config_digest(image),
        "config_bytes": image.config_bytes,
        "architecture": config.platform.architecture,
        "os": config.platform.os,
        "variant": config.platform.variant,
        "created": moment(config.created),
        "user_name": config.user or None,
        "env_count": None if env is None else len(env),
        "env_names": None if env is None else [name for name, _ in env],
        "cmd": list(config.cmd) if config.cmd else None,
        "entrypoint": list(config.entrypoint) if config.entrypoint else None,
        "volumes": list(config.volumes) if config.volumes else None,
        "working_dir": config.working_dir or None,
        "labels": _labels(config.labels),
        "rootfs_layers": None if config.diff_ids is None else len(config.diff_ids),
        "rootfs_diff_ids": None if config.diff_ids is None else [str(diff_id) for diff_id in config.diff_ids],
        "fields_complete": not config.problems,
    }


def _labels(labels: Mapping[str, str] | None) -> str | None:
    """Names of labels as JSON, with values only for labels that the OCI specification defines; others may hold secrets."""
    if not labels:
        return None
    shown = {
        name: redacted(value)[:_LONGEST_LABEL] if name.startswith(_SHOWN_LABELS) else None
        for name, value in labels.items()
    }
    return json.dumps(shown, sort_keys=True, ensure_ascii=False)


def _history(image: PlatformImage, position: int, entry: HistoryEntry) -> Row:
    return {
        "config_digest": config_digest(image),
        "position": position,
        "created": moment(entry.created),
        "created_by": entry.created_by,
        "empty_layer": entry.empty_layer,
        "comment": entry.comment,
    }


def moment(text: str | None) -> datetime | None:
    """A time of RFC 3339 as UTC without zone, as everywhere in the warehouse; None if it is no time."""
    try:
        found = datetime.fromisoformat(_microseconds(text or ""))
        return found.astimezone(UTC).replace(tzinfo=None) if found.tzinfo else found
    except (ValueError, OverflowError):
        return None


def _microseconds(text: str) -> str:
    """Go writes nanoseconds, which ``datetime`` refuses before Python 3.11 and truncates since; this truncates always."""
    head, dot, tail = text.partition(".")
    digits = tail[: len(tail) - len(tail.lstrip("0123456789"))]
    return head + (f".{digits[:6].ljust(6, '0')}" if dot and digits else "") + tail[len(digits) :]


_STATUSES: Final[tuple[tuple[type[FetchError], Status], ...]] = (
    (GoneError, "gone"),
    (SettingError, "gone"),  # the named folder or archive does not exist, or has no such image
    (UnauthorizedError, "not_available"),
    (ForbiddenError, "not_available"),
    (RefusedHostError, "not_available"),
    (TooLargeError, "unreadable"),
    (UnsupportedError, "unreadable"),
    (BrokenContentError, "malformed"),
)


def failure(stage: Stage, subject: str, error: Exception) -> Outcome:
    """An error of one image or layer as an outcome; the reason begins with the error's stable code."""
    if not isinstance(error, FetchError):
        # A bug of dockml or a lack of memory: reported as it is, and worth another try.
        return Outcome(stage, subject, "failed", f"{type(error).__name__}: {error}", retryable=True)
    status: Status = next((found for kind, found in _STATUSES if isinstance(error, kind)), "failed")
    at = None if error.retry_after is None else time.time() + error.retry_after
    problem = error.problem
    if isinstance(error, SettingError) and error.subject and error.subject not in subject:
        # Only the last part of the path: the location of a home must not get into findings.
        problem = f"{problem}: {PurePath(error.subject).name}"
    return Outcome(stage, subject, status, f"{error.reason}: {problem}", error.retryable, at)


def stage_outcome(stage: Stage, what: str, wanted: int, failures: Sequence[Outcome]) -> Outcome:
    """The outcome of the whole stage on ``wanted`` images or layers (``what``: the plural noun).

    `collected` if anything was read; with ``retryable`` if some of it may be read later, which makes the stage due again.
    """
    again = any(one.retryable for one in failures)
    at = min((one.retry_at for one in failures if one.retry_at is not None), default=None)
    if not failures:
        return Outcome(stage, "", "collected")
    if len(failures) < wanted:
        reason = f"{len(failures)} of {wanted} {what} could not be read"
        return Outcome(stage, "", "collected", reason, again, at)
    first = next((one for one in failures if one.retryable), failures[0])
    reason = f"none of {wanted} {what} could be read: {first.reason}"
    return Outcome(stage, "", "failed" if again else first.status, reason, again, at)
