"""An OCI image layout, in a directory or in an archive.

Here: choosing an image of the layout, and reading its blobs. Not here: files of a directory or an archive
(``files``), walking an index (``reading``).

Source: OCI image-spec v1.1 image-layout.md.
"""

import io
from collections.abc import Sequence
from typing import TypeGuard, TypeVar

from dockml_dagster.clients.digest_store import has_digest
from dockml_dagster.clients.http.closing import Closing
from dockml_dagster.clients.http.errors import (
    BrokenContentError,
    DigestMismatchError,
    FetchError,
    GoneError,
    SettingError,
)
from dockml_dagster.clients.http.verified_stream import refuse_unread
from dockml_dagster.images.sources.files import Files, FileStream, has, read_part, read_whole
from dockml_dagster.study.image.config import MAX_CONFIG_BYTES, BrokenConfigError, parse_config
from dockml_dagster.study.image.manifest import (
    MAX_MANIFEST_BYTES,
    REFERENCE_NAME,
    BrokenManifestError,
    ContentKind,
    Descriptor,
    ImageIndex,
    ImageManifest,
    ManifestDocument,
    parse_manifest,
)
from dockml_dagster.study.image.manifest_digest import manifest_digest, manifest_has_digest
from dockml_dagster.study.image.reference import Digest, ImageReference, ImageReferenceError

_Image = TypeVar("_Image")
INDEX_FILE = "index.json"
# containerd and Docker put the full name here; `ref.name` then has only the tag.
CONTAINERD_NAME = "io.containerd.image.name"


class OciLayoutSource(Closing):
    """One image of a layout: by tag, by digest, or the only one.

    A layout whose ``index.json`` lists one image for several platforms, without names, is that index itself.
    """

    def __init__(
        self, files: Files, name: str, selector: str | None = None, digest: Digest | None = None
    ) -> None:
        self._files, self._name = files, name
        self._selector, self._digest = selector, digest

    @property
    def name(self) -> str:
        """The location, as text."""
        return self._name

    def resolve(self) -> Digest:
        """The digest of the chosen entry of ``index.json``. Raises SettingError if the choice is not clear."""
        if self._digest is not None:
            return self._digest
        body = self._index_body()
        return choose(_index_of(body, self._name), manifest_digest(body), self._selector, self._name)

    def is_sound(self) -> bool:
        """Whether every chosen image that is present has as many layers as its configuration states. If none can be
        chosen, this is True, and reading the image reports why.
        """
        try:
            documents = [self.manifest(self.resolve())]
            while documents:
                found = documents.pop().parse()
                if isinstance(found, ImageIndex):
                    documents += [
                        self.manifest(one.digest)
                        for one in found.images
                        if has(self._files, _blob(one.digest))
                    ]
                elif isinstance(found, ImageManifest) and found.kind is ContentKind.IMAGE:
                    diff_ids = parse_config(self.document(found.config, MAX_CONFIG_BYTES)).diff_ids
                    if diff_ids and len(diff_ids) != len(found.layers):
                        return False
        except (FetchError, BrokenManifestError, BrokenConfigError):
            pass
        return True

    def manifest(self, digest: Digest) -> ManifestDocument:
        """From ``blobs/``, or ``index.json`` itself if it has that digest."""
        try:
            body = read_whole(self._files, _blob(digest), MAX_MANIFEST_BYTES)
        except GoneError:
            body = self._index_body()
            if manifest_digest(body) != digest:
                raise GoneError("not in the layout", subject=f"{self._name}@{digest}") from None
        if not manifest_has_digest(body, digest):
            raise DigestMismatchError(
                "the content does not have the digest that names it", subject=str(digest)
            )
        return ManifestDocument(digest, None, body)

    def document(self, descriptor: Descriptor, most: int) -> bytes:
        """From ``blobs/``."""
        content = read_whole(self._files, _blob(descriptor.digest), most)
        if not has_digest(content, descriptor.digest):
            raise DigestMismatchError(
                "the content does not have the digest that names it", subject=str(descriptor.digest)
            )
        return content

    def layer_size(self, descriptor: Descriptor) -> int | None:
        """The size of the file."""
        return self._files.size(_blob(descriptor.digest))

    def open_layer(self, descriptor: Descriptor, *, verify: bool = True) -> io.RawIOBase:
        """The file as a stream."""
        refuse_unread(descriptor.media_type, descriptor.digest)
        region = self._files.open(_blob(descriptor.digest))
        return FileStream(region, descriptor.digest, descriptor.size, verify=verify)

    def read_range(self, descriptor: Descriptor, start: int, length: int) -> bytes:
        """A part of the file."""
        return read_part(self._files, _blob(descriptor.digest), start, length)

    def _index_body(self) -> bytes:
        try:
            return read_whole(self._files, INDEX_FILE, MAX_MANIFEST_BYTES)
        except GoneError:
            raise SettingError("no OCI layout (no index.json)", subject=self._name) from None


