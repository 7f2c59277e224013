"""``dockml study --corpus github`` as a user runs it: the whole graph, from the stand-in to the findings."""

import os
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

from tests.forked import COMMAND
from tests.integration.conftest import COLLECTING

FILES = {"Dockerfile": b"FROM python:3.12\nRUN pip install torch\n", "README.md": b"# x\n", "src/a.py": b""}
STUDY = ("study", "--corpus", "github", "--quiet")


@pytest.fixture
def environment(github, tmp_path: Path) -> dict[str, str]:
    """A home whose GitHub is the stand-in."""
    return {
        "PATH": os.environ["PATH"], "HOME": str(tmp_path), "DOCKML_HOME": str(tmp_path / "home"),
        "DOCKML_GITHUB_API_URL": github.url, "GITHUB_TOKEN": github.token,
        "DOCKML_GITHUB_FRAME": str(tmp_path / "names.txt"),
    }  # fmt: skip


@pytest.fixture
def study(environment: dict[str, str], run_program) -> Callable[..., subprocess.CompletedProcess]:
    """Runs the command and gives what it said."""

    def run(*arguments: str, program: str = COMMAND) -> subprocess.CompletedProcess:
        return run_program(program, *STUDY, *arguments, env=environment)

    return run


def rows(home: Path, table: str) -> list[tuple]:
    with duckdb.connect(str(home / "warehouse" / "dockml.duckdb"), read_only=True) as connection:
        return connection.execute(f"SELECT * FROM {table} ORDER BY ALL").fetchall()


def test_a_study_killed_finished_repeated_and_changed(
    github, environment, study, start_program, tmp_path: Path
) -> None:
    home = tmp_path / "home"
    names = [f"o/r{number}" for number in range(8)]
    for number, name in enumerate(names):
        github.add(name, {**FILES, "own.Dockerfile": b"FROM scratch\n# %d\n" % number})
    github.add("o/empty", None)
    (tmp_path / "names.txt").write_text("\n".join([*names, "o/empty", "o/never"]))

    # Killed in the middle of the visit.
    process = None

    def kill(asked) -> None:
        if len(github.asked) == 5:
            process.send_signal(signal.SIGKILL)
            process.wait()

    github.before = kill
    process = start_program(COMMAND, *STUDY, env=environment)
    process.wait(120)
    github.before = lambda asked: None
    paid = [(a.path, a.body) for a in github.asked if a.status == 200 and a.path != "/rate_limit"][:-1]

    done = study()
    assert done.returncode == 0, done.stderr
    asked = [(a.path, a.body) for a in github.asked if a.status == 200 and a.path != "/rate_limit"]
    # Only the question that was on its way when its asker died is asked twice.
    assert [question for question in paid if asked.count(question) != 1] == []
    assert len(rows(home, "raw.dockerfiles")) == 16
    assert len(rows(home, "raw.projects")) == 9
    first = {
        table: rows(home, table) for table in ("raw.dockerfiles", "raw.repository_files", "raw.projects")
    }

    github.forget()
    done = study()
    assert "nothing is due (9 projects" in done.stderr
    assert {a.status for a in github.asked if a.path != "/rate_limit"} == {304}
    assert {table: rows(home, table) for table in first} == first

    github.commit(github.repositories[3], {**FILES, "Dockerfile": b"FROM alpine:3\n"})
    done = study("--project", "o/r3", "--project", "o/nowhere", program=COLLECTING)
    assert done.returncode == 0
    assert "1 of 1 projects were due" in done.stderr
    assert "left out: o/nowhere (not there, or not for everybody)" in done.stderr
    with duckdb.connect(str(home / "warehouse" / "dockml.duckdb"), read_only=True) as connection:
        changed = connection.execute(
            "SELECT DISTINCT project FROM raw.dockerfiles WHERE last_seen > (SELECT min(last_seen) FROM raw.dockerfiles)"
        ).fetchall()
        current = connection.execute("SELECT count(*) FROM staging.dockerfiles").fetchone()
        assert changed == [("github/o/r3",)]
        assert current == (15,)

    said = done.stdout + done.stderr
    assert github.token not in said
    for path in home.rglob("*"):
        assert not path.is_file() or github.token.encode() not in path.read_bytes(), path


def test_what_cannot_be_done_is_one_line(github, environment, study, tmp_path: Path) -> None:
    (tmp_path / "names.txt").write_text("o/r\n")
    github.token = "another"
    done = study()
    assert done.returncode == 3
    assert done.stderr.splitlines()[-1].startswith("dockml: ")
    assert "Traceback" not in done.stderr
    assert environment["GITHUB_TOKEN"] not in done.stderr
    done = study("--frame", "nothing-of-the-kind")
    assert done.returncode == 2
    assert "ease2022" in done.stderr
