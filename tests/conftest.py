"""What every test gets: no network, and on request a home of its own, the command, the study's package.

Here: fixtures that tests of more than one folder use. Not here: anything about one subject.
"""

import ipaddress
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from dockml_dagster.settings import VARIABLES
from tests.forked import COMMAND, Forked, Running, available
from tests.stand_ins import FakeHub, FakeRegistry, StandIn

TESTS = Path(__file__).parent
LONG = ("tests/golden/", "tests/integration/")
"""Where tests take seconds, not milliseconds."""
OF_A_TERMINAL = ("COLUMNS", "LINES", "FORCE_COLOR")
"""What a terminal says of itself and programs obey; a test that wants one of them sets it."""

# How long an example takes says more about the machine than about the code.
settings.register_profile("unhurried", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("unhurried")


IN_MEMORY = Path("/dev/shm")
ROOM_BYTES = 8 << 30


def pytest_configure() -> None:
    """Homes of tests lie in memory where there is room: databases wait for the disk at each commit, and here for nothing."""
    if IN_MEMORY.is_dir() and shutil.disk_usage(IN_MEMORY).free > ROOM_BYTES:
        os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(IN_MEMORY))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """With several processes, what shares costly fixtures stays in one: a folder of golden or integration, else a file.

    A scheduler and not ``xdist_group``, whose marks pytest-xdist 3.8 loses on pytest 9.2.
    """
    from xdist.scheduler import LoadScopeScheduling

    class Together(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            path = Path(nodeid.split("::", 1)[0])
            _, *folders = path.parent.parts
            shared = folders[:1] == ["golden"] or (folders[:1] == ["integration"] and len(folders) > 1)
            return str(path.parent if shared else path)

    # Else scopes of one test would come last, and among them are the longest.
    config.option.loadscopereorder = False
    return Together(config, log)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """With several processes the long scopes come first, so that in the end none works while the others have nothing."""
    if hasattr(config, "workerinput"):
        items.sort(key=lambda item: not item.nodeid.startswith(LONG))


class NetworkRefusedError(RuntimeError):
    """A test reached for another machine. No OSError, so that no code under test takes it for a fault of the network."""


def _stays_here(address: Any) -> bool:
    if not isinstance(address, tuple):
        return True  # a path: a Unix socket
    host = str(address[0])
    try:
        return ipaddress.ip_address(host.split("%", maxsplit=1)[0]).is_loopback
    except ValueError:
        return host in {"", "localhost"}


def _guarded(original: Callable[..., Any]) -> Callable[..., Any]:
    def call(self: socket.socket, *arguments: Any) -> Any:
        # sendto has the address last, connect has nothing else.
        if not _stays_here(arguments[-1]):
            raise NetworkRefusedError(f"tests stay on this machine, this one went to {arguments[-1]}")
        return original(self, *arguments)

    return call


@pytest.fixture(scope="session", autouse=True)
def only_loopback() -> Iterator[None]:
    """Refuse every socket to another machine, in fixtures too; processes that a test starts are not covered."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("connect", "connect_ex", "sendto"):
            patch.setattr(socket.socket, name, _guarded(getattr(socket.socket, name)))
        yield


@pytest.fixture(autouse=True)
def own_state_of_definitions() -> Iterator[None]:
    """No state that an ended Dagster instance left: one that is entered twice (by a test, by a run) never resets it."""
    if "dagster" not in sys.modules:
        yield
        return
    from dagster._core.storage.defs_state.base import set_defs_state_storage

    with set_defs_state_storage(None):
        yield


@pytest.fixture(scope="session")
def ease2022() -> Path:
    """The study's package, directory or archive, as DOCKML_EASE2022 names it."""
    location = os.environ.get("DOCKML_EASE2022")
    if not location:
        pytest.skip("DOCKML_EASE2022 is not set: no package of the study to test on")
    path = Path(location).expanduser().absolute()
    assert path.exists(), f"DOCKML_EASE2022 names {path}, which is not there"
    return path


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty DOCKML_HOME; no other setting of dockml's; the environment is as before afterwards."""
    before = dict(os.environ)
    folder = tmp_path / "home"
    for name in VARIABLES:
        if name not in {"DOCKML_EASE2022", "NO_COLOR"}:
            monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DOCKML_HOME", str(folder))
    yield folder
    # Preparing an instance writes variables that monkeypatch never saw.
    monkeypatch.undo()
    os.environ.clear()
    os.environ.update(before)


ROOT = Path(__file__).parents[1]
TIMEOUT_SECONDS = 900

Command = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="session")
def environment_of() -> Callable[..., Mapping[str, str]]:
    """``environment_of(home, NAME=value …)``: environment of a process that works there with this checkout's code."""

    def environment(home: Path, **more: str) -> Mapping[str, str]:
        kept = {name: value for name, value in os.environ.items() if name not in {*VARIABLES, *OF_A_TERMINAL}}
        paths = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
        return {**kept, "PYTHONPATH": paths, "DOCKML_HOME": str(home), "NO_COLOR": "1", **more}

    return environment


