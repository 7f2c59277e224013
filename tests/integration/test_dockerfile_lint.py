"""The asset ``dockerfile_lint`` in a Dagster run: stores, never asks twice, and says when hadolint is absent."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb
import pytest
from click.testing import CliRunner

from dockml_dagster.cli import main
from dockml_dagster.clients import hadolint
from dockml_dagster.clients.hadolint import Remark
from dockml_dagster.commands.study.runner import Runner
from dockml_dagster.defs.assets.lint import lint_definitions, lint_dockerfiles
from dockml_dagster.defs.assets.sql_models import asset_key
from dockml_dagster.defs.resources import WarehouseResource
from dockml_dagster.settings import Settings
from dockml_dagster.warehouse.due.derivations import LINT
from dockml_dagster.warehouse.rows import write_visit
from tests.integration import plain_findings

TEXTS = {"a": b"FROM a:latest\n", "b": b"FROM b\n", "c": b"BROKEN\n"}
ANSWERS = {
    TEXTS["a"]: (Remark("linted"), Remark("DL3007", "warning", 1)),
    TEXTS["b"]: (Remark("linted"),),
    TEXTS["c"]: (Remark("refused", line=1, reason="its parser refuses the file"),),
}


class StandIn:
    """Stands where the program is; remembers what it was asked."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.asked: list[str] = []
        self.program: Path | None = Path("/somewhere/hadolint")
        self.says = "1.0"
        monkeypatch.setattr(hadolint, "find", lambda: self.program)
        monkeypatch.setattr(hadolint, "version", lambda _: self.says)
        monkeypatch.setattr(hadolint, "lint", self._lint)

    def _lint(self, _: Path, texts: Mapping[str, bytes]) -> Any:
        self.asked += texts
        return [(key, ANSWERS[text]) for key, text in texts.items()]


@pytest.fixture
def program(monkeypatch: pytest.MonkeyPatch) -> StandIn:
    return StandIn(monkeypatch)


@pytest.fixture
def warehouse(tmp_path: Path) -> WarehouseResource:
    resource = WarehouseResource(database=str(tmp_path / "warehouse.duckdb"))
    with resource.get_connection() as connection:
        for corpus, digest in (("x", "a"), ("x", "b"), ("y", "a"), ("y", "c")):
            columns = {row[0] for row in connection.execute("DESCRIBE raw.dockerfiles").fetchall()}
            row = {
                "project": f"{corpus}/o/n",
                "corpus": corpus,
                "path": f"{digest}/Dockerfile",
                "sha256": digest,
                "content": TEXTS[digest],
                "bytes": 1,
                "source": "test",
            }
            assert set(row) <= columns
            moment = datetime(2026, 1, 1)
            write_visit(connection, "raw.dockerfiles", [row], observed_at=moment)
    return resource


def run(warehouse: WarehouseResource) -> dict[str, Any]:
    result = dg.materialize(lint_definitions().assets, resources={"warehouse": warehouse})
    assert result.success
    (made,) = result.asset_materializations_for_node("dockerfile_lint")
    return {name: value.value for name, value in made.metadata.items()}


def query(warehouse: WarehouseResource, sql: str) -> list[tuple[Any, ...]]:
    with duckdb.connect(warehouse.database, read_only=True) as connection:
        return connection.execute(sql).fetchall()


def test_every_distinct_text_is_asked_about_once(warehouse: WarehouseResource, program: StandIn) -> None:
    said = run(warehouse)
    told = {
        "outcome": "collected",
        "hadolint": "1.0",
        "texts linted": 3,
        "texts refused": 1,
        "findings": 1,
        "dagster/row_count": 4,
        "dagster/table_name": "raw.dockerfile_lint",
    }
    assert {name: said[name] for name in told} == told
    assert said["preview"].startswith("| sha256 |")
    assert sorted(program.asked) == ["a", "b", "c"]
    assert run(warehouse)["texts linted"] == 0
    assert sorted(program.asked) == ["a", "b", "c"]
    assert query(
        warehouse,
        "SELECT sha256, rule, severity, line, reason, regexp_replace(tool_version, '[+].{12}$', '') "
        "FROM raw.dockerfile_lint ORDER BY 1, 2",
    ) == [
        ("a", "DL3007", "warning", 1, None, "1.0"),
        ("a", "linted", None, None, None, "1.0"),
        ("b", "linted", None, None, None, "1.0"),
        ("c", "refused", None, 1, "its parser refuses the file", "1.0"),
    ]


