"""What ``scan-image`` found: a reference, its platforms' images, their layers.

Here: frozen values, and properties that follow from them alone. Not here: how they are made (``scan``), how they are
printed (``output``).
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
    """One layer of one image. ``share``: its part of that image's content; None if the layers could not be merged."""

    descriptor: Descriptor
    instruction: str | None
    """The Dockerfile keyword that made it."""
    text: str | None
    """The whole instruction on one line, secrets masked (``study.image.instruction_text``)."""
    status: LayerStatus
    """As ``LayerScan.status``; `unreadable`: its bytes could not be fetched."""
    reason: str | None
    code: str | None
    """A code for what went wrong, as in ``clients/http/errors``; None: nothing did."""
    retryable: bool
    scan: LayerScan | None
    share: LayerShare | None

    @property
    def summary(self) -> LayerSummary | None:
        """The counts; lower bounds where ``status`` is `censored` or `corrupt`. None: unknown."""
        if self.scan is None or self.status == "mismatch" or self.scan.digest_holds is False:
            return None
        return self.scan.summary

    @property
    def digest_verified(self) -> bool:
        """Whether all stored bytes were read and match the layer's digest."""
        scan = self.scan
        if scan is not None and scan.verified == "toc":
            return False
        if scan is None or self.descriptor.digest.algorithm == "sha256":
            return scan is not None and scan.digest_holds is True
        return scan.status == "complete" and scan.digest is not None  # the stream verified it at its end

    @property
    def censored(self) -> tuple[Cap, ...]:
        """The limits that were hit."""
        return () if self.scan is None else self.scan.censored

    @property
    def is_read(self) -> bool:
        """Whether its rows may be merged with those of other layers."""
        return self.status in {"complete", "censored"}


@dataclass(frozen=True, slots=True)
class ScannedImage:
    """One platform's image. ``summary`` and ``contents``: None if a layer could not be read."""

    image: PlatformImage
    layers: tuple[ScannedLayer, ...]
    summary: ImageSummary | None
    contents: tuple[ContentFinding, ...] | None
    reason: str | None
    """Why there is no summary, in one line."""
    inventory: Inventory | None = None
    """Its packages. None: not requested, or unknown."""
    inventory_reason: str | None = None
    """Why packages, secrets and GPU code are unknown, in one line."""
    secrets: tuple[ImageSecret, ...] | None = None
    """Files of its layers that hold a secret. None: unknown."""
    secrets_cut_short: bool = False
    """Whether a layer had more content than the search for secrets covers."""
    device_code: tuple[ImageDeviceFile, ...] | None = None
    """Files of its layers that hold GPU code. None: unknown."""
    base: BaseByLayers | None = None
    """Images seen earlier whose layers are its lowest ones. None: no such image."""
    tally: PackageTally | None = None
    """Assigns its files to packages. None: not requested, or unknown."""

    @property
    def status(self) -> Literal["complete", "censored", "incomplete"]:
        """`censored`: a limit was hit, in a layer (figures are lower bounds) or on links. `incomplete`: no summary."""
        if self.summary is None:
            return "incomplete"
        cut = self.summary.censored or any(layer.status == "censored" for layer in self.layers)
        return "censored" if cut else "complete"

    @property
    def layer_bytes(self) -> int | None:
        """The uncompressed content of all layers, hidden files included. None: unknown for at least one."""
        sizes = [None if layer.summary is None else layer.summary.bytes for layer in self.layers]
        return None if None in sizes else sum(size or 0 for size in sizes)

    @property
    def base_layers(self) -> int:
        """How many of the lowest layers came with the base image, judged by the history; 0 if it does not show."""
        return base_layers_of(self.image.config, len(self.layers))

    @property
    def env_count(self) -> int | None:
        """Environment variables the configuration sets. None: no configuration, or an invalid one."""
        config = self.image.config
        if config is None or (config.env is None and any("Env" in problem for problem in config.problems)):
            return None
        return len(config.env or ())


@dataclass(frozen=True, slots=True)
class ScannedReference:
    """The result for one name. ``error``: why nothing could be read; ``reading`` is then None."""

    name: str
    reading: ImageReading | None
    images: tuple[ScannedImage, ...]
    others: tuple[PlatformImage, ...]
    """Manifests that hold no image (models, artifacts): named, not scanned."""
    error: FetchError | None

    @property
    def models(self) -> tuple[tuple[PlatformImage, ModelArtifact], ...]:
        """Those of ``others`` that hold a model, with the model."""
        return tuple((other, other.model) for other in self.others if other.model is not None)

    @property
    def failures(self) -> tuple[PlatformFailure, ...]:
        """Platforms whose manifest or configuration could not be read."""
        return () if self.reading is None else self.reading.failures
