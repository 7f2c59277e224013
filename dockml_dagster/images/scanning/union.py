"""What an image holds, from the spools of its layers; in this process or one of ``pool``.

Here: reading spools, and which questions are asked of an image at once. It imports neither DuckDB nor pandas nor
Dagster, as ``worker`` must not. Not here: merging and counting (``study.layer``), what is done with the answers.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from dockml_dagster.study.advice.image import ImageFacts, advise_image
from dockml_dagster.study.advice.model import Recommendation, Rules
from dockml_dagster.study.advice.savings import SavingsTally
from dockml_dagster.study.layer.content import ContentFinding, ContentRules, ContentTally
from dockml_dagster.study.layer.image import ImageSummary, summarise_image
from dockml_dagster.study.layer.image_files import ImageFile, ImageFiles
from dockml_dagster.study.layer.spool import Spool
from dockml_dagster.study.layer.union import union_batches


def spools_at(paths: Sequence[Path]) -> list[Spool]:
    """Spools that lie in files, as the union opens them."""
    return [partial(_lines, path) for path in paths]


@dataclass(frozen=True, slots=True)
class ImageUnion:
    """Everything that a study asks of the union of an image's layers."""

    summary: ImageSummary
    contents: tuple[ContentFinding, ...]
    files: tuple[ImageFile, ...]
    advice: tuple[Recommendation, ...]


def sum_up(paths: Sequence[Path], content: ContentRules, advice: Rules, image: ImageFacts) -> ImageUnion:
    """All of it for the image whose layers' rows lie in these files, lowest layer first."""
    contents, files = ContentTally(content), ImageFiles()
    savings = SavingsTally(advice, content, base_layers=image.base_layers)
    summary = summarise_image(spools_at(paths), visitors=(contents, files, savings))
    return ImageUnion(
        summary, contents.findings(), files.found(), tuple(advise_image(image, savings.savings(), advice))
    )


def find_content(paths: Sequence[Path], rules: ContentRules) -> tuple[ContentFinding, ...]:
    """What the rules find in the image whose layers' rows lie in these files, lowest layer first."""
    tally = ContentTally(rules)
    for batch in union_batches(spools_at(paths)):
        tally(batch)
    return tally.findings()


def _lines(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        yield from file
