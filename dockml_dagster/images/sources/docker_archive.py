"""An archive of ``docker save`` in its old layout, ``ID/layer.tar`` beside a ``manifest.json``.

Here: choosing an image of it, and making the manifest that it lacks. Not here: the new layout, which is an OCI layout
too (``oci_layout``), choosing between the two (``opening``).

Source: Docker's image-spec v1.2, "Combined Image JSON + Filesystem Changeset Format". An old archive has no manifest,
so one is made from its parts: plain layers are named by their diff id (which is also the digest of an uncompressed
layer), compressed ones by the digest of their stored bytes.
"""

import hashlib
import io
import json
import threading
from dataclasses import dataclass
from typing import TypeGuard

from dockml_dagster.clients.http.closing import Closing
from dockml_dagster.clients.http.errors import BrokenContentError, GoneError, SettingError, UnsupportedError
from dockml_dagster.clients.http.verified_stream import CHUNK, refuse_unread
from dockml_dagster.images.sources.files import Files, FileStream, has, read_part, read_whole
from dockml_dagster.images.sources.oci_layout import at_position, is_position
from dockml_dagster.images.sources.tar_index import plain_name
from dockml_dagster.study.formats.errors import RefusedTextError
from dockml_dagster.study.formats.json import load
from dockml_dagster.study.image import media_types
from dockml_dagster.study.image.config import MAX_CONFIG_BYTES, BrokenConfigError, parse_config
from dockml_dagster.study.image.manifest import MAX_LAYERS, Descriptor, ManifestDocument
from dockml_dagster.study.image.reference import Digest, ImageReference, ImageReferenceError

MANIFEST_FILE = "manifest.json"
MAX_MANIFEST_FILE = 8 << 20
_MAGIC = {b"\x1f\x8b": "+gzip", b"\x28\xb5\x2f\xfd": "+zstd"}


@dataclass(frozen=True, slots=True)
class SavedImage:
    """An entry of ``manifest.json``: names of files in the archive, and of the image."""

    config: str
    layers: tuple[str, ...]
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Assembled:
    document: ManifestDocument
    files: dict[Digest, str]


class DockerArchiveSource(Closing):
    """One image of an archive in the old layout: the one with a given name, or the only one."""

    def __init__(self, files: Files, name: str, selector: str | None = None) -> None:
        self._files, self._name, self._selector = files, name, selector
        self._lock = threading.Lock()
        self._assembled: _Assembled | None = None

    @property
    def name(self) -> str:
        """The location, as text."""
        return self._name

    def resolve(self) -> Digest:
        """The digest of the manifest made from the parts."""
        return self._image().document.digest

    def manifest(self, digest: Digest) -> ManifestDocument:
        """The manifest made from the parts."""
        document = self._image().document
        if document.digest != digest:
            raise GoneError("not in the archive", subject=f"{self._name}@{digest}")
        return document

    def document(self, descriptor: Descriptor, most: int) -> bytes:
        """The configuration."""
        return read_whole(self._files, self._file(descriptor), most)

    def layer_size(self, descriptor: Descriptor) -> int | None:
        """The size of the file."""
        return self._files.size(self._file(descriptor))

    def open_layer(self, descriptor: Descriptor, *, verify: bool = True) -> io.RawIOBase:
        """The file as a stream."""
        refuse_unread(descriptor.media_type, descriptor.digest)
        region = self._files.open(self._file(descriptor))
        return FileStream(region, descriptor.digest, descriptor.size, verify=verify)

    def read_range(self, descriptor: Descriptor, start: int, length: int) -> bytes:
        """A part of the file."""
        return read_part(self._files, self._file(descriptor), start, length)

    def _file(self, descriptor: Descriptor) -> str:
        found = self._image().files.get(descriptor.digest)
        if found is None:
            raise GoneError("not in the archive", subject=f"{self._name}@{descriptor.digest}")
        return found

    def _image(self) -> _Assembled:
        with self._lock:
            if self._assembled is None:
                saved = _choose(read_saved_images(self._files, self._name), self._selector, self._name)
                self._assembled = self._assemble(saved)
            return self._assembled

    def _assemble(self, saved: SavedImage) -> _Assembled:
        content = read_whole(self._files, saved.config, MAX_CONFIG_BYTES)
        try:
            diff_ids = parse_config(content).diff_ids
        except BrokenConfigError as error:
            raise BrokenContentError(str(error), subject=self._name) from None
        # An image without layers has neither list: Docker leaves out the one and writes the other as null.
        if len(diff_ids or ()) != len(saved.layers):
            raise BrokenContentError(
                "its configuration and its manifest.json disagree about the layers", subject=self._name
            )
        config = Descriptor(
            media_types.OCI_CONFIG, Digest("sha256", hashlib.sha256(content).hexdigest()), len(content)
        )
        files = {config.digest: saved.config}
        layers = []
        for name, diff_id in zip(saved.layers, diff_ids or (), strict=True):
            layer = self._layer(name, diff_id)
            files[layer.digest] = name
            layers.append(layer)
        body = canonical_manifest(config, tuple(layers))
        digest = Digest("sha256", hashlib.sha256(body).hexdigest())
        return _Assembled(ManifestDocument(digest, media_types.OCI_MANIFEST, body, synthetic=True), files)

    def _layer(self, name: str, diff_id: Digest) -> Descriptor:
        size = self._files.size(name)
        start = read_part(self._files, name, 0, 4)
        suffix = next((form for magic, form in _MAGIC.items() if start.startswith(magic)), "")
        digest = self._digest_of(name) if suffix else diff_id
        return Descriptor("application/vnd.oci.image.layer.v1.tar" + suffix, digest, size)

    def _digest_of(self, name: str) -> Digest:
        found = hashlib.sha256()
        region = self._files.open(name)
        try:
            while piece := region.read(CHUNK):
                found.update(piece)
        finally:
            region.close()
        return Digest("sha256", found.hexdigest())


