"""A directory as ``skopeo copy … dir:DIR`` writes it: ``manifest.json``, and every blob under its bare hex.

Here: its one image. Not here: OCI layouts (``oci_layout``), opening files safely (``files``).

Source: containers-transports(5), "dir:path". With ``--all`` the manifests of an index are files ``HEX.manifest.json``
beside it. The algorithm of a hex is not recorded; the requested digest names it.
"""

import io

from dockml_dagster.clients.digest_store import has_digest
from dockml_dagster.clients.http.closing import Closing
from dockml_dagster.clients.http.errors import DigestMismatchError, GoneError, SettingError
from dockml_dagster.clients.http.verified_stream import refuse_unread
from dockml_dagster.images.sources.files import Files, FileStream, read_part, read_whole
from dockml_dagster.study.image.manifest import MAX_MANIFEST_BYTES, Descriptor, ManifestDocument
from dockml_dagster.study.image.manifest_digest import manifest_digest, manifest_has_digest
from dockml_dagster.study.image.reference import Digest

MANIFEST_FILE = "manifest.json"


class SkopeoDirectorySource(Closing):
    """The one image of the directory."""

    def __init__(self, files: Files, name: str) -> None:
        self._files, self._name = files, name

    @property
    def name(self) -> str:
        """The location, as text."""
        return self._name

    def resolve(self) -> Digest:
        """The digest of ``manifest.json``."""
        return manifest_digest(self._top())

    def manifest(self, digest: Digest) -> ManifestDocument:
        """``manifest.json`` or one of those beside it."""
        body = self._top()
        if not manifest_has_digest(body, digest):
            body = read_whole(self._files, f"{digest.hex}.manifest.json", MAX_MANIFEST_BYTES)
            if not manifest_has_digest(body, digest):
                raise DigestMismatchError(
                    "the content does not have the digest that names it", subject=str(digest)
                )
        return ManifestDocument(digest, None, body)

    def document(self, descriptor: Descriptor, most: int) -> bytes:
        """A blob whole."""
        content = read_whole(self._files, descriptor.digest.hex, most)
        if not has_digest(content, descriptor.digest):
            raise DigestMismatchError(
                "the content does not have the digest that names it", subject=str(descriptor.digest)
            )
        return content

    def layer_size(self, descriptor: Descriptor) -> int | None:
        """The size of the file."""
        return self._files.size(descriptor.digest.hex)

    def open_layer(self, descriptor: Descriptor, *, verify: bool = True) -> io.RawIOBase:
        """The file as a stream."""
        refuse_unread(descriptor.media_type, descriptor.digest)
        region = self._files.open(descriptor.digest.hex)
        return FileStream(region, descriptor.digest, descriptor.size, verify=verify)

    def read_range(self, descriptor: Descriptor, start: int, length: int) -> bytes:
        """A part of the file."""
        return read_part(self._files, descriptor.digest.hex, start, length)

    def _top(self) -> bytes:
        try:
            return read_whole(self._files, MANIFEST_FILE, MAX_MANIFEST_BYTES)
        except GoneError:
            raise SettingError("no directory of skopeo's (no manifest.json)", subject=self._name) from None
