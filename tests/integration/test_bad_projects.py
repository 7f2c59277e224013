"""One bad project never stops the others: in a batch of ``dockml study``, and in a backfill by Dagster's own daemon.

Here: what becomes of the good and of the bad ones. How a corpus misbehaves is in ``misbehaving_location.py``.
"""

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import dagster as dg
import pytest

from dockml_dagster.commands.study.bring_up_to_date import bring_up_to_date
from dockml_dagster.commands.study.runner import Runner
from dockml_dagster.corpora.base import STAGES, Collected, Outcome
from dockml_dagster.corpora.sample.corpus import Sample
from dockml_dagster.instance.home import prepare
from dockml_dagster.settings import Settings
from dockml_dagster.warehouse.connection import Warehouse
from dockml_dagster.warehouse.due.query import due
from dockml_dagster.warehouse.due.storages import storage_of

PROJECTS = list(Sample().listing().projects)
# In the middle of the batch, so that there are good ones before, between and after.
RAISES, RETRYABLE = PROJECTS[4], PROJECTS[7]
GOOD = [project for project in PROJECTS if project not in {RAISES, RETRYABLE}]
LOCATION = Path(__file__).with_name("misbehaving_location.py")
BACKFILL_SECONDS = 120

NEWEST = """
    SELECT project, stage, status, reason, retryable FROM raw.outcomes
    WHERE subject = '' AND project IS NOT NULL
    QUALIFY row_number() OVER (PARTITION BY project, stage ORDER BY observed_at DESC) = 1
"""


def collect_what_is_due() -> set[str]:
    """The part of ``dockml study`` that matters here, without its findings; returns what was due before."""
    settings = Settings.from_environment()
    prepare(settings)
    runner = Runner(settings)
    try:
        runner.list_projects("sample")
        projects = what_is_due(settings)
        if projects:
            runner.collect([project for project in PROJECTS if project in projects])
    finally:
        runner.close()
    return projects


def what_is_due(settings: Settings) -> set[str]:
    with Warehouse(settings.warehouse).read() as connection:
        return {
            item.project
            for item in due(connection, "sample", Sample().methods(), storage=storage_of(settings))
        }


def outcomes_of(ask, home: Path, project: str) -> dict[str, tuple]:
    return {row[1]: row[2:] for row in ask(home, NEWEST) if row[0] == project}


def assert_only_the_bad_are_missing(ask, home: Path, instance: dg.DagsterInstance) -> None:
    for stage in STAGES:
        assert set(instance.get_materialized_partitions(dg.AssetKey(stage))) == set(GOOD), stage
    raised = outcomes_of(ask, home, RAISES)
    assert {stage: (status, retryable) for stage, (status, _, retryable) in raised.items()} == dict.fromkeys(
        STAGES, ("failed", True)
    )
    assert all("ValueError: a fault of our own" in reason for _, reason, _ in raised.values())
    assert outcomes_of(ask, home, RETRYABLE) == dict.fromkeys(
        STAGES, ("failed", "no answer, try again", True)
    )
    collected = {row[0] for row in ask(home, "SELECT DISTINCT project FROM raw.repository_files")}
    assert collected == set(GOOD)


def told(instance: dg.DagsterInstance) -> dict[tuple[str, str], tuple[bool, str | None]]:
    """(stage, project) → whether the newest check of the partition passed, and what it says."""
    found = {}
    # Newest run first.
    for run in instance.get_runs():
        of_run = {}
        for entry in instance.all_logs(run.run_id, of_type=dg.DagsterEventType.ASSET_CHECK_EVALUATION):
            check = entry.dagster_event.event_specific_data
            if check.check_name == "in_order":
                key = (check.asset_key.to_user_string(), check.partition)
                of_run[key] = (check.passed, check.description)
        found = {**of_run, **found}
    return found


def test_in_a_batch_of_the_command(home, monkeypatch, ask, instance_of):
    sound = Sample.collect

    def collect(self, stage, project):
        if project == RAISES:
            raise ValueError("a fault of our own")
        if project == RETRYABLE:
            return Collected(outcomes=[Outcome(stage, "", "failed", "no answer, try again", retryable=True)])
        return sound(self, stage, project)

    monkeypatch.setattr(Sample, "collect", collect)
    totals: dict[str, int] = {}
    done: Counter[str] = Counter()

    def listener(what, steps, total=None, unit=""):
        done[what] += steps
        if total is not None:
            totals[what] = total

    said, _ = bring_up_to_date(Settings.from_environment(), "sample", listener=listener)
    # Each bar ends where it was said to, whatever other work is done on the way.
    assert {what: done[what] for what, total in totals.items() if total} == {
        what: total for what, total in totals.items() if total
    }
    assert f"{len(PROJECTS)} of {len(PROJECTS)} projects were due" in said
    with instance_of(home) as instance:
        assert_only_the_bad_are_missing(ask, home, instance)
        assert {run.status for run in instance.get_runs()} == {dg.DagsterRunStatus.SUCCESS}
        bad = {
            RAISES: (False, "failed: ValueError: a fault of our own"),
            RETRYABLE: (False, "failed: no answer, try again"),
        }
        assert told(instance) == {
            (stage, project): bad.get(project, (True, None)) for stage in STAGES for project in PROJECTS
        }
    good = "SELECT * FROM raw.repository_files WHERE project IN (SELECT unnest(?)) ORDER BY ALL"
    rows = ask(home, good, GOOD)

    # When they can be had, they alone are fetched.
    monkeypatch.setattr(Sample, "collect", sound)
    assert collect_what_is_due() == {RAISES, RETRYABLE}
    with instance_of(home) as instance:
        for stage in STAGES:
            assert set(instance.get_materialized_partitions(dg.AssetKey(stage))) == set(PROJECTS)
        newest = told(instance)
        assert newest.keys() == {(stage, project) for stage in STAGES for project in PROJECTS}
        # The second names an image that the sample does not have.
        (still,) = [key for key, (in_order, _) in newest.items() if not in_order]
        assert still == ("manifests", RETRYABLE)
        assert newest[still][1].startswith("gone: ")
    assert ask(home, good, GOOD) == rows
    assert what_is_due(Settings.from_environment()) == set()