def is_oci_layout(files: Files) -> bool:
    """Whether the files are an OCI layout."""
    return has(files, INDEX_FILE) and has(files, "oci-layout")


def choose(index: ImageIndex, own_digest: Digest, selector: str | None, name: str) -> Digest:
    """The digest of the entry that ``selector`` names, or of the only one, or of the index itself.

    Raises SettingError, which lists the choices.
    """
    if is_position(selector):
        return at_position(index.entries, selector, name).digest
    if selector is not None:
        found = [
            entry for entry in index.entries if selector in _names(entry) or _same_image(entry, selector)
        ]
        if not found:
            raise SettingError(f"no image {selector!r}; {_choice(index.entries)}", subject=name)
        digests = {entry.digest for entry in found}
        if len(digests) > 1:
            raise SettingError(f"several images are named {selector!r}", subject=name)
        return found[0].digest
    if len({entry.digest for entry in index.entries}) == 1:
        return index.entries[0].digest
    if index.entries and not any(_names(entry) for entry in index.entries):
        return own_digest
    raise SettingError(f"say which image; {_choice(index.entries)} (append :NAME)", subject=name)


def is_position(selector: str | None) -> TypeGuard[str]:
    """Whether a selector is a position in the list of images, `@0` the first (containers-transports(5))."""
    return selector is not None and selector.startswith("@") and selector[1:].isdecimal()


def at_position(images: Sequence[_Image], selector: str, name: str) -> _Image:
    """The image at that position. Raises SettingError if there are fewer."""
    place = int(selector[1:7])
    if place >= len(images):
        raise SettingError(f"no image {selector}; there are {len(images)}, the first is @0", subject=name)
    return images[place]


def _index_of(body: bytes, name: str) -> ImageIndex:
    try:
        index = parse_manifest(body)
    except BrokenManifestError as error:
        raise BrokenContentError(str(error), subject=name) from None
    if not isinstance(index, ImageIndex):
        raise BrokenContentError("index.json is no index", subject=name)
    return index


def _names(entry: Descriptor) -> set[str]:
    return {entry.annotations[key] for key in (REFERENCE_NAME, CONTAINERD_NAME) if key in entry.annotations}


def _same_image(entry: Descriptor, selector: str) -> bool:
    try:
        wanted = ImageReference.parse(selector)
        return any(
            ImageReference.parse(name) == wanted for name in _names(entry) if "/" in name or ":" in name
        )
    except ImageReferenceError:
        return False


def _choice(entries: Sequence[Descriptor]) -> str:
    names = sorted(name for entry in entries for name in _names(entry))
    return (
        "there are " + ", ".join(names[:10]) + (" …" if len(names) > 10 else "")
        if names
        else f"they have no names: @0 to @{len(entries) - 1}"
    )


def _blob(digest: Digest) -> str:
    return f"blobs/{digest.algorithm}/{digest.hex}"