def read_saved_images(files: Files, name: str) -> tuple[SavedImage, ...]:
    """The entries of ``manifest.json``. Raises SettingError, UnsupportedError, BrokenContentError."""
    if not has(files, MANIFEST_FILE):
        if has(files, "repositories"):
            raise UnsupportedError("an archive of Docker before 1.10 (no manifest.json)", subject=name)
        raise SettingError("no archive of `docker save` (no manifest.json)", subject=name)
    try:
        entries = load(read_whole(files, MANIFEST_FILE, MAX_MANIFEST_FILE), MAX_MANIFEST_FILE)
    except RefusedTextError:
        raise BrokenContentError("manifest.json is no JSON", subject=name) from None
    if not isinstance(entries, list) or not entries:
        raise BrokenContentError("manifest.json is no list of images", subject=name)
    return tuple(_saved_image(entry, name) for entry in entries[:1000])


def _saved_image(entry: object, name: str) -> SavedImage:
    if isinstance(entry, dict):
        config, layers, names = entry.get("Config"), entry.get("Layers"), entry.get("RepoTags") or []
        layers = [] if layers is None else layers
        if isinstance(config, str) and _is_texts(layers) and _is_texts(names) and len(layers) <= MAX_LAYERS:
            return SavedImage(plain_name(config), tuple(map(plain_name, layers)), tuple(names))
    raise BrokenContentError("manifest.json is not as `docker save` writes it", subject=name)


def _is_texts(value: object) -> TypeGuard[list[str]]:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def _choose(images: tuple[SavedImage, ...], selector: str | None, name: str) -> SavedImage:
    names = (
        ", ".join(sorted(each for image in images for each in image.names)[:10])
        or f"only some without a name: @0 to @{len(images) - 1}"
    )
    if is_position(selector):
        return at_position(images, selector, name)
    if selector is None:
        if len(images) == 1:
            return images[0]
        raise SettingError(f"say which image; there are {names} (append :NAME)", subject=name)
    for image in images:
        if any(_same(each, selector) for each in image.names):
            return image
    raise SettingError(f"no image {selector!r}; there are {names}", subject=name)


def _same(name: str, selector: str) -> bool:
    try:
        one, other = ImageReference.parse(name), ImageReference.parse(selector)
    except ImageReferenceError:
        return name == selector
    return one.repository == other.repository and one.identifier == other.identifier


def canonical_manifest(config: Descriptor, layers: tuple[Descriptor, ...]) -> bytes:
    """An OCI manifest of these parts, always the same bytes for the same parts; for
    archives without a manifest.
    """

    def written(descriptor: Descriptor) -> dict[str, object]:
        return {
            "mediaType": descriptor.media_type,
            "digest": str(descriptor.digest),
            "size": descriptor.size,
        }

    document = {
        "schemaVersion": 2,
        "mediaType": media_types.OCI_MANIFEST,
        "config": written(config),
        "layers": [written(layer) for layer in layers],
    }
    return json.dumps(document, separators=(",", ":")).encode()
