"""What is inside images' layers, as rows of ``raw``: each distinct layer scanned once ever, each image summed up once.

Belongs here: which layers still have to be read, keeping what was found, and the rows. Does not: manifests
(``image_collection``), scanning (``clients.layer_pool``), counting (``study.layer``), files (``warehouse.layer_files``).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from dockml_dagster.clients.image_sources.opening import SourceRecipe
from dockml_dagster.clients.image_sources.reading import PlatformImage
from dockml_dagster.clients.image_union import ImageUnion, sum_up
from dockml_dagster.clients.layer_from_image import close_images, layer_task
from dockml_dagster.clients.layer_pool import LayerResult, LayerTask, Pending, ScanPool
from dockml_dagster.corpora.base import Outcome
from dockml_dagster.corpora.image_rows import Row, Rows, config_digest, failure, numbered
from dockml_dagster.study.advice.image import ImageFacts, advise_image, base_layers_of
from dockml_dagster.study.advice.model import Recommendation, Rule, Rules
from dockml_dagster.study.image_reference import Digest
from dockml_dagster.study.layer.content import ContentRule, ContentRules
from dockml_dagster.study.layer.model import LayerScan, TypeCount
from dockml_dagster.study.manifest import Descriptor
from dockml_dagster.warehouse.connection import make_folder
from dockml_dagster.warehouse.layer_files import LayerFiles

SCAN_VERSION: Final = "1"
"""Changes when the same layer would give other rows; known layers are then read again."""
SUMMARY_VERSION: Final = "2"
"""Changes when the same layers would give another summary of an image."""

_STAGE: Final = "layer_stats"
_MOST_LAYERS: Final = 512
"""Layers whose rows are merged at once, each an open file. Engines refuse images beyond 127."""
_SHOWN_PATHS: Final = 10
_BESIDE_BYTES: Final = 4 << 20
"""Rows of images that take this process as long to sum up as another takes to start."""


@dataclass(slots=True)
class Found:
    """What became of the layers of some images."""

    rows: Rows = field(default_factory=dict)
    outcomes: list[Outcome] = field(default_factory=list)
    """Of layers and images that could not be read, or not whole."""
    layers: int = 0
    """Distinct layers that were wanted."""
    failures: list[Outcome] = field(default_factory=list)
    """The outcomes of layers of which nothing is known."""


@dataclass(frozen=True, slots=True)
class ImageToScan:
    """One platform's image, under the reference by which the project names it, and how to open it."""

    reference: str
    image: PlatformImage
    recipe: SourceRecipe