@pytest.fixture(scope="session")
def forked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Forked | None]:
    """What forks programs from a process that has imported what they need; None where that cannot be."""
    if not available():
        yield None
        return
    running = Forked(tmp_path_factory.mktemp("forked"))
    yield running
    running.stop()


@pytest.fixture(scope="session")
def start_program(forked: Forked | None) -> Callable[..., Running | subprocess.Popen[bytes]]:
    """``start_program(program, *arguments, env=…)``: ``python -c program arguments`` of this checkout's code, under way.

    ``streams``: file descriptors of its standard input, output and error; None: nothing, or nowhere. ``own_session``: so
    that it can be killed with all that it starts.
    """

    def start(
        program: str,
        *arguments: str,
        env: Mapping[str, str],
        cwd: Path = ROOT,
        streams: Sequence[int | None] = (None, None, None),
        own_session: bool = False,
    ) -> Running | subprocess.Popen[bytes]:
        env = {**env, "PYTHONPATH": env.get("PYTHONPATH", str(ROOT))}
        with Path(os.devnull).open("r+b", buffering=0) as nothing:
            stdin, stdout, stderr = (nothing.fileno() if one is None else one for one in streams)
            if forked is not None:
                return forked.start(
                    program,
                    arguments,
                    env=env,
                    cwd=cwd,
                    streams=(stdin, stdout, stderr),
                    own_session=own_session,
                )
            return subprocess.Popen(
                [sys.executable, "-c", program, *arguments],
                stdin=stdin,
                stdout=stdout,
                stderr=stderr,
                env=env,
                cwd=cwd,
                start_new_session=own_session,
            )

    return start


@pytest.fixture(scope="session")
def run_program(
    start_program: Callable[..., Running | subprocess.Popen[bytes]],
) -> Callable[..., subprocess.CompletedProcess[str]]:
    """``run_program(program, *arguments, env=…)``: the same, ended, with what it printed."""

    def run(
        program: str, *arguments: str, env: Mapping[str, str], cwd: Path = ROOT
    ) -> subprocess.CompletedProcess[str]:
        with TemporaryFile() as out, TemporaryFile() as errors:
            streams = (None, out.fileno(), errors.fileno())
            process = start_program(program, *arguments, env=env, cwd=cwd, streams=streams)
            try:
                process.wait(TIMEOUT_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                raise
            texts = []
            for file in (out, errors):
                file.seek(0)
                texts.append(file.read().decode().replace("\r\n", "\n"))
        return subprocess.CompletedProcess(arguments, process.returncode or 0, *texts)

    return run


@pytest.fixture(scope="session")
def dockml(
    environment_of: Callable[..., Mapping[str, str]],
    run_program: Callable[..., subprocess.CompletedProcess[str]],
) -> Command:
    """``dockml(home, "study", …, NAME=value …)``: the command as a process of its own, ended, with what it printed."""

    def run(home: Path, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
        environment = environment_of(home, **more)
        # Other code cannot be forked from a process that has imported this.
        if "PYTHONPATH" not in more:
            return run_program(COMMAND, *arguments, env=environment, cwd=home.parent)
        # An environment's console script may belong to another checkout; what it calls is this one's.
        return subprocess.run(
            [sys.executable, "-c", COMMAND, *arguments],
            capture_output=True,
            text=True,
            env=environment,
            cwd=home.parent,
            timeout=TIMEOUT_SECONDS,
            check=False,
        )

    return run


@pytest.fixture
def hub() -> Iterator[tuple[FakeHub, StandIn]]:
    """Docker Hub's own interface, and the server it runs on; asked or answered against its description, the test fails."""
    fake = FakeHub()
    server = StandIn(fake)
    yield fake, server
    server.stop()
    assert fake.violations == []


@pytest.fixture
def serve_registry() -> Iterator[Callable[..., StandIn]]:
    """A registry that has the image ``latest`` of each name given."""
    running: list[StandIn] = []

    def start(*names: str) -> StandIn:
        fake = FakeRegistry()
        for name in names:
            fake.image(name, "latest")
        running.append(StandIn(fake))
        return running[-1]

    yield start
    for server in running:
        server.stop()
