"""The interface of all sources of images.

Here: what a source can be asked; code that reads images depends on this alone. Not here: any source, choosing one
(``opening``).
"""

import io
from types import TracebackType
from typing import Protocol, Self, runtime_checkable

from dockml_dagster.study.image.manifest import Descriptor, ManifestDocument
from dockml_dagster.study.image.reference import Digest


@runtime_checkable
class ImageSource(Protocol):
    """One image by name, in a registry, a directory or an archive. Every method may raise FetchError.

    Sources may be shared between threads. ``name``: the reference or location, as text.
    """

    @property
    def name(self) -> str:
        """The reference or location, as text."""
        ...

    def resolve(self) -> Digest:
        """The digest of the image's top document (an index or a manifest) now."""
        ...

    def manifest(self, digest: Digest) -> ManifestDocument:
        """The index or manifest of that digest, verified."""
        ...

    def document(self, descriptor: Descriptor, most: int) -> bytes:
        """A small document (a configuration) whole, verified; TooLargeError beyond ``most`` bytes."""
        ...

    def layer_size(self, descriptor: Descriptor) -> int | None:
        """The stored size of a layer in bytes where the descriptor has none; None if it cannot be known."""
        ...

    def open_layer(self, descriptor: Descriptor, *, verify: bool = True) -> io.RawIOBase:
        """The stored (compressed) bytes of a layer as a stream, in order, once.

        With ``verify`` the end is only reached if size and digest match (else DigestMismatchError); a reader
        that computes the digest itself turns it off.
        """
        ...

    def read_range(self, descriptor: Descriptor, start: int, length: int) -> bytes:
        """``length`` stored bytes of a layer from ``start`` on, unverified; a negative ``start`` counts from the end."""
        ...

    def close(self) -> None:
        """Close files and connections."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...
