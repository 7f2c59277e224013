"""From a source to everything about an image except its
layers: index, manifests of all platforms, configurations.

Here: the walk through an index, with limits; a failure of one platform does not lose the others. Not here:
layers (the scanner reads them), the meaning for the study.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from dockml_dagster.clients.http.errors import BrokenContentError, FetchError, GoneError, TooLargeError
from dockml_dagster.images.sources.interface import ImageSource
from dockml_dagster.study.image import media_types
from dockml_dagster.study.image.base_by_layers import Kind
from dockml_dagster.study.image.config import (
    MAX_CONFIG_BYTES,
    BrokenConfigError,
    ImageConfig,
    config_of_schema1,
    parse_config,
)
from dockml_dagster.study.image.manifest import (
    BrokenManifestError,
    ContentKind,
    Descriptor,
    ImageIndex,
    ImageManifest,
    Manifest,
    ManifestDocument,
    Schema1Manifest,
)
from dockml_dagster.study.image.model_artifact import (
    MAX_MODEL_CONFIG_BYTES,
    ModelArtifact,
    model_artifact,
    packaging_of,
    states_facts,
)
from dockml_dagster.study.image.platform import Platform
from dockml_dagster.study.image.reference import Digest

# The largest official images have about twenty platforms. Each costs a GET that Docker Hub counts as a pull.
MAX_PLATFORMS = 64
MAX_DEPTH = 3


@dataclass(frozen=True, slots=True)
class PlatformImage:
    """One manifest with content, and the known facts about it.

    ``platform``: from the index, else from the configuration, else None. ``config``: None if it is
    no image; ``model``: None if it is no model. ``layers``: lowest first, with sizes in bytes; None where even the
    registry states none.
    ``manifest_bytes``, ``config_bytes``: sizes of the documents themselves; a schema 1 manifest has no
    separate configuration (None).
    """

    digest: Digest
    kind: ContentKind
    platform: Platform | None
    manifest: ImageManifest | Schema1Manifest
    config: ImageConfig | None
    layers: tuple[Descriptor, ...]
    manifest_bytes: int
    config_bytes: int | None
    synthetic: bool = False
    model: ModelArtifact | None = None

    @property
    def compressed_bytes(self) -> int | None:
        """The sum of the stored layers in bytes; None if one is unknown."""
        sizes = [layer.size for layer in self.layers]
        return None if None in sizes else sum(size for size in sizes if size is not None)

    @property
    def stacks(self) -> list[tuple[Kind, list[str]]]:
        """Its layers, lowest first, once for each known kind of digest."""
        found: list[tuple[Kind, list[str]]] = [("digest", [str(layer.digest) for layer in self.layers])]
        diff_ids = () if self.config is None else self.config.diff_ids or ()
        if len(diff_ids) == len(self.layers):
            found.insert(0, ("diff_id", [str(one) for one in diff_ids]))
        return found


@dataclass(frozen=True, slots=True)
class PlatformFailure:
    """A manifest of an index that could not be read, and why."""

    digest: Digest
    platform: Platform | None
    error: FetchError


@dataclass(frozen=True, slots=True)
class ImageReading:
    """Everything that one name stands for. ``top``: the document with the digest ``digest``. ``not_images``:
    entries of the index that are attestations or have no platform; they are not fetched.
    """

    name: str
    digest: Digest
    top: ManifestDocument
    images: tuple[PlatformImage, ...]
    failures: tuple[PlatformFailure, ...]
    not_images: tuple[Descriptor, ...]


def read_image(
    source: ImageSource, wanted: Platform | None = None, *, max_platforms: int = MAX_PLATFORMS
) -> ImageReading:
    """Read all platforms of an image, or those that satisfy ``wanted``.

    Raises FetchError if the name cannot be resolved, GoneError if no platform satisfies ``wanted``, TooLargeError
    for more than ``max_platforms``, or more indexes inside the index than that. A failure of one platform among several is
    in ``failures``.
    """
    top = source.manifest(source.resolve())
    walk = _Walk(source, wanted, max_platforms)
    parsed = _parsed(top)
    if isinstance(parsed, ImageIndex):
        entries = tuple(walk.entries(parsed, depth=1))
        if len(entries) > max_platforms:
            raise TooLargeError(
                f"an index of more than {max_platforms} platforms; choose one", subject=source.name
            )
        for entry in entries:
            walk.read(entry)
    else:
        walk.images.append(walk.image(top, parsed, None))
    images = tuple(image for image in walk.images if wanted is None or _satisfies(image, wanted))
    if wanted is not None and not images and not walk.failures:
        raise GoneError(f"no image for {wanted}", subject=source.name)
    return ImageReading(source.name, top.digest, top, images, tuple(walk.failures), tuple(walk.not_images))


class _Walk:
    def __init__(self, source: ImageSource, wanted: Platform | None, most: int) -> None:
        self._source, self._wanted, self._most = source, wanted, most
        self._seen: set[Digest] = set()
        self._indexes = 0
        self._sizes: dict[Digest, int | None] = {}
        self.images: list[PlatformImage] = []
        self.failures: list[PlatformFailure] = []
        self.not_images: list[Descriptor] = []

    def entries(self, index: ImageIndex, depth: int) -> Iterator[Descriptor]:
        """The manifests of an index and its nested indexes, each digest once; at most one more than the limit."""
        candidates = set(index.images)
        yielded = 0
        for entry in index.entries:
            if entry not in candidates:
                self.not_images.append(entry)
            elif entry.digest not in self._seen and self._may_satisfy(entry):
                self._seen.add(entry.digest)
                if entry.media_type in media_types.INDEX_TYPES:
                    self._indexes += 1  # each is fetched, even if there is no platform in it
                    if self._indexes > self._most:
                        raise TooLargeError(
                            f"an index of more than {self._most} indexes", subject=self._source.name
                        )
                    yield from self._inner(entry, depth)
                else:
                    yield entry
                    yielded += 1
            if yielded > self._most:
                return

    def read(self, entry: Descriptor) -> None:
        """Read one manifest; a failure is recorded and does not stop the others."""
        try:
            document = self._source.manifest(entry.digest)
            parsed = _parsed(document)
            if isinstance(parsed, ImageIndex):
                raise BrokenContentError("an index where the list says manifest", subject=str(entry.digest))
            self.images.append(self.image(document, parsed, entry.platform))
        except FetchError as error:
            self.failures.append(PlatformFailure(entry.digest, entry.platform, error))

    def image(
        self,
        document: ManifestDocument,
        manifest: ImageManifest | Schema1Manifest,
        platform: Platform | None,
    ) -> PlatformImage:
        """Everything about one manifest."""
        config, size = self._config(manifest)
        kind = manifest.kind
        if config is not None and kind is ContentKind.IMAGE and isinstance(manifest, ImageManifest):
            if config.diff_ids is None and manifest.config.media_type in media_types.OLD_CONFIG_TYPES:
                # Only its layers suggest an image, and archives of any content have such layers.
                kind, config = ContentKind.ARTIFACT, None
            elif config.diff_ids and len(config.diff_ids) != len(manifest.layers):
                raise BrokenContentError(
                    f"the configuration has {len(config.diff_ids)} layers, the manifest {len(manifest.layers)}",
                    subject=str(document.digest),
                )
        if config is not None and (config.platform.os or config.platform.architecture):
            # Keep the index's platform, which may be more precise (the version of Windows), unless it is unknown.
            platform = config.platform if platform is None or platform.is_unknown else platform
        elif isinstance(manifest, Schema1Manifest):
            platform = Platform.of("linux", manifest.architecture)
        return PlatformImage(
            digest=document.digest,
            kind=kind,
            platform=platform,
            manifest=manifest,
            config=config,
            layers=tuple(self._with_size(layer) for layer in manifest.layers),
            manifest_bytes=len(document.body),
            config_bytes=size,
            synthetic=document.synthetic,
            model=self._model(manifest),
        )

    def _inner(self, entry: Descriptor, depth: int) -> Iterator[Descriptor]:
        try:
            if depth >= MAX_DEPTH:
                raise BrokenContentError(f"indexes {depth} deep inside each other", subject=str(entry.digest))
            parsed = _parsed(self._source.manifest(entry.digest))
            if not isinstance(parsed, ImageIndex):
                raise BrokenContentError("a manifest where the list says index", subject=str(entry.digest))
            yield from self.entries(parsed, depth + 1)
        except FetchError as error:
            self.failures.append(PlatformFailure(entry.digest, entry.platform, error))

    def _config(self, manifest: ImageManifest | Schema1Manifest) -> tuple[ImageConfig | None, int | None]:
        try:
            if isinstance(manifest, Schema1Manifest):
                return config_of_schema1(manifest), None
            if manifest.kind is not ContentKind.IMAGE:
                return None, manifest.config.size
            content = self._source.document(manifest.config, MAX_CONFIG_BYTES)
            return parse_config(content), len(content)
        except BrokenConfigError as error:
            raise BrokenContentError(str(error), subject=self._source.name) from None

    def _model(self, manifest: ImageManifest | Schema1Manifest) -> ModelArtifact | None:
        if not isinstance(manifest, ImageManifest) or manifest.kind is not ContentKind.MODEL:
            return None
        content = None
        if states_facts(packaging_of(manifest)):
            try:
                content = self._source.document(manifest.config, MAX_MODEL_CONFIG_BYTES)
            except (TooLargeError, GoneError, BrokenContentError):
                # The files and their sizes are still known; anything not stated is unknown.
                content = None
        return model_artifact(manifest, content)

    def _with_size(self, layer: Descriptor) -> Descriptor:
        if layer.size is not None:
            return layer
        # Schema 1 of before Docker 1.8.3 repeats the blob of an empty layer for every instruction without one.
        if layer.digest not in self._sizes:
            self._sizes[layer.digest] = self._source.layer_size(layer)
        return replace(layer, size=self._sizes[layer.digest])

    def _may_satisfy(self, entry: Descriptor) -> bool:
        # An entry without a platform is fetched, because its configuration states the platform.
        return self._wanted is None or entry.platform is None or entry.platform.satisfies(self._wanted)


def _parsed(document: ManifestDocument) -> Manifest:
    try:
        return document.parse()
    except BrokenManifestError as error:
        raise BrokenContentError(str(error), subject=str(document.digest)) from None


def _satisfies(image: PlatformImage, wanted: Platform) -> bool:
    return image.platform is not None and image.platform.satisfies(wanted)
