"""Names of measures in the report, and tables of distributions.

Here: names with their units, shared by the sections that show distributions, and which differences are clear. Not here:
any SQL statement.
"""

from __future__ import annotations

from collections.abc import Sequence

from dockml_dagster.report.blocks import Column, Kind, Table
from dockml_dagster.report.source import Row
from dockml_dagster.report.text import say

CLEAR = 0.05
"""A difference with a smaller p after Holm's correction is called clear."""
METRICS: dict[str, tuple[str, Kind]] = {
    "compressed_bytes": ("size as stored", "size"),
    "bytes": ("size unpacked", "size"),
    "config_bytes": ("configuration document", "size"),
    "duplicate_bytes": ("files whose content is there twice", "size"),
    "removable_bytes": ("package caches, tests and the like", "size"),
    "wasted_bytes": ("hidden by a later layer", "size"),
    "compression_ratio": ("unpacked size to size as stored", "decimal"),
    "environment_variables": ("environment variables", "count"),
    "layers": ("layers", "count"),
    "base_layers": ("layers of the base image", "count"),
    "rootfs_layers": ("layers of the root file system", "count"),
    "files": ("files", "count"),
    "directories": ("directories", "count"),
    "max_published_level": ("deepest path (levels, the file’s name counted)", "count"),
    "max_depth": ("deepest path (directories)", "count"),
    "base_share": ("bytes in layers of the base image (%)", "percent"),
    "duplicate_share": ("bytes in files whose content is there twice (%)", "percent"),
    "removable_share": ("bytes in package caches, tests and the like (%)", "percent"),
    "wasted_share": ("bytes hidden by a later layer (%)", "percent"),
    "largest_layer_share": ("bytes as stored in the largest layer (%)", "percent"),
    "largest_percent_of_files_share": ("bytes in the largest hundredth of the files (%)", "percent"),
    "gini_of_layers": ("Gini coefficient of the layers’ sizes", "decimal"),
    "gini_of_files": ("Gini coefficient of the files’ sizes", "decimal"),
    "pulls": ("pulls", "count"),
    "stars": ("stars", "count"),
    "tags": ("tags", "count"),
    "days_since_push": ("days since the last push", "count"),
    "days_since_registration": ("days since the repository was made", "count"),
}
"""Measure → its name, and how its values are shown."""


MEASURE = """
    CASE
        WHEN starts_with(measure, 'follows_') THEN 'practice ' || replace(measure[9:], '_', '-')
        WHEN starts_with(measure, 'instruction_share_') THEN 'share of ' || upper(measure[19:])
        WHEN starts_with(measure, 'run_task_share_') THEN 'share of RUN for ' || replace(measure[16:], '_', ' ')
        WHEN starts_with(measure, 'uses_base_image_') THEN 'base image: ' || replace(measure[17:], '_', ' ')
        WHEN measure = 'multi_stage' THEN 'more than one FROM'
        ELSE replace(replace(measure, '_kib', ' (KiB)'), '_', ' ')
    END
"""
"""The name of a measure, as a column of a SELECT."""


def measure(row: Row) -> Row:
    """The row with the ``name`` of its ``metric`` and the ``kind`` of its values."""
    name, kind = METRICS.get(row["metric"], (row["metric"].replace("_", " "), "decimal"))
    return {**row, "name": name, "kind": kind}


def distribution(caption: str, table: str, rows: Sequence[Row]) -> Table:
    """Medians and quantiles of several measures: each row has its own unit, so its cells are formatted one by one.

    A column ``n_censored`` is shown only if a limit censored something.
    """
    shown = {
        "median": "median",
        "median_low": "95 % interval, from",
        "median_high": "to",
        "q25": "first quartile",
        "q75": "third quartile",
        "p90": "90 % are below",
        "maximum": "largest",
    }
    censored = any(row.get("n_censored") for row in rows)
    return Table(
        caption=say(caption),
        table=table,
        columns=(
            Column("name", "measure"),
            *(
                Column(key, heading, "own")
                for key, heading in shown.items()
                if any(key in row for row in rows)
            ),
            Column("n", "n", "count"),
            *((Column("clusters", "projects", "count"),) if any("clusters" in row for row in rows) else ()),
            *((Column("n_censored", "of these lower bounds", "count"),) if censored else ()),
        ),
        rows=[measure(row) for row in rows],
    )


def clear(rows: Sequence[Row]) -> list[Row]:
    """The rows whose difference is clear; one that was not tested is not."""
    return [row for row in rows if row["p_holm"] is not None and row["p_holm"] < CLEAR]
