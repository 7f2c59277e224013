"""What is computed in parts, each by a run of its own, is what is computed whole."""

import hashlib
from datetime import datetime
from pathlib import Path

import dagster as dg
import pytest

from dockml_dagster.commands.study.runner import Runner
from dockml_dagster.defs.assets.parts import COMPUTINGS, compute_parts, parts_due, parts_of
from dockml_dagster.defs.resources import WarehouseResource
from dockml_dagster.settings import Settings
from dockml_dagster.warehouse.due.derivation import WHOLE
from dockml_dagster.warehouse.due.query import record_outcomes
from dockml_dagster.warehouse.rows import write_visit

AT = datetime(2026, 1, 1)
PROJECTS = 230


def a_warehouse(file: Path) -> WarehouseResource:
    """Projects with a Dockerfile each, no two alike."""
    warehouse = WarehouseResource(database=str(file))
    stamps = [{"project": f"local/o/{at:03}", "corpus": "local", "source": "test"} for at in range(PROJECTS)]
    texts = [f"FROM python:3.{at}\nRUN pip install torch=={at}\n".encode() for at in range(PROJECTS)]
    outcome = {"corpus": "local", "subject": "", "status": "collected", "retryable": False, "observed_at": AT}
    with warehouse.get_connection() as connection:
        write_visit(
            connection,
            "raw.projects",
            [{**stamp, "name": stamp["project"][6:], "owner": "o"} for stamp in stamps],
            observed_at=AT,
        )
        connection.executemany(
            "INSERT INTO raw.inputs VALUES (?, 'local', ?, 0, 'hash', ?)",
            [(stamp["project"], stage, AT) for stamp in stamps for stage in ("dockerfiles", "manifests")],
        )
        write_visit(
            connection,
            "raw.dockerfiles",
            [
                {
                    **stamp,
                    "path": "Dockerfile",
                    "sha256": hashlib.sha256(text).hexdigest(),
                    "content": text,
                    "bytes": len(text),
                }
                for stamp, text in zip(stamps, texts, strict=True)
            ],
            observed_at=AT,
        )
        record_outcomes(
            connection,
            [{**outcome, "project": None, "stage": "repo_list"}]
            + [
                {**outcome, "project": stamp["project"], "stage": stage, "method_version": "1"}
                for stamp in stamps
                for stage in ("dockerfiles", "manifests")
            ],
        )
    return warehouse


def rows_of(warehouse: WarehouseResource, name: str) -> dict[str, list[tuple[object, ...]]]:
    """The tables of a derivation, without the moments at which their rows were made."""
    derivation = COMPUTINGS[name].derivation
    with warehouse.get_connection() as connection:
        return {
            table: connection.execute(
                f"SELECT * EXCLUDE ({derivation.made_at}) FROM {table} ORDER BY ALL"
                if table == derivation.tables[0]
                else f"SELECT * FROM {table} ORDER BY ALL"
            ).fetchall()
            for table in derivation.tables
        }


@pytest.mark.parametrize("name", COMPUTINGS)
def test_runs_of_parts_make_the_rows_of_the_whole(tmp_path: Path, name: str) -> None:
    whole, apart = a_warehouse(tmp_path / "whole.duckdb"), a_warehouse(tmp_path / "apart.duckdb")
    one = COMPUTINGS[name]
    assert one.compute(whole, WHOLE).units == PROJECTS
    with apart.get_connection() as connection:
        configs = [
            config
            for config in parts_due(connection, Settings.from_environment())
            if config["ops"]["compute_part"]["config"]["derivation"] == name
        ]
    assert len(configs) == parts_of(PROJECTS) == 3
    done = []
    with dg.DagsterInstance.ephemeral() as instance:
        for config in reversed(configs):
            result = compute_parts.execute_in_process(
                run_config=config, instance=instance, resources={"warehouse": apart}
            )
            assert result.success
            with apart.get_connection() as connection:
                done.append(len(one.derivation.due(connection, one.version(Settings.from_environment()))))
    assert PROJECTS > done[0] > done[1] > done[2] == 0
    found = rows_of(apart, name)
    assert found == rows_of(whole, name)
    assert len(found[one.derivation.tables[0]]) >= PROJECTS


@pytest.mark.parametrize("fleet", [None, object()])
def test_where_there_are_workers_the_command_sends_them_parts_first(tmp_path: Path, fleet: object) -> None:
    did = []
    runner = Runner.__new__(Runner)
    runner._settings, runner._fleet = Settings.from_environment(), fleet
    runner._warehouse = a_warehouse(tmp_path / "dockml.duckdb").warehouse
    runner._send = lambda job, runs: did.append((job, len(runs)))
    runner._run = lambda job, *_: did.append((job, 1))
    runner.make_findings()
    sent = [("compute_parts", 3 * parts_of(PROJECTS))] if fleet else []
    assert did == [*sent, ("make_findings", 1)]


@pytest.mark.parametrize(
    ("units", "parts"),
    [(0, 0), (199, 0), (200, 2), (406, 5), (2_537, 9), (8_000, 8), (100_000, 100), (1_000_000, 1_000)],
)
def test_parts_are_neither_too_small_for_a_run_nor_too_large_to_wait_for(units: int, parts: int) -> None:
    assert parts_of(units) == parts
