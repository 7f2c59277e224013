"""What an image holds, from the spools of its layers; in this process or one of ``pool``.

Here: reading spools, and which questions are asked of an image at once. It imports neither DuckDB nor pandas nor
Dagster, as ``worker`` must not. Not here: merging and counting (``study.layer``), what is done with the answers.
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
from dockml_dagster.study.layer.content import ContentFinding, ContentRules, ContentTally
from dockml_dagster.study.layer.image import ImageSummary, summarise_image
from dockml_dagster.study.layer.image_files import ImageFile, ImageFiles
from dockml_dagster.study.layer.spool import Spool
from dockml_dagster.study.layer.union import union_batches
from dockml_dagster.study.packages.families import FamilyRule
from dockml_dagster.study.packages.inventory import Inventory, PackageTally
from dockml_dagster.study.secrets.image import ImageSecret, SecretTally


def spools_at(paths: Sequence[Path]) -> list[Spool]:
    """Spools that lie in files, as the union opens them."""
    return [partial(_lines, path) for path in paths]


@dataclass(frozen=True, slots=True)
class LayersInside:
    """What the files of an image's layers say, lowest layer first, None where that is unknown; and the compressed bytes of
    each layer.
    """

    layers: tuple[LayerInside | None, ...]
    compressed: tuple[int | None, ...]
    families: tuple[FamilyRule, ...]

    def tally(self) -> PackageTally | None:
        """What sums the image's packages up. None: of a layer it is unknown what its files say."""
        known = [one for one in self.layers if one is not None]
        return PackageTally([one.readings for one in known]) if len(known) == len(self.layers) else None

    def secret_tally(self) -> SecretTally | None:
        """What tells what became of the image's secrets. None: of a layer it is unknown whether it has any."""
        known = [one for one in self.layers if one is not None]
        if len(known) != len(self.layers):
            return None
        return SecretTally([one.secrets for one in known], [one.readings for one in known])


@dataclass(frozen=True, slots=True)
class ImageUnion:
    """Everything that a study asks of the union of an image's layers. ``inventory``, ``secrets``: None where unknown."""

    summary: ImageSummary
    contents: tuple[ContentFinding, ...]
    files: tuple[ImageFile, ...]
    advice: tuple[Recommendation, ...]
    inventory: Inventory | None
    secrets: tuple[ImageSecret, ...] | None


def sum_up(
    paths: Sequence[Path], content: ContentRules, advice: Rules, image: ImageFacts, inside: LayersInside
) -> ImageUnion:
    """All of it for the image whose layers' rows lie in these files, lowest layer first."""
    contents, files, packages, secrets = (
        ContentTally(content),
        ImageFiles(),
        inside.tally(),
        inside.secret_tally(),
    )
    savings = SavingsTally(advice, content, base_layers=image.base_layers)
    told = [each for each in (packages, secrets) if each is not None]
    visitors = (contents, files, savings, *told)
    summary = summarise_image(spools_at(paths), visitors=visitors)
    inventory = None if packages is None else packages.inventory(inside.families, inside.compressed)
    found = None if secrets is None else secrets.secrets()
    image = replace(image, doubled=() if inventory is None else inventory.doubled, secrets=found or ())
    recommendations = tuple(advise_image(image, savings.savings(), advice))
    return ImageUnion(summary, contents.findings(), files.found(), recommendations, inventory, found)


def find_content(paths: Sequence[Path], rules: ContentRules) -> tuple[ContentFinding, ...]:
    """What the rules find in the image whose layers' rows lie in these files, lowest layer first."""
    tally = ContentTally(rules)
    for batch in union_batches(spools_at(paths)):
        tally(batch)
    return tally.findings()


def _lines(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        yield from file
