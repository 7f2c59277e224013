"""The study on two workers: what comes out is what comes out of one machine, whatever dies meanwhile."""

import os
import time
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import pytest

from tests.distributed.services import wait_until

_kills = spec_from_file_location("kills", Path(__file__).parents[1] / "integration" / "kills.py")
kills = module_from_spec(_kills)
_kills.loader.exec_module(kills)

BEGUN_SECONDS = 300


def scans_of(fleet):
    """How often each layer was kept."""
    return [count for (count,) in fleet.ask("SELECT scans FROM dockml.layers")]


def test_the_sample_on_two_workers_equals_the_embedded_run(fleet, calm):
    fleet.start_worker("a")
    fleet.start_worker("b")
    fleet.finish(fleet.study())
    assert kills.differences(calm, fleet.home("study")) == []
    assert set(scans_of(fleet)) == {1}, "no layer is scanned twice"
    workers = fleet.ask(
        "SELECT DISTINCT value FROM run_tags WHERE key = '.dagster/dockml_pid' AND run_id IN "
        "(SELECT run_id FROM runs WHERE pipeline_name = 'collect_projects')",
        "_dagster",
    )
    assert len(workers) == 2, "both had some of it"

    again = fleet.finish(fleet.study())
    assert "nothing is due (14 projects" in again


def gone_for_a_while(service, seconds):
    service.stop()
    time.sleep(seconds)  # the fault itself, and no waiting for anything
    service.start()


FAULTS = {
    "a worker is killed": lambda fleet: fleet.kill_worker("a"),
    "the broker is restarted": lambda fleet: fleet.services.broker.restart(),
    "PostgreSQL is restarted": lambda fleet: fleet.services.postgres.restart(),
    "the store is gone for a minute": lambda fleet: gone_for_a_while(fleet.services.store, 60),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_study_outlives(fault, fleet, calm):
    fleet.start_worker("a")
    fleet.start_worker("b")
    study = fleet.study()
    wait_until("a batch to begin", lambda: study.poll() is not None or fleet.running() == 2, BEGUN_SECONDS)
    FAULTS[fault](fleet)
    fleet.finish(study)
    assert kills.differences(calm, fleet.home("study")) == []
    # Kept twice is at most what was in hand when its claim was lost: a project's layers.
    twice = sum(count > 1 for count in scans_of(fleet))
    assert twice == 0 or (fault.startswith("PostgreSQL") and twice <= 2 * os.cpu_count()), twice


@pytest.mark.ease2022
def test_the_papers_projects_on_two_workers_equal_the_embedded_run(ease2022, fleet, dockml, tmp_path):
    calm = tmp_path / "calm"
    done = dockml(calm, "study", "--corpus", "ease2022", "--quiet", DOCKML_EASE2022=str(ease2022))
    assert done.returncode == 0, done.stderr
    fleet.start_worker("a", DOCKML_EASE2022=str(ease2022))
    fleet.start_worker("b", DOCKML_EASE2022=str(ease2022))
    fleet.finish(fleet.study("ease2022", DOCKML_EASE2022=str(ease2022)))
    assert kills.differences(calm, fleet.home("study")) == []


def test_without_a_worker_it_says_so(fleet):
    study = fleet.study()
    _, said = study.communicate(timeout=600)
    assert study.returncode == 5
    scheme = fleet.services.broker_address.partition(":")[0]
    assert f"no worker answers at {scheme}://" in said
    assert f"127.0.0.1:{fleet.services.broker.port}" in said
    assert "start one: dockml worker" in said
