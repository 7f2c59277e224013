"""The study's own numbers, from its own package: one run of ``dockml study --corpus ease2022``, then its findings tables.

Here: comparing. The numbers are in ``findings.csv`` (every findings table) and ``comparison.csv`` (the table that
sets printed values beside computed ones), each with where it comes from; adding one needs no Python.
"""

import csv
import subprocess
from pathlib import Path
from typing import NamedTuple

import duckdb
import pytest

from dockml_dagster.settings import Settings

pytestmark = pytest.mark.ease2022
HERE = Path(__file__).parent
PROJECTS = 406


class Study(NamedTuple):
    done: subprocess.CompletedProcess[str]
    home: Path
    findings: duckdb.DuckDBPyConnection


def cases(name: str) -> list:
    with (HERE / name).open(encoding="utf-8", newline="") as file:
        return [
            pytest.param(
                row, id=" ".join(value for key, value in row.items() if key not in {"source", "tolerance"})
            )
            for row in csv.DictReader(file)
        ]


def pairs(where: str) -> dict[str, str]:
    return dict(part.split("=", 1) for part in where.split("; ") if part)


@pytest.fixture(scope="module")
def study(ease2022, dockml, tmp_path_factory):
    home = tmp_path_factory.mktemp("ease2022") / "home"
    done = dockml(home, "study", "--corpus", "ease2022", DOCKML_EASE2022=str(ease2022))
    assert done.returncode == 0, done.stderr
    published = Settings.from_environment({"DOCKML_HOME": str(home)}).published
    with duckdb.connect(str(published), read_only=True) as connection:
        yield Study(done, home, connection)


def test_every_project_is_done_and_the_questions_are_printed(study):
    assert f"{PROJECTS} of {PROJECTS} projects were due" in study.done.stderr
    for label in ("RQ1, RQ2", "RQ3", "RQ4", "Paper"):
        assert f"\n{label} " in study.done.stdout


@pytest.mark.parametrize("case", cases("findings.csv"))
def test_findings(study, case):
    where = {"corpus": "ease2022", **pairs(case["where"])}
    condition = " AND ".join(f'"{name}" = ?' for name in where)
    rows = study.findings.execute(
        f'SELECT "{case["column"]}" FROM findings."{case["table"]}" WHERE {condition}', list(where.values())
    ).fetchall()
    assert len(rows) == 1, f"{len(rows)} rows where {where}"
    assert rows[0][0] == pytest.approx(float(case["value"]), rel=0, abs=float(case["tolerance"]) + 1e-9)


@pytest.mark.parametrize("case", cases("comparison.csv"))
def test_the_papers_computation_gives_what_it_printed(study, case):
    rows = study.findings.execute(
        "SELECT category, published, as_published FROM findings.paper_comparison "
        "WHERE corpus = 'ease2022' AND rq = ? AND metric = ? AND NOT list_contains(?, category)",
        [case["rq"], case["metric"], case["except"].split("; ")],
    ).fetchall()
    assert len(rows) == int(case["categories"])
    wrong = [row for row in rows if row[2] is None or abs(row[1] - row[2]) > float(case["tolerance"]) + 1e-9]
    assert wrong == []


def test_the_second_run_has_nothing_to_do(study, ease2022, dockml):
    before = (study.home / "published" / "dockml.duckdb").stat().st_mtime_ns
    again = dockml(study.home, "study", "--corpus", "ease2022", "--quiet", DOCKML_EASE2022=str(ease2022))
    assert again.returncode == 0, again.stderr
    assert "nothing is due" in again.stderr
    assert (study.home / "published" / "dockml.duckdb").stat().st_mtime_ns == before
