"""What is noted of runs and read again: what a run saw, who works, why runs failed, which are forgotten."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import dagster as dg
import pytest
from dagster._core.test_utils import create_run_for_test

from dockml_dagster.defs.automation import pruning
from dockml_dagster.defs.automation.condition import FindingsFollow, failed_in_a_row, with_condition
from dockml_dagster.defs.resources import WarehouseResource
from dockml_dagster.defs.runs import failures, seen, under_way
from dockml_dagster.defs.runs.failures import cause, since
from dockml_dagster.defs.runs.retries import alive, dead_runs, end_dead_runs, signature
from dockml_dagster.warehouse.due.work import Seen

Status = dg.DagsterRunStatus
DAY = timedelta(days=1)


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as made:
        yield made


def run(instance: dg.DagsterInstance, status: Status, **tags: str) -> str:
    """The id of a run of that status; ``work``, ``corpus`` are tags of ours."""
    named = {f"dockml/{name}": value for name, value in tags.items()}
    return create_run_for_test(instance, job_name="job", status=status, tags=named).run_id


def test_who_works_on_what(instance: dg.DagsterInstance) -> None:
    # A queued one needs a code location; that it counts is in the filter.
    assert Status.QUEUED in under_way._GOING
    for status in set(Status) - {Status.QUEUED}:
        run(instance, status, corpus=status.value)
    mine = run(instance, Status.STARTED, corpus="mine")
    run(instance, Status.STARTED, work="findings")
    going = {"NOT_STARTED", "STARTING", "STARTED", "CANCELING"}
    assert under_way.busy_corpora(instance) == {*going, "mine"}
    assert under_way.busy_corpora(instance, without=mine) == going
    assert len(under_way.runs_under_way(instance)) == len(going) + 2


def test_a_run_whose_process_is_gone_is_ended(instance: dg.DagsterInstance) -> None:
    mine = signature()
    gone = {**mine, ".dagster/dockml_pid": str(ended_process())}
    ids = {}
    for name, tags, status in [
        ("gone", gone, Status.STARTED),
        ("mine", mine, Status.STARTED),
        ("elsewhere", {**gone, ".dagster/dockml_host": "other"}, Status.STARTED),
        ("done", gone, Status.SUCCESS),
    ]:
        ids[name] = create_run_for_test(instance, job_name="job", status=status, tags=tags).run_id
    assert [one.run_id for one in dead_runs(instance)] == [ids["gone"]]
    assert end_dead_runs(instance) == [ids["gone"]]
    assert end_dead_runs(instance) == []
    ended = instance.get_run_by_id(ids["gone"])
    assert ended is not None
    assert ended.status is Status.FAILURE
    assert "the process that ran this is gone" in cause(instance, ids["gone"])[1]
    assert alive({**mine, ".dagster/dockml_pid": "x"}) is None


def ended_process() -> int:
    """The number of a process that was."""
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait()
    return process.pid


def at(monkeypatch: pytest.MonkeyPatch, instance: dg.DagsterInstance, moments: dict[str, datetime]) -> None:
    """The instance tells these moments as those when its runs last changed."""
    told = instance.get_run_records

    def changed(*arguments: Any, **more: Any) -> list[Any]:
        records = [
            SimpleNamespace(dagster_run=one.dagster_run, update_timestamp=moments[one.dagster_run.run_id])
            for one in told(*arguments, **{k: v for k, v in more.items() if k != "limit"})
        ]
        return records[: more.get("limit")]

    monkeypatch.setattr(instance, "get_run_records", changed)


def test_old_runs_of_findings_listings_and_looks_are_forgotten(
    instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pruning, "KEPT_RUNS", 1)
    monkeypatch.setattr(pruning, "RUNS_AT_ONCE", 2)
    moments, now = {}, datetime.now(UTC)
    for work in ("findings", "listing", "looking", "collection"):
        for age in range(5):
            moments[run(instance, Status.SUCCESS, work=work)] = now - (31 + age) * DAY
    moments[run(instance, Status.STARTED, work="findings")] = now - 90 * DAY
    at(monkeypatch, instance, moments)
    context = SimpleNamespace(instance=instance, log=SimpleNamespace(info=lambda *_: None))
    assert forget(context) == 6, "two of each kind at once"
    assert forget(context) == 6
    assert forget(context) == 0, "the newest of each stays"
    left = [(one.tags["dockml/work"], one.status.value) for one in instance.get_runs()]
    assert sorted(left) == [
        *[("collection", "SUCCESS")] * 5,
        ("findings", "STARTED"),
        ("findings", "SUCCESS"),
        ("listing", "SUCCESS"),
        ("looking", "SUCCESS"),
    ]


def forget(context: Any) -> int:
    """The op as a function."""
    body: Callable[[Any], int] = pruning.forget_old_runs.compute_fn.decorated_fn  # type: ignore[union-attr]
    return body(context)


def test_every_month_has_one_run() -> None:
    when = datetime(2026, 3, 1, 3, tzinfo=UTC)
    with dg.build_schedule_context(scheduled_execution_time=when) as context:
        (asked,) = pruning.monthly_pruning(context)  # type: ignore[misc]
    assert (asked.run_key, asked.job_name) == ("pruning:2026-03", "prune_runs")
    assert pruning._utc(datetime(2026, 3, 1)) == datetime(2026, 3, 1, tzinfo=UTC)
    assert pruning._utc(when) is when


def test_failed_runs_are_told_once_oldest_first(
    instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    noon = datetime(2026, 1, 1, 12)
    ids = sorted(run(instance, Status.FAILURE, corpus="toy") for _ in range(3))
    run(instance, Status.SUCCESS)
    moments = {ids[0]: noon, ids[1]: noon, ids[2]: noon + timedelta(hours=1)}
    monkeypatch.setattr(
        instance,
        "get_run_records",
        lambda filters, limit, order_by, ascending: [
            SimpleNamespace(dagster_run=instance.get_run_by_id(one), update_timestamp=moments[one])
            for one in ids
            if filters.updated_after is None or moments[one].replace(tzinfo=UTC) > filters.updated_after
        ][:limit],
    )
    first, cursor = since(instance, None, at_most=1)
    assert [(one.run_id, one.job, one.corpus, one.failed_at) for one in first] == [
        (ids[0], "job", "toy", noon)
    ]
    assert json.loads(cursor or "") == ["2026-01-01T12:00:00+00:00", ids[0]]
    rest, last = since(instance, cursor, at_most=5)
    assert [one.run_id for one in rest] == ids[1:], "two may fail in one instant"
    assert since(instance, last, at_most=5) == ([], last)


@pytest.mark.parametrize("cursor", [None, "", "no json", "3", '["no time", "x"]', "[1]"])
def test_a_broken_cursor_counts_as_none(cursor: str | None) -> None:
    assert failures._read(cursor) == (None, "")


def test_a_reason_is_one_line_of_bounded_length() -> None:
    assert failures._line("dockml_dagster.errors.BadInputError: no\n such   file") == "no such file"
    assert failures._line("x" * 500) == "x" * 500
    assert failures._line("x" * 501) == "x" * 499 + "…"


def test_findings_that_failed_in_a_row(instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch) -> None:
    assert failed_in_a_row(instance) is None
    noon = datetime(2026, 1, 1, 12, tzinfo=UTC)
    moments = {}
    for number, status in enumerate([Status.FAILURE, Status.SUCCESS, Status.FAILURE, Status.FAILURE]):
        moments[run(instance, status, work="findings")] = noon + number * DAY
        moments[run(instance, status, work="listing")] = noon + number * DAY
    at(monkeypatch, instance, moments)
    found = failed_in_a_row(instance)
    assert found is not None
    assert (found.times, found.at) == (2, datetime(2026, 1, 4, 12))
    moments[run(instance, Status.SUCCESS, work="findings")] = noon + 9 * DAY
    assert failed_in_a_row(instance) is None


def test_the_condition_as_the_ui_shows_it() -> None:
    follows = FindingsFollow()
    assert follows.name == "findings_follow"
    assert "something was listed, collected or rewritten" in follows.description
    assert follows.said is None
    follows._asked = (datetime(2026, 1, 1), "2 runs are under way")
    assert follows.said == "2 runs are under way"
    assert with_condition(dg.AssetSpec("x", group_name="core")).automation_condition is not None
    assert with_condition(dg.AssetSpec("machine_labels", group_name="a")).automation_condition is not None
    assert with_condition(dg.AssetSpec("repo_list", group_name="collection")).automation_condition is None


class Noted:
    """A step's context: the run's tags, and which assets its job makes."""

    def __init__(self, *made: str, **tags: str) -> None:
        self._tags = tags
        self.run = SimpleNamespace(run_id="r")
        self.instance = SimpleNamespace(
            add_run_tags=lambda run_id, more: self._tags.update(more),
            get_run_by_id=lambda run_id: SimpleNamespace(tags=self._tags) if tags or self._tags else None,
        )
        keys = {dg.AssetKey(name) for name in made}
        self.job_def = SimpleNamespace(asset_layer=SimpleNamespace(selected_asset_keys=keys))


@pytest.mark.parametrize("then", [Seen(datetime(2026, 1, 2, 3, 4, 5, 6), 7), Seen(None, 0)])
def test_what_a_run_saw_is_read_again(then: Seen) -> None:
    context: Any = Noted(**{seen.SEEN_TAG: seen._text(then)})
    assert seen.seen_before(context) == then
    later = Seen(datetime(2026, 2, 1), 9)
    seen.saw_own_change(context, then, later)
    assert seen.seen_before(context) == later
    # Something else happened in between: it was not seen.
    seen.saw_own_change(context, then, Seen(None, 1))
    assert seen.seen_before(context) == later
    nothing: Any = Noted()
    assert seen.seen_before(nothing) == Seen(None, 0)


def test_what_makes_all_findings_current() -> None:
    all_of_them = [dg.AssetKey("a"), dg.AssetKey("b")]
    cases: list[tuple[Any, bool]] = [
        (Noted("a", "b", "c"), True),
        (Noted("a"), False),
        (Noted("a", **{seen.CURRENT_TAG: "no"}), False),
        (Noted("a", **{seen.CURRENT_TAG: "yes"}), True),
    ]
    for context, current in cases:
        assert seen.makes_all_current(context, all_of_them) is current


def test_every_connection_has_the_schema(tmp_path: Path) -> None:
    count = "SELECT count(*) FROM raw.outcomes"
    resource = WarehouseResource(database=str(tmp_path / "one.duckdb"))
    assert resource.commit(lambda connection: connection.execute(count).fetchone()) == (0,)
    resource = WarehouseResource(database=str(tmp_path / "two.duckdb"))
    with resource.get_connection() as connection:
        assert connection.execute(count).fetchone() == (0,)
