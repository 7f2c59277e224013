"""The image of ``deploy/Dockerfile``, built and run as a fleet runs it: without root, network or a writable root.

    make test-image [BASE=localhost/python:3.13-slim-bookworm]

Here: what only a built image shows. Not here: the files of ``deploy/`` by themselves
(``tests/conventions/test_deployment.py``). Takes minutes, so that nothing but the command above runs it. Environment:
DOCKML_TEST_ENGINE: docker or podman, with its own options; DOCKML_TEST_BASE: the base image, where the one in the
Dockerfile cannot be had; DOCKML_TEST_BUILD, DOCKML_TEST_RUN: further options of its `build` and `run`.
"""

import contextlib
import json
import os
import re
import shlex
import shutil
import subprocess
import tempfile
import uuid
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from click.testing import CliRunner

from dockml_dagster.cli import main
from tests.distributed.services import missing, start_all, wait_until

ROOT = Path(__file__).parents[2]
DOCKERFILE = ROOT / "deploy" / "Dockerfile"
TAG = "localhost/dockml:test"
LOCKED = ["--read-only", "--cap-drop=ALL", "--security-opt=no-new-privileges", "--tmpfs=/tmp"]
LOADED = """
import json, urllib.request
query = "{ workspaceOrError { ... on Workspace { locationEntries { locationOrLoadError { __typename } } } } }"
request = urllib.request.Request(
    "http://127.0.0.1:3000/graphql", json.dumps({"query": query}).encode(), {"Content-Type": "application/json"}
)
(entry,) = json.load(urllib.request.urlopen(request, timeout=60))["data"]["workspaceOrError"]["locationEntries"]
print(entry["locationOrLoadError"]["__typename"])
"""
"""What a UI says of the code that it was to load."""
ACCEPTED = {
    "bytecode": "what cannot write its bytecode reads it, or compiles it at every start",
    "data-outside": "data sets that a package of the lock brings",
    "documentation-files": "licences",
    "duplicates": "git's programs, which Debian ships twice",
    "tests-of-packages": "dagster's own, in a folder of another name",
    "write-once": "lists of packages that the base has, too",
    "pin-base-digest": "of a base that is no registry's",
    "build-leftovers": "the wheel of pip in the base",
}
"""What our own advice says of the image, and why it is so."""


class Engine:
    """Docker or Podman."""

    def __init__(self, command: Sequence[str]) -> None:
        self.command = list(command)

    def __call__(self, *arguments: str, check: bool = True) -> "subprocess.CompletedProcess[str]":
        done = subprocess.run([*self.command, *arguments], capture_output=True, text=True, check=False)
        assert not check or done.returncode == 0, f"{arguments[:3]}: {done.stderr[-3000:]}"
        return done

    def run(self, *arguments: str, options: Sequence[str] = ("--network=none",), check: bool = True):
        """``dockml ARGUMENTS`` in a container of its own."""
        more = shlex.split(os.environ.get("DOCKML_TEST_RUN", ""))
        return self("run", "--rm", *LOCKED, *more, *options, TAG, *arguments, check=check)


@pytest.fixture(scope="session")
def engine() -> Engine:
    """With the image in it."""
    if "DOCKML_TEST_IMAGE" not in os.environ:
        pytest.skip("the image is built and run by `make test-image`")
    command = shlex.split(os.environ.get("DOCKML_TEST_ENGINE", ""))
    command = command or [name for name in ("docker", "podman") if shutil.which(name)][:1]
    if not command:
        pytest.skip("the image needs docker or podman to build and run it")
    made = Engine(command)
    given = os.environ.get("DOCKML_TEST_BASE")
    stated = dict(re.findall(r"^ARG (PYTHON\w*)=(\S+)", DOCKERFILE.read_text(), re.M))
    base = given or stated["PYTHON"].replace("${PYTHON_DIGEST}", stated["PYTHON_DIGEST"])
    here = made("image", "inspect", base, check=False).returncode == 0
    if not here and made("pull", "--quiet", base, check=False).returncode:
        pytest.skip(f"the base {base} is not here and cannot be pulled")
    # Podman's own format knows no HEALTHCHECK.
    form = ["--format=docker"] if "podman" in command[0] else []
    more = shlex.split(os.environ.get("DOCKML_TEST_BUILD", ""))
    own = [f"--build-arg=PYTHON={given}", "--build-arg=PYTHON_DIGEST="] if given else []
    made("build", *form, *more, *own, f"--file={DOCKERFILE}", f"--tag={TAG}", str(ROOT))
    return made


@pytest.fixture
def volume(engine: Engine) -> Iterator[str]:
    """An empty home, as a volume."""
    name = f"dockml-test-{uuid.uuid4().hex[:12]}"
    engine("volume", "create", name)
    yield f"--volume={name}:/var/lib/dockml"
    engine("volume", "rm", "--force", name)


