"""The content of an image, from the spools of its layers; in this process or one of ``pool``.

Here: reading spools, and what is computed of an image in one pass. It imports neither DuckDB nor pandas nor
Dagster, as ``worker`` must not. Not here: merging and counting (``study.layer``), the use of the results.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from dockml_dagster.images.scanning.inside import LayerInside
from dockml_dagster.study.advice.image import ImageFacts, advise_image
from dockml_dagster.study.advice.model import Recommendation, Rules
from dockml_dagster.study.advice.savings import SavingsTally
from dockml_dagster.study.device_code.image import DeviceTally, ImageDeviceFile
from dockml_dagster.study.layer.content import ContentFinding, ContentRules, ContentTally
from dockml_dagster.study.layer.image import ImageSummary, summarise_image
from dockml_dagster.study.layer.image_files import ImageFile, ImageFiles
from dockml_dagster.study.layer.spool import Spool
from dockml_dagster.study.layer.union import union_batches
from dockml_dagster.study.packages.families import FamilyRule
from dockml_dagster.study.packages.inventory import Inventory, PackageTally
from dockml_dagster.study.secrets.image import ImageSecret, SecretTally


def spools_at(paths: Sequence[Path]) -> list[Spool]:
    """Spool files, in the form that the union opens."""
    return [partial(_lines, path) for path in paths]


@dataclass(frozen=True, slots=True)
class LayersInside:
    """The content of the files of an image's layers, lowest layer first, None where unknown; and the compressed bytes of
    each layer.
    """

    layers: tuple[LayerInside | None, ...]
    compressed: tuple[int | None, ...]
    families: tuple[FamilyRule, ...]

    def tally(self) -> PackageTally | None:
        """A visitor that counts the image's packages. None: the content of a layer's files is unknown."""
        known = [one for one in self.layers if one is not None]
        return PackageTally([one.readings for one in known]) if len(known) == len(self.layers) else None

    def secret_tally(self) -> SecretTally | None:
        """A visitor that follows the image's secrets. None: unknown for a layer."""
        known = [one for one in self.layers if one is not None]
        if len(known) != len(self.layers):
            return None
        return SecretTally([one.secrets for one in known], [one.readings for one in known])

    def device_tally(self) -> DeviceTally | None:
        """A visitor that follows the image's GPU code. None if it is unknown for any layer."""
        known = [one.device_code for one in self.layers if one is not None and one.device_code is not None]
        return DeviceTally(known) if len(known) == len(self.layers) else None

    @property
    def secrets_cut_short(self) -> bool:
        """Whether the search for secrets hit a limit in a layer: then the number found is a lower bound."""
        return any(one is not None and one.secrets_cut_short for one in self.layers)


@dataclass(frozen=True, slots=True)
class ImageUnion:
    """Everything that a study needs of the union of an image's layers.

    ``inventory``, ``secrets`` and ``device_code``: None where unknown.
    """

    summary: ImageSummary
    contents: tuple[ContentFinding, ...]
    files: tuple[ImageFile, ...]
    advice: tuple[Recommendation, ...]
    inventory: Inventory | None
    secrets: tuple[ImageSecret, ...] | None
    device_code: tuple[ImageDeviceFile, ...] | None
    secrets_cut_short: bool


def sum_up(
    paths: Sequence[Path], content: ContentRules, advice: Rules, image: ImageFacts, inside: LayersInside
) -> ImageUnion:
    """Compute it for the image whose layers' rows are in these files, lowest layer first."""
    contents, files = ContentTally(content), ImageFiles()
    packages, secrets, device = inside.tally(), inside.secret_tally(), inside.device_tally()
    savings = SavingsTally(advice, content, base_layers=image.base_layers)
    told = [each for each in (packages, secrets, device) if each is not None]
    visitors = (contents, files, savings, *told)
    summary = summarise_image(spools_at(paths), visitors=visitors)
    inventory = None if packages is None else packages.inventory(inside.families, inside.compressed)
    found = None if secrets is None else secrets.secrets()
    code = None if device is None else device.files(None if packages is None else packages.owner_of())
    image = replace(
        image,
        doubled=() if inventory is None else inventory.doubled,
        secrets=found or (),
        device_code=code or (),
    )
    recommendations = tuple(advise_image(image, savings.savings(), advice))
    return ImageUnion(
        summary,
        contents.findings(),
        files.found(),
        recommendations,
        inventory,
        found,
        code,
        inside.secrets_cut_short,
    )


def find_content(paths: Sequence[Path], rules: ContentRules) -> tuple[ContentFinding, ...]:
    """The content that the rules find in the image whose layers' rows are in these files, lowest layer first."""
    tally = ContentTally(rules)
    for batch in union_batches(spools_at(paths)):
        tally(batch)
    return tally.findings()


def _lines(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        yield from file
