"""Sending runs to workers and waiting for them: what ``dockml study`` does instead of running them itself.

Here: sending, waiting, sending again runs lost with a worker or the broker. Not here: which runs
(``commands.study.runner``), executing them (``worker``).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast

import dagster as dg

from dockml_dagster.catalog import PATIENCE_SECONDS, patiently
from dockml_dagster.errors import BadInputError, DockmlError, UnreachableError
from dockml_dagster.instance.dagster_internals import (
    LaunchRunContext,
    ReconstructableRepository,
    WorkerStatus,
)
from dockml_dagster.instance.launcher import WorkerLauncher
from dockml_dagster.progress import advance
from dockml_dagster.settings import without_secrets

if TYPE_CHECKING:
    from dockml_dagster.instance.dagster_internals import BaseWorkspaceRequestContext

TRIES: Final = 4
"""How often a batch is sent, if its worker is lost each time, before the study gives up."""
LOOK_SECONDS: Final = 1.0
LOST_SECONDS: Final = 60.0
"""If none of our runs begins or ends for this time although some wait, the broker may have lost them."""
PING_SECONDS: Final = 5.0

T = TypeVar("T")
_ENDED: Final = {dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED}


@dataclass(frozen=True, slots=True)
class Batch:
    """A run to be sent: the job, its configuration, its tags."""

    job: dg.JobDefinition
    config: Mapping[str, Any]
    tags: Mapping[str, str]


@dataclass(slots=True)
class _Sent:
    batch: Batch
    run_id: str
    tries: int = 1
    told: int = 0


def launcher_of(instance: dg.DagsterInstance) -> WorkerLauncher:
    """The instance's launcher.

    Raises:
        BadInputError: its ``dagster.yaml`` names another launcher.
    """
    launcher = instance.run_launcher
    if not isinstance(launcher, WorkerLauncher):
        raise BadInputError(
            f"{instance.root_directory}/dagster.yaml is your own and starts runs otherwise; delete it to get one for workers"
        )
    return launcher


def run_on_workers(
    instance: dg.DagsterInstance,
    batches: Sequence[Batch],
    failure: Callable[[str], tuple[bool, DockmlError]],
) -> None:
    """Send the batches, wait until all are done. ``failure(run_id)``: whether a failed run may be sent again, and its error.

    When interrupted, it cancels runs that have not begun; running ones continue to their end.

    Raises:
        UnreachableError: no worker answers, or a service stays unreachable.
        DockmlError: the error that ``failure`` returned for a batch; the other batches were waited for.
    """
    launcher = launcher_of(instance)
    if not patiently(lambda: _workers(launcher), PATIENCE_SECONDS):
        raise UnreachableError(
            f"no worker answers at {without_secrets(launcher.broker)}; start one: dockml worker"
        )
    going: dict[str, _Sent] = {}
    problem: DockmlError | None = None
    try:
        for batch in batches:
            sent = _Sent(batch, _send(instance, batch))
            going[sent.run_id] = sent
        moved = time.monotonic()
        while going:
            time.sleep(LOOK_SECONDS)
            changed = False
            for run in _runs(instance, list(going)):
                sent = going[run.run_id]
                changed |= _tell(instance, sent)
                gone = run.status == dg.DagsterRunStatus.STARTED and not _worked_on(launcher, run)
                if run.status not in _ENDED and not gone:
                    continue
                if gone:
                    _asked(partial(instance.report_run_failed, run, "the worker that ran this is gone"))
                changed = True
                del going[run.run_id]
                again, error = (True, None) if gone else _judged(run, failure)
                if again and sent.tries < TRIES:
                    new = _Sent(sent.batch, _send(instance, sent.batch), sent.tries + 1, sent.told)
                    going[new.run_id] = new
                elif again or error:
                    problem = problem or error or _lost(run)
            if changed:
                moved = time.monotonic()
            elif time.monotonic() - moved > LOST_SECONDS:
                _send_lost(instance, launcher, list(going))
                moved = time.monotonic()
    except BaseException:
        _take_back(instance, list(going))
        raise
    if problem is not None:
        raise problem


def _judged(
    run: dg.DagsterRun, failure: Callable[[str], tuple[bool, DockmlError]]
) -> tuple[bool, DockmlError | None]:
    return (False, None) if run.status == dg.DagsterRunStatus.SUCCESS else _asked(lambda: failure(run.run_id))


def _lost(run: dg.DagsterRun) -> DockmlError:
    return UnreachableError(f"run {run.run_id[:8]} of {run.job_name} lost its worker {TRIES} times")


def _send(instance: dg.DagsterInstance, batch: Batch) -> str:
    """Put a new run into the broker's queue; returns its id."""
    repository = ReconstructableRepository.for_module("dockml_dagster.definitions", "defs")
    origin = repository.get_reconstructable_job(batch.job.name).get_python_origin()

    def once() -> str:
        run = instance.create_run_for_job(
            job_def=batch.job,
            run_config=batch.config,
            # The job's own tags name the queue.
            tags={**batch.job.run_tags, **batch.tags},
            job_code_origin=origin,
        )
        # No workspace is needed: a worker loads its own code.
        instance.launch_run(run.run_id, cast("BaseWorkspaceRequestContext", None))
        return run.run_id

    return _asked(once)


