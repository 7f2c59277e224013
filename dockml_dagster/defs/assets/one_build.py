"""The common code version of all tables that are made in one run.

Here: adding it to assets. Not here: what it hashes (``warehouse.versions``).
"""

import dagster as dg

from dockml_dagster.defs.jobs import MADE_BY_SQL
from dockml_dagster.settings import Settings
from dockml_dagster.warehouse.rows import combined_hash
from dockml_dagster.warehouse.versions import build_version


def of_one_build(spec: dg.AssetSpec) -> dg.AssetSpec:
    """The asset; if it is one of the findings, its version includes that of everything that computes findings.

    Dagster looks only one step back. Otherwise a changed statement would make the next tables out of date only after it had
    run, then those after them, and *Materialize unsynced* would have to be pressed ten times.
    """
    if spec.group_name not in (*MADE_BY_SQL, "report"):
        return spec
    build = build_version(Settings.from_environment())
    return spec.replace_attributes(code_version=combined_hash([spec.code_version or "", build])[:12])
