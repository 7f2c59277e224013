"""``dockml scan-image``: images by name, read and scanned without a study, a warehouse or Dagster.

Here: the order of the work (name, manifests, layers in parallel, one union per platform) and what counts as read. Not here:
reading (``clients``, ``images``), counting (``study/layer``), printing (``output``).

Unknown is never zero: a layer that could not be read has no figures, and an image with such a layer is not merged, because
it is unknown what that layer would have hidden or repeated.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from dockml_dagster.clients.http.errors import (
    BrokenContentError,
    DigestMismatchError,
    FetchError,
    GoneError,
    UnsupportedError,
)
from dockml_dagster.commands.scan_image.locations import Location
from dockml_dagster.commands.scan_image.model import ScannedImage, ScannedLayer, ScannedReference
from dockml_dagster.errors import BadInputError, DockmlError
from dockml_dagster.images.scanning.inside import LayerInside
from dockml_dagster.images.scanning.pool import LayerResult, LayerTask, ScanPool
from dockml_dagster.images.scanning.scratch import scratch_folder
from dockml_dagster.images.scanning.store import ScanStore
from dockml_dagster.images.scanning.task import (
    close_images,
    is_plain_file,
    layer_task,
    prepare_for_registries,
)
from dockml_dagster.images.scanning.union import LayersInside, find_content, spools_at
from dockml_dagster.images.seen import SeenImages
from dockml_dagster.images.sources.interface import ImageSource
from dockml_dagster.images.sources.local_copy import readable_here
from dockml_dagster.images.sources.opening import ClientSettings, SourceRecipe
from dockml_dagster.images.sources.reading import ImageReading, PlatformImage, read_image
from dockml_dagster.progress import Listener
from dockml_dagster.settings import Settings
from dockml_dagster.study.deadline import OutOfTimeError
from dockml_dagster.study.image.base_by_layers import SeenImage, find_base
from dockml_dagster.study.image.instruction_text import instruction_text
from dockml_dagster.study.image.manifest import ContentKind, Descriptor
from dockml_dagster.study.image.platform import Platform
from dockml_dagster.study.image.reference import Digest, ImageReference
from dockml_dagster.study.layer.content import ContentRule, ContentRules, ContentTally, parse_rules
from dockml_dagster.study.layer.history import instruction
from dockml_dagster.study.layer.image import Visitor, summarise_image
from dockml_dagster.study.packages.families import FamilyRule, parse_families
from dockml_dagster.warehouse.opening import make_home

if TYPE_CHECKING:
    from dockml_dagster.clients.registry.client import RegistryClient

Observe = Callable[[PlatformImage], Visitor]

IMAGE_SECONDS: Final = 7200.0
"""Time for all layers of one image together, twice the time for one layer."""
_MOST_LAYERS: Final = 512
"""Most layers that are merged at once, each an open file. Engines refuse images with more than 127."""


def scan_images(
    locations: Sequence[Location],
    settings: Settings,
    rules: Sequence[ContentRule],
    *,
    platform: Platform | None = None,
    prefer: Platform | None = None,
    whole: bool = False,
    verify_diff_ids: bool = False,
    observe: Observe | None = None,
    families: Sequence[FamilyRule] | None = None,
    inside_asked: bool = False,
    listener: Listener = lambda *_: None,
    workers: int | None = None,
) -> Iterator[ScannedReference]:
    """Scan images one after the other, their layers in parallel processes, each distinct layer only once.

    ``platform``: only this one; None: all, or with ``prefer`` the preferred one of several (GoneError if it is not
    among them). ``whole``: read layers whole even if they have a table of contents. ``verify_diff_ids``: likewise, and check
    that each inflates to the diff-id in its image's configuration. ``observe``: called once per image whose layers were all
    read; returns a visitor of its entries. ``families``: list packages by these rules, if all layers have package data;
    ``inside_asked``: read layers whole for the content of their files, again if an earlier version did not look at it.

    A failure of one name, platform or layer is in the result and does not stop the others. Raises SettingError
    for settings that cannot be used, BadInputError if the cache cannot be written.
    """
    client_settings = _client_settings(settings, locations)
    with ExitStack() as stack:
        make_home(settings.home, (settings.cache,))
        spools = stack.enter_context(_scratch(settings.cache))
        stack.callback(close_images)
        remote = any(isinstance(location, ImageReference) for location in locations)
        client = client_settings.client() if remote else None
        store = ScanStore(settings.cache / "scans")
        stack.callback(store.prune)
        pool = stack.enter_context(ScanPool(workers=workers))
        if remote:
            # The worker starts while this process asks the registry.
            pool.reserve(1)
            pool.start(prepare_for_registries)
        layers = _Layers(spools, store, listener, pool, inside=inside_asked)
        whole = whole or inside_asked
        how = _How(ContentRules(rules), platform, prefer, whole, verify_diff_ids, observe, families)
        for location in locations:
            try:
                with readable_here(location, spools) as here:
                    scanned = _scan(SourceRecipe(here, client_settings), client, layers, how)
            except FetchError as error:
                scanned = ScannedReference(str(location), None, (), (), error)
            yield _with_bases(scanned, SeenImages(settings.cache / "seen"), location)


def _with_bases(scanned: ScannedReference, seen: SeenImages, location: Location) -> ScannedReference:
    """The images with their base images, found by layers. Images of a registry are remembered for later commands."""
    images = []
    for image in scanned.images:
        stacks = image.image.stacks
        own = str(image.image.digest)
        images.append(replace(image, base=find_base(stacks, own, seen.images)))
        if isinstance(location, ImageReference):
            platform = None if image.image.platform is None else str(image.image.platform)
            seen.add(SeenImage(scanned.name, own, platform), stacks)
    return replace(scanned, images=tuple(images))


def _client_settings(settings: Settings, locations: Sequence[Location]) -> ClientSettings:
    """The settings of a registry client; the registries' are not read or imported if all images are on this machine."""
    store = settings.cache / "documents"
    if not any(isinstance(location, ImageReference) for location in locations):
        return ClientSettings(store)
    from dockml_dagster.clients.registry.settings import RegistrySettings

    registries = RegistrySettings.parse(settings.registries)
    return ClientSettings(store, registries, docker_config=settings.docker_config)


