"""A layer of an image from any source, as an object that a scanning process opens (``worker.LayerSource``).

Here: how a layer is passed to another process (a recipe without connection or login). A process opens each image only
once, so that it asks a registry for one token and indexes an archive once. Not here: the processes
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
        """The bytes; unverified if the scanner itself computes the layer's digest (SHA-256)."""
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
    """The pool's task to scan a layer, keyed by digest, so that equal layers are scanned once.

    A layer in a registry is read by its table of contents if the manifest states that table's digest, unless ``whole``;
    layers on this machine are cheap to read whole. ``diff_id``: verify that the layer inflates to it; the key then
    includes it, because images may disagree about it.

    The digest is verified, except in an archive of ``docker save``: a local file with uncompressed layers,
    where SHA-256 would be four fifths of the work.
    """
    digest = str(descriptor.digest)
    location = recipe.location
    saved = isinstance(location, LocalImage) and location.form is LocalForm.DOCKER_ARCHIVE
    toc_digest = None
    if diff_id is not None and not _is_sha256(diff_id):
        diff_id = None  # the scan verifies no other algorithm, and images with another have not been seen
    if isinstance(location, ImageReference) and diff_id is None and not whole:
        toc_digest = descriptor.toc_digest
    return LayerTask(
        key=digest if diff_id is None else f"{digest}={diff_id}",
        source=LayerOfImage(recipe, descriptor),
        size=descriptor.size,
        expected_digest=digest if _is_sha256(descriptor.digest) and not saved else None,
        # For other algorithms the stream verifies at its end; a scan with a digest reads to the end.
        digest=not saved,
        toc_digest=None if toc_digest is None else str(toc_digest),
        expected_diff_id=None if diff_id is None else str(diff_id),
    )


def is_plain_file(task: LayerTask) -> bool:
    """Whether a task of ``layer_task`` reads a layer that is stored uncompressed in an archive of ``docker save``."""
    source = task.source
    if not isinstance(source, LayerOfImage) or not isinstance(source.recipe.location, LocalImage):
        return False
    # dockml sets these media types by the first bytes of the file.
    saved = source.recipe.location.form is LocalForm.DOCKER_ARCHIVE
    return saved and source.descriptor.media_type.endswith(".tar")


def prepare_for_registries() -> None:
    """Import the modules for reading from a registry, while the process has nothing to read yet."""
    import dockml_dagster.clients.http.transport
    import dockml_dagster.images.sources.registry_source  # noqa: F401


def close_images() -> None:
    """Close the images opened in this process; scanning processes end with theirs open."""
    while _OPEN:
        _, source = _OPEN.popitem()
        source.close()


def _is_sha256(digest: Digest) -> bool:
    return digest.algorithm == "sha256"
