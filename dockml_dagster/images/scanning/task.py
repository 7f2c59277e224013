"""A layer of an image, wherever the image is, as what a scanning process opens (``worker.LayerSource``).

Here: how a layer crosses to another process (a recipe, no connection, no login) and that a process opens each image
once, so that a registry is asked for one token a process and an archive is indexed once. Not here: the processes
(``pool``), the sources (``images.sources``).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dockml_dagster.clients.http.errors import GoneError
from dockml_dagster.images.scanning.worker import LayerTask
from dockml_dagster.images.sources.opening import SourceRecipe
from dockml_dagster.study.image.manifest import Descriptor
from dockml_dagster.study.image.media_types import is_foreign_layer
from dockml_dagster.study.image.reference import Digest, ImageReference, LocalForm, LocalImage
from dockml_dagster.study.layer.inflate import ByteStream

if TYPE_CHECKING:
    from dockml_dagster.images.sources.interface import ImageSource

_OPEN: dict[SourceRecipe, ImageSource] = {}


@dataclass(frozen=True, slots=True)
class LayerOfImage:
    """The stored bytes of one layer. Raises FetchError from ``open`` and from reading."""

    recipe: SourceRecipe
    descriptor: Descriptor

    @contextmanager
    def open(self) -> Iterator[ByteStream]:
        """The bytes, not verified where the scanner computes the very digest that names them (SHA-256)."""
        verify = not _is_sha256(self.descriptor.digest)
        try:
            opened = self._source().open_layer(self.descriptor, verify=verify)
        except GoneError as error:
            if not is_foreign_layer(self.descriptor.media_type):
                raise
            raise GoneError("a foreign layer, kept by its vendor", subject=error.subject) from None
        with opened as stream:
            yield stream

    def read_range(self, start: int, length: int) -> bytes:
        """A part of the bytes, unverified."""
        return self._source().read_range(self.descriptor, start, length)

    def _source(self) -> ImageSource:
        source = _OPEN.get(self.recipe)
        if source is None:
            source = _OPEN[self.recipe] = self.recipe.open()
        return source


def layer_task(
    recipe: SourceRecipe, descriptor: Descriptor, *, diff_id: Digest | None = None, whole: bool = False
) -> LayerTask:
    """What the pool needs to scan the layer: keyed by digest, so that equal layers are scanned once.

    A layer in a registry is read by its table of contents where the manifest vouches for one, unless ``whole``;
    what lies on this machine is cheap to read whole. ``diff_id``: verify that the layer inflates to it; the key is
    then that of both, because images may disagree about it.

    The digest is verified, except in an archive of ``docker save``: that is a local file whose layers lie there
    uncompressed, so that SHA-256 would be four fifths of the work.
    """
    digest = str(descriptor.digest)
    location = recipe.location
    saved = isinstance(location, LocalImage) and location.form is LocalForm.DOCKER_ARCHIVE
    toc_digest = None
    if diff_id is not None and not _is_sha256(diff_id):
        diff_id = None  # the scan knows no other, and images with another are not seen
    if isinstance(location, ImageReference) and diff_id is None and not whole:
        toc_digest = descriptor.toc_digest
    return LayerTask(
        key=digest if diff_id is None else f"{digest}={diff_id}",
        source=LayerOfImage(recipe, descriptor),
        size=descriptor.size,
        expected_digest=digest if _is_sha256(descriptor.digest) and not saved else None,
        # Of another algorithm it is the stream that verifies, at its end; a scan with a digest reads that far.
        digest=not saved,
        toc_digest=None if toc_digest is None else str(toc_digest),
        expected_diff_id=None if diff_id is None else str(diff_id),
    )


def is_plain_file(task: LayerTask) -> bool:
    """Whether a task of ``layer_task`` reads a layer that lies uncompressed in an archive of ``docker save``."""
    source = task.source
    if not isinstance(source, LayerOfImage) or not isinstance(source.recipe.location, LocalImage):
        return False
    # These media types are ours: they say what the first bytes of the file are.
    saved = source.recipe.location.form is LocalForm.DOCKER_ARCHIVE
    return saved and source.descriptor.media_type.endswith(".tar")


def close_images() -> None:
    """Let go of what layers were read from in this process; scanning processes end with theirs open."""
    while _OPEN:
        _, source = _OPEN.popitem()
        source.close()


def _is_sha256(digest: Digest) -> bool:
    return digest.algorithm == "sha256"
