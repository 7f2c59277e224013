"""The weights of the category classifier: those that dockml ships, or a home's own from ``dockml labels train``.

Here: where a home keeps its own, reading and writing them, their version. Not here: fitting (``study.labels.training``),
labelling (``study.labels``).
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path

from dockml_dagster.settings import Settings
from dockml_dagster.study.labels.category import WEIGHT_COLUMNS
from dockml_dagster.warehouse.due.derivations import LABELS
from dockml_dagster.warehouse.models import seed_texts
from dockml_dagster.warehouse.rows import combined_hash

SHIPPED = "shipped"


def own_weights(settings: Settings) -> Path:
    """The file of a home's own weights, in the form of the seed ``category_weights``."""
    return settings.home / "labels" / "category_weights.csv"


def label_seeds(settings: Settings) -> dict[str, str]:
    """The input of the labellers (seed name → CSV text): the shipped seeds, with the home's own weights if it has any."""
    seeds = seed_texts(LABELS.seeds)
    path = own_weights(settings)
    if path.is_file():
        seeds["category_weights"] = path.read_text(encoding="utf-8")
    return seeds


def label_model_version(settings: Settings) -> str:
    """``shipped``, or a hash of the home's own weights."""
    path = own_weights(settings)
    return combined_hash([path.read_bytes()])[:12] if path.is_file() else SHIPPED


def keep_weights(settings: Settings, rows: Sequence[Mapping[str, str]]) -> Path:
    """Write a home's own weights, all or none; returns the file."""
    path = own_weights(settings)
    path.parent.mkdir(parents=True, exist_ok=True)
    stream = io.StringIO()
    writer = csv.DictWriter(stream, WEIGHT_COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    beside = path.with_suffix(".new")
    beside.write_text(stream.getvalue(), encoding="utf-8")
    beside.replace(path)
    return path