def test_a_project_that_is_gone_for_good_is_no_longer_due(home, monkeypatch, instance_of):
    sound = Sample.collect

    def collect(self, stage, project):
        if project == RAISES:
            return Collected(outcomes=[Outcome(stage, "", "gone", "deleted by its owner")])
        return sound(self, stage, project)

    monkeypatch.setattr(Sample, "collect", collect)
    collect_what_is_due()
    with instance_of(home) as instance:
        for stage in STAGES:
            assert set(instance.get_materialized_partitions(dg.AssetKey(stage))) == set(PROJECTS)
        newest = {key: what for key, what in told(instance).items() if key[1] == RAISES}
        assert newest == {(stage, RAISES): (False, "gone: deleted by its owner") for stage in STAGES}
    assert what_is_due(Settings.from_environment()) == set()


LAUNCH = """
mutation ($params: LaunchBackfillParams!) {
  launchPartitionBackfill(backfillParams: $params) {
    __typename
    ... on LaunchBackfillSuccess { backfillId }
    ... on PythonError { message }
    ... on Error { message }
  }
}
"""


@pytest.fixture
def location(home, environment_of) -> tuple[dict[str, str], Path]:
    """A home with listed projects; environment and workspace file of processes that use the misbehaving location."""
    prepare(Settings.from_environment())
    runner = Runner(Settings.from_environment())
    try:
        runner.list_projects("sample")
    finally:
        runner.close()
    workspace = home / "workspace.yaml"
    source = {"relative_path": str(LOCATION), "location_name": "tests"}
    workspace.write_text(json.dumps({"load_from": [{"python_file": source}]}))
    names = {"DAGSTER_HOME": str(Settings.from_environment().dagster_home)}
    return dict(environment_of(home, TEST_RAISES=RAISES, TEST_RETRYABLE=RETRYABLE, **names)), workspace


def launch_backfill(environment: dict[str, str], workspace: Path) -> str:
    """Ask for all stages of all projects, as the UI does; returns the backfill's id."""
    params = {"assetSelection": [{"path": [stage]} for stage in STAGES], "partitionNames": PROJECTS}
    program = ["-c", "from dagster_graphql.cli import main; main()", "--workspace", str(workspace)]
    done = subprocess.run(
        [sys.executable, *program, "--text", LAUNCH, "--variables", json.dumps({"params": params})],
        capture_output=True,
        text=True,
        env=environment,
        cwd=workspace.parent,
        timeout=90,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    # The code server's log is on standard output too.
    (line,) = [line for line in done.stdout.splitlines() if line.startswith('{"data"')]
    answer = json.loads(line)["data"]["launchPartitionBackfill"]
    assert answer["__typename"] == "LaunchBackfillSuccess", answer
    return answer["backfillId"]


@contextmanager
def daemon(environment: dict[str, str], workspace: Path) -> Iterator[Path]:
    """Dagster's daemon; yields its log. It and all it started are gone afterwards."""
    path = workspace.with_name("daemon.log")
    with path.open("w") as log:
        # A session of its own: code server and runs can be ended with it, and nothing else is.
        process = subprocess.Popen(
            [sys.executable, "-m", "dagster._daemon", "run", "--workspace", str(workspace)],
            stdout=log,
            stderr=log,
            env=environment,
            cwd=workspace.parent,
            start_new_session=True,
        )
        try:
            yield path
        finally:
            process.send_signal(signal.SIGINT)
            try:
                process.wait(20)
            finally:
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                process.wait(5)


def test_in_a_backfill_by_the_daemon(location, home, ask, instance_of):
    # Asked for before the daemon starts: it looks at once when it starts, and then only every 30 s.
    backfill = launch_backfill(*location)
    with daemon(*location) as log, instance_of(home) as instance:
        deadline = time.monotonic() + BACKFILL_SECONDS
        runs = []
        while time.monotonic() < deadline and not (runs and all(run.is_finished for run in runs)):
            time.sleep(0.5)
            runs = instance.get_runs(dg.RunsFilter(tags={"dagster/backfill": backfill}))
        said = log.read_text()[-4000:]
        # One run a batch, and it is no failure that two projects of it are missing.
        assert [run.status for run in runs] == [dg.DagsterRunStatus.SUCCESS], said
        assert_only_the_bad_are_missing(ask, home, instance)
