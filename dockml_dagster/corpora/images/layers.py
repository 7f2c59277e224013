"""The content of layers as rows of ``raw``: each distinct layer scanned once ever, each image summarised once.

Here: which layers still have to be read, and storing the results. Not here: manifests (``collection``), the form of rows
(``layer_rows``), scanning (``images.scanning.pool``), counting (``study.layer``), files
(``warehouse.layer_files``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from dockml_dagster.corpora.base import Outcome
from dockml_dagster.corpora.images.layer_rows import layer_facts, summary_rows
from dockml_dagster.corpora.images.rows import Rows, config_digest, failure, numbered
from dockml_dagster.corpora.images.versions import summary_version
from dockml_dagster.images.scanning.kept_inside import from_json, to_json
from dockml_dagster.images.scanning.pool import LayerResult, LayerTask, Pending, ScanPool
from dockml_dagster.images.scanning.task import close_images, layer_task
from dockml_dagster.images.scanning.union import ImageUnion, LayersInside, sum_up
from dockml_dagster.images.seen import SeenImages
from dockml_dagster.images.sources.opening import SourceRecipe
from dockml_dagster.images.sources.reading import PlatformImage
from dockml_dagster.study.advice.image import ImageFacts, base_layers_of
from dockml_dagster.study.advice.model import Rules
from dockml_dagster.study.deadline import OutOfTimeError
from dockml_dagster.study.image.base_by_layers import SeenImage
from dockml_dagster.study.image.manifest import Descriptor
from dockml_dagster.study.image.reference import Digest
from dockml_dagster.study.layer.content import ContentRule, ContentRules
from dockml_dagster.study.layer.model import SCAN_VERSION, LayerScan
from dockml_dagster.study.packages.families import FamilyRule
from dockml_dagster.warehouse.layer_files import LayerFiles
from dockml_dagster.warehouse.opening import make_folder

_STAGE: Final = "layer_stats"
_MOST_LAYERS: Final = 512
"""Most layers that are merged at once, each an open file. Engines refuse images with more than 127."""
_BESIDE_BYTES: Final = 4 << 20
"""Bytes of rows that this process summarises in the time that another process needs to start."""


@dataclass(slots=True)
class Found:
    """The results for the layers of some images."""

    rows: Rows = field(default_factory=dict)
    outcomes: list[Outcome] = field(default_factory=list)
    """For layers and images that could not be read, or not fully."""
    layers: int = 0
    """Number of distinct layers wanted."""
    failures: list[Outcome] = field(default_factory=list)
    """The outcomes of layers without any result."""


@dataclass(frozen=True, slots=True)
class ImageToScan:
    """One platform's image, the reference by which the project names it, and how to open it."""

    reference: str
    image: PlatformImage
    recipe: SourceRecipe