def test_another_version_asks_again(warehouse: WarehouseResource, program: StandIn) -> None:
    run(warehouse)
    program.says = "2.0"
    assert run(warehouse)["texts linted"] == 3


def test_absent_is_an_outcome_of_each_corpus_and_no_failure(
    warehouse: WarehouseResource, program: StandIn
) -> None:
    program.program = None
    assert run(warehouse)["outcome"] == "not_available"
    outcomes = "SELECT corpus, status, reason, retryable FROM raw.outcomes WHERE stage = 'dockerfile_lint' ORDER BY 1"
    found = query(warehouse, outcomes)
    assert [row[:2] for row in found] == [("x", "not_available"), ("y", "not_available")]
    assert all("pip install" in row[2] and row[3] is False for row in found)
    assert query(warehouse, "SELECT count(*) FROM raw.dockerfile_lint") == [(0,)]


def test_what_was_stored_survives_an_interruption(
    warehouse: WarehouseResource, program: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dockml_dagster.defs.assets.lint.LINT", replace(LINT, at_once=1))
    answer = program._lint

    def breaks(path: Path, texts: Mapping[str, bytes]) -> Any:
        if "b" in texts:
            raise KeyboardInterrupt
        return answer(path, texts)

    monkeypatch.setattr(hadolint, "lint", breaks)
    with pytest.raises(BaseException):  # noqa: B017 - Dagster wraps it
        dg.materialize(lint_definitions().assets, resources={"warehouse": warehouse})
    monkeypatch.setattr(hadolint, "lint", answer)
    program.asked.clear()
    run(warehouse)
    assert program.asked == ["b", "c"]


# Dagster deprecates an argument that the jobs still say.
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_study_never_waits_for_it() -> None:
    from dockml_dagster.definitions import defs
    from dockml_dagster.defs.jobs import collect_projects, list_projects, make_findings

    definitions = defs()
    graph = definitions.resolve_asset_graph()
    keys = {
        job.name: {key.to_user_string() for key in job.selection.resolve(graph)}
        for job in (list_projects, collect_projects, make_findings, lint_dockerfiles)
    }
    assert [name for name, found in keys.items() if "dockerfile_lint" in found] == ["lint_dockerfiles"]
    assert {"core/dockerfile_findings", "published"} <= keys["lint_dockerfiles"]
    assert asset_key("core.dockerfile_findings").to_user_string() in keys["make_findings"]
    assert not {"dockerfiles", "dockerfile_readings"} & keys["lint_dockerfiles"]


def test_the_command_says_at_once_that_it_is_absent(home: Path, program: StandIn) -> None:
    program.program = None
    done = CliRunner().invoke(main, ["study", "--lint"])
    assert done.exit_code == 2
    assert "pip install 'dockml[lint]'" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert not (home / "warehouse" / "dockml.duckdb").exists()


# Dagster deprecates an argument that the jobs still say.
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_the_command_lints_and_rebuilds_what_reads_it(
    home: Path, program: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    def every_text(_: Path, texts: Mapping[str, bytes]) -> Any:
        program.asked += texts
        return [(key, (Remark("linted"), Remark("DL3006", "warning", 1))) for key in texts]

    monkeypatch.setattr(hadolint, "lint", every_text)
    monkeypatch.setattr(Runner, "make_findings", lambda _: plain_findings.make())
    arguments = ["study", "--project", "lanternfish/recipe-recs", "--lint", "--quiet"]
    done = CliRunner().invoke(main, arguments)
    assert done.exit_code == 0, done.output
    assert program.asked
    assert f"{len(program.asked)} texts linted" in done.stderr
    with duckdb.connect(str(Settings.from_environment().published), read_only=True) as connection:
        found = connection.execute(
            "SELECT count(*), any_value(severity), any_value(evidence_lines) "
            "FROM core.dockerfile_findings WHERE rule = 'DL3006'"
        ).fetchone()
    assert found == (len(program.asked), "warning", [1])
    again = CliRunner().invoke(main, arguments)
    assert "nothing is due" in again.stderr
