"""Every sensor and schedule ticked, on the home of a finished study of the sample.

Here: what a tick asks for, and what comes of it. Not here: the decisions themselves (``tests/unit/test_following``).
"""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from dockml_dagster.corpora.base import STAGES, Collected, Outcome
from dockml_dagster.corpora.local.corpus import Local
from dockml_dagster.corpora.sample.corpus import Sample
from dockml_dagster.definitions import defs
from dockml_dagster.defs.automation import sensors, watching
from dockml_dagster.defs.automation.decisions import FIRST_WAIT
from dockml_dagster.settings import Settings
from dockml_dagster.warehouse.connection import Warehouse
from dockml_dagster.warehouse.due import query as due_query

PROJECTS = list(Sample().listing().projects)
ONE = PROJECTS[3]


@pytest.fixture(scope="module")
def definitions() -> dg.Definitions:
    return defs()


@pytest.fixture
def instance(
    studied: Path, instance_of: Callable[[Path], dg.DagsterInstance]
) -> Iterator[dg.DagsterInstance]:
    with instance_of(studied) as found:
        yield found


@pytest.fixture
def tick(
    definitions: dg.Definitions, instance: dg.DagsterInstance
) -> Callable[..., tuple[list[dg.RunRequest], str]]:
    """``tick(sensor, cursor)``: what it asked for, and its cursor, or what it said instead."""

    def ticked(name: str, cursor: str | None = None) -> tuple[list[dg.RunRequest], str]:
        sensor = definitions.get_sensor_def(name)
        context = dg.build_sensor_context(instance=instance, cursor=cursor, definitions=definitions)
        data = sensor.evaluate_tick(context)
        if data.dynamic_partitions_requests:
            for request in data.dynamic_partitions_requests:
                instance.add_dynamic_partitions(request.partitions_def_name, request.partition_keys)
        moved = data.cursor if data.cursor != cursor else None
        return list(data.run_requests or []), moved or data.skip_message or data.cursor or ""

    return ticked


@pytest.fixture
def run(
    definitions: dg.Definitions, instance: dg.DagsterInstance
) -> Callable[..., dg.ExecuteInProcessResult]:
    """Runs what a tick asked for, as the daemon would."""

    def ran(request: dg.RunRequest, job: str = "") -> dg.ExecuteInProcessResult:
        name = request.job_name or job
        found = (
            definitions.resolve_job_def(name) if name else definitions.resolve_implicit_global_asset_job_def()
        )
        return found.execute_in_process(
            instance=instance,
            run_config=request.run_config,
            tags=dict(request.tags),
            asset_selection=request.asset_selection,
            raise_on_error=False,
        )

    return ran


def change(home: Path, project: str) -> None:
    """As if the next listing had seen another content."""
    with Warehouse(Settings.from_environment().warehouse).write() as connection:
        connection.execute("UPDATE raw.inputs SET input_hash = 'other' WHERE project = ?", [project])


def test_all_are_named_described_and_off(definitions):
    for found in (*definitions.sensors, *definitions.schedules):
        assert found.description
        assert found.default_status in {dg.DefaultSensorStatus.STOPPED, dg.DefaultScheduleStatus.STOPPED}
    assert {found.name for found in definitions.sensors} == {
        "follow_sources",
        "collect_due_projects",
        "follow_tags",
        "follow_with_findings",
        "record_run_failures",
    }
    assert [found.name for found in definitions.schedules] == ["monthly_pruning", "weekly_refresh"]


@pytest.mark.parametrize(
    "name", ["follow_sources", "collect_due_projects", "record_run_failures", "follow_tags"]
)
def test_a_tick_with_nothing_to_do_says_so_and_asks_for_nothing(tick, name):
    requests, said = tick(name)
    assert requests == []
    assert said in {
        "every source is as it was listed",
        "nothing is due",
        "no run failed",
        "every tag was looked at within a day",
    }


