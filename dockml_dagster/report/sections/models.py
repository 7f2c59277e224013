"""RQ4, beside the images: models that projects ship as artifacts of a registry.

Here: ``findings.rq4_model_artifacts``. Not here: files of models inside images (``contents``).
"""

from __future__ import annotations

from collections.abc import Sequence

from dockml_dagster.report.blocks import Block, Column, Heading, Part, Table
from dockml_dagster.report.source import Source
from dockml_dagster.report.text import say

TABLE = "findings.rq4_model_artifacts"


def _models(source: Source) -> Sequence[Block]:
    rows = source.rows(f"""
        SELECT packaging, model_format, artifacts, share, clusters, median_bytes, largest_bytes, total_bytes,
               artifacts_with_parameters, n
        FROM {TABLE}
        WHERE corpus = $corpus AND category = 'All'
        ORDER BY packaging = 'all' DESC, artifacts DESC, packaging, model_format
    """)
    if not rows:
        return []
    return [
        Heading("Models shipped as artifacts"),
        Table(
            caption=say(
                "Models that projects name in a registry, packed as artifacts and not as images: each distinct one once, "
                "with sizes as stored. Parameters are as their configurations state them."
            ),
            table=TABLE,
            columns=(
                Column("packaging", "packed as"),
                Column("model_format", "format"),
                Column("artifacts", "models", "count"),
                Column("share", "share", "percent"),
                Column("clusters", "projects", "count"),
                Column("median_bytes", "median", "size"),
                Column("largest_bytes", "largest", "size"),
                Column("total_bytes", "all", "size"),
                Column("artifacts_with_parameters", "state their parameters", "count"),
                Column("n", "n", "count"),
            ),
            rows=rows,
        ),
    ]


PART = Part(
    "the models shipped as artifacts",
    (TABLE,),
    _models,
    without=say("none of these projects names a model in a registry."),
)
