"""Machine-learning projects against a control group, and categories against each other.

Belongs here: ``findings.cohort_differences`` and ``findings.category_differences``.
"""

from __future__ import annotations

from dockml_dagster.report.blocks import Section
from dockml_dagster.report.sections import generic

SECTION = Section(
    "cohorts",
    "Machine learning against other software",
    (
        generic.part("findings.cohort_differences", what="the comparison with a control group"),
        generic.part(
            "findings.category_differences",
            what="the differences between categories",
            heading="Between categories",
        ),
    ),
)