def test_findings_that_are_not_asked_for_say_what_they_wait_for(definitions, instance):
    context = dg.build_sensor_context(instance=instance, definitions=definitions)
    data = definitions.get_sensor_def("follow_with_findings").evaluate_tick(context)
    assert data.skip_message == "the findings are up to date"


@pytest.mark.parametrize("name", ["follow_sources", "collect_due_projects"])
def test_a_tick_that_meets_a_writer_waits_for_the_next(tick, studied, monkeypatch, name):
    monkeypatch.setattr("dockml_dagster.defs.automation.watching.LOCK_SECONDS", 0.1)
    change(studied, ONE)
    with Warehouse(Settings.from_environment().warehouse).write():
        requests, said = tick(name)
    assert (requests, "another dockml" in said) == ([], True)


def test_an_empty_home_is_nothing_to_follow(home, definitions):
    with dg.DagsterInstance.local_temp(str(home.parent)) as instance:
        for name in ("follow_sources", "collect_due_projects", "record_run_failures", "follow_tags"):
            context = dg.build_sensor_context(instance=instance)
            assert definitions.get_sensor_def(name).evaluate_tick(context).run_requests in (None, [])
        context = dg.build_schedule_context(instance, datetime(2026, 3, 2, 4, tzinfo=UTC))
        assert definitions.get_schedule_def("weekly_refresh").evaluate_tick(context).skip_message


def test_a_changed_source_is_listed_again_once(tick, run, monkeypatch):
    sound = Sample.fingerprint
    monkeypatch.setattr(Sample, "fingerprint", lambda self: "0" * 64)
    requests, cursor = tick("follow_sources")
    assert [(request.job_name, request.tags["dockml/corpus"]) for request in requests] == [
        ("list_projects", "sample")
    ]
    assert tick("follow_sources", cursor)[0] == [], "asked for already"
    assert run(requests[0], "").success
    assert tick("follow_sources", cursor)[1] == "every source is as it was listed"
    monkeypatch.setattr(Sample, "fingerprint", sound)
    assert len(tick("follow_sources", cursor)[0]) == 1


def test_a_corpus_that_asks_the_network_is_not_looked_at(tick, monkeypatch):
    monkeypatch.setattr(Sample, "fingerprint", lambda self: pytest.fail("looked"))
    monkeypatch.setattr(Sample, "fingerprint_asks_network", True, raising=False)
    assert tick("follow_sources")[0] == []


def fails(*_: object) -> str:
    raise ZeroDivisionError("planted")


def test_a_corpus_that_cannot_be_looked_at_does_not_stop_the_others(tick, monkeypatch):
    monkeypatch.setattr(sensors, "followed_corpora", lambda _: ["local", "sample"])
    monkeypatch.setattr(Local, "fingerprint", fails)
    assert tick("follow_sources")[1] == "local: ZeroDivisionError: planted"
    monkeypatch.setattr(Sample, "fingerprint", lambda self: "0" * 64)
    assert [request.tags["dockml/corpus"] for request in tick("follow_sources")[0]] == ["sample"]


def test_what_is_due_of_the_others_is_collected(tick, studied, monkeypatch):
    with Warehouse(Settings.from_environment().warehouse).write() as connection:
        due_query.ask_again(connection, "sample", [(ONE, "dockerfiles")], "a person")
    monkeypatch.setattr(sensors, "followed_corpora", lambda _: ["local", "sample"])
    monkeypatch.setattr(Local, "methods", fails)
    (request,) = tick("collect_due_projects")[0]
    assert request.tags["dagster/asset_partition_range_start"] == ONE


def test_a_changed_project_is_collected_again_and_nothing_else(tick, run, studied, ask, instance):
    change(studied, ONE)
    before = ask(studied, "SELECT project, stage, observed_at FROM raw.outcomes ORDER BY ALL")
    requests, cursor = tick("collect_due_projects")
    assert [request.tags["dagster/asset_partition_range_start"] for request in requests] == [ONE]
    assert tick("collect_due_projects", cursor)[0] == []
    assert run(requests[0], "collect_projects").success
    after = ask(studied, "SELECT project, stage, observed_at FROM raw.outcomes ORDER BY ALL")
    assert {(project, stage) for project, stage, _ in set(after) - set(before)} == {
        (ONE, stage) for stage in STAGES
    }
    assert set(before) <= set(after)
    assert tick("collect_due_projects", cursor)[1] == "nothing is due"


