"""The findings that SQL cannot compute, and the functions that compute them.

Here: the list, so that the graph and the tests know all of them. Not here: any computation, Dagster.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from dockml_dagster.study.statistics.clusters import STAGES
from dockml_dagster.warehouse.computed import claims, coder_drift, corpora, differences, label_shares
from dockml_dagster.warehouse.computed.comparisons import SEED
from dockml_dagster.warehouse.models import Project

if TYPE_CHECKING:
    import duckdb


@dataclass(frozen=True, slots=True)
class Computation:
    """Tables that are written together, and the tables that they are computed from.

    ``write`` replaces the tables and returns their numbers of rows by name; ``settings``: the constants that it uses.
    """

    name: str
    tables: Sequence[str]
    reads: Sequence[str]
    write: Callable[[duckdb.DuckDBPyConnection, Project], dict[str, int]]
    settings: Mapping[str, Any] = field(default_factory=dict)


COMPUTATIONS = (
    Computation(
        "differences",
        differences.TABLES,
        differences.READS,
        differences.write_differences,
        {"draws": STAGES[-1], "seed": SEED},
    ),
    Computation("coder_drift", (coder_drift.TABLE,), coder_drift.READS, coder_drift.write_coder_drift),
    Computation("label_shares", (label_shares.TABLE,), label_shares.READS, label_shares.write_label_shares),
    Computation("corpora", (corpora.TABLE,), corpora.READS, corpora.write_corpus_differences),
    Computation("claims", (claims.TABLE,), claims.READS, claims.write_claims),
)
