"""``dockml ui`` left alone with its sensors on, while repositories change and a reader asks: what arrives, and what fails.

    python tests/integration/soak.py                  one change, watched until it is in the findings
    python tests/integration/soak.py --minutes 30     change after change

Here: making the repositories, changing them, watching, and counting. Not a test of every run: a change waits for
three sensors of half a minute to a minute each.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb

ROOT = Path(__file__).parents[2]
START = "from dockml_dagster.cli import main; main(prog_name='dockml')"
SENSORS = ("follow_sources", "collect_due_projects", "follow_with_findings", "record_run_failures")
STARTING_SECONDS = 180
ARRIVAL_SECONDS = 900
"""Longest wait for one change. A quiet machine needs two or three minutes."""
REPOSITORIES = 12

TURN_ON = """
mutation ($sensor: SensorSelector!) {
  startSensor(sensorSelector: $sensor) { __typename ... on PythonError { message } }
}
"""
ARRIVED = """
    SELECT count(DISTINCT project) FROM core.instructions
    WHERE corpus = 'local' AND keyword = 'LABEL' AND list_contains(names, ?)
"""
QUESTION = "SELECT practice, sum(violated) FROM findings.rq3_practices WHERE corpus = 'local' GROUP BY ALL"


class Repositories:
    """Git repositories with one Dockerfile each, and a mark in it that says how often it changed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._made = 0
        for number in range(REPOSITORIES):
            self._git(number, "init", "-q")
            self._commit(number, "change-0")

    def change(self) -> tuple[str, int]:
        """A new commit in one to three of them; the mark that says so, and in how many projects it must arrive."""
        self._made += 1
        count = 1 + self._made % 3
        mark = f"change-{self._made}-of-{os.getpid()}"
        for place in range(count):
            self._commit((self._made * 3 + place) % REPOSITORIES, mark)
        return mark, count

    def _commit(self, number: int, mark: str) -> None:
        text = f"FROM python:3.12-slim\nLABEL {mark}=yes\nRUN pip install numpy\n"
        (self.folder / f"team/p{number}/Dockerfile").write_text(text, encoding="utf-8")
        self._git(number, "add", "-A")
        self._git(number, "-c", "user.name=x", "-c", "user.email=x@x.example", "commit", "-q", "-m", mark)

    def _git(self, number: int, *arguments: str) -> None:
        folder = self.folder / f"team/p{number}"
        folder.mkdir(parents=True, exist_ok=True)
        environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
        subprocess.run(["git", *arguments], cwd=folder, check=True, env=environment)


class Reader:
    """Opens the published file, asks, closes, again and again; and keeps one connection open throughout."""

    def __init__(self, published: Path) -> None:
        self.queries = 0
        self.errors: list[str] = []
        self._published = published
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._read)

    def __enter__(self) -> Reader:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def ask(self, sql: str, *parameters: object) -> list[tuple[Any, ...]]:
        """One question in a connection of its own. Not ``duckdb.connect`` alone: it shares by path what was open before."""
        with duckdb.connect() as connection:
            connection.execute(f"ATTACH '{self._published}' AS published (READ_ONLY)")
            connection.execute("USE published")
            return connection.execute(sql, list(parameters)).fetchall()

    def _read(self) -> None:
        with duckdb.connect() as kept:
            kept.execute(f"ATTACH '{self._published}' AS kept (READ_ONLY)")
            first = kept.execute("SELECT count(*) FROM kept.core.instructions").fetchall()
            while not self._stop.wait(0.2):
                try:
                    self.ask(QUESTION)
                    assert kept.execute("SELECT count(*) FROM kept.core.instructions").fetchall() == first
                    self.queries += 2
                except (duckdb.Error, OSError, AssertionError) as error:
                    self.errors.append(repr(error))