class LayerReader:
    """Reads layers that are not known yet, and sums images up."""

    def __init__(
        self,
        files: LayerFiles,
        scratch: Path,
        rules: Sequence[ContentRule],
        advice: Rules,
        *,
        workers: int | None = None,
    ) -> None:
        """``scratch``: a folder for rows on their way; ``rules``: what to look for in images; ``advice``: what for."""
        self._files, self._scratch, self._workers = files, scratch, workers
        self._content, self._advice = ContentRules(rules), advice
        text = "\n".join("\t".join(map(str, rule)) for rule in (*rules, *map(_measured_by, advice.all)))
        self._summary_version = (
            f"{SCAN_VERSION}-{SUMMARY_VERSION}-{hashlib.sha256(text.encode()).hexdigest()[:12]}"
        )

    def known(self, images: Sequence[PlatformImage]) -> set[str]:
        """Digests of layers of these images that were read before, for whichever project or corpus."""
        digests = {str(layer.digest) for image in images for layer in image.layers}
        return {digest for digest in digests if self._files.layer(digest, SCAN_VERSION) is not None}

    def read(self, images: Sequence[ImageToScan]) -> Found:
        """Scan what is new and give the rows of everything. Whatever fails is an outcome, and the rest is complete."""
        make_folder(self._scratch)
        found = Found()
        with (
            TemporaryDirectory(prefix="layers-", dir=self._scratch) as folder,
            ScanPool(workers=self._workers) as pool,
        ):
            try:
                layers = self._layers(images, Path(folder), found, pool)
                self._layer_rows(images, layers, found)
                sums = self._sums(images, layers, Path(folder), pool)
                for image in images:
                    self._image_rows(image, layers, sums, found)
            finally:
                close_images()
        return found

    def _layers(
        self, images: Sequence[ImageToScan], folder: Path, found: Found, pool: ScanPool
    ) -> dict[str, dict[str, Any]]:
        """Digest → what is known of the layer, after scanning those of which nothing was known."""
        known: dict[str, dict[str, Any]] = {}
        tasks: dict[str, LayerTask] = {}
        for one in images:
            for layer in one.image.layers:
                digest = str(layer.digest)
                if digest in known or digest in tasks:
                    continue
                facts = self._files.layer(digest, SCAN_VERSION)
                if facts is None:
                    tasks[digest] = _verified_task(one.recipe, layer)
                else:
                    known[digest] = facts
        found.layers = len(known) + len(tasks)
        for result in pool.scan(tasks.values(), folder):
            problem = _problem(result)
            if problem is not None:
                found.outcomes.append(problem)
            facts = None if result.scan is None else _facts(result.scan)
            if facts is None or result.spool is None or not _may_be_kept(result.scan):
                if problem is not None:
                    found.failures.append(problem)
                continue
            self._files.keep_layer(
                result.key, SCAN_VERSION, result.spool, str(facts["layer"]["verified"]), facts
            )
            known[result.key] = facts
        return known

    def _layer_rows(
        self, images: Sequence[ImageToScan], layers: Mapping[str, dict[str, Any]], found: Found
    ) -> None:
        for reference in dict.fromkeys(one.reference for one in images):
            of_reference = [one.image for one in images if one.reference == reference]
            digests = dict.fromkeys(str(layer.digest) for image in of_reference for layer in image.layers)
            for digest in digests:
                if digest not in layers:
                    continue
                facts, of_layer = layers[digest], {"layer_digest": digest}
                for table, some in (
                    ("raw.layers", [facts["layer"]]),
                    ("raw.layer_file_types", facts["types"]),
                ):
                    rows = found.rows.setdefault(table, [])
                    rows += numbered(reference, digest, [{**of_layer, **row} for row in some])

    def _sums(
        self,
        images: Sequence[ImageToScan],
        layers: Mapping[str, dict[str, Any]],
        folder: Path,
        pool: ScanPool,
    ) -> dict[Digest, Pending[ImageUnion]]:
        """Digest → the sums of each image of which they are not known, several at once where that is worth it."""
        due: dict[Digest, tuple[PlatformImage, list[Path]]] = {}
        for image in (one.image for one in images):
            known = image.digest in due or self._files.image(str(image.digest), self._summary_version)
            if known or _not_merged(image, layers) is not None:
                continue
            spools = []
            for layer in image.layers:
                digest = str(layer.digest)
                # Where ``layer_worker`` puts the rows of a layer just scanned.
                spool = folder / (digest.replace(":", "-") + ".rows")
                spools.append(spool if spool.exists() else self._files.spool(digest, spool))
            due[image.digest] = image, spools
        if sum(spool.stat().st_size for _, spools in due.values() for spool in spools) > _BESIDE_BYTES:
            pool.reserve(len(due) - 1)  # this process sums up too
        return {
            digest: pool.start(
                sum_up, spools, self._content, self._advice, base_layers_of(image.config, len(spools))
            )
            for digest, (image, spools) in due.items()
        }

    def _image_rows(
        self,
        one: ImageToScan,
        layers: Mapping[str, dict[str, Any]],
        sums: dict[Digest, Pending[ImageUnion]],
        found: Found,
    ) -> None:
        image, subject = one.image, f"{one.reference}@{one.image.digest}"
        digests = [str(layer.digest) for layer in image.layers]
        reason = _not_merged(image, layers)
        if reason is not None:
            found.outcomes.append(Outcome(_STAGE, subject, "unreadable", reason))
            return
        facts = self._files.image(str(image.digest), self._summary_version)
        if facts is None:
            facts = self._facts_of(image, digests, sums.pop(image.digest).result())
            self._files.keep_image(str(image.digest), self._summary_version, facts)
        caps = sorted(
            {
                cap
                for digest in digests
                for cap in (layers[digest]["layer"]["censored"] or "").split(",")
                if cap
            }
        )
        facts["image_summaries"][0] |= {
            "status": "censored" if caps else "complete",
            "censored": ",".join(caps) or None,
        }
        common = {"manifest_digest": str(image.digest), "config_digest": config_digest(image)}
        for table, some in facts.items():
            rows = found.rows.setdefault(f"raw.{table}", [])
            rows += numbered(one.reference, str(image.digest), [{**common, **row} for row in some])

    def _facts_of(
        self, image: PlatformImage, digests: Sequence[str], union: ImageUnion
    ) -> dict[str, list[Row]]:
        rows = _summary_rows(union, digests)
        about = ImageFacts("", tuple(digests), base_layers_of(image.config, len(digests)), image.config)
        advised = advise_image(about, union.savings, self._advice)
        return {**rows, "image_advice": [_advice_row(item) for item in advised]}


