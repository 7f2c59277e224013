"""Parts of derivations on collected texts and projects, for workers: the job ``compute_parts``.

A run computes one part of one derivation: the units selected by a hash. It materialises no asset: the assets report all
units when the findings are made, and find those of the parts done.

Here: the job, and which parts there are. Not here: sending them (``commands.study.runner``), the computing
(``readings``, ``machine_labels``, ``image_links``).
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import dagster as dg
import duckdb

from dockml_dagster.defs.assets import image_links, machine_labels, readings
from dockml_dagster.defs.resources import WarehouseResource
from dockml_dagster.defs.runs.retries import verdict
from dockml_dagster.settings import Settings
from dockml_dagster.warehouse.due.derivation import Derivation, Derived, Part
from dockml_dagster.warehouse.due.derivations import LABELS, LINKS, READINGS

JOB = "compute_parts"
UNITS_AT_LEAST = 100
"""About the smallest part: a run has some seconds of overhead."""
UNITS_AT_BEST = 1_000
"""About the largest part: the wait for the last one should be short."""
_PARTS = 8
"""Number of parts of a derivation between these bounds: with that many workers, each has one."""


@dataclass(frozen=True, slots=True)
class Computing:
    """A derivation that is computed in parts: its current version, and a function for a part of its due units."""

    derivation: Derivation
    version: Callable[[Settings], str]
    compute: Callable[[WarehouseResource, Part], Derived]


COMPUTINGS: Mapping[str, Computing] = {
    one.derivation.name: one
    for one in (
        Computing(READINGS, readings.version, readings.read_some),
        Computing(LABELS, machine_labels.version, machine_labels.label_some),
        Computing(LINKS, image_links.version, image_links.link_some),
    )
}


class PartConfig(dg.Config):
    """``derivation``: its name; ``number``: of the part, from 0; ``parts``: their number."""

    derivation: str
    number: int = 0
    parts: int = 1


@dg.op
def compute_part(context: dg.OpExecutionContext, config: PartConfig, warehouse: WarehouseResource) -> None:
    """Compute the due units of one part."""
    with verdict(context):
        done = COMPUTINGS[config.derivation].compute(warehouse, Part(config.number, config.parts))
        context.log.info("%s: %d units, %d new rows", config.derivation, done.units, done.rows)


@dg.job(
    name=JOB,
    # On workers: the queue of all of them, as for collecting.
    tags={"dockml/work": "computing", "dagster-celery/queue": "collection"},
    description="Read, label or link a part of the texts or projects that are due; `make_findings` does what is left.",
)
def compute_parts() -> None:
    """The job of one part."""
    compute_part()


@dg.definitions
def part_definitions() -> dg.Definitions:
    """The job, for Dagster to load."""
    return dg.Definitions(jobs=[compute_parts])


def parts_due(connection: duckdb.DuckDBPyConnection, settings: Settings) -> Iterator[dict[str, Any]]:
    """The run configuration of each due part; none for a derivation with few due units."""
    for name, one in COMPUTINGS.items():
        for number in range(parts := parts_of(len(one.derivation.due(connection, one.version(settings))))):
            config = {"derivation": name, "number": number, "parts": parts}
            yield {"ops": {compute_part.name: {"config": config}}}


def parts_of(units: int) -> int:
    """The number of parts for that many units; 0: too few to be sent."""
    if units < 2 * UNITS_AT_LEAST:
        return 0
    return -(-units // min(max(units // _PARTS, UNITS_AT_LEAST), UNITS_AT_BEST))