def test_a_project_that_is_no_partition_becomes_one_and_is_collected(tick, studied, instance):
    instance.delete_dynamic_partition("project", ONE)
    change(studied, ONE)
    requests, cursor = tick("collect_due_projects")
    assert requests == []
    assert ONE in instance.get_dynamic_partitions("project")
    requests, _ = tick("collect_due_projects", cursor)
    assert [request.tags["dagster/asset_partition_range_start"] for request in requests] == [ONE]


def test_a_corpus_with_a_run_under_way_is_left_alone(tick, studied, instance, definitions):
    change(studied, ONE)
    job = definitions.resolve_job_def("collect_projects")
    going = instance.create_run_for_job(
        job, status=dg.DagsterRunStatus.STARTED, tags={"dockml/corpus": "sample"}
    )
    assert tick("collect_due_projects")[0] == []
    instance.report_run_canceled(going)
    assert len(tick("collect_due_projects")[0]) == 1


def test_what_was_asked_again_is_due(tick, studied):
    with Warehouse(Settings.from_environment().warehouse).write() as connection:
        due_query.ask_again(connection, "sample", [(ONE, "manifests")], "a tag moved")
    requests, _ = tick("collect_due_projects")
    assert [request.tags["dagster/asset_partition_range_end"] for request in requests] == [ONE]


def test_why_a_run_failed_is_recorded_once(tick, run, studied, ask, monkeypatch):
    change(studied, ONE)
    (request,), _ = tick("collect_due_projects")

    def refused(*_: Any, **__: Any) -> None:
        raise RuntimeError("the reason\nin two lines")

    monkeypatch.setattr("dockml_dagster.defs.assets.collection.collect_stage", refused)
    failed = run(request, "collect_projects")
    assert not failed.success
    _, cursor = tick("record_run_failures")
    tick("record_run_failures")
    assert tick("record_run_failures", cursor)[1] == "no run failed"
    rows = ask(studied, "SELECT run_id, job, corpus, step, reason FROM raw.run_failures")
    assert len(rows) == 1
    assert rows[0][:4] == (failed.run_id, "collect_projects", "sample", "collect")
    assert "the reason in two lines" in rows[0][4]


def test_the_week_lists_every_corpus_that_has_projects(definitions, instance, run):
    context = dg.build_schedule_context(instance, datetime(2026, 3, 2, 4, tzinfo=UTC))
    data = definitions.get_schedule_def("weekly_refresh").evaluate_tick(context)
    assert [request.run_key for request in data.run_requests] == ["weekly:sample:2026-03-02"]
    assert run(data.run_requests[0], "list_projects").success


@pytest.fixture
def follow(tick, run) -> Callable[[], list[dg.ExecuteInProcessResult]]:
    """Ticks the condition's sensor until it asks for nothing more; the runs that came of it."""

    def followed() -> list[dg.ExecuteInProcessResult]:
        results: list[dg.ExecuteInProcessResult] = []
        cursor = None
        while len(results) < 9:
            requests, cursor = tick("follow_with_findings", cursor)
            if not requests:
                break
            results += [run(request) for request in requests]
        return results

    return followed


