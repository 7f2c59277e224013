"""What ``scan-image`` found: a reference, its platforms' images, their layers.

Here: frozen values, and what follows from them alone. Not here: how they come about (``scan_image``), how they are
printed (``scan_image_output``).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from dockml_dagster.clients.http.errors import FetchError
from dockml_dagster.images.sources.reading import ImageReading, PlatformFailure, PlatformImage
from dockml_dagster.study.advice.image import base_layers_of
from dockml_dagster.study.device_code.image import ImageDeviceFile
from dockml_dagster.study.image.base_by_layers import BaseByLayers
from dockml_dagster.study.image.manifest import Descriptor
from dockml_dagster.study.image.model_artifact import ModelArtifact
from dockml_dagster.study.layer.content import ContentFinding
from dockml_dagster.study.layer.image import ImageSummary, LayerShare
from dockml_dagster.study.layer.model import Cap, LayerScan, LayerSummary
from dockml_dagster.study.packages.inventory import Inventory, PackageTally
from dockml_dagster.study.secrets.image import ImageSecret

LayerStatus = Literal["complete", "censored", "corrupt", "mismatch", "unreadable"]


@dataclass(frozen=True, slots=True)
class ScannedLayer:
    """One layer of one image. ``share``: what it contributes to that image; None where the image has no union."""

    descriptor: Descriptor
    instruction: str | None
    """The Dockerfile keyword that made it."""
    text: str | None
    """The whole instruction on one line, secrets masked (``study.image.instruction_text``)."""
    status: LayerStatus
    """As ``LayerScan.status``; `unreadable`: the bytes did not come."""
    reason: str | None
    code: str | None
    """What went wrong in one word, as of ``clients/errors``; None: nothing did."""
    retryable: bool
    scan: LayerScan | None
    share: LayerShare | None

    @property
    def summary(self) -> LayerSummary | None:
        """The counts: a lower bound where ``status`` is `censored` or `corrupt`. None: unknown."""
        if self.scan is None or self.status == "mismatch" or self.scan.digest_holds is False:
            return None
        return self.scan.summary

    @property
    def digest_verified(self) -> bool:
        """Whether all stored bytes were read and have the digest that names them."""
        scan = self.scan
        if scan is not None and scan.verified == "toc":
            return False
        if scan is None or self.descriptor.digest.algorithm == "sha256":
            return scan is not None and scan.digest_holds is True
        return scan.status == "complete" and scan.digest is not None  # the stream verified it at its end

    @property
    def censored(self) -> tuple[Cap, ...]:
        """Caps that were hit."""
        return () if self.scan is None else self.scan.censored

    @property
    def is_read(self) -> bool:
        """Whether its rows may be merged with those of other layers."""
        return self.status in {"complete", "censored"}


@dataclass(frozen=True, slots=True)
class ScannedImage:
    """One platform's image. ``summary`` and ``contents``: None where a layer could not be read."""

    image: PlatformImage
    layers: tuple[ScannedLayer, ...]
    summary: ImageSummary | None
    contents: tuple[ContentFinding, ...] | None
    reason: str | None
    """Why there is no summary, in one line."""
    inventory: Inventory | None = None
    """Its packages. None: not asked for, or unknown."""
    inventory_reason: str | None = None
    """Why the packages, what secrets there are and what code for GPUs are unknown, in one line."""
    secrets: tuple[ImageSecret, ...] | None = None
    """Files of its layers that hold a secret. None: unknown."""
    secrets_cut_short: bool = False
    """Whether some layer had more to search for them than is searched."""
    device_code: tuple[ImageDeviceFile, ...] | None = None
    """Files of its layers that have code for GPUs. None: unknown."""
    base: BaseByLayers | None = None
    """The images seen before whose layers are its lowest ones. None: none was seen."""
    tally: PackageTally | None = None
    """What tells whose each of its files is. None: not asked for, or unknown."""

    @property
    def status(self) -> Literal["complete", "censored", "incomplete"]:
        """`censored`: a cap was hit, in a layer (the figures are lower bounds) or on its links. `incomplete`: no summary."""
        if self.summary is None:
            return "incomplete"
        cut = self.summary.censored or any(layer.status == "censored" for layer in self.layers)
        return "censored" if cut else "complete"

    @property
    def layer_bytes(self) -> int | None:
        """What all layers hold, uncompressed, seen and unseen. None: of one it is unknown."""
        sizes = [None if layer.summary is None else layer.summary.bytes for layer in self.layers]
        return None if None in sizes else sum(size or 0 for size in sizes)

    @property
    def base_layers(self) -> int:
        """How many of the lowest layers came with the base image, as the history reads; 0 where it does not tell."""
        return base_layers_of(self.image.config, len(self.layers))

    @property
    def env_count(self) -> int | None:
        """Environment variables the configuration sets. None: no configuration, or one that cannot be understood."""
        config = self.image.config
        if config is None or (config.env is None and any("Env" in problem for problem in config.problems)):
            return None
        return len(config.env or ())


@dataclass(frozen=True, slots=True)
class ScannedReference:
    """What became of one name. ``error``: nothing of it could be read, then ``reading`` is None."""

    name: str
    reading: ImageReading | None
    images: tuple[ScannedImage, ...]
    others: tuple[PlatformImage, ...]
    """Manifests that hold no image (models, artifacts): named, not scanned."""
    error: FetchError | None

    @property
    def models(self) -> tuple[tuple[PlatformImage, ModelArtifact], ...]:
        """Those of ``others`` that hold a model, with what is known of it."""
        return tuple((other, other.model) for other in self.others if other.model is not None)

    @property
    def failures(self) -> tuple[PlatformFailure, ...]:
        """Platforms whose manifest or configuration could not be read."""
        return () if self.reading is None else self.reading.failures
