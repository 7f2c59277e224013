"""Which failures are tried again: what the error says of itself, and nothing else."""

from datetime import UTC, datetime, timedelta

import dagster as dg
import pytest

from dockml_dagster.clients.http.errors import GoneError, LimitedError, UnavailableError
from dockml_dagster.corpora.base import CorpusError
from dockml_dagster.defs.automation.pruning import KEPT_RUNS, prunable
from dockml_dagster.defs.runs import retries as judging
from dockml_dagster.defs.runs.failures import cause, said_final
from dockml_dagster.defs.runs.retries import alive, can_retry, signature, verdict, wait_seconds
from dockml_dagster.warehouse.opening import DiskFullError, WarehouseBusyError


def _caused(cause: Exception) -> CorpusError:
    error = CorpusError("the corpus cannot be read")
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (WarehouseBusyError("busy"), True),
        (UnavailableError("502"), True),
        (LimitedError("limit"), True),
        (GoneError("404"), False),
        (CorpusError("no such file"), False),
        (_caused(UnavailableError("502")), True),
        (_caused(GoneError("404")), False),
        (ValueError("a fault of ours"), False),
    ],
)
def test_the_error_decides(error: Exception, expected: bool) -> None:
    assert can_retry(error) is expected


def test_it_waits_as_long_as_the_server_asks() -> None:
    assert wait_seconds(LimitedError("limit", retry_after=7)) == 7
    assert wait_seconds(_caused(LimitedError("limit", retry_after=7))) == 7
    assert wait_seconds(UnavailableError("502")) == judging.WAIT_SECONDS


@pytest.mark.parametrize(
    ("error", "final"),
    [
        (CorpusError("no such file"), True),
        (LimitedError("limit", retry_after=3600), True),
        (UnavailableError("502"), False),
        (ValueError("the storage is away"), False),
    ],
)
def test_what_ends_a_run_for_good(error: Exception, final: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(judging, "MAX_RETRIES", 0)
    with dg.DagsterInstance.ephemeral() as instance:
        assert _run(error, instance)[0] is False
        (run,) = instance.get_runs()
        assert said_final(instance, run.run_id) is final


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (CorpusError("no such file"), "no such file"),
        (ValueError("a fault of ours"), "ValueError: a fault of ours"),
    ],
)
def test_our_errors_speak_for_themselves(
    error: Exception, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(judging, "MAX_RETRIES", 0)
    with dg.DagsterInstance.ephemeral() as instance:
        _run(error, instance)
        (run,) = instance.get_runs()
        assert cause(instance, run.run_id) == ("subject", said)


def _run(error: Exception | None, instance: dg.DagsterInstance) -> tuple[bool, int]:
    """Whether a run of one asset succeeded, and how often its step was tried."""
    tries = []

    @dg.asset
    def subject(context: dg.AssetExecutionContext) -> None:
        with verdict(context):
            tries.append(1)
            if error is not None:
                raise error

    quiet = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
    done = dg.materialize([subject], instance=instance, raise_on_error=False, run_config=quiet)
    return done.success, len(tries)


@pytest.mark.parametrize(
    ("error", "tries"),
    [
        (None, 1),
        (UnavailableError("502", retry_after=0.01), 1 + judging.MAX_RETRIES),
        (GoneError("404"), 1),
        (LimitedError("in six hours", retry_after=6 * 3600), 1),
        (ValueError("a fault of ours"), 1),
    ],
)
def test_a_step_is_tried_as_often_as_can_help(error: Exception | None, tries: int) -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        assert _run(error, instance) == (error is None, tries)
        (run,) = instance.get_runs()
        assert alive(dict(run.tags)) is True, "every run says which process it is in"


def test_a_run_of_another_machine_is_not_judged() -> None:
    assert alive({}) is None
    assert alive({**signature(), judging.HOST_TAG: "elsewhere"}) is None


def test_runs_are_forgotten_when_both_old_and_many() -> None:
    now = datetime(2026, 6, 1, tzinfo=UTC)
    old = [(f"old{n}", now - timedelta(days=31 + n)) for n in range(KEPT_RUNS + 5)]
    assert prunable(old[:KEPT_RUNS], now) == []
    assert prunable(old, now) == [f"old{n}" for n in range(KEPT_RUNS, KEPT_RUNS + 5)]
    new = [(f"new{n}", now - timedelta(days=n)) for n in range(25)]
    assert prunable(new, now) == []


def test_a_full_disk_is_known_by_each_of_its_voices() -> None:
    import sqlite3

    from dockml_dagster.warehouse.opening import disk_full

    wrapped = RuntimeError("a run failed")
    wrapped.__cause__ = sqlite3.OperationalError("database or disk is full")
    assert disk_full(wrapped)
    assert disk_full(OSError(28, "No space left on device"))
    assert not disk_full(OSError(13, "Permission denied"))
    assert not disk_full(None)
    assert "DOCKML_HOME" in str(DiskFullError(__import__("pathlib").Path("/x")))
