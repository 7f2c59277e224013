"""``dockml study`` on the sample, from an empty home to a second run that has nothing to do.

Here: the command, Dagster and the warehouse together. Not here: what any number should be (``golden``).
"""

import importlib.metadata
import os
import shutil
import socket
import subprocess
import sys

import dagster as dg
import duckdb
import pytest

from dockml_dagster.corpora.base import STAGES
from dockml_dagster.corpora.sample.corpus import Sample
from dockml_dagster.defs.assets.repo_list import METHODS as CODE_VERSION
from dockml_dagster.warehouse.connection import Warehouse
from dockml_dagster.warehouse.due.query import due
from dockml_dagster.warehouse.due.storages import storage_of
from tests.integration.claims import recomputed
from tests.integration.conftest import COLLECTING, settings_of

PROJECTS = list(Sample().listing().projects)
METHODS = Sample().methods()


def dead_pid() -> int:
    """The number of a process that is gone."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait(30)
    return process.pid


def test_the_installed_command_is_this_one():
    (found,) = importlib.metadata.entry_points(group="console_scripts", name="dockml")
    assert found.value == "dockml_dagster.cli:main"


def test_first_run_succeeds_and_prints_what_was_found(finished):
    _, done = finished
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    lines = done.stdout.splitlines()
    labels = [line.split("  ")[0] for line in lines if not line.startswith(" ")]
    assert labels == ["Selection", "RQ1, RQ2", "RQ3", "RQ4", "Paper", "New", "Missing", "Left out", "Next"]
    assert len(lines) <= 26
    assert max(map(len, lines)) <= 110
    assert "14 projects, " in done.stdout and "this is the first run" in done.stdout
    assert f"{len(PROJECTS)} of {len(PROJECTS)} projects were due" in done.stderr


def test_every_project_is_a_partition_and_materialised_at_every_stage(finished, instance_of):
    assert len(PROJECTS) == 14
    with instance_of(finished[0]) as instance:
        assert list(instance.get_dynamic_partitions("project")) == PROJECTS
        for stage in STAGES:
            assert set(instance.get_materialized_partitions(dg.AssetKey(stage))) == set(PROJECTS)
        assert {run.status for run in instance.get_runs()} == {dg.DagsterRunStatus.SUCCESS}


def test_materialisations_carry_the_versions_dagster_compares(finished, instance_of):
    with instance_of(finished[0]) as instance:
        event = instance.get_latest_materialization_event(dg.AssetKey("dockerfiles"))
        tags = event.asset_materialization.tags
    assert tags["dagster/code_version"] == CODE_VERSION
    assert tags["dagster/data_version"]


@pytest.mark.parametrize(
    "table",
    [
        "funnel",
        "rq1_categories",
        "rq1_project_profile",
        "rq3_instruction_mix",
        "rq3_run_tasks",
        "rq3_base_image_types",
        "rq3_multi_stage",
        "rq4_image_properties",
        "rq4_layers",
        "rq4_platforms",
        "rq4_packages",
        "rq4_device_code",
        "rq4_secrets",
        "rq4_file_types",
        "rq4_concentration",
        "rq4_sharing",
    ],
)
def test_findings_have_rows(finished, dockml, table):
    done = dockml(finished[0], "show", table, "--corpus", "sample", "--format", "csv")
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) > 1


def test_an_image_that_is_not_there_shows_as_absent(finished, ask):
    assert ask(
        finished[0],
        "SELECT DISTINCT project, stage, status FROM raw.outcomes "
        "WHERE subject = '' AND stage <> 'dockerfiles' AND status <> 'collected' ORDER BY ALL",
    ) == [
        ("sample/lanternfish/recipe-recs", "layer_stats", "not_available"),
        ("sample/lanternfish/recipe-recs", "manifests", "not_available"),
        ("sample/larch-tools/autobough", "layer_stats", "not_available"),
        ("sample/larch-tools/autobough", "manifests", "gone"),
    ]


def test_images_of_every_kind_are_there(finished, ask):
    """Tens of thousands of files; two platforms under one name, a zstd layer, whiteouts, an opaque directory, duplicates."""
    home = finished[0]
    assert ask(home, "SELECT sum(files) > 50_000 FROM core.images") == [(True,)]
    assert ask(home, "SELECT max(n) FROM (SELECT count(*) AS n FROM core.images GROUP BY reference)") == [
        (2,)
    ]
    assert ask(home, "SELECT count(*) FROM core.layers WHERE compression = 'zstd'") == [(1,)]
    assert ask(home, "SELECT count(*) > 0 FROM core.layers WHERE whiteouts > 0") == [(True,)]
    assert ask(home, "SELECT count(*) FROM core.layers WHERE opaques > 0") == [(1,)]
    assert ask(home, "SELECT max(duplicate_bytes) > 1e6, max(wasted_bytes) > 1e6 FROM core.images") == [
        (True, True)
    ]
    assert ask(home, "SELECT count(*) FROM raw.outcomes WHERE reason LIKE '%attestation%'") == [(1,)]


def test_every_layer_was_scanned_once_and_its_files_are_rows(finished, ask):
    assert ask(
        finished[0],
        "SELECT count(*), count(DISTINCT layer_digest), bool_and(entries = (SELECT count(*) FROM raw.layer_files AS file "
        "WHERE file.layer_digest = layers.layer_digest)) FROM core.layers AS layers",
    ) == [(36, 36, True)]


def test_the_published_file_stands_alone(finished, tmp_path):
    with duckdb.connect(
        shutil.copy(finished[0] / "published" / "dockml.duckdb", tmp_path), read_only=True
    ) as copy:
        copy.execute("SET enable_external_access = false")
        files, layers = copy.execute(
            "SELECT count(*), count(DISTINCT layer_digest) FROM raw.layer_files"
        ).fetchone()
        assert files > 10_000
        assert layers == 36
        views = copy.execute(
            "SELECT schema_name, view_name FROM duckdb_views() WHERE NOT internal"
        ).fetchall()
        for schema, view in views:
            copy.execute(f'SELECT count(*) FROM "{schema}"."{view}"')


def test_second_run_starts_nothing_and_touches_nothing(studied, dockml, raw_state, instance_of):
    rows = raw_state(studied)
    published = (studied / "published" / "dockml.duckdb").stat()
    with instance_of(studied) as instance:
        runs = instance.get_runs_count()
    done = dockml(studied, "study", "--corpus", "sample", "--quiet")
    assert done.returncode == 0, done.stderr
    assert "nothing is due" in done.stderr
    assert raw_state(studied) == rows
    assert (studied / "published" / "dockml.duckdb").stat().st_mtime_ns == published.st_mtime_ns
    with instance_of(studied) as instance:
        assert instance.get_runs_count() == runs


def test_limit_takes_the_first_projects_only(home, run_program, environment_of, instance_of):
    def study(*arguments):
        done = run_program(COLLECTING, "study", *arguments, "--quiet", env=environment_of(home))
        assert done.returncode == 0, done.stderr
        return done.stderr

    study("--limit", "2")
    with instance_of(home) as instance:
        for stage in STAGES:
            assert set(instance.get_materialized_partitions(dg.AssetKey(stage))) == set(PROJECTS[:2])
    one = PROJECTS[5]
    assert "1 of 1 projects were due" in study("--project", one.removeprefix("sample/"))
    with instance_of(home) as instance:
        assert set(instance.get_materialized_partitions(dg.AssetKey("manifests"))) == {*PROJECTS[:2], one}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--project", "larch-tools/autobuogh"), "did you mean larch-tools/autobough?"),
        (("--project", "nobody/nothing-like-it"), "has no project nobody/nothing-like-it"),
        (("--project", "autobough"), "OWNER/NAME"),
        (("--limit", "0"), "--limit"),
        (("--corpus", "nowhere"), "nowhere"),
    ],
)
def test_what_cannot_be_meant_ends_with_two(studied, dockml, raw_state, arguments, said):
    rows = raw_state(studied)
    done = dockml(studied, "study", *arguments)
    assert done.returncode == 2, done.stderr
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
    assert raw_state(studied) == rows


def test_a_home_that_cannot_be_made_is_named(tmp_path, dockml):
    # A file in the way refuses root too, whom permissions do not stop.
    in_the_way = tmp_path / "file"
    in_the_way.write_text("")
    done = dockml(tmp_path / "file", "study", "--quiet")
    assert done.returncode == 2
    assert str(in_the_way) in done.stderr
    assert "DOCKML_HOME" in done.stderr
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.skipif(os.geteuid() == 0, reason="permissions do not stop root")
def test_a_home_without_permission_is_named(tmp_path, dockml):
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o500)
    done = dockml(closed / "home", "study", "--quiet")
    assert done.returncode == 2
    assert "DOCKML_HOME" in done.stderr


def test_a_crash_between_writing_and_telling_dagster_is_made_good(studied, dockml, raw_state, instance_of):
    forgotten = PROJECTS[3]
    with Warehouse(studied / "warehouse" / "dockml.duckdb").write() as connection:
        connection.execute("DELETE FROM raw.reported WHERE project = ?", [forgotten])
        found = due(connection, "sample", METHODS, storage=storage_of(settings_of(studied)))
    assert {(item.project, item.stage, item.reason) for item in found} == {
        (forgotten, stage, "not reported") for stage in STAGES
    }
    assert not any(item.to_collect for item in found)
    rows = raw_state(studied)
    with instance_of(studied) as instance:
        told = {stage: _times_told(instance, stage, forgotten) for stage in STAGES}

    done = dockml(studied, "study", "--quiet")

    assert done.returncode == 0, done.stderr
    after = raw_state(studied)
    assert {name for name in rows if after[name] != rows[name]} <= {"raw.reported", "raw.builds"}
    assert after["raw.reported"][0] == rows["raw.reported"][0] + len(STAGES)
    with instance_of(studied) as instance:
        assert {stage: _times_told(instance, stage, forgotten) for stage in STAGES} == {
            stage: times + 1 for stage, times in told.items()
        }
        assert all(_times_told(instance, stage, PROJECTS[0]) == 1 for stage in STAGES)
    with Warehouse(studied / "warehouse" / "dockml.duckdb").read() as connection:
        assert due(connection, "sample", METHODS, storage=storage_of(settings_of(studied))) == []


def test_a_home_restored_without_dagsters_files_tells_dagster_all_and_collects_nothing(
    studied, dockml, ask, instance_of
):
    collected = "SELECT count(*), max(observed_at) FROM raw.outcomes WHERE project IS NOT NULL"
    before = ask(studied, collected)
    with instance_of(studied) as instance:
        made = set(instance.all_asset_keys())
    shutil.rmtree(studied / "dagster")

    status = dockml(studied, "status", "--format", "json")
    done = dockml(studied, "study", "--quiet")

    assert '"not reported"' in status.stdout
    assert done.returncode == 0, done.stderr
    assert ask(studied, collected) == before
    with instance_of(studied) as instance:
        assert list(instance.get_dynamic_partitions("project")) == PROJECTS
        for stage in STAGES:
            assert set(instance.get_materialized_partitions(dg.AssetKey(stage))) == set(PROJECTS)
        assert set(instance.all_asset_keys()) == made
        assert all(instance.get_latest_materialization_event(key) for key in made)
    assert "nothing is due" in dockml(studied, "study", "--quiet").stderr


def _times_told(instance: dg.DagsterInstance, stage: str, project: str) -> int:
    records = instance.fetch_materializations(
        dg.AssetRecordsFilter(asset_key=dg.AssetKey(stage), asset_partitions=[project]), limit=10
    )
    return len(records.records)


def test_runs_whose_process_is_gone_are_marked_failed(studied, instance_of, monkeypatch):
    from dockml_dagster.commands.study.bring_up_to_date import bring_up_to_date
    from dockml_dagster.commands.study.runner import Runner
    from dockml_dagster.defs.runs.retries import HOST_TAG, PID_TAG
    from dockml_dagster.instance.home import prepare
    from dockml_dagster.settings import Settings

    here = socket.gethostname()
    tags = {
        "dead": {PID_TAG: str(dead_pid()), HOST_TAG: here},
        "alive": {PID_TAG: str(os.getpid()), HOST_TAG: here},
        "elsewhere": {PID_TAG: str(dead_pid()), HOST_TAG: f"not-{here}"},
    }
    prepare(Settings.from_environment())
    runner = Runner(Settings.from_environment())
    try:
        job = runner._definitions.resolve_job_def("list_projects")
        runs = {
            name: runner.instance.create_run_for_job(
                job, status=dg.DagsterRunStatus.STARTED, tags=found
            ).run_id
            for name, found in tags.items()
        }
    finally:
        runner.close()

    # Whatever it is that a study runs.
    monkeypatch.setattr(Runner, "collect", lambda *_, **__: None)
    monkeypatch.setattr(Runner, "make_findings", lambda _: None)
    bring_up_to_date(Settings.from_environment(), "sample", limit=1, force=True, listener=lambda *_: None)

    with instance_of(studied) as instance:
        statuses = {name: instance.get_run_by_id(run).status for name, run in runs.items()}
    assert statuses == {
        "dead": dg.DagsterRunStatus.FAILURE,
        "alive": dg.DagsterRunStatus.STARTED,
        "elsewhere": dg.DagsterRunStatus.STARTED,
    }


def test_every_claim_is_what_one_query_over_core_gives(finished):
    with duckdb.connect(str(finished[0] / "published" / "dockml.duckdb"), read_only=True) as connection:
        found = list(recomputed(connection))
    assert len(found) > 30
    assert [each for each in found if not each.same] == []
    assert sum(each.value is not None for each in found) > 30