def test_one_change_is_one_run_of_findings_though_a_project_is_missing(
    definitions, tick, run, follow, studied, ask, monkeypatch
):
    assert follow() == []
    missing, changed = ONE, PROJECTS[5]
    sound = Sample.collect

    def collect(self, stage, project):
        if project == missing:
            return Collected(outcomes=[Outcome(stage, "", "failed", "no answer, try again", retryable=True)])
        found = sound(self, stage, project)
        if stage == "dockerfiles":
            found.rows["raw.dockerfiles"].append(
                {**found.rows["raw.dockerfiles"][0], "path": "new/Dockerfile"}
            )
        return found

    monkeypatch.setattr(Sample, "collect", collect)
    change(studied, missing)
    change(studied, changed)
    (*requests,), _ = tick("collect_due_projects")
    assert all(run(request, "collect_projects").success for request in requests)
    made = follow()
    assert [result.success for result in made] == [True]
    keys = {event.asset_key for event in made[0].get_asset_materialization_events()}
    assert keys == definitions.resolve_job_def("make_findings").asset_layer.selected_asset_keys
    paths = ask(studied, "SELECT path FROM core.dockerfiles WHERE project = ?", changed)
    assert ("new/Dockerfile",) in paths


def test_findings_wait_for_runs_but_not_for_ever_for_what_is_due(
    tick, studied, instance, definitions, monkeypatch, caplog
):
    change(studied, ONE)
    with Warehouse(Settings.from_environment().warehouse).write() as connection:
        connection.execute("DELETE FROM raw.builds")
    # However long ago the home that this is a copy of was made.
    monkeypatch.setattr("dockml_dagster.defs.automation.decisions.PATIENCE", timedelta(days=1))
    assert tick("follow_with_findings")[0] == []
    monkeypatch.setattr("dockml_dagster.defs.automation.decisions.PATIENCE", timedelta())
    going = instance.create_run_for_job(
        definitions.resolve_job_def("collect_projects"), status=dg.DagsterRunStatus.STARTED
    )
    assert tick("follow_with_findings")[0] == []
    instance.report_run_canceled(going)
    context = dg.build_sensor_context(instance=instance, definitions=definitions)
    caplog.clear()
    context.log.addHandler(caplog.handler)
    (request,) = definitions.get_sensor_def("follow_with_findings").evaluate_tick(context).run_requests
    # The condition's own line is there or not, as the logger's level was left.
    assert {record.getMessage() for record in caplog.records} - {"the findings are made"} == {
        "the findings are out of date: they are made and published in one run"
    }, "no line an asset on the terminal"
    checks = definitions.resolve_asset_graph().get_check_keys_for_assets(set(request.asset_selection))
    assert set(request.asset_check_keys) == checks


def test_findings_that_failed_are_tried_again_without_another_change(tick, run, studied, monkeypatch):
    with Warehouse(Settings.from_environment().warehouse).write() as connection:
        connection.execute("DELETE FROM raw.builds")
    (request,), cursor = tick("follow_with_findings")
    with monkeypatch.context() as broken:
        broken.setattr("dockml_dagster.defs.assets.sql_models.build.load_seeds", lambda *_: 1 / 0)
        assert not run(request).success
    assert tick("follow_with_findings", cursor)[0] == [], "not at once"
    later = watching.now() + FIRST_WAIT + timedelta(seconds=1)
    monkeypatch.setattr("dockml_dagster.defs.automation.condition.now", lambda: later)
    (request,), cursor = tick("follow_with_findings", cursor)

    # Something is collected while they are made: those who were made before it are not of it.
    def collected_meanwhile(connection: Any) -> None:
        connection.execute("INSERT INTO raw.outcomes BY NAME SELECT * REPLACE (? AS observed_at) FROM raw.outcomes "
            "WHERE project = ? AND subject = '' LIMIT 1", [due_query.moment(connection), ONE])  # fmt: skip

    with monkeypatch.context() as meanwhile:
        meanwhile.setattr("dockml_dagster.defs.assets.publishing.record_figures", collected_meanwhile)
        assert run(request).success
    assert len(tick("follow_with_findings", cursor)[0]) == 1


def test_findings_wait_for_nobody_who_writes(tick, studied, monkeypatch):
    monkeypatch.setattr("dockml_dagster.defs.automation.watching.LOCK_SECONDS", 0.1)
    (studied / "published" / "dockml.duckdb").unlink()
    with Warehouse(Settings.from_environment().warehouse).write():
        assert tick("follow_with_findings")[0] == []
    assert len(tick("follow_with_findings")[0]) == 1
