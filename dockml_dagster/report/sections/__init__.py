"""The sections of the report, in the order of the page.

Here: the list. Each module has one section, made of parts. A part names the tables it is based on; if they have no
row of the corpus, the page says so in a sentence instead. To add a finding: add a part to the module of its question.
Not here: blocks and charts (``blocks``, ``charts``), laying out the page (``page``).
"""

from __future__ import annotations

from dockml_dagster.report.blocks import Section
from dockml_dagster.report.sections import (
    advice,
    change,
    claims,
    cohorts,
    dockerfiles,
    images,
    method,
    paper,
    papers,
    projects,
    purposes,
    rebuilds,
    reviewers,
    selection,
    summary,
    threats,
)

SECTIONS: tuple[Section, ...] = (
    summary.SECTION,
    claims.SECTION,
    reviewers.SECTION,
    selection.SECTION,
    projects.SECTION,
    purposes.SECTION,
    dockerfiles.SECTION,
    images.SECTION,
    advice.SECTION,
    cohorts.SECTION,
    change.SECTION,
    rebuilds.SECTION,
    paper.SECTION,
    papers.SECTION,
    threats.SECTION,
    method.SECTION,
)