def _send_lost(instance: dg.DagsterInstance, launcher: WorkerLauncher, run_ids: Sequence[str]) -> None:
    """Send runs that have not begun once more. If one was not lost, it is delivered twice, which the worker notices."""
    for run in _runs(instance, run_ids):
        if run.status in (dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.NOT_STARTED):
            context = LaunchRunContext(dagster_run=run, workspace=cast("BaseWorkspaceRequestContext", None))
            _asked(partial(launcher.launch_run, context))


def _take_back(instance: dg.DagsterInstance, run_ids: Sequence[str]) -> None:
    for run in _runs(instance, run_ids):
        if run.status in (dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.NOT_STARTED):
            instance.report_run_canceled(run)


def _tell(instance: dg.DagsterInstance, sent: _Sent) -> bool:
    """Report progress: the stages finished since the last call; returns whether there were any."""
    records = _asked(
        lambda: instance.get_records_for_run(sent.run_id, of_type=dg.DagsterEventType.ASSET_MATERIALIZATION)
    ).records
    new = len(records) - sent.told
    if new > 0:
        advance("stages", new)
        sent.told = len(records)
    return new > 0


def _runs(instance: dg.DagsterInstance, run_ids: Sequence[str]) -> Sequence[dg.DagsterRun]:
    return _asked(lambda: instance.get_runs(dg.RunsFilter(run_ids=list(run_ids)))) if run_ids else []


def _worked_on(launcher: WorkerLauncher, run: dg.DagsterRun) -> bool:
    return launcher.check_run_worker_health(run).status == WorkerStatus.RUNNING


def _workers(launcher: WorkerLauncher) -> list[Any]:
    with services():
        return list(launcher.celery.control.ping(timeout=PING_SECONDS) or ())


def _asked(question: Callable[[], T]) -> T:
    """Query Dagster's storage or the broker with retries: either may be restarted meanwhile."""

    def once() -> T:
        with services():
            return question()

    return patiently(once, PATIENCE_SECONDS)


@contextmanager
def services() -> Iterator[None]:
    """Turn errors of Dagster's storage and of the broker into ours, which say that a retry can help."""
    from dagster_postgres.utils import DagsterPostgresException
    from kombu.exceptions import OperationalError
    from sqlalchemy.exc import DBAPIError

    try:
        yield
    except (DagsterPostgresException, OperationalError, DBAPIError, ConnectionError) as error:
        text = without_secrets(str(error)).strip() or type(error).__name__
        raise UnreachableError(f"the broker or Dagster's storage is away: {text.splitlines()[0]}") from error
