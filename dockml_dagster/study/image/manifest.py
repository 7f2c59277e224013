"""Manifests as typed values, whatever form a registry or an archive returned.

Here: OCI index and manifest, Docker list and manifest v2, Docker schema 1 (signed or not), and the kind of content
each holds: image, model, attestation, other artifact. Not here: the image's configuration (``config``), fetching.
Sources: OCI image-spec v1.1 (manifest.md, image-index.md), Docker's manifest v2 schema 1.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from dockml_dagster.study.image import media_types
from dockml_dagster.study.image.platform import Platform
from dockml_dagster.study.image.reference import Digest, ImageReferenceError
from dockml_dagster.study.json_facts import BrokenJsonError, Facts, read_object

MAX_MANIFEST_BYTES = 8 << 20  # the distribution-spec asks registries to accept 4 MB; regclient reads 8 MiB
# The longest list of layers or manifests that is read at all. overlay2's limit is 127 layers.
MAX_LAYERS = 4096
MAX_INDEX_ENTRIES = 20_000

REFERENCE_TYPE = "vnd.docker.reference.type"
TITLE = "org.opencontainers.image.title"
MODEL_FILE_PATH = "org.cncf.model.filepath"
REFERENCE_NAME = "org.opencontainers.image.ref.name"
ESTARGZ_TOC_DIGEST = "containerd.io/snapshot/stargz/toc.digest"
ZSTD_CHUNKED_POSITION = "io.github.containers.zstd-chunked.manifest-position"
ZSTD_CHUNKED_POSITION_OLD = "io.containers.zstd-chunked.manifest-position"
ZSTD_CHUNKED_TOC_DIGEST = "io.github.containers.zstd-chunked.manifest-checksum"
ZSTD_CHUNKED_TOC_DIGEST_OLD = "io.containers.zstd-chunked.manifest-checksum"


class BrokenManifestError(ValueError):
    """A document that is not a manifest, or is ambiguous. The message is one line."""


class ManifestTooLargeError(BrokenManifestError):
    """The document has more bytes, layers or entries than are read."""


class ContentKind(StrEnum):
    """What a manifest holds. Only ``image`` counts in RQ4."""

    IMAGE = "image"
    MODEL = "model"
    ATTESTATION = "attestation"
    ARTIFACT = "artifact"


@dataclass(frozen=True, slots=True)
class Descriptor:
    """A pointer to content (OCI descriptor.md). ``size`` is in bytes; None in schema 1, which states none."""

    media_type: str
    digest: Digest
    size: int | None
    platform: Platform | None = None
    artifact_type: str | None = None
    annotations: Mapping[str, str] = field(default_factory=dict, hash=False)
    urls: tuple[str, ...] = ()

    @property
    def path(self) -> str | None:
        """The file path that the manifest gives (annotations.md of ModelPack and of OCI); None: it gives none."""
        return self.annotations.get(MODEL_FILE_PATH) or self.annotations.get(TITLE) or None

    @property
    def is_attestation(self) -> bool:
        """Whether an index marks this entry as an attestation (BuildKit's attestation storage)."""
        return self.annotations.get(REFERENCE_TYPE) == "attestation-manifest"

    @property
    def has_table_of_contents(self) -> bool:
        """Whether the layer claims a table of contents at its end (eStargz or zstd:chunked). A hint, not a proof."""
        return any(
            name in self.annotations
            for name in (ESTARGZ_TOC_DIGEST, ZSTD_CHUNKED_POSITION, ZSTD_CHUNKED_POSITION_OLD)
        )

    @property
    def toc_digest(self) -> Digest | None:
        """The digest of the layer's table of contents, by which the manifest vouches for it: of its JSON text
        (eStargz) or of its compressed bytes (zstd:chunked). None: there is no table that can be trusted.
        """
        # stargz writes eStargz's annotation on zstd:chunked layers too; there only the other annotation is useful.
        for name in (ZSTD_CHUNKED_TOC_DIGEST, ZSTD_CHUNKED_TOC_DIGEST_OLD, ESTARGZ_TOC_DIGEST):
            try:
                digest = Digest.parse(self.annotations.get(name, ""))
            except ImageReferenceError:
                continue
            if digest.algorithm == "sha256":
                return digest
        return None


@dataclass(frozen=True, slots=True)
class ImageIndex:
    """An OCI index or a Docker manifest list: one name, several manifests."""

    media_type: str
    entries: tuple[Descriptor, ...]
    artifact_type: str | None = None
    annotations: Mapping[str, str] = field(default_factory=dict, hash=False)
    problems: tuple[str, ...] = ()

    @property
    def images(self) -> tuple[Descriptor, ...]:
        """The entries that may be images: without attestations, entries for no platform, and what is no manifest."""
        return tuple(
            entry
            for entry in self.entries
            if entry.media_type in media_types.ENTRY_TYPES
            and not entry.is_attestation
            and not (entry.platform is not None and entry.platform.is_unknown)
        )


@dataclass(frozen=True, slots=True)
class ImageManifest:
    """An OCI or Docker v2 manifest: one configuration, and layers from the lowest up."""

    media_type: str
    config: Descriptor
    layers: tuple[Descriptor, ...]
    artifact_type: str | None = None
    subject: Descriptor | None = None
    annotations: Mapping[str, str] = field(default_factory=dict, hash=False)
    problems: tuple[str, ...] = ()

    @property
    def kind(self) -> ContentKind:
        """The kind of content, by media types, then by the names of the files; never by the name of the repository."""
        types = [layer.media_type for layer in self.layers]
        said = (self.config.media_type, media_types.bare(self.artifact_type or ""), *types)
        if any(map(media_types.is_model, said)):
            return ContentKind.MODEL
        if types and all(map(media_types.is_evidence, types)):
            return ContentKind.ATTESTATION
        if self._is_image(types):
            return ContentKind.IMAGE
        if any(media_types.weights_format(layer.media_type, layer.path) for layer in self.layers):
            return ContentKind.MODEL
        return ContentKind.ARTIFACT

    def _is_image(self, types: Sequence[str]) -> bool:
        """Whether engines accept it as an image, by the configuration's type (old clients' too), not by ``artifactType``."""
        config = self.config.media_type
        has_layers = any(map(media_types.is_image_layer, types))
        if config in media_types.IMAGE_CONFIG_TYPES:
            # Old builders gave layers odd types. One layer of an image's or of a generic type is enough.
            named = self.artifact_type is None and not types
            return named or has_layers or any(map(media_types.is_generic, types))
        return config in media_types.OLD_CONFIG_TYPES and has_layers

    @property
    def compressed_bytes(self) -> int | None:
        """The sum of the layers' sizes as stored; None if one is unknown."""
        sizes = [layer.size for layer in self.layers]
        return None if None in sizes else sum(size for size in sizes if size is not None)


@dataclass(frozen=True, slots=True)
class Schema1Manifest:
    """Docker's manifest of 2015, without sizes and without a separate configuration. Layers are from the lowest up here.

    ``layers``: those that engines unpack: without the empty blob of an instruction that made no layer (``throwaway``).
    ``compatibility``: one JSON text for each instruction, in the same order: the pieces of the configuration
    (``config.config_of_schema1``).
    """

    media_type: str
    name: str | None
    tag: str | None
    architecture: str | None
    layers: tuple[Descriptor, ...]
    compatibility: tuple[str, ...]
    problems: tuple[str, ...] = ()

    @property
    def kind(self) -> ContentKind:
        """Always an image: schema 1 has nothing else."""
        return ContentKind.IMAGE


Manifest = ImageIndex | ImageManifest | Schema1Manifest


@dataclass(frozen=True, slots=True)
class ManifestDocument:
    """A manifest as received: its bytes, their digest, and the media type they were served with, if any.

    ``synthetic``: dockml made it for an archive that has none; no registry knows its digest.
    """

    digest: Digest
    media_type: str | None
    body: bytes
    synthetic: bool = False

    def parse(self) -> Manifest:
        """The parsed manifest. Raises BrokenManifestError."""
        return parse_manifest(self.body, self.media_type)


def parse_manifest(body: bytes, content_type: str | None = None) -> Manifest:
    """Read a manifest of any form.

    ``content_type`` is the HTTP header or the descriptor's type. A body that contradicts it, or that is both an index
    and a manifest, is refused (OCI security advisory GHSA-77vh-xpmg-72qh: such a body means different things to
    different clients). Raises BrokenManifestError.
    """
    try:
        facts = read_object(body, MAX_MANIFEST_BYTES)
    except BrokenJsonError as error:
        kind = ManifestTooLargeError if len(body) > MAX_MANIFEST_BYTES else BrokenManifestError
        raise kind(f"manifest: {error}") from None
    media_type = _agreed_media_type(facts, content_type)
    if media_type in media_types.INDEX_TYPES:
        return _read_index(facts, media_type)
    if media_type in media_types.SCHEMA1_TYPES:
        return _read_schema1(facts, media_type)
    return _read_manifest(facts, media_type)


def _agreed_media_type(facts: Facts, content_type: str | None) -> str:
    said_inside = media_types.bare(facts.text("mediaType") or "")
    said_outside = media_types.bare(content_type or "")
    known = media_types.INDEX_TYPES | media_types.MANIFEST_TYPES | media_types.SCHEMA1_TYPES
    shape = _media_type_by_shape(facts)
    if said_outside not in known:
        # Static file servers and old registries send application/json, text/plain, or nothing.
        said_outside = ""
    if said_inside and said_inside not in known:
        raise BrokenManifestError(f"manifest: of a type that is not read: {said_inside[:100]!r}")
    if said_inside and said_outside and said_inside != said_outside:
        raise BrokenManifestError("manifest: its mediaType is not the type it was served as")
    said = said_inside or said_outside or shape
    if _family(said) != _family(shape):
        raise BrokenManifestError(f"manifest: served as {said} but of another form")
    return said


def _family(media_type: str) -> int:
    groups = (media_types.INDEX_TYPES, media_types.MANIFEST_TYPES, media_types.SCHEMA1_TYPES)
    return next(i for i, group in enumerate(groups) if media_type in group)


def _media_type_by_shape(facts: Facts) -> str:
    has_list = "manifests" in facts.values
    has_layers = "layers" in facts.values or "config" in facts.values
    has_history = "fsLayers" in facts.values
    if has_list + has_layers + has_history > 1:
        raise BrokenManifestError("manifest: several forms at once")
    if has_list:
        return media_types.OCI_INDEX
    if has_history:
        signed = "signatures" in facts.values
        return media_types.DOCKER_SCHEMA1_SIGNED if signed else media_types.DOCKER_SCHEMA1
    if has_layers:
        return media_types.OCI_MANIFEST
    raise BrokenManifestError("manifest: neither manifests nor layers in it")


def _read_index(facts: Facts, media_type: str) -> ImageIndex:
    entries = _list_of(facts, "manifests", MAX_INDEX_ENTRIES)
    return ImageIndex(
        media_type=media_type,
        entries=tuple(_descriptor(entry) for entry in entries),
        artifact_type=facts.text("artifactType"),
        annotations=_annotations(facts),
        problems=tuple(facts.problems),
    )


def _read_manifest(facts: Facts, media_type: str) -> ImageManifest:
    config = facts.inner("config")
    if config is None:
        raise BrokenManifestError("manifest: no config")
    subject = facts.inner("subject")
    return ImageManifest(
        media_type=media_type,
        config=_descriptor(config),
        layers=tuple(_descriptor(layer) for layer in _list_of(facts, "layers", MAX_LAYERS)),
        artifact_type=facts.text("artifactType"),
        subject=_descriptor(subject) if subject is not None else None,
        annotations=_annotations(facts),
        problems=tuple(facts.problems),
    )


def _read_schema1(facts: Facts, media_type: str) -> Schema1Manifest:
    layers = []
    for layer in _list_of(facts, "fsLayers", MAX_LAYERS):
        digest = _digest(layer, "blobSum")
        layers.append(Descriptor("application/vnd.docker.image.rootfs.diff.tar.gzip", digest, None))
    history = [entry.text("v1Compatibility") for entry in _list_of(facts, "history", MAX_LAYERS)]
    texts = [text for text in history if text is not None]
    if len(texts) != len(layers):
        raise BrokenManifestError("manifest: schema 1 with unequal numbers of layers and history entries")
    layers = [layer for layer, text in zip(layers, texts, strict=True) if not _made_no_layer(text)]
    # Schema 1 lists the newest layer first.
    return Schema1Manifest(
        media_type=media_type,
        name=facts.text("name"),
        tag=facts.text("tag"),
        architecture=facts.text("architecture"),
        layers=tuple(reversed(layers)),
        compatibility=tuple(reversed(texts)),
        problems=tuple(facts.problems),
    )


def _made_no_layer(v1: str) -> bool:
    # Docker keeps such an entry and drops its blob, when it pulls the image and when it converts it to schema 2.
    try:
        return read_object(v1.encode(errors="replace"), MAX_MANIFEST_BYTES).truth("throwaway") or False
    except BrokenJsonError:
        return False


def _list_of(facts: Facts, name: str, most: int) -> tuple[Facts, ...]:
    raw = facts.items(name)
    if raw is not None and len(raw) > most:
        raise ManifestTooLargeError(f"manifest: {len(raw)} {name}, more than the {most} that are read")
    entries = facts.objects(name)
    if entries is None or raw is None:
        # BuildKit and Go write an empty list as null.
        if name in facts.values and facts.values[name] is None:
            return ()
        raise BrokenManifestError(f"manifest: no list of {name}")
    if len(entries) != len(raw):
        # No tolerance here: a layer left out would be a wrong number later.
        raise BrokenManifestError(f"manifest: {name} holds something that is no object")
    return entries


def _descriptor(facts: Facts) -> Descriptor:
    size = facts.whole("size")
    if size is None:
        raise BrokenManifestError(f"manifest: {facts.where or 'descriptor'} has no usable size")
    platform = facts.inner("platform")
    return Descriptor(
        media_type=media_types.bare(facts.text("mediaType") or ""),
        digest=_digest(facts, "digest"),
        size=size,
        platform=None if platform is None else _platform(platform),
        artifact_type=facts.text("artifactType"),
        annotations=_annotations(facts),
        urls=facts.texts("urls") or (),
    )


def _digest(facts: Facts, name: str) -> Digest:
    try:
        return Digest.parse(facts.text(name) or "")
    except ImageReferenceError as error:
        raise BrokenManifestError(f"manifest: {facts.where or name}: {error.problem}") from None


def _platform(facts: Facts) -> Platform:
    return Platform.of(
        facts.text("os"), facts.text("architecture"), facts.text("variant"), facts.text("os.version")
    )


def _annotations(facts: Facts) -> Mapping[str, str]:
    return facts.text_map("annotations") or {}
