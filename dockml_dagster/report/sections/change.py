"""The projects then and now.

Belongs here: ``findings.change_over_time``.
"""

from __future__ import annotations

from dockml_dagster.report.blocks import Section
from dockml_dagster.report.sections import generic

SECTION = Section(
    "change",
    "Then and now",
    (
        generic.part(
            "findings.change_over_time",
            what="the change over time",
            order="corpus_before, metric",
            caption="Units known at both moments, before and after",
            left_out=("reading",),
        ),
    ),
)
