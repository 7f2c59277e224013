"""A layer of an image, wherever the image is, as what a scanning process opens (``layer_worker.LayerSource``).

Here: how a layer crosses to another process (a recipe, no connection, no login) and that a process opens each image
once, so that a registry is asked for one token a process and an archive is indexed once. Not here: the processes
(``layer_pool``), the sources (``image_sources``).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from dockml_dagster.clients.image_sources.interface import ImageSource
from dockml_dagster.clients.image_sources.opening import SourceRecipe
from dockml_dagster.clients.layer_worker import LayerTask
from dockml_dagster.study.image_reference import Digest
from dockml_dagster.study.layer.inflate import ByteStream
from dockml_dagster.study.manifest import Descriptor

_OPEN: dict[SourceRecipe, ImageSource] = {}


@dataclass(frozen=True, slots=True)
class LayerOfImage:
    """The stored bytes of one layer. Raises FetchError from ``open`` and from reading."""

    recipe: SourceRecipe
    descriptor: Descriptor

    @contextmanager
    def open(self) -> Iterator[ByteStream]:
        """The bytes, not verified where the scanner computes the very digest that names them (SHA-256)."""
        source = _OPEN.get(self.recipe)
        if source is None:
            source = _OPEN[self.recipe] = self.recipe.open()
        with source.open_layer(self.descriptor, verify=not _is_sha256(self.descriptor.digest)) as stream:
            yield stream


def layer_task(recipe: SourceRecipe, descriptor: Descriptor) -> LayerTask:
    """What the pool needs to scan the layer: keyed by digest, so that equal layers are scanned once."""
    digest = str(descriptor.digest)
    return LayerTask(
        key=digest,
        source=LayerOfImage(recipe, descriptor),
        size=descriptor.size,
        expected_digest=digest if _is_sha256(descriptor.digest) else None,
        digest=_is_sha256(descriptor.digest),
    )


def close_images() -> None:
    """Let go of what layers were read from in this process; scanning processes end with theirs open."""
    while _OPEN:
        _, source = _OPEN.popitem()
        source.close()


def _is_sha256(digest: Digest) -> bool:
    return digest.algorithm == "sha256"
