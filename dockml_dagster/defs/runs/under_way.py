"""Runs that are queued or running.

Here: asking the instance. Not here: ending dead runs (``retries``), decisions (``automation``).
"""

from collections.abc import Sequence

import dagster as dg

_GOING = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]


def runs_under_way(instance: dg.DagsterInstance) -> Sequence[dg.DagsterRun]:
    """Runs that are queued or running."""
    return instance.get_runs(dg.RunsFilter(statuses=_GOING))


def busy_corpora(instance: dg.DagsterInstance, *, without: str | None = None) -> set[str]:
    """Corpora with an unfinished run; ``without``: the id of a run to ignore."""
    return {
        run.tags["dockml/corpus"]
        for run in runs_under_way(instance)
        if "dockml/corpus" in run.tags and run.run_id != without
    }
