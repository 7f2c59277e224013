"""Jobs: the named parts of the graph that the command, schedules and people start.

Here: which assets belong to each job. Not here: the assets (``assets``), who starts a job and when (``automation``,
``commands.study.runner``).
https://docs.dagster.io/guides/build/jobs/asset-jobs
"""

import dagster as dg

from dockml_dagster.corpora.base import STAGES

READ_BY_PYTHON = ("rebuilds", "dockerfile_readings", "file_facts", "machine_labels", "image_links")
"""Assets that the SQL models build on: they process collected data, one text or project at a time."""
MADE_BY_SQL = ("staging", "core", "findings", "published")
"""The groups of assets made from these; Python computes some of the findings."""
FINDINGS = dg.AssetSelection.assets(*READ_BY_PYTHON) | dg.AssetSelection.groups(*MADE_BY_SQL)
"""All assets that are made from collected data."""
FINDINGS_TAGS = {"dockml/work": "findings"}

list_projects = dg.define_asset_job(
    "list_projects",
    selection=dg.AssetSelection.assets("repo_list", "labels"),
    tags={"dockml/work": "listing"},
    description="Find the projects of a corpus and make each a partition.",
)
collect_projects = dg.define_asset_job(
    "collect_projects",
    selection=dg.AssetSelection.assets(*STAGES),
    # With workers: the queue of all of them (``instance.launcher``). Jobs without this tag publish, or maintain the home.
    tags={"dockml/work": "collection", "dagster-celery/queue": "collection"},
    description="Dockerfiles, manifests and layer statistics of a batch of projects.",
)
make_findings = dg.define_asset_job(
    "make_findings",
    selection=FINDINGS,
    tags=FINDINGS_TAGS,
    description="Read the Dockerfiles, label the projects, link their images, run every SQL model and its tests, publish.",
)
