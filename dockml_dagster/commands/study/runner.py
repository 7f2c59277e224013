"""Running the graph from the command line: the same jobs as in the UI, in this process, on the same instance.

Where there are workers, batches of projects go to them. Listing and findings stay here: they are short, and the published
file that they make belongs to this machine.

Here: the instance, the order of the jobs, batches, dead runs. Not here: what the jobs do, sending (``instance.sending``), or
any printing.
"""

import logging
import uuid
from collections.abc import Sequence
from contextlib import ExitStack
from typing import Any

import dagster as dg

from dockml_dagster.commands.study import interrupts
from dockml_dagster.corpora.base import Corpus
from dockml_dagster.corpora.derived import processes_kept
from dockml_dagster.defs.assets import parts
from dockml_dagster.defs.assets.collection import BATCH
from dockml_dagster.defs.automation.decisions import stretches
from dockml_dagster.defs.partitions import register
from dockml_dagster.defs.resources import in_use
from dockml_dagster.defs.runs.failures import cause, said_final
from dockml_dagster.defs.runs.retries import end_dead_runs, signature
from dockml_dagster.errors import DockmlError, UnreachableError
from dockml_dagster.instance.run_names import catalog_of, working_on
from dockml_dagster.settings import Settings
from dockml_dagster.warehouse.connection import Warehouse

HERE = 500
"""Projects per run in this process, where a run need not be small for retries: its overhead is half a second. Collected
data is stored some projects at a time (``Corpus.partitions_at_once``)."""
_QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


class RunFailedError(DockmlError):
    """A Dagster run failed for a reason that concerns no single project; its page in the UI has the details."""

    exit_code = 4
    by_itself = True
    """Whether a step failed, and not a worker or a service."""


class Runner:
    """The jobs of the graph on the user's Dagster instance, whose home ``instance.home.prepare`` made ready."""

    def __init__(self, settings: Settings, corpus: Corpus | None = None) -> None:
        """``corpus``: used as it was opened, by all jobs in this process."""
        from dockml_dagster.definitions import defs

        # On Ctrl-C while Dagster closes its storage, SQLAlchemy would print a traceback beside our one line.
        logging.getLogger("sqlalchemy.pool").setLevel(logging.CRITICAL)
        self._definitions = defs()
        self.instance = dg.DagsterInstance.get()
        self._fleet = catalog_of(settings) if settings.celery_broker else None
        self._settings = settings
        self._warehouse = Warehouse(settings.warehouse)
        self._until_closed = ExitStack()
        self._until_closed.callback(self.instance.dispose)
        if corpus is not None:
            self._until_closed.enter_context(in_use(corpus))

    def close(self) -> None:
        """Close the instance's storage."""
        self._until_closed.close()

    def list_projects(self, corpus: str) -> None:
        """List a corpus and register its partitions."""
        config = {"config": {"corpus": corpus}}
        self._run(
            "list_projects", {"ops": {"repo_list": config, "labels": config}}, {"dockml/corpus": corpus}
        )

    def collect(self, projects: Sequence[str], *, force: bool = False) -> None:
        """Collect all stages of these projects, which are of one corpus, in batches."""
        # A partition that was deleted by hand is registered again.
        register(self.instance, projects)
        ordered = list(self.instance.get_dynamic_partitions("project"))
        config = {"ops": {"collect": {"config": {"force": force}}}}
        size = HERE if self._fleet is None else batch_size(len(projects))
        batches = [
            {
                "dagster/asset_partition_range_start": batch[0],
                "dagster/asset_partition_range_end": batch[-1],
                "dockml/corpus": batch[0].split("/")[0],
            }
            for batch in stretches(ordered, set(projects), size)
        ]
        if self._fleet is not None:
            self._send("collect_projects", [(config, tags) for tags in batches])
            return
        for tags in batches:
            self._run("collect_projects", config, tags)

    def make_findings(self) -> None:
        """Read Dockerfiles, run the SQL models and their tests, and publish. Workers, if there are any, read first."""
        if self._fleet is not None:
            self._compute_parts()
        with self._warehouse.kept_open(), processes_kept():
            self._run("make_findings", {}, {})

    def lint(self) -> None:
        """Run hadolint on texts that it has not seen, run the models that read its remarks, and publish."""
        with self._warehouse.kept_open():
            self._run("lint_dockerfiles", {}, {})

    def fail_dead_runs(self) -> list[str]:
        """Mark as failed the runs of earlier commands that died; returns their ids."""
        return end_dead_runs(self.instance)

    def _run(self, job: str, config: dict[str, Any], tags: dict[str, str]) -> None:
        if self._fleet is None:
            self._run_once(job, config, tags, str(uuid.uuid4()))
            return
        from dockml_dagster.instance.sending import TRIES, services

        for left in reversed(range(TRIES)):
            try:
                run_id = str(uuid.uuid4())
                # Run monitoring (in the daemon) checks which process works on this run.
                with services(), working_on(self._fleet, run_id):
                    self._run_once(job, config, tags, run_id)
                return
            except RunFailedError as error:
                if error.by_itself or not left:
                    raise
            except UnreachableError:
                if not left:
                    raise

    def _run_once(self, job: str, config: dict[str, Any], tags: dict[str, str], run_id: str) -> None:
        with interrupts.noticed() as interrupted:
            result = self._definitions.resolve_job_def(job).execute_in_process(
                instance=self.instance,
                run_config={**_QUIET, **config},
                tags={**signature(), **tags},
                raise_on_error=False,
                run_id=run_id,
            )
            if interrupted():
                raise KeyboardInterrupt
        if not result.success:
            raise self._failure(result.run_id, job)

    def _compute_parts(self) -> None:
        """Have workers read, label and link due units, if there are enough of them."""
        with self._warehouse.read() as connection:
            configs = list(parts.parts_due(connection, self._settings))
        if configs:
            self._send(parts.JOB, [(config, {}) for config in configs])

    def _send(self, job: str, runs: Sequence[tuple[dict[str, Any], dict[str, str]]]) -> None:
        """Have workers do runs of a job, each with its configuration and its tags."""
        from dockml_dagster.instance.sending import Batch, run_on_workers

        definition = self._definitions.resolve_job_def(job)

        def failure(run_id: str) -> tuple[bool, DockmlError]:
            error = self._failure(run_id, job)
            return not error.by_itself, error

        batches = [Batch(definition, {**_QUIET, **config}, tags) for config, tags in runs]
        run_on_workers(self.instance, batches, failure)

    def _failure(self, run_id: str, job: str) -> RunFailedError:
        reason = cause(self.instance, run_id)[1]
        if _INTERRUPTED in reason:
            raise KeyboardInterrupt
        error = RunFailedError(f"run {run_id[:8]} of {job} failed: {reason}")
        error.by_itself = said_final(self.instance, run_id)
        return error


def batch_size(projects: int) -> int:
    """Projects in one run on workers: few enough that no worker waits
    long for the last run, but enough that a run's own overhead is small.
    """
    return max(5, min(BATCH, projects // 16))


_INTERRUPTED = "DagsterExecutionInterruptedError"
"""Dagster's error for Ctrl-C in a run; the run's events record only its name."""