def _not_merged(image: PlatformImage, layers: Mapping[str, dict[str, Any]]) -> str | None:
    """Why what a container sees of the image is not known; None: it can be."""
    digests = [str(layer.digest) for layer in image.layers]
    whole = {
        digest for digest in digests if digest in layers and layers[digest]["layer"]["status"] != "corrupt"
    }
    missing = sum(digest not in whole for digest in digests)
    if missing:
        return f"{missing} of {len(digests)} layers could not be read whole, so what a container sees is not known"
    if len(digests) > _MOST_LAYERS:
        return f"{len(digests)} layers, more than the {_MOST_LAYERS} that are merged"
    return None


def _measured_by(rule: Rule) -> tuple[object, ...]:
    """What of a recommendation changes its bytes; its words do not."""
    return rule.recommendation, rule.order, rule.triggers, rule.min_file_bytes


def _advice_row(item: Recommendation) -> Row:
    return {
        "recommendation": item.rule.recommendation,
        "saves_bytes": item.saves_bytes,
        "base_bytes": item.base_bytes,
        "files": item.files,
        "note": item.note or None,
        "evidence": [place.what for place in item.evidence],
        "paths": [place.path for place in item.evidence],
        "layers": [place.layer for place in item.evidence],
        "file_bytes": [place.bytes for place in item.evidence],
    }


def _verified_task(recipe: SourceRecipe, layer: Descriptor) -> LayerTask:
    """A scan of the whole layer that checks its digest whatever the source: what is kept is kept for every corpus.

    Never by a table of contents: nothing ties that to the digest but the word of whoever serves it, it knows no first
    bytes of files, and its hashes are of another algorithm than those of all other layers.
    """
    task = layer_task(recipe, layer, whole=True)
    if layer.digest.algorithm != "sha256":
        return task
    return replace(task, expected_digest=str(layer.digest), digest=True)


def _may_be_kept(scan: LayerScan | None) -> bool:
    """Whether the same layer would give the same again: verified, or stopped by a cap other than time."""
    if scan is None or scan.status == "mismatch" or scan.digest_holds is False:
        return False
    if scan.status == "corrupt":
        return scan.digest_holds is True
    return "seconds" not in scan.censored


def _problem(result: LayerResult) -> Outcome | None:
    """Why a layer was not read, or not whole; None: nothing was wrong."""
    scan = result.scan
    if scan is None:
        return failure(_STAGE, result.key, result.error or RuntimeError("no result"))
    if scan.status == "complete":
        return None
    if scan.status == "censored":
        return Outcome(
            _STAGE, result.key, "collected", f"censored: {scan.reason}", retryable="seconds" in scan.censored
        )
    return Outcome(_STAGE, result.key, "malformed", f"{scan.status}: {scan.reason}", scan.retryable)


