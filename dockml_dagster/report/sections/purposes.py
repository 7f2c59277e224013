"""RQ2: what the projects use Docker for.

Belongs here: ``findings.rq2_purposes``.
"""

from __future__ import annotations

from dockml_dagster.report.blocks import Section
from dockml_dagster.report.sections import generic

SECTION = Section(
    "rq2",
    "RQ2. What Docker is used for",
    (generic.part("findings.rq2_purposes", what="the purposes", stage="labels"),),
)
