"""The code version of whatever is made in one run.

Here: one version for all of it. Not here: what that is a hash of (``warehouse.versions``).
"""

import dagster as dg

from dockml_dagster.defs.jobs import MADE_BY_SQL
from dockml_dagster.settings import Settings
from dockml_dagster.warehouse.rows import combined_hash
from dockml_dagster.warehouse.versions import build_version


def of_one_build(spec: dg.AssetSpec) -> dg.AssetSpec:
    """The asset with the version of all that findings are made by, beside its own, if it is one of them.

    Dagster looks one step back: else a changed statement would make the next tables out of date only when it had run, and
    theirs after that, and *Materialize unsynced* would have to be pressed ten times.
    """
    if spec.group_name not in (*MADE_BY_SQL, "report"):
        return spec
    build = build_version(Settings.from_environment())
    return spec.replace_attributes(code_version=combined_hash([spec.code_version or "", build])[:12])
