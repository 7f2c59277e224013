"""A study that a limit stops: what it says, what the tables say, and the same with ``--wait``, to the end."""

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

from tests.integration import plain_findings

FILES = {"Dockerfile": b"FROM python:3.12\n", "README.md": b"# x\n"}
PROGRAM = (
    """
import sys, time
from pathlib import Path
from tests.integration.github.service import Clock
clock, real = Clock(Path(sys.argv.pop(1))), time.sleep
time.time = clock.now
time.sleep = lambda seconds: clock.sleep(seconds) if seconds >= 5 else real(seconds)
"""
    + plain_findings.PROGRAM
)


@pytest.fixture
def run(github, run_program, tmp_path: Path) -> Callable[..., subprocess.CompletedProcess]:
    """Runs a command without a token, on the stand-in; one that waits, on its clock."""
    root = Path(__file__).parents[3]
    environment = {
        "PATH": os.environ["PATH"], "HOME": str(tmp_path), "DOCKML_HOME": str(tmp_path / "home"),
        "DOCKML_GITHUB_API_URL": github.url, "DOCKML_GITHUB_FRAME": str(tmp_path / "names.txt"),
        "PYTHONPATH": str(root),
    }  # fmt: skip

    def run(*arguments: str) -> subprocess.CompletedProcess:
        # The clock has to be there before the modules that take the time from it, so this one cannot be forked.
        if "--wait" not in arguments:
            return run_program(plain_findings.PROGRAM, *arguments, env=environment)
        command = [sys.executable, "-c", PROGRAM, str(tmp_path / "clock"), *arguments]
        return subprocess.run(
            command, env=environment, capture_output=True, text=True, check=False, timeout=900
        )

    return run


@pytest.fixture
def names(github, tmp_path: Path) -> list[str]:
    """Twelve projects, and calls for eight of them in the first hour."""
    found = [f"o/r{number}" for number in range(12)]
    for number, name in enumerate(found):
        github.add(name, {**FILES, "own.Dockerfile": b"FROM scratch\n# %d\n" % number})
    (tmp_path / "names.txt").write_text("\n".join(found))
    github.budgets.anonymous["core"] = 26
    return found


def table(tmp_path: Path, sql: str) -> list[tuple]:
    with duckdb.connect(str(tmp_path / "home" / "warehouse" / "dockml.duckdb"), read_only=True) as connection:
        return connection.execute(sql).fetchall()


def funnel(tmp_path: Path) -> dict[str, tuple]:
    rows = table(tmp_path, "SELECT step_number, n, excluded, not_asked FROM findings.funnel ORDER BY 1")
    return {number: rest for number, *rest in rows}


def test_a_study_that_a_limit_stops_says_so_everywhere_and_goes_on(
    github, run, names, tmp_path: Path
) -> None:
    done = run("study", "--corpus", "github", "--quiet")
    assert done.returncode == 7, done.stderr
    first, *_, last = [line for line in done.stderr.splitlines() if line.startswith("dockml: ")]
    assert "26 calls an hour" in first
    assert "GITHUB_TOKEN" in first
    asked = len({one.path.split("/")[3] for one in github.asked if "/git/trees/" in one.path})
    left = 12 - asked
    assert last.startswith(f"dockml: not at its end: {left} repositories were not asked for")
    assert "the core budget of 26 an hour is used up" in last
    assert "run the same command again after 20" in last
    assert re.search(r"about (once more|\d times an hour apart), or once with --wait$", last)

    found = funnel(tmp_path)
    assert found[0][0] == 12
    assert sum(steps[1] or 0 for steps in found.values()) == 0, "nobody is excluded"
    assert sum(steps[2] for steps in found.values()) == left
    coverage = table(
        tmp_path, "SELECT state, projects, n FROM findings.coverage WHERE stage = 'repo_list' ORDER BY ALL"
    )
    assert coverage == [("done", asked, 12), ("not asked", left, 12)]
    said = json.loads(run("status", "--corpus", "github", "--format", "json").stdout)
    assert {"corpus": "github", "stage": "repo_list", "reason": "not asked yet", "projects": left} in said[
        "due"
    ]
    ((retry_at,),) = table(tmp_path, "SELECT max(retry_at) FROM staging.outcomes WHERE stage = 'repo_list'")
    assert retry_at is not None

    done = run("study", "--corpus", "github", "--quiet", "--wait")
    assert done.returncode == 0, done.stderr
    assert "not at its end" not in done.stderr
    assert github.clock.now() - time.time() > 3000, (
        "an hour was waited for, and by no other way than sleeping"
    )
    assert funnel(tmp_path)[8] == [12, 0, 0]
    assert table(tmp_path, "SELECT count(DISTINCT project) FROM raw.dockerfiles") == [(12,)]
    paid = [one.path for one in github.asked if one.status == 200 and one.path != "/rate_limit"]
    assert len(paid) == len(set(paid)), "nothing is paid for twice"
