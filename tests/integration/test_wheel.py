"""dockml as a package that is installed, and no checkout: what it needs beside its code comes with it."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import dockml_dagster

ROOT = Path(dockml_dagster.__file__).parents[1]


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel's content, in a folder with nothing above it that is ours."""
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "packages")
    return folder / "packages"


def _python(installed: Path, program: str) -> str:
    environment = {**os.environ, "PYTHONPATH": str(installed)}
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=installed.parent,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_dagster_loads_it(installed: Path) -> None:
    found = _python(
        installed,
        "from dockml_dagster import definitions as it; print(it.__file__, len(list(it.defs().resolve_all_asset_specs())))",
    )
    file, count = found.rsplit(" ", 1)
    assert Path(file).is_relative_to(installed), "not the checkout's"
    assert int(count) > 50


def test_the_models_are_in_it(installed: Path) -> None:
    found = _python(
        installed,
        "from dockml_dagster.warehouse.models import folder, load; print(len(load().models)); print(folder())",
    )
    count, place = found.splitlines()
    assert Path(place).is_relative_to(installed)
    assert int(count) > 50


VERSIONS = """
import sys
from dockml_dagster.settings import Settings
from dockml_dagster.warehouse.due.derivations import DERIVATIONS, LINT
from dockml_dagster.warehouse.versions import build_version, version_of
settings = Settings.from_environment({"DOCKML_HOME": sys.argv[1]})
print(build_version(settings), [version_of(one, settings) for one in (*DERIVATIONS, LINT)])
"""


def test_nothing_is_due_because_it_was_installed_in_another_way(installed: Path, tmp_path: Path) -> None:
    """Also where the cache that remembers what modules say was written by the other."""
    program = VERSIONS.replace("sys.argv[1]", repr(str(tmp_path)))
    assert _python(installed, program) == _python(ROOT, program)