def _facts(scan: LayerScan) -> dict[str, Any]:
    """What is known of a layer, as it is kept: columns of ``raw.layers`` and of ``raw.layer_file_types``."""
    summary = scan.summary
    layer = {
        "status": scan.status,
        "reason": scan.reason,
        "entries": summary.entries,
        "files": summary.files,
        "directories": summary.directories,
        "empty_directories": summary.empty_directories,
        "symlinks": summary.symlinks,
        "hardlinks": summary.hardlinks,
        "devices": summary.devices,
        "max_published_level": summary.max_published_level,
        "max_depth": summary.max_depth,
        "bytes": summary.bytes,
        "sparse_bytes": summary.sparse_bytes,
        "compressed_bytes": scan.compressed_bytes,
        "fetched_bytes": scan.fetched_bytes,
        "inflated_bytes": scan.inflated_bytes,
        "compression": scan.compression,
        "whiteouts": summary.whiteouts,
        "opaques": summary.opaques,
        "repeated_entries": summary.duplicate_entries,
        # A damaged layer was read to the damage: its counts are lower bounds like those of a cap.
        "censored": ",".join(scan.censored) or ("corrupt" if scan.status == "corrupt" else None),
        "verified": scan.verified,
        "content_hash_algorithm": scan.content_hash,
    }
    types = [
        {"extension": name, "files": files, "bytes": size, "bytes_mean": size / files if files else None}
        for name, files, size in summary.extensions
    ]
    return {"layer": layer, "types": types}


def _summary_rows(union: ImageUnion, digests: Sequence[str]) -> dict[str, list[Row]]:
    """Rows about an image by table, without what names it."""
    summary = union.summary
    columns = (
        "files directories implied_directories empty_directories symlinks hardlinks devices max_depth max_published_level "
        "bytes wasted_bytes wasted_files duplicate_bytes duplicate_files unhashed_files gini largest_percent_share"
    ).split()
    types: dict[str, Sequence[TypeCount]] = {
        "extension": summary.extensions,
        "magic": summary.file_types,
        "published_class": summary.published_classes,
    }
    return {
        "image_summaries": [
            {
                **{column: getattr(summary, column) for column in columns},
                "hash_algorithms": list(summary.hash_algorithms),
            }
        ],
        "image_layer_shares": [
            {
                "position": position,
                "layer_digest": digests[position],
                "visible_files": share.visible_files,
                "visible_bytes": share.visible_bytes,
                "hidden_files": share.hidden_files,
                "hidden_bytes": share.hidden_bytes,
                "hides_bytes": share.hides_bytes,
            }
            for position, share in enumerate(summary.layers)
        ],
        "image_contents": [
            {
                "rule": finding.rule,
                "rule_group": finding.group,
                "removable": finding.removable,
                "files": finding.files,
                "bytes": finding.bytes,
                "duplicate_bytes": finding.duplicate_bytes,
                "hidden_files": finding.hidden_files,
                "hidden_bytes": finding.hidden_bytes,
                "evidence": [file.path for file in finding.largest[:_SHOWN_PATHS]],
            }
            for finding in union.contents
        ],
        "image_file_types": [
            {"classification": classification, "file_type": name, "files": count, "bytes": size}
            for classification, counts in types.items()
            for name, count, size in counts
        ],
        "image_files": [
            {
                "path": file.path,
                "position": file.layer,
                "layer_digest": digests[file.layer],
                "bytes": file.bytes,
                "file_hash": file.content_hash,
                "extension": file.extension,
                "file_type": file.file_type,
                "hidden_by": file.hidden_by,
                "hidden_cause": file.cause,
            }
            for file in union.files
        ],
    }
