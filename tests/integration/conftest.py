"""A finished home of the sample, and ways to look at what a run left.

Here: what several files of this folder use. Not here: the command itself (``tests/conftest.py``).
"""

import os
import pickle
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from filelock import FileLock

from dockml_dagster.settings import Settings
from dockml_dagster.warehouse.connection import Warehouse
from dockml_dagster.warehouse.rows import qualified
from tests.forked import COMMAND
from tests.integration import plain_findings
from tests.one_definitions import replacements

_REPLACEMENTS = tuple(replacements())

COLLECTING = (
    "from dockml_dagster.commands.study.runner import Runner; Runner.make_findings = lambda _: None; "
    + COMMAND
)
"""The command as a program that makes no findings, which take most of a small study's time: for tests of collecting."""


@pytest.fixture(scope="module", autouse=True)
def one_definitions() -> Iterator[None]:
    """All tests of this folder that run jobs in this process run those of the same definitions."""
    with pytest.MonkeyPatch.context() as patch:
        for module, name, function in _REPLACEMENTS:
            patch.setattr(module, name, function)
        yield


def settings_of(home: Path) -> Settings:
    """The settings of a process that has no other setting than its home."""
    return Settings.from_environment({"DOCKML_HOME": str(home)})


@pytest.fixture(scope="session")
def finished(
    tmp_path_factory: pytest.TempPathFactory, dockml: Callable[..., subprocess.CompletedProcess[str]]
) -> tuple[Path, subprocess.CompletedProcess[str]]:
    """A home in which ``dockml study`` ran once on the sample, and what it said. Read it; copy it to change it.

    The processes of one run of the tests share it: whoever needs it first makes it, the others wait.
    """
    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent
    home, said = folder / "finished" / "home", folder / "finished" / "said.pickle"
    with FileLock(folder / "finished.lock"):
        if not said.exists():
            home.parent.mkdir()
            said.write_bytes(pickle.dumps(dockml(home, "study", "--corpus", "sample")))
        return home, pickle.loads(said.read_bytes())


KEPT = ("cache", "warehouse/layer_entries", "warehouse/image_summaries")
"""Where the sample's images are, and what is known of their layers. Nothing there changes in place, so links will do."""


@pytest.fixture
def home(home: Path, finished: tuple[Path, object]) -> Path:
    """A home in which nothing was done yet, but for the images, which are assembled and scanned once for all tests."""
    for folder in KEPT:
        shutil.copytree(finished[0] / folder, home / folder, copy_function=os.link)
    return home


@pytest.fixture
def studied(finished: tuple[Path, object], home: Path) -> Path:
    """A copy of the finished home, to be changed; DOCKML_HOME names it."""
    ignored = shutil.ignore_patterns("cache", "layer_entries", "image_summaries")
    shutil.copytree(finished[0], home, ignore=ignored, dirs_exist_ok=True)
    return home


@pytest.fixture(scope="session")
def plain_study(
    environment_of: Callable[..., Mapping[str, str]],
    run_program: Callable[..., subprocess.CompletedProcess[str]],
) -> Callable[..., subprocess.CompletedProcess[str]]:
    """``plain_study(home, *options, NAME=value …)``: ``dockml study`` that makes its findings without Dagster."""

    def run(home: Path, *options: str, **more: str) -> subprocess.CompletedProcess[str]:
        environment = environment_of(home, **more)
        return run_program(plain_findings.PROGRAM, "study", *options, env=environment, cwd=home.parent)

    return run


@pytest.fixture(scope="session")
def ask() -> Callable[..., list[tuple[Any, ...]]]:
    """``ask(home, sql, *parameters)``: rows of a query on the warehouse itself."""

    def query(home: Path, sql: str, *parameters: object) -> list[tuple[Any, ...]]:
        with Warehouse(settings_of(home).warehouse).read() as connection:
            return connection.execute(sql, list(parameters)).fetchall()

    return query


@pytest.fixture(scope="session")
def raw_state() -> Callable[[Path], Mapping[str, tuple[int, int]]]:
    """``raw_state(home)``: raw table → rows and a hash over all their columns; equal means that no row was touched."""

    def state(home: Path) -> Mapping[str, tuple[int, int]]:
        with Warehouse(settings_of(home).warehouse).read() as connection:
            names = connection.execute(
                "SELECT 'raw.' || table_name FROM duckdb_tables() WHERE schema_name = 'raw' ORDER BY 1"
            ).fetchall()
            return {
                name: connection.execute(
                    f"SELECT count(*), coalesce(bit_xor(hash(found)), 0) FROM {qualified(name)} AS found"
                ).fetchone()
                for (name,) in names
            }

    return state


@pytest.fixture
def instance_of(monkeypatch: pytest.MonkeyPatch) -> Callable[[Path], dg.DagsterInstance]:
    """``instance_of(home)``: the Dagster instance of a home; the caller closes it (``with``)."""

    def instance(home: Path) -> dg.DagsterInstance:
        monkeypatch.setenv("DAGSTER_HOME", str(settings_of(home).dagster_home))
        return dg.DagsterInstance.get()

    return instance