def problem_of(scanned: Sequence[ScannedReference]) -> DockmlError | None:
    """The error that the command ends with: a single name's own, or a summary of what could not be read; None: no error."""
    errors = [reference.error for reference in scanned if reference.error is not None]
    if len(scanned) == 1 and errors:
        return errors[0]
    problems = [str(error) for error in errors]
    for reference in scanned:
        problems += [str(failure.error) for failure in reference.failures]
        problems += [
            f"{layer.descriptor.digest}: {layer.reason}"
            for image in reference.images
            for layer in image.layers
            if not layer.is_read
        ]
    if not problems:
        return None
    problems = list(dict.fromkeys(problems))  # a layer shared by several platforms is one problem
    more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
    return FetchError(f"not everything could be read: {problems[0]}{more}")


def package_families() -> tuple[FamilyRule, ...]:
    """The rules of the seed ``package_families.csv``. Raises ModelError if the seeds are missing."""
    return parse_families(_seed("package_families"))


def content_rules() -> tuple[ContentRule, ...]:
    """The rules of the seed ``layer_content_rules.csv``. Raises ModelError if the seeds are missing."""
    return parse_rules(_seed("layer_content_rules"))


def _seed(name: str) -> str:
    from dockml_dagster.warehouse.models import folder

    return (folder() / "seeds" / f"{name}.csv").read_text(encoding="utf-8")


@contextmanager
def _scratch(parent: Path) -> Iterator[Path]:
    """A folder for rows, removed at the end; inside the home, so that hostile data is written nowhere else."""
    with ExitStack() as stack:
        try:
            folder = stack.enter_context(scratch_folder(parent, "scan-"))
        except OSError as error:
            raise BadInputError(f"{parent}: cannot be written ({error.strerror}); set DOCKML_HOME") from None
        yield folder


