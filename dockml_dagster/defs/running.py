"""Running the graph from the command line: the same jobs as in the UI, in this process, on the same instance.

Belongs here: the instance, the order of the jobs, batches, dead runs. Does not: what the jobs do, or any printing.
"""

import logging
from collections.abc import Sequence
from typing import Any

import dagster as dg

from dockml_dagster.defs.collection import BATCH
from dockml_dagster.defs.partitions import register
from dockml_dagster.defs.run_failures import cause
from dockml_dagster.defs.verdict import end_dead_runs, signature
from dockml_dagster.errors import DockmlError
from dockml_dagster.following import stretches
from dockml_dagster.instance import prepare
from dockml_dagster.settings import Settings

_QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


class RunFailedError(DockmlError):
    """A Dagster run failed for a cause that is no single project's; the run's page in the UI has the whole story."""

    exit_code = 4


class Runner:
    """The jobs of the graph on the user's Dagster instance."""

    def __init__(self, settings: Settings) -> None:
        prepare(settings)
        from dockml_dagster.definitions import defs

        # Ctrl-C while Dagster closes its storage is told as a traceback by SQLAlchemy, beside our one line.
        logging.getLogger("sqlalchemy.pool").setLevel(logging.CRITICAL)
        self._definitions = defs()
        self.instance = dg.DagsterInstance.get()

    def close(self) -> None:
        """Let go of the instance's storage."""
        self.instance.dispose()

    def list_projects(self, corpus: str) -> None:
        """List a corpus and register its partitions."""
        config = {"config": {"corpus": corpus}}
        self._run(
            "list_projects", {"ops": {"repo_list": config, "labels": config}}, {"dockml/corpus": corpus}
        )

    def collect(self, projects: Sequence[str], *, force: bool = False) -> None:
        """Collect all stages of these projects, which are of one corpus, in batches."""
        # A home whose Dagster storage was deleted still has its warehouse: register what is missing.
        register(self.instance, projects)
        ordered = list(self.instance.get_dynamic_partitions("project"))
        for batch in stretches(ordered, set(projects), BATCH):
            tags = {
                "dagster/asset_partition_range_start": batch[0],
                "dagster/asset_partition_range_end": batch[-1],
                "dockml/corpus": batch[0].split("/")[0],
            }
            self._run("collect_projects", {"ops": {"collect": {"config": {"force": force}}}}, tags)

    def make_findings(self) -> None:
        """Read Dockerfiles, run the SQL models and their tests, publish."""
        self._run("make_findings", {}, {})

    def lint(self) -> None:
        """Ask hadolint about the texts that it did not see yet, run what reads its answers, publish."""
        self._run("lint_dockerfiles", {}, {})

    def fail_dead_runs(self) -> list[str]:
        """Mark runs failed that an earlier command started and did not live to end; returns their ids."""
        return end_dead_runs(self.instance)

    def _run(self, job: str, config: dict[str, Any], tags: dict[str, str]) -> None:
        result = self._definitions.resolve_job_def(job).execute_in_process(
            instance=self.instance,
            run_config={**_QUIET, **config},
            tags={**signature(), **tags},
            raise_on_error=False,
        )
        if not result.success:
            reason = cause(self.instance, result.run_id)[1]
            if _INTERRUPTED in reason:
                raise KeyboardInterrupt
            raise RunFailedError(f"run {result.run_id[:8]} of {job} failed: {reason}")


_INTERRUPTED = "DagsterExecutionInterruptedError"
"""What Dagster makes of Ctrl-C in a run; all that is left of it in the run's events is its name."""
