"""RQ4, on Docker Hub: how the projects' repositories there are used and maintained.

Here: ``findings.rq4_docker_hub``. Not here: the images themselves.
"""

from __future__ import annotations

from collections.abc import Sequence

from dockml_dagster.report.blocks import Block, Column, Heading, Part, Table
from dockml_dagster.report.sections.measures import measure
from dockml_dagster.report.source import Source
from dockml_dagster.report.text import say

TABLE = "findings.rq4_docker_hub"


def _docker_hub(source: Source) -> Sequence[Block]:
    rows = source.rows(f"""
        SELECT metric, link_grade, q25, median, q75, maximum, n FROM {TABLE}
        WHERE corpus = $corpus
        ORDER BY metric, list_position(['confirmed', 'likely', 'possible', 'any'], link_grade)
    """)
    if not rows:
        return []
    return [
        Heading("On Docker Hub"),
        Table(
            caption=say(
                "What Docker Hub says of the repositories whose tie to a project has at least a grade; each counts once."
            ),
            table=TABLE,
            columns=(
                Column("name", "measure"),
                Column("link_grade", "tie at least"),
                Column("q25", "first quartile", "own"),
                Column("median", "median", "own"),
                Column("q75", "third quartile", "own"),
                Column("maximum", "largest", "own"),
                Column("n", "n", "count"),
            ),
            rows=[measure(row) for row in rows],
        ),
    ]


PART = Part(
    "how the repositories on Docker Hub are used",
    (TABLE,),
    _docker_hub,
    without=say("no repository on Docker Hub is tied to these projects, or Docker Hub was not asked."),
)
