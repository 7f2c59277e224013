"""What an image holds, from the spools of its layers; in this process or one of ``layer_pool``.

Here: reading spools, and which questions are asked of an image at once. It imports neither DuckDB nor pandas nor
Dagster, as ``layer_worker`` must not. Not here: merging and counting (``study.layer``), what is done with the answers.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

from dockml_dagster.study.layer.content import ContentFinding, ContentRules, ContentTally
from dockml_dagster.study.layer.spool import Spool
from dockml_dagster.study.layer.union import union_batches


def spools_at(paths: Sequence[Path]) -> list[Spool]:
    """Spools that lie in files, as the union opens them."""
    return [partial(_lines, path) for path in paths]


def find_content(paths: Sequence[Path], rules: ContentRules) -> tuple[ContentFinding, ...]:
    """What the rules find in the image whose layers' rows lie in these files, lowest layer first."""
    tally = ContentTally(rules)
    for batch in union_batches(spools_at(paths)):
        tally(batch)
    return tally.findings()


def _lines(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        yield from file
