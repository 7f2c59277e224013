"""A project's images, from any source, as rows and outcomes; every corpus with real images uses this module.

Here: reading images once per visit, and the two stages ``manifests`` and ``layer_stats``. Not here: reading itself
(``clients``), the form of rows (``rows``, ``layer_rows``), layers (``layers``), which images a project has (the corpus).

Cost: for an image by tag, one HEAD per visit; for a manifest, configuration or layer whose digest was ever seen, nothing;
for Docker Hub's facts about a repository, at most two requests per repository and day (``docker_hub``).
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Final

from dockml_dagster.clients.http.errors import FetchError, GoneError
from dockml_dagster.clients.registry.settings import RegistrySettings
from dockml_dagster.corpora.base import Collected, Outcome
from dockml_dagster.corpora.images.docker_hub import HubCollection
from dockml_dagster.corpora.images.rows import (
    NamedImage,
    Row,
    Rows,
    failure,
    manifest_rows,
    reference_rows,
    stage_outcome,
)
from dockml_dagster.corpora.images.selection import parse_layer_bytes, select_images
from dockml_dagster.corpora.images.versions import layer_rules
from dockml_dagster.images.sources.opening import ClientSettings, SourceRecipe
from dockml_dagster.images.sources.reading import ImageReading, read_image
from dockml_dagster.settings import Settings
from dockml_dagster.study.image import media_types
from dockml_dagster.study.image.manifest import ContentKind
from dockml_dagster.study.image.reference import (
    Digest,
    ImageReference,
    ImageReferenceError,
    LocalImage,
    parse_location,
)
from dockml_dagster.warehouse.rows import combined_hash
from dockml_dagster.warehouse.shared_layers import open_layer_files

if TYPE_CHECKING:
    from dockml_dagster.clients.registry.client import RegistryClient
    from dockml_dagster.corpora.images.layers import LayerReader

__all__ = ["ImageCollection", "NamedImage"]

_THREADS: Final = 8
_Location = ImageReference | LocalImage


class ImageCollection:
    """Reads images for one corpus; see the module. Not thread-safe."""

    def __init__(
        self, corpus: str, settings: Settings, *, source: str | None = None, workers: int | None = None
    ) -> None:
        """Nothing is read yet.

        ``source``: what was read, as a person would cite it (column ``source``); None: each image's own name.
        ``workers``: scanning processes; None: one per core.

        Raises:
            BadInputError: DOCKML_LAYER_BYTES is not a size.
            SettingError: DOCKML_REGISTRIES cannot be used.
        """
        self._corpus, self._source, self._workers = corpus, source, workers
        self._cache = settings.cache
        self._files = open_layer_files(settings.warehouse)
        self._most = parse_layer_bytes(settings.layer_bytes)
        self._layers_again = settings.layers_again
        registries = RegistrySettings.parse(settings.registries)
        self._clients = ClientSettings(
            store=settings.cache / "documents",
            registries=registries,
            docker_config=settings.docker_config,
            catalog=settings.warehouse.catalog,
        )
        self._hub = HubCollection(settings, registries)
        self.own_registries = registries.own
        """See ``RegistrySettings.own``."""
        self._resolved: dict[_Location, Digest] = {}
        self._readings: dict[_Location, ImageReading] = {}

    @cached_property
    def _client(self) -> RegistryClient:
        return self._clients.client()

    @cached_property
    def _reader(self) -> LayerReader:
        from dockml_dagster.corpora.images.layers import LayerReader

        return LayerReader(
            self._files, self._cache, *layer_rules(), workers=self._workers, again=self._layers_again
        )

    def input_hash(self, images: Sequence[NamedImage], *, resolve: bool = True) -> str:
        """Hash of what a collection of either stage would read: the names, what they resolve to now, and the limits.

        ``resolve``: ask what each name resolves to (a HEAD for a tag, which ``manifests`` then need not repeat). Without it,
        an image that moved under its tag goes unnoticed.
        """
        parts = [str(self._most)]
        for image in images:
            parts += [image.reference, image.origin, image.location or ""]
            if resolve:
                parts.append(self._leads_to(image))
        return combined_hash(parts)

    def digests_now(self, references: Sequence[str]) -> dict[str, str | None]:
        """The digest that each reference in a registry resolves to now, by one HEAD each; None: not resolved."""
        with ThreadPoolExecutor(_THREADS) as threads:
            waiting = {name: threads.submit(self._digest_of, NamedImage(name, "")) for name in references}
        found: dict[str, str | None] = {}
        for name, future in waiting.items():
            try:
                found[name] = str(future.result())
            except (ImageReferenceError, FetchError):
                found[name] = None
        return found

    def manifests(self, project: str, images: Sequence[NamedImage]) -> Collected:
        """The stage ``manifests``: `raw.image_references`, `raw.manifests`, `raw.image_configs`, `raw.image_history`,
        `raw.image_layers`, `raw.model_artifacts`, `raw.model_files`, `raw.hub_repositories`, `raw.hub_tags`; an outcome for
        every image, platform, artifact and repository on Docker Hub that gave no rows.
        """
        stage: Final = "manifests"
        if not images:
            return Collected(outcomes=[Outcome(stage, "", "not_available", "the project names no image")])
        locations, wrong = self._locations(images)
        failures, outcomes = list(wrong), list(wrong)
        rows: Rows = {"raw.image_references": reference_rows(images, locations)}
        read = 0
        for reference, found in self._read(locations).items():
            if isinstance(found, Exception):
                failures.append(failure(stage, reference, found))
                outcomes.append(failures[-1])
                continue
            self._readings[locations[reference]] = found
            outcomes += _others(reference, found)
            failed = [failure(stage, f"{reference}@{one.digest}", one.error) for one in found.failures]
            if any(image.kind is ContentKind.IMAGE or image.model is not None for image in found.images):
                read += 1
            else:
                failed = failed or [
                    Outcome(stage, reference, "not_available", "there is no image or model in it")
                ]
            failures += failed
            outcomes += failed
            for table, some in manifest_rows(reference, found).items():
                rows.setdefault(table, []).extend(some)
        whole = stage_outcome(stage, "images", len(failures) + read, failures)
        hub_rows, hub_outcomes = self._hub.collect(locations.values())
        waiting = [one for one in hub_outcomes if one.retryable]
        if waiting and whole.status == "collected":
            reason = whole.reason or f"Docker Hub could not be asked: {waiting[0].reason}"
            whole = replace(whole, reason=reason, retryable=True, retry_at=waiting[0].retry_at)
        return self._collected(project, rows | hub_rows, [*outcomes, *hub_outcomes], whole)

    def layer_stats(self, project: str, images: Sequence[NamedImage]) -> Collected:
        """The stage ``layer_stats``: `raw.layers`, `raw.layer_file_types` and the summary of each image as a container sees
        it. Entries go to Parquet (`raw.layer_files`). A layer that was ever read, for any project, is not read again.
        """
        stage: Final = "layer_stats"
        if not images:
            return Collected(outcomes=[Outcome(stage, "", "not_available", "the project names no image")])
        locations, _ = self._locations(images)
        # Importing the scanner takes a tenth of a second, and most visits have no layer to scan.
        from dockml_dagster.corpora.images.layers import ImageToScan

        to_scan: list[ImageToScan] = []
        failures = []
        models = 0
        for reference, found in self._read(locations).items():
            if isinstance(found, Exception):
                failures.append(failure(stage, reference, found))
                continue
            models += sum(image.model is not None for image in found.images)
            recipe = SourceRecipe(locations[reference], self._clients)
            to_scan += [
                ImageToScan(reference, image, recipe)
                for image in found.images
                if image.kind is ContentKind.IMAGE
            ]
        if not to_scan:
            again = any(one.retryable for one in failures)
            reason = "no image of the project could be read; see the stage manifests"
            if models and not failures:
                reason = "the project names models only, which have no layers"
            whole = Outcome(stage, "", "failed" if again else "not_available", reason, again)
            return Collected(outcomes=[whole])
        selection = select_images(
            [one.image for one in to_scan], self._reader.known([one.image for one in to_scan]), self._most
        )
        wanted = {image.digest for image in selection.selected}
        outcomes = [
            Outcome(stage, f"{one.reference}@{image.digest}", "not_selected", reason)
            for image, reason in selection.left_out
            for one in to_scan
            if one.image is image
        ]
        if not wanted:
            whole = Outcome(stage, "", "not_selected", f"no image fits: {selection.left_out[0][1]}")
            return Collected(outcomes=[*outcomes, whole])
        found_layers = self._reader.read([one for one in to_scan if one.image.digest in wanted])
        outcomes += [*failures, *found_layers.outcomes]
        whole = stage_outcome(stage, "layers", found_layers.layers, found_layers.failures)
        return self._collected(project, found_layers.rows, outcomes, whole)

    def _collected(self, project: str, rows: Rows, outcomes: Sequence[Outcome], whole: Outcome) -> Collected:
        if whole.status == "failed":
            # Nothing was learnt this time: the results of an earlier visit stay current.
            return Collected(outcomes=[*outcomes, whole])
        stamped = {table: [self._stamp(project, row) for row in some] for table, some in rows.items()}
        return Collected(stamped, [*outcomes, whole])

    def _stamp(self, project: str, row: Row) -> Row:
        source = self._source or row.get("reference")
        return {"project": project, "corpus": self._corpus, "source": source, **row}

    def _locations(self, images: Sequence[NamedImage]) -> tuple[dict[str, _Location], list[Outcome]]:
        """Reference → its location, each once, in order; and an outcome for each invalid reference."""
        locations: dict[str, _Location] = {}
        wrong: dict[str, Outcome] = {}
        for image in images:
            try:
                locations.setdefault(image.reference, parse_location(image.location or image.reference))
            except ImageReferenceError as error:
                wrong[image.reference] = Outcome(
                    "manifests", image.reference, "malformed", f"no_reference: {error.problem}"
                )
        return locations, list(wrong.values())

    def _digest_of(self, image: NamedImage) -> Digest:
        location = parse_location(image.location or image.reference)
        with SourceRecipe(location, self._clients).open(self._client) as source:
            self._resolved[location] = source.resolve()
            return self._resolved[location]

    def _leads_to(self, image: NamedImage) -> str:
        try:
            return str(self._digest_of(image))
        except ImageReferenceError:
            return "malformed"
        except FetchError as error:
            return error.reason

    def _read(self, locations: dict[str, _Location]) -> dict[str, ImageReading | Exception]:
        """Reference → its reading, reused from this visit's ``manifests`` if it was read there."""
        with ThreadPoolExecutor(_THREADS) as threads:
            waiting = {
                reference: threads.submit(self._read_one, location)
                for reference, location in locations.items()
            }
        return {reference: future.result() for reference, future in waiting.items()}

    def _read_one(self, location: _Location) -> ImageReading | Exception:
        # Each answer is used once: the next visit resolves the name again.
        known = self._readings.pop(location, None)
        if known is not None:
            return known
        digest = self._resolved.pop(location, None)
        exact = (
            location.at(digest) if digest is not None and isinstance(location, ImageReference) else location
        )
        try:
            try:
                with SourceRecipe(exact, self._clients).open(self._client) as source:
                    return read_image(source)
            except GoneError:
                if exact == location:
                    raise
            # The digest that the tag resolved to does not exist: the registry sends wrong digests, or the tag just moved.
            with SourceRecipe(location, self._clients).open(self._client) as source:
                return read_image(source)
        except Exception as error:  # a bug that one image triggers must not stop the project's others
            return error


def _others(reference: str, reading: ImageReading) -> list[Outcome]:
    """Outcomes for manifests that are neither images nor models: attestations and other artifacts."""
    others = [
        (image.digest, str(image.kind))
        for image in reading.images
        if image.kind is not ContentKind.IMAGE and image.model is None
    ]
    others += [
        (
            entry.digest,
            "attestation"
            if entry.is_attestation
            else "of no platform"
            if entry.media_type in media_types.ENTRY_TYPES
            else f"of the type {entry.media_type[:100]}",
        )
        for entry in reading.not_images
    ]
    return [
        Outcome("manifests", f"{reference}@{digest}", "not_selected", f"not an image: {kind}")
        for digest, kind in others
    ]