@pytest.fixture
def background(engine: Engine) -> Iterator[Callable[..., str]]:
    """Starts ``dockml ARGUMENTS`` and gives the container's name; ended with the test."""
    started: list[str] = []

    def start(*arguments: str, options: Sequence[str]) -> str:
        started.append(f"dockml-test-{uuid.uuid4().hex[:12]}")
        engine.run(*arguments, options=["--detach", f"--name={started[-1]}", *options])
        return started[-1]

    yield start
    for name in started:
        with contextlib.suppress(AssertionError):
            engine("rm", "--force", name)


def test_it_answers_as_nobody_in_particular(engine: Engine) -> None:
    assert "Usage: dockml" in engine.run("--help").stdout
    who = engine.run(
        "-c", "import os; print(os.getuid(), os.getgid(), os.getcwd())", options=["--entrypoint=python"]
    )
    assert who.stdout.split() == ["10001", "10001", "/var/lib/dockml"]
    git = engine.run("--version", options=["--network=none", "--entrypoint=git"])
    assert git.stdout.startswith("git version 2.39.")


def test_a_study_without_network(engine: Engine, volume: str) -> None:
    done = engine.run("study", "--corpus", "sample", "--quiet", options=["--network=none", volume])
    assert "14 of 14 projects were due" in done.stderr
    shown = engine.run(
        "show", "rq1_categories", "--corpus", "sample", "--format", "json", options=["--network=none", volume]
    )
    assert json.loads(shown.stdout)
    report = ["report", "--corpus", "sample", "--output", "/tmp/report.html"]
    assert engine.run(*report, options=["--network=none", volume]).returncode == 0
    again = engine.run("study", "--corpus", "sample", "--quiet", options=["--network=none", volume])
    assert "nothing is due (14 projects" in again.stderr


def test_the_ui_is_healthy_and_ends_when_told(engine: Engine, volume: str, background) -> None:
    name = background("ui", "--host", "0.0.0.0", options=["--network=none", volume])
    health = json.loads(re.search(r"^HEALTHCHECK.*\\\n\s+CMD (\[.*\])", DOCKERFILE.read_text(), re.M)[1])
    wait_until("the UI", lambda: engine("exec", name, *health, check=False).returncode == 0, 240)
    # The web server is there also where what it should show cannot be loaded.
    assert engine("exec", name, "python", "-c", LOADED).stdout.strip() == "RepositoryLocation"
    engine("stop", "--time=60", name)
    # Docker answers when it has stopped, and removes it after that, as --rm says.
    wait_until("its removal", lambda: engine("inspect", name, check=False).returncode != 0, 60)


def test_a_worker_takes_work(engine: Engine, volume: str, background) -> None:
    if absent := missing():
        pytest.skip(f"a worker needs {', '.join(absent)}")
    folder = Path(tempfile.mkdtemp(prefix="dockml-image-"))
    services = start_all(folder)
    try:
        services.make_databases("lake")
        settings = [f"--env={name}={value}" for name, value in services.settings("lake").items()]
        name = background("worker", "--name", "w", options=["--network=host", volume, *settings])
        wait_until("the worker", lambda: "[queues]" in "".join(_logs(engine, name)), 240)
        own = ["--network=host", "--tmpfs=/home/dockml:mode=1777", "--env=DOCKML_HOME=/home/dockml/own"]
        study = ["study", "--corpus", "sample", "--limit", "2", "--quiet"]
        done = engine.run(*study, options=[*own, *settings])
        assert "2 of 2 projects were due" in done.stderr, _logs(engine, name)
    finally:
        services.stop()
        shutil.rmtree(folder, ignore_errors=True)


def test_our_advice_finds_what_is_known(engine: Engine, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("DOCKML_HOME", str(tmp_path / "home"))
    engine("save", "--output", str(tmp_path / "image.tar"), TAG)
    done = CliRunner().invoke(
        main, ["advise", f"docker-archive:{tmp_path / 'image.tar'}", "--format", "json"]
    )
    assert done.exit_code == 0, done.output
    (found,) = json.loads(done.stdout)
    said = {each["recommendation"]: each for each in found["recommendations"]}
    print({name: (each["saves_bytes"], each["base_image_bytes"]) for name, each in said.items()})
    assert said.keys() <= ACCEPTED.keys()
    assert {each["severity"] for each in said.values()} <= {"note"}
    others = sum(each["saves_bytes"] or 0 for name, each in said.items() if name != "bytecode")
    assert others < 25_000_000, "what is accepted is small"


def _logs(engine: Engine, name: str) -> tuple[str, str]:
    done = engine("logs", name, check=False)
    return done.stdout, done.stderr