@dataclass(frozen=True, slots=True)
class _How:
    """The options that hold for all images of one command."""

    content: ContentRules
    platform: Platform | None
    prefer: Platform | None
    whole: bool
    verify_diff_ids: bool
    observe: Observe | None
    families: Sequence[FamilyRule] | None

    def tasks(self, recipe: SourceRecipe, image: PlatformImage) -> list[LayerTask]:
        """The scan tasks of an image: one per layer, lowest first."""
        diff_ids: Sequence[Digest | None] = (None,) * len(image.layers)
        if self.verify_diff_ids and image.config is not None and image.config.diff_ids is not None:
            found = image.config.diff_ids
            diff_ids = found if len(found) == len(image.layers) else diff_ids
        whole = self.whole or self.verify_diff_ids
        return [
            layer_task(recipe, layer, diff_id=diff_id, whole=whole)
            for layer, diff_id in zip(image.layers, diff_ids, strict=True)
        ]


class _Layers:
    """Known layers: of all images of this command, and registries' layers of earlier commands too."""

    def __init__(
        self, spools: Path, store: ScanStore, listener: Listener, pool: ScanPool, *, inside: bool
    ) -> None:
        """``inside``: the content of the layers' files is wanted too."""
        self._spools, self._store, self._listener, self.pool = spools, store, listener, pool
        self._inside = inside
        self._known: dict[str, tuple[LayerTask, LayerResult]] = {}

    def scan(self, recipe: SourceRecipe, tasks: Iterable[LayerTask]) -> dict[str, LayerResult]:
        """Results by key. An earlier result is reused if it is complete and its digest was verified."""
        remote = isinstance(recipe.location, ImageReference)
        wanted = {task.key: task for task in tasks}
        missing: dict[str, LayerTask] = {}
        for key, task in wanted.items():
            if self._is_known(task):
                continue
            stored = self._store.get(task, self._spools) if remote else None
            if stored is None or (self._inside and not _tells_all(stored.inside)):
                missing[key] = task
            else:
                self._known[key] = task, stored
        if missing:
            self._listener("layers", 0, len(missing))
        # If all layers are plain files of an archive, this process reads some of them itself.
        here = all(is_plain_file(task) for task in missing.values())
        for result in self.pool.scan(missing.values(), self._spools, here=here, seconds=IMAGE_SECONDS):
            task = missing[result.key]
            self._known[result.key] = task, result
            if remote:
                self._store.put(task, result)
            self._listener("layers", 1, None)
        return {key: self._known[key][1] for key in wanted}

    def _is_known(self, task: LayerTask) -> bool:
        known = self._known.get(task.key)
        if known is None or known[1].scan is None:
            return False
        other, scan = known[0], known[1].scan
        # A result from a table of contents holds only for manifests with the same digest of that table.
        same = scan.verified == "content" or other.toc_digest == task.toc_digest
        return same and scan.status == "complete" and scan.digest_holds is True


def _tells_all(inside: LayerInside | None) -> bool:
    """Whether an earlier scan looked for everything that this version looks for."""
    return inside is not None and inside.device_code is not None


def _scan(
    recipe: SourceRecipe, client: RegistryClient | None, layers: _Layers, how: _How
) -> ScannedReference:
    with recipe.open(client) as source:
        reading = _read(source, how.platform, how.prefer)
    images = [image for image in reading.images if image.kind is ContentKind.IMAGE]
    others = tuple(image for image in reading.images if image.kind is not ContentKind.IMAGE)
    if not images and reading.failures:
        raise reading.failures[0].error
    # A model is a result of its own, but it has no entries to observe.
    if not images and (how.observe is not None or not any(other.model for other in others)):
        kinds = ", ".join(sorted({str(image.kind) for image in others})) or "nothing"
        raise UnsupportedError(f"no image ({kinds})", subject=reading.name)
    tasks = [how.tasks(recipe, image) for image in images]
    results = layers.scan(recipe, [task for each in tasks for task in each])
    scanned = tuple(
        _summarised(image, [results[task.key] for task in each], how, layers.pool)
        for image, each in zip(images, tasks, strict=True)
    )
    return ScannedReference(reading.name, reading, scanned, others, None)


