"""Which failures of a step are retried: those whose error says that a retry can help.

Here: turning our errors into what Dagster acts on, and the mark by which a dead run is recognised. Not here: the
errors (``dockml_dagster.errors``, ``clients.http.errors``), retrying a single project (``defs.automation.decisions``).
https://docs.dagster.io/guides/build/ops/op-retries
"""

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import dagster as dg

from dockml_dagster.errors import DockmlError
from dockml_dagster.warehouse.opening import process_alive

MAX_RETRIES = 2
WAIT_SECONDS = 20.0
LONGEST_WAIT_SECONDS = 120.0
"""A longer wait is left to the next run: a waiting step would occupy a place in the queue."""

AGAIN = "another run can help soon"
"""Metadata of a failed step: whether its error still said that a retry can help soon."""

HIDDEN = ".dagster/dockml_"
"""Prefix of internal tags: the UI shows no tag that begins with ``.dagster/``."""
PID_TAG = f"{HIDDEN}pid"
HOST_TAG = f"{HIDDEN}host"


def can_retry(error: BaseException) -> bool:
    """Whether the error, or one that caused it, says that a retry can help."""
    seen: BaseException | None = error
    while seen is not None:
        if getattr(seen, "retryable", False):
            return True
        seen = seen.__cause__
    return False


def wait_seconds(error: BaseException) -> float:
    """How long to wait before a retry: as long as the server asked, else a default."""
    seen: BaseException | None = error
    while seen is not None:
        asked = getattr(seen, "retry_after", None)
        if asked is not None:
            return float(asked)
        seen = seen.__cause__
    return WAIT_SECONDS


@contextmanager
def verdict(context: dg.AssetExecutionContext | dg.OpExecutionContext) -> Iterator[None]:
    """Run a step's body: our errors end it with one line, and with a retry only if that can help.

    Raises:
        RetryRequested: the error says that a retry can help, and soon.
        Failure: the error says that a retry cannot help; ``allow_retries`` is off, so that no policy retries it.
    """
    sign_run(context)
    try:
        yield
    except DockmlError as error:
        wait = wait_seconds(error)
        soon = can_retry(error) and wait <= LONGEST_WAIT_SECONDS
        if soon and context.retry_number < MAX_RETRIES:
            context.log.warning("%s; trying again in %.0f s", error, wait)
            raise dg.RetryRequested(max_retries=MAX_RETRIES, seconds_to_wait=wait) from error
        # Tells ``instance.sending``, which can send the whole run again, that it may.
        raise dg.Failure(str(error), allow_retries=False, metadata={AGAIN: soon}) from error


def sign_run(context: dg.AssetExecutionContext | dg.OpExecutionContext) -> None:
    """Tag the run with its process; Dagster itself does not record whether that process is still alive."""
    mine = signature()
    if any(context.run.tags.get(tag) != value for tag, value in mine.items()):
        context.instance.add_run_tags(context.run.run_id, mine)


def signature() -> dict[str, str]:
    """The tags that identify this process."""
    return {PID_TAG: str(os.getpid()), HOST_TAG: socket.gethostname()}


def alive(tags: dict[str, str]) -> bool | None:
    """Whether the process that signed these tags is alive; None: not signed, or on another machine."""
    pid = tags.get(PID_TAG, "")
    if tags.get(HOST_TAG) != socket.gethostname() or not pid.isdigit():
        return None
    return process_alive(int(pid))


def dead_runs(instance: dg.DagsterInstance) -> list[dg.DagsterRun]:
    """Runs of this machine that count as running although their process has ended."""
    going = dg.RunsFilter(statuses=[dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.STARTING])
    return [run for run in instance.get_runs(going) if alive(dict(run.tags)) is False]


def end_dead_runs(instance: dg.DagsterInstance) -> list[str]:
    """Mark dead runs as failed; returns their ids. Dagster's monitoring cannot: its default launcher has no health check."""
    dead = dead_runs(instance)
    for run in dead:
        instance.report_run_failed(run, "the process that ran this is gone; what it wrote before is kept")
    return [run.run_id for run in dead]