class LayerReader:
    """Reads layers that are not known yet, and summarises images."""

    def __init__(
        self,
        files: LayerFiles,
        scratch: Path,
        rules: Sequence[ContentRule],
        advice: Rules,
        families: Sequence[FamilyRule],
        *,
        workers: int | None = None,
        again: bool = False,
    ) -> None:
        """``scratch``: a folder for temporary rows; ``rules``: what to look for in images; ``advice``: the recommendations;
        ``families``: which packages belong together. ``again``: layers read by a version that did not look into files are
        read again.
        """
        self._again = again
        self._files, self._scratch, self._workers = files, scratch, workers
        self._content, self._advice, self._families = ContentRules(rules), advice, tuple(families)
        self._seen = SeenImages(scratch / "seen")
        self._summary_version = summary_version(rules, advice, families)

    def known(self, images: Sequence[PlatformImage]) -> set[str]:
        """Digests of layers of these images that were read before, for any project or corpus."""
        digests = {str(layer.digest) for image in images for layer in image.layers}
        return {digest for digest in digests if self._known_layer(digest) is not None}

    def _known_layer(self, digest: str) -> dict[str, Any] | None:
        facts = self._files.layer(digest, SCAN_VERSION)
        if facts is None or not self._again or (facts.get("inside") or {}).get("device_code") is not None:
            return facts
        return None

    def read(self, images: Sequence[ImageToScan]) -> Found:
        """Scan new layers and return the rows of all. A failure becomes an outcome; the rest is complete."""
        make_folder(self._scratch)
        for one in images:
            platform = None if one.image.platform is None else str(one.image.platform)
            self._seen.add(SeenImage(one.reference, str(one.image.digest), platform), one.image.stacks)
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
        """Digest → the facts about the layer, after scanning the unknown ones."""
        known: dict[str, dict[str, Any]] = {}
        tasks: dict[str, LayerTask] = {}
        for one in images:
            for layer in one.image.layers:
                digest = str(layer.digest)
                if digest in known or digest in tasks:
                    continue
                facts = self._known_layer(digest)
                if facts is None:
                    tasks[digest] = _verified_task(one.recipe, layer)
                else:
                    known[digest] = facts
        found.layers = len(known) + len(tasks)
        with closing(self._files.claims()) as claims:
            while tasks:
                mine = claims.take(tasks)
                to_scan = []
                for digest in mine:
                    task = tasks.pop(digest)
                    # The process that held the claim before may have read the layer meanwhile.
                    facts = self._known_layer(digest)
                    if facts is None:
                        to_scan.append(task)
                    else:
                        known[digest] = facts
                        claims.give_back(digest)
                for result in pool.scan(to_scan, folder):
                    facts = self._kept(result, found)
                    claims.give_back(result.key)
                    if facts is not None:
                        known[result.key] = facts
        return known

    def _kept(self, result: LayerResult, found: Found) -> dict[str, Any] | None:
        """The facts about a scanned layer, after storing them; None if there are none, with the reason in ``found``."""
        problem = _problem(result)
        if problem is not None:
            found.outcomes.append(problem)
        facts = None if result.scan is None else layer_facts(result.scan)
        if facts is not None:
            facts["inside"] = None if result.inside is None else to_json(result.inside)
        if facts is None or result.spool is None or not _may_be_kept(result.scan):
            if problem is not None:
                found.failures.append(problem)
            return None
        self._files.keep_layer(result.key, SCAN_VERSION, result.spool, str(facts["layer"]["verified"]), facts)
        return facts

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
        """Digest → the summary of each image without one, several computed at once where that pays off."""
        due: dict[Digest, tuple[PlatformImage, list[Path]]] = {}
        for image in (one.image for one in images):
            known = image.digest in due or self._known_sums(image, layers)
            if known or _not_merged(image, layers) is not None:
                continue
            spools = []
            for layer in image.layers:
                digest = str(layer.digest)
                # The worker's file with the rows of a layer just scanned.
                spool = folder / (digest.replace(":", "-") + ".rows")
                spools.append(spool if spool.exists() else self._files.spool(digest, spool))
            due[image.digest] = image, spools
        if sum(spool.stat().st_size for _, spools in due.values() for spool in spools) > _BESIDE_BYTES:
            pool.reserve(len(due) - 1)  # this process summarises too
        return {
            digest: pool.start(
                sum_up, spools, self._content, self._advice, _about(image), self._inside(image, layers)
            )
            for digest, (image, spools) in due.items()
        }

    def _inside(self, image: PlatformImage, layers: Mapping[str, dict[str, Any]]) -> LayersInside:
        return LayersInside(
            tuple(from_json(layers[str(layer.digest)].get("inside")) for layer in image.layers),
            tuple(layer.size for layer in image.layers),
            self._families,
        )

    def _known_sums(
        self, image: PlatformImage, layers: Mapping[str, dict[str, Any]]
    ) -> dict[str, Any] | None:
        """The stored summary of an image. None: there is none, or it lacks packages although all of its layers have them
        by now, or it is to be computed again.
        """
        facts = self._files.image(str(image.digest), self._summary_version)
        if facts is None or (not self._again and facts["image_summaries"][0]["packages"] is not None):
            return facts
        told = [layers.get(str(layer.digest), {}).get("inside") is not None for layer in image.layers]
        return None if told and all(told) else facts

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
        facts = self._known_sums(image, layers)
        if facts is None:
            try:
                facts = summary_rows(sums.pop(image.digest).result(), digests)
            except OutOfTimeError as error:
                found.outcomes.append(Outcome(_STAGE, subject, "unreadable", str(error)))
                return
            self._files.keep_image(str(image.digest), self._summary_version, facts)
        own = facts["image_summaries"][0]["censored"]
        said = [] if own is None else [f"links not followed ({own})"]
        if any((layers[digest].get("inside") or {}).get("secrets_cut_short") for digest in digests):
            said.append("not every file was searched for secrets")
        if said:
            found.outcomes.append(Outcome(_STAGE, subject, "collected", f"censored: {'; '.join(said)}"))
        cut = [own, *(layers[digest]["layer"]["censored"] for digest in digests)]
        caps = sorted({cap for each in cut for cap in (each or "").split(",") if cap})
        facts["image_summaries"][0] |= {
            "status": "censored" if caps else "complete",
            "censored": ",".join(caps) or None,
        }
        common = {"manifest_digest": str(image.digest), "config_digest": config_digest(image)}
        for table, some in facts.items():
            rows = found.rows.setdefault(f"raw.{table}", [])
            rows += numbered(one.reference, str(image.digest), [{**common, **row} for row in some])


def _about(image: PlatformImage) -> ImageFacts:
    digests = tuple(str(layer.digest) for layer in image.layers)
    return ImageFacts("", digests, base_layers_of(image.config, len(digests)), image.config)


def _not_merged(image: PlatformImage, layers: Mapping[str, dict[str, Any]]) -> str | None:
    """Why the image's layers cannot be merged; None if they can."""
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


def _verified_task(recipe: SourceRecipe, layer: Descriptor) -> LayerTask:
    """A scan of the whole layer that verifies its digest, whatever the source: the result is stored for every corpus.

    Never by a table of contents: only the server vouches that it belongs to the digest, it lacks the first bytes of files,
    and its hashes use another algorithm than those of other layers.
    """
    task = layer_task(recipe, layer, whole=True)
    if layer.digest.algorithm != "sha256":
        return task
    return replace(task, expected_digest=str(layer.digest), digest=True)


def _may_be_kept(scan: LayerScan | None) -> bool:
    """Whether a new scan would give the same result: the layer was verified, or stopped by a limit other than time."""
    if scan is None or scan.status == "mismatch" or scan.digest_holds is False:
        return False
    if scan.status == "corrupt":
        return scan.digest_holds is True
    return "seconds" not in scan.censored


def _problem(result: LayerResult) -> Outcome | None:
    """Why a layer was not read, or not fully; None if it was."""
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