def _read(source: ImageSource, platform: Platform | None, prefer: Platform | None) -> ImageReading:
    try:
        return read_image(source, platform or prefer)
    except GoneError:
        if platform is not None or prefer is None:
            raise
    reading = read_image(source)
    if len(reading.images) > 1:
        there = ", ".join(str(image.platform) for image in reading.images[:10])
        raise GoneError(f"no image for {prefer}; choose with --platform: {there} or all", subject=source.name)
    return reading


def _summarised(
    image: PlatformImage, results: Sequence[LayerResult], how: _How, pool: ScanPool
) -> ScannedImage:
    history = (
        (None,) * len(image.layers) if image.config is None else image.config.layer_history(len(image.layers))
    )
    layers = [
        _layer(descriptor, None if entry is None else entry.created_by, result)
        for descriptor, entry, result in zip(image.layers, history, results, strict=True)
    ]
    unread = sum(not layer.is_read for layer in layers)
    reason = None
    if unread:
        reason = f"{unread} of {len(layers)} layers could not be read"
    elif len(layers) > _MOST_LAYERS:
        reason = f"{len(layers)} layers, more than the {_MOST_LAYERS} that are merged"
    if reason is not None:
        return ScannedImage(image, tuple(layers), None, None, reason, None, reason)
    spools = [result.spool for result in results if result.spool is not None]
    tally = ContentTally(how.content)
    visitors: list[Visitor] = [] if how.observe is None else [how.observe(image)]
    inside = LayersInside(
        tuple(result.inside for result in results),
        tuple(layer.size for layer in image.layers),
        tuple(how.families or ()),
    )
    secrets, device = inside.secret_tally(), inside.device_tally()
    packages = None if how.families is None else inside.tally()
    visitors += [each for each in (secrets, device, packages) if each is not None]
    beside = None
    if pool.is_running:
        # Two merges of the layers in parallel take less time than one merge with all visitors.
        beside = pool.start(find_content, spools, how.content)
    else:
        visitors.append(tally)
    try:
        summary = summarise_image(spools_at(spools), visitors=visitors)
        content = tally.findings() if beside is None else beside.result()
    except OutOfTimeError as error:
        return ScannedImage(image, tuple(layers), None, None, str(error))
    shared = tuple(replace(layer, share=share) for layer, share in zip(layers, summary.layers, strict=True))
    inventory = None if packages is None else packages.inventory(inside.families, inside.compressed)
    untold = sum(one is None for one in inside.layers)
    untold_reason = f"{untold} of {len(layers)} layers were read without their packages" if untold else None
    code = None if device is None else device.files(None if packages is None else packages.owner_of())
    return ScannedImage(
        image,
        shared,
        summary,
        content,
        None,
        inventory,
        untold_reason,
        None if secrets is None else secrets.secrets(),
        inside.secrets_cut_short,
        code,
        tally=packages,
    )


def _layer(descriptor: Descriptor, created_by: str | None, result: LayerResult) -> ScannedLayer:
    made_by = None if created_by is None else instruction(created_by)
    text = None if created_by is None else instruction_text(created_by)
    scan = result.scan
    if scan is None:
        error = result.error
        if isinstance(error, FetchError):
            facts = str(error), error.reason, error.retryable
        else:  # a bug, or a lack of memory: reported as it is
            facts = f"{type(error).__name__}: {error}", FetchError.reason, False
        return ScannedLayer(descriptor, made_by, text, "unreadable", *facts, None, None)
    code = {"corrupt": BrokenContentError.reason, "mismatch": DigestMismatchError.reason}.get(scan.status)
    return ScannedLayer(descriptor, made_by, text, scan.status, scan.reason, code, scan.retryable, scan, None)
