"""An image in a registry as a source.

Here: one reference, asked for through a shared client. Not here: requests and logins (``clients.registry``).
"""

import io

from dockml_dagster.clients.http.closing import Closing
from dockml_dagster.clients.http.errors import GoneError
from dockml_dagster.clients.registry.client import RegistryClient
from dockml_dagster.study.image.manifest import Descriptor, ManifestDocument
from dockml_dagster.study.image.reference import Digest, ImageReference


class RegistrySource(Closing):
    """One reference in a registry. The client is shared and stays open."""

    def __init__(self, client: RegistryClient, reference: ImageReference) -> None:
        self._client = client
        self.reference = reference
        self._resolved: Digest | None = None

    @property
    def name(self) -> str:
        """The reference in full."""
        return str(self.reference)

    def resolve(self) -> Digest:
        """One HEAD for a tag, nothing for a digest."""
        self._resolved = self._client.resolve(self.reference)
        return self._resolved

    def manifest(self, digest: Digest) -> ManifestDocument:
        """From the store, or by one GET. If the registry sent a wrong digest for the tag, it
        shows here: then the manifest that the tag stands for is returned, under its own digest.
        """
        try:
            return self._client.manifest(self.reference.repository, digest)
        except GoneError:
            if digest != self._resolved or self.reference.digest is not None:
                raise
            return self._client.manifest_of(self.reference, digest)

    def document(self, descriptor: Descriptor, most: int) -> bytes:
        """From the store, or by one GET."""
        return self._client.document(self.reference.repository, descriptor, most)

    def layer_size(self, descriptor: Descriptor) -> int | None:
        """By one HEAD."""
        return self._client.blob_size(self.reference.repository, descriptor.digest)

    def open_layer(self, descriptor: Descriptor, *, verify: bool = True) -> io.RawIOBase:
        """A stream that resumes by Range if the connection is cut."""
        return self._client.open_blob(self.reference.repository, descriptor, verify=verify)

    def read_range(self, descriptor: Descriptor, start: int, length: int) -> bytes:
        """One GET with Range."""
        return self._client.read_range(self.reference.repository, descriptor, start, length)