@contextmanager
def serving(environment: Mapping[str, str], log: Path, port: int) -> Iterator[subprocess.Popen[bytes]]:
    """``dockml ui`` with its web server and daemon; gone afterwards."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-c", START, "ui", "--port", str(port)],
            env=environment,
            cwd=ROOT,
            stdout=output,
            stderr=output,
        )
        try:
            yield process
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(120)


def turn_on(port: int, sensor: str) -> None:
    """As the switch in the UI does."""
    selector = {
        "repositoryName": "__repository__",
        "repositoryLocationName": "dockml",
        "sensorName": sensor,
    }
    asked = json.dumps({"query": TURN_ON, "variables": {"sensor": selector}}).encode()
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/graphql", asked, {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        said = json.load(answer)["data"]["startSensor"]
    if said["__typename"] != "Sensor":
        raise RuntimeError(f"{sensor}: {said}")


def until(what: str, seconds: float, true: Callable[[], bool]) -> float:
    """Wait for a condition; how long it took.

    Raises:
        TimeoutError: it did not come true.
    """
    began = time.monotonic()
    while not true():
        if time.monotonic() - began > seconds:
            raise TimeoutError(f"{what}: not within {seconds} s")
        time.sleep(0.5)
    return time.monotonic() - began


def answers(port: int) -> bool:
    """Whether the web server does."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/server_info", timeout=5):
            return True
    except (urllib.error.URLError, OSError):
        return False


def what_happened(dagster_home: Path) -> tuple[Counter[tuple[str, str]], Counter[tuple[str, str]], list[str]]:
    """Ticks by sensor and status, runs by work and status, and what the failed ones said."""
    import dagster as dg

    ticks: Counter[tuple[str, str]] = Counter()
    runs: Counter[tuple[str, str]] = Counter()
    said: list[str] = []
    os.environ["DAGSTER_HOME"] = str(dagster_home)
    with dg.DagsterInstance.get() as instance:
        for state in instance.all_instigator_state():
            for tick in instance.get_ticks(state.instigator_origin_id, state.selector_id):
                ticks[state.instigator_name, tick.status.value] += 1
                if tick.error:
                    said.append(f"{state.instigator_name}: {tick.error.message.strip()}")
        for run in instance.get_runs():
            runs[run.tags.get("dockml/work", run.job_name), run.status.value] += 1
    return ticks, runs, said


def main() -> int:
    """Change, watch, count; 1 where anything failed or did not arrive."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--minutes", type=float, default=0)
    options.add_argument("--keep", type=Path, help="make home and repositories here, and leave them")
    given = options.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = given.keep or Path(temporary)
        repositories = Repositories(folder / "repositories")
        home = folder / "home"
        environment = {
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "DOCKML_HOME": str(home),
            "DOCKML_LOCAL": str(repositories.folder),
        }
        environment.pop("DAGSTER_HOME", None)
        study = [sys.executable, "-c", START, "study", "--corpus", "local", "--quiet"]
        subprocess.run(study, env=environment, cwd=ROOT, check=True)
        before = what_happened(home / "dagster")[1]
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        missed: list[str] = []
        waited: list[float] = []
        with (
            serving(environment, folder / "ui.log", port) as process,
            Reader(home / "published" / "dockml.duckdb") as reader,
        ):
            until("the web server", STARTING_SECONDS, lambda: answers(port))
            for sensor in SENSORS:
                turn_on(port, sensor)
            end = time.monotonic() + given.minutes * 60
            while not waited or time.monotonic() < end:
                mark, count = repositories.change()
                try:
                    waited.append(
                        until(mark, ARRIVAL_SECONDS, lambda: reader.ask(ARRIVED, mark) == [(count,)])  # noqa: B023
                    )
                    print(
                        f"  {mark} in {count} projects: in the findings after {waited[-1]:.0f} s", flush=True
                    )
                except TimeoutError as error:
                    missed.append(str(error))
                    break
                if process.poll() is not None:
                    missed.append("dockml ui ended by itself")
                    break
        ticks, runs, said = what_happened(home / "dagster")
        runs = runs - before
    print(f"{len(waited)} changes arrived; {reader.queries} queries")
    for (name, status), number in sorted(ticks.items()):
        print(f"  ticks of {name}: {number} {status}")
    for (name, status), number in sorted(runs.items()):
        print(f"  runs of {name}: {number} {status}")
    failed = [
        f"{number} runs of {name} failed" for (name, status), number in runs.items() if status == "FAILURE"
    ]
    wrong = [*missed, *reader.errors, *said, *failed]
    print("\n".join(wrong) or "nothing failed, nothing was missed")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
