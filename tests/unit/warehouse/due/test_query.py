"""What is due, and why: over everything that can have happened to a project before."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import duckdb
import pytest

from dockml_dagster.warehouse.due import query as due
from dockml_dagster.warehouse.due.work import COMPUTED, Work, built, record_build, seen, work_due

AT = datetime(2026, 1, 1, 10)
A, B = "sample/a/b", "sample/c/d"


def _list(
    connection: duckdb.DuckDBPyConnection,
    hashes: Mapping[str, str],
    *,
    stages: Sequence[str] = ("dockerfiles",),
    corpus: str = "sample",
    fingerprint: str = "f",
    at: datetime = AT,
    storage: str | None = None,
) -> None:
    due.record_listing(
        connection,
        corpus=corpus,
        fingerprint=fingerprint,
        method_version="1",
        source="s",
        projects=list(hashes),
        inputs=dict.fromkeys(stages, hashes),
        rows={},
        outcomes=[],
        listed_at=at,
        storage=storage,
    )


def _visit(connection: duckdb.DuckDBPyConnection, project: str = A, **more: Any) -> None:
    outcome = {
        "project": project,
        "corpus": project.split("/", maxsplit=1)[0],
        "stage": "dockerfiles",
        "subject": "",
        "status": "collected",
        "retryable": False,
        "input_hash": "h1",
        "method_version": "1",
        "observed_at": AT + timedelta(hours=1),
    }
    due.record_outcomes(connection, [{**outcome, **more}])


STAGES = ("dockerfiles", "manifests", "layer_stats")
METHODS = dict.fromkeys(STAGES, "1")


def _due(connection: duckdb.DuckDBPyConnection, method_version: str = "1") -> list[tuple[str, str, str]]:
    return [
        (one.project, one.stage, one.reason)
        for one in due.due(connection, "sample", dict.fromkeys(STAGES, method_version), storage=None)
    ]


def _done(connection: duckdb.DuckDBPyConnection, **more: Any) -> None:
    _list(connection, {A: "h1"})
    _visit(connection, **more)
    due.record_reported(connection, "sample", [(A, "dockerfiles")], storage=None)


def test_what_was_never_done_is_new(raw: duckdb.DuckDBPyConnection) -> None:
    _list(raw, {B: "h", A: "h"}, stages=("manifests", "dockerfiles"))
    assert _due(raw) == [
        (B, "dockerfiles", "new"),
        (B, "manifests", "new"),
        (A, "dockerfiles", "new"),
        (A, "manifests", "new"),
    ], "in the order of the corpus"
    assert due.projects(raw, "sample") == [B, A]


def test_what_is_done_and_reported_is_not_due(raw: duckdb.DuckDBPyConnection) -> None:
    _done(raw)
    assert _due(raw) == []


def test_an_answer_that_nothing_is_there_is_an_answer(raw: duckdb.DuckDBPyConnection) -> None:
    _done(raw, status="gone")
    assert _due(raw) == []


REASONS = {
    "changed": ({"input_hash": "h0"}, "changed"),
    "input never known": ({"input_hash": None}, "changed"),
    "method changed": ({"method_version": "0"}, "method changed"),
    "failed for now": ({"status": "failed", "retryable": True}, "failed for now"),
    "changed and failed": ({"input_hash": "h0", "retryable": True}, "changed"),
    "another stage was done": ({"stage": "manifests"}, "new"),
    "only a subject was done": ({"subject": "Dockerfile"}, "new"),
    "another corpus was done": ({"corpus": "ease2022", "project": "ease2022/a/b"}, "new"),
}


@pytest.mark.parametrize(("more", "reason"), REASONS.values(), ids=REASONS)
def test_reasons(raw: duckdb.DuckDBPyConnection, more: dict[str, Any], reason: str) -> None:
    _done(raw, **more)
    assert _due(raw) == [(A, "dockerfiles", reason)]
    assert due.due(raw, "sample", METHODS, storage=None)[0].to_collect


def test_a_new_method_makes_all_due(raw: duckdb.DuckDBPyConnection) -> None:
    _done(raw)
    assert _due(raw, "2") == [(A, "dockerfiles", "method changed")]


def test_what_dagster_was_not_told_is_due_but_not_collected_again(raw: duckdb.DuckDBPyConnection) -> None:
    _list(raw, {A: "h1"})
    _visit(raw)
    (one,) = due.due(raw, "sample", METHODS, storage=None)
    assert (one.reason, one.to_collect) == ("not reported", False)
    due.record_reported(raw, "sample", [(A, "dockerfiles")], storage=None)
    due.record_reported(raw, "sample", [(A, "dockerfiles")], storage=None)
    assert _due(raw) == []
    assert raw.execute("SELECT count(*) FROM raw.reported").fetchone() == (1,)
    _visit(raw, observed_at=AT + timedelta(hours=2))
    assert _due(raw) == [(A, "dockerfiles", "not reported")], "a report is of one visit"


def test_the_newest_visit_counts(raw: duckdb.DuckDBPyConnection) -> None:
    _list(raw, {A: "h1"})
    _visit(raw, observed_at=AT + timedelta(hours=3), retryable=True, status="failed")
    _visit(raw, observed_at=AT + timedelta(hours=2))
    assert _due(raw) == [(A, "dockerfiles", "failed for now")], "by its time, not by its place in the table"


def test_a_project_no_longer_listed_is_not_due(raw: duckdb.DuckDBPyConnection) -> None:
    _list(raw, {A: "h", B: "h"})
    _list(raw, {"ease2022/a/b": "h"}, corpus="ease2022")
    _list(raw, {B: "h"}, at=AT + timedelta(days=1))
    assert _due(raw) == [(B, "dockerfiles", "new")]
    assert due.projects(raw, "ease2022") == ["ease2022/a/b"], "another corpus's listing is untouched"


def test_a_clock_set_back_never_goes_behind_what_is_recorded(raw: duckdb.DuckDBPyConnection) -> None:
    future = datetime.now(UTC).replace(tzinfo=None) + timedelta(days=400)
    _list(raw, {A: "h1"})
    _visit(raw, observed_at=future, input_hash="h0")
    first = due.moment(raw)
    assert first > future
    _visit(raw, observed_at=first)
    assert due.moment(raw) > first
    due.record_reported(raw, "sample", [(A, "dockerfiles")], storage=None)
    assert _due(raw) == [], "the visit made after the clock was set back is the newest"
    _list(raw, {A: "h1"}, at=future + timedelta(days=1), fingerprint="later")
    assert due.moment(raw) > future + timedelta(days=1), "listings count too"


def test_what_a_run_of_the_findings_failed_to_compute_makes_none_due(raw: duckdb.DuckDBPyConnection) -> None:
    _done(raw)
    before = seen(raw)
    _visit(raw, stage=COMPUTED[0], status="failed", observed_at=AT + timedelta(hours=2))
    record_build(raw, "b", before, storage=None)
    assert built(raw, "b", storage=None)
    _visit(raw, stage="manifests", observed_at=AT + timedelta(hours=3))
    assert not built(raw, "b", storage=None)


def test_another_method_makes_due_only_its_stage(raw: duckdb.DuckDBPyConnection) -> None:
    stages = ("dockerfiles", "layer_stats")
    _list(raw, {A: "h1"}, stages=stages)
    for stage in stages:
        _visit(raw, stage=stage)
    raw.execute(
        "INSERT INTO raw.reported BY NAME SELECT project, corpus, stage, observed_at FROM raw.outcomes"
    )
    assert due.due(raw, "sample", dict.fromkeys(stages, "1"), storage=None) == []
    found = due.due(raw, "sample", {"dockerfiles": "1", "layer_stats": "2"}, storage=None)
    assert [(one.stage, one.reason) for one in found] == [("layer_stats", "method changed")]


def test_moment_is_now_in_utc(raw: duckdb.DuckDBPyConnection) -> None:
    before = datetime.now(UTC).replace(tzinfo=None)
    assert before <= due.moment(raw) <= before + timedelta(minutes=1)
    assert due.moment(raw).tzinfo is None


def _work(connection: duckdb.DuckDBPyConnection, **more: str) -> Work:
    keys = {"corpus": "sample", "fingerprint": "f", "method_version": "1", "build_version": "b", **more}
    methods = {"dockerfiles": keys["method_version"]}
    return work_due(connection, methods=methods, storage=None, **keys)


def test_all_work_is_due_at_first(raw: duckdb.DuckDBPyConnection) -> None:
    work = _work(raw)
    assert (work.listing, list(work.stages), work.findings, work.nothing) == (True, [], True, False)


def test_nothing_is_due_when_all_is_done(raw: duckdb.DuckDBPyConnection) -> None:
    _done(raw)
    record_build(raw, "b", seen(raw), storage=None)
    assert _work(raw).nothing


@pytest.mark.parametrize(
    ("changed", "listing", "stages", "findings"),
    [
        ({"fingerprint": "g"}, True, 0, False),
        ({"method_version": "2"}, True, 1, False),
        ({"build_version": "c"}, False, 0, True),
    ],
)
def test_a_change_makes_due_what_it_touches(
    raw: duckdb.DuckDBPyConnection, changed: dict[str, str], listing: bool, stages: int, findings: bool
) -> None:
    _done(raw)
    record_build(raw, "b", seen(raw), storage=None)
    work = _work(raw, **changed)
    assert (work.listing, len(work.stages), work.findings) == (listing, stages, findings)


def test_findings_are_due_after_anything_happened(raw: duckdb.DuckDBPyConnection) -> None:
    _done(raw)
    record_build(raw, "b", seen(raw), storage=None)
    _visit(raw, observed_at=due.moment(raw))
    assert _work(raw).findings
    record_build(raw, "b", seen(raw), storage=None)
    assert not _work(raw).findings
    record_build(raw, "c", seen(raw), storage=None)
    assert _work(raw).findings, "the newest build counts"


def test_what_came_while_findings_were_made_is_not_in_them(raw: duckdb.DuckDBPyConnection) -> None:
    _done(raw)
    before = seen(raw)
    _visit(raw, observed_at=due.moment(raw))
    record_build(raw, "b", before, storage=None)
    assert _work(raw).findings


def test_what_was_begun_before_and_committed_after_the_newest_is_not_in_them(
    raw: duckdb.DuckDBPyConnection,
) -> None:
    _done(raw)
    slow = due.moment(raw)
    _visit(raw, observed_at=slow + timedelta(seconds=1))
    record_build(raw, "b", seen(raw), storage=None)
    assert not _work(raw).findings
    # Another writer's, who took its moment first and was slower.
    _visit(raw, observed_at=slow)
    assert _work(raw).findings


def test_a_process_that_is_older_than_the_findings_leaves_them(raw: duckdb.DuckDBPyConnection) -> None:
    _done(raw)
    loaded_at = due.moment(raw)
    record_build(raw, "newer", seen(raw), storage=None)
    assert not built(raw, "older", storage=None)
    assert built(raw, "older", newer_than=loaded_at, storage=None)
    assert not built(raw, "older", newer_than=loaded_at + timedelta(days=1), storage=None)
    _visit(raw, observed_at=due.moment(raw))
    assert not built(raw, "older", newer_than=loaded_at, storage=None)


def test_newest_and_input_hashes(raw: duckdb.DuckDBPyConnection) -> None:
    _list(raw, {A: "h1", B: "h2"})
    _visit(raw, input_hash=None, reason="why", status="gone")
    state = due.newest(raw, "dockerfiles", [A, B])
    assert state == {A: due.State("gone", "why", False, "", AT + timedelta(hours=1))}
    assert due.input_hashes(raw, "dockerfiles", [B, "sample/x/y"]) == {B: "h2"}
    assert due.listed(raw, "sample", storage=None) == ("f", "1")
    assert due.listed(raw, "ease2022", storage=None) is None


def test_who_could_not_be_looked_at_has_not_left(raw: duckdb.DuckDBPyConnection) -> None:
    def listing(projects: Sequence[str], at: datetime, *, is_complete: bool) -> list[str]:
        rows = [
            {"project": key, "corpus": "sample", "name": key, "owner": "x", "source": "s"} for key in projects
        ]
        outcome = {"project": None, "corpus": "sample", "stage": "repo_list", "subject": ""}
        due.record_listing(
            raw,
            corpus="sample",
            fingerprint="f",
            method_version="1",
            source="s",
            projects=projects,
            inputs={"dockerfiles": dict.fromkeys(projects, "h")},
            rows={"raw.projects": rows},
            outcomes=[{**outcome, "status": "collected", "retryable": False, "observed_at": at}],
            listed_at=at,
            is_complete=is_complete,
            storage=None,
        )
        seen = raw.execute("SELECT project FROM raw.projects WHERE last_seen = ? ORDER BY 1", [at])
        assert [project for (project,) in seen.fetchall()] == sorted(due.projects(raw, "sample"))
        return due.projects(raw, "sample")

    day = timedelta(days=1)
    assert listing([A, B], AT, is_complete=True) == [A, B]
    assert listing([B], AT + day, is_complete=False) == [A, B]
    assert listing([B], AT + 2 * day, is_complete=False) == [A, B]
    assert listing([B], AT + 3 * day, is_complete=True) == [B]


@pytest.mark.parametrize(
    ("more", "in_trouble"),
    [
        ({}, False),
        ({"status": "not_available"}, False),
        ({"status": "gone"}, True),
        ({"status": "failed", "retryable": True}, True),
        ({"status": "collected", "retryable": True}, True),
    ],
)
def test_what_is_tried_again_or_gone_is_not_in_order(
    raw: duckdb.DuckDBPyConnection, more: Mapping[str, Any], in_trouble: bool
) -> None:
    _done(raw, **more)
    assert due.newest(raw, "dockerfiles", [A])[A].in_order is not in_trouble
    _visit(raw, observed_at=AT + timedelta(hours=2), status="gone")
    assert not due.newest(raw, "dockerfiles", [A])[A].in_order, "the newest visit counts"


@pytest.mark.parametrize("told", [None, "x"])
@pytest.mark.parametrize("other", [None, "y"])
def test_what_one_storage_of_dagsters_was_told_another_does_not_know(
    raw: duckdb.DuckDBPyConnection, told: str | None, other: str | None
) -> None:
    def work(storage: str | None) -> Work:
        return work_due(
            raw,
            corpus="sample",
            fingerprint="f",
            method_version="1",
            methods=METHODS,
            build_version="b",
            storage=storage,
        )

    _list(raw, {A: "h1"}, storage=told)
    _visit(raw)
    due.record_reported(raw, "sample", [(A, "dockerfiles")], storage=told)
    record_build(raw, "b", seen(raw), storage=told)
    assert work(told).nothing
    if told == other:
        return
    assert work(other) == Work(listing=True, stages=work(other).stages, findings=True)
    assert [(one.reason, one.to_collect) for one in work(other).stages] == [("not reported", False)]
    # Once it knows, both have nothing to do, whoever was last.
    _list(raw, {A: "h1"}, storage=other, at=AT + timedelta(days=1))
    due.record_reported(raw, "sample", [(A, "dockerfiles")], storage=other)
    record_build(raw, "b", seen(raw), storage=other)
    assert work(told).nothing
    assert work(other).nothing
    # A newer listing of the other is of the same source, or else both have to list it.
    _list(raw, {A: "h1"}, storage=other, fingerprint="g", at=AT + timedelta(days=2))
    assert work(told).listing
    assert work(other).listing
