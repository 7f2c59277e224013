"""The services, an undisturbed embedded run to compare with, and workers.

Here: fixtures of this folder. Not here: starting the programs (``services``). Everything is skipped, in one line,
where a program or package is missing: `make test-distributed` says what it needs.
"""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.distributed.services import Services, family, missing, start_all, wait_until

START = "from dockml_dagster.cli import main; main(prog_name='dockml')"
SECONDS = 1500


@pytest.fixture(scope="session")
def services(tmp_path_factory) -> Iterator[Services]:
    """PostgreSQL, the broker and the store, with nothing in them."""
    if absent := missing():
        pytest.skip(f"the distributed tests need {', '.join(absent)}")
    # A folder that PostgreSQL's own user may enter.
    folder = Path(tempfile.gettempdir()) / f"dockml-services-{os.getpid()}"
    running = start_all(folder)
    try:
        yield running
    finally:
        running.stop()
        shutil.rmtree(folder, ignore_errors=True)


@dataclass
class Fleet:
    """One lake and those who work on it. Homes of workers are ``folder/NAME``."""

    services: Services
    lake: str
    folder: Path
    environment_of: Callable[..., dict[str, str]]
    cache: Path | None
    workers: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def home(self, name: str) -> Path:
        """A home with the sample's images, which are assembled once for all."""
        home = self.folder / name
        if not home.exists():
            home.mkdir(parents=True)
            if self.cache is not None:
                shutil.copytree(self.cache, home / "cache", copy_function=os.link)
        return home

    def _environment(self, name: str, **more: str) -> dict[str, str]:
        return dict(self.environment_of(self.home(name), **self.services.settings(self.lake), **more))

    def start_worker(self, name: str, *prefix: str, **more: str) -> None:
        """A worker in a session of its own, ready to take work."""
        log = self.folder / f"{name}.log"
        with log.open("ab") as output:
            self.workers[name] = subprocess.Popen(
                [*prefix, sys.executable, "-W", "ignore", "-c", START, "worker", "--name", name],
                env=self._environment(name, **more),
                cwd=self.folder,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        wait_until(f"worker {name}", lambda: b"[queues]" in log.read_bytes(), 240)

    def kill_worker(self, name: str) -> None:
        """SIGKILL to the worker and all that it started."""
        process = self.workers.pop(name)
        for pid in family(process.pid):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        process.wait()

    def study(self, corpus: str = "sample", **more: str) -> subprocess.Popen[str]:
        """``dockml study``, under way."""
        return subprocess.Popen(
            [sys.executable, "-c", START, "study", "--corpus", corpus, "--quiet"],
            env=self._environment("study", **more),
            cwd=self.folder,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def finish(self, study: subprocess.Popen[str]) -> str:
        """Wait for a study to come to a good end; what it said."""
        _, said = study.communicate(timeout=SECONDS)
        logs = "\n".join(path.read_text(errors="replace")[-3000:] for path in self.folder.glob("*.log"))
        assert study.returncode == 0, f"{said}\n{logs}"
        return said

    def ask(self, statement: str, database: str = "") -> list[tuple[object, ...]]:
        """Rows from the catalog's database, or from Dagster's (``_dagster``)."""
        import psycopg2

        connection = psycopg2.connect(
            host="127.0.0.1", port=self.services.postgres.port, user="postgres", dbname=self.lake + database
        )
        try:
            with connection.cursor() as cursor:
                cursor.execute(statement)
                return cursor.fetchall()
        finally:
            connection.close()

    def running(self) -> int:
        """How many batches are being worked on."""
        return len(
            self.ask(
                "SELECT 1 FROM runs WHERE status = 'STARTED' AND pipeline_name = 'collect_projects'",
                "_dagster",
            )
        )

    def close(self) -> None:
        """End every worker."""
        for name in list(self.workers):
            self.kill_worker(name)


@pytest.fixture(scope="session")
def calm(dockml, tmp_path_factory) -> Path:
    """A home in which the embedded ``dockml study`` ran on the sample."""
    home = tmp_path_factory.mktemp("calm") / "home"
    done = dockml(home, "study", "--corpus", "sample", "--quiet")
    assert done.returncode == 0, done.stderr
    return home


@pytest.fixture
def fleet(services, request, tmp_path, environment_of) -> Iterator[Fleet]:
    """An empty lake; the sample's images are in every home. The test starts the workers."""
    lake = f"lake{abs(hash(request.node.nodeid)) % 10**9}"
    services.make_databases(lake)
    calm = request.getfixturevalue("calm")
    made = Fleet(services, lake, tmp_path, environment_of, calm / "cache")
    try:
        yield made
    finally:
        made.close()
