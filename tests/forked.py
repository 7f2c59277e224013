"""Programs as processes of their own, without the seconds that their imports take: forked from one that made them.

A process started from nothing spends more on importing Dagster, pandas and our own modules than most commands on their work.
What is forked has its own memory, environment, folder, streams and exit code, and ends as a process does.

Here: the process that forks, and asking it. Not here: what is asked (``conftest``). Where coverage follows processes, or
there is no fork, ``available`` says no.
"""

import atexit
import gc
import importlib
import os
import pickle
import pkgutil
import signal
import socket
import subprocess
import sys
import threading
import traceback
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from tests.one_definitions import replacements

ROOT = Path(__file__).parents[1]
COMMAND = "from dockml_dagster.cli import main; main(prog_name='dockml')"
"""The program that is the command."""
_KIND = (socket.AF_UNIX, socket.SOCK_SEQPACKET)
"""What is sent as one arrives as one."""
_MOST = 1 << 17
_ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1", "JE_ARROW_MALLOC_CONF": "background_thread:false"}
"""How libraries are told to start no thread when they are imported: no thread outlives a fork."""


def available() -> bool:
    """Whether processes can be forked here."""
    return sys.platform == "linux" and "COVERAGE_PROCESS_START" not in os.environ


def _import_all() -> None:
    """Import what commands need, and read and build what is the same for every home."""
    import alembic.command  # noqa: F401
    import duckdb
    import pandas as pd  # noqa: F401
    from dagster._core.storage import legacy_storage  # noqa: F401
    from scipy import special  # noqa: F401

    import dockml_dagster
    from dockml_dagster import definitions
    from dockml_dagster.warehouse import models

    for found in pkgutil.walk_packages(dockml_dagster.__path__, "dockml_dagster."):
        # Some need what is not installed here (PostgreSQL, Celery).
        if not found.name.endswith("__main__"):
            with suppress(ImportError):
                importlib.import_module(found.name)
    models.load()
    models._parser().close()
    models._parser.cache_clear()
    duckdb.execute("SET threads = 1")
    os.environ["DOCKML_HOME"] = os.devnull  # no home, and none can be made there
    for module, name, function in replacements():
        setattr(module, name, function)
    definitions.defs()


def serve(address: str) -> None:
    """Fork for each request, until whoever started this ends. Returns in no process."""
    _import_all()
    gc.collect()
    assert len(list(Path("/proc/self/task").iterdir())) == 1
    gc.freeze()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    with socket.socket(*_KIND) as listening:
        listening.bind(address)
        listening.listen()
        print("ready", flush=True)
        while True:
            asked, _ = listening.accept()
            if os.fork() == 0:
                break
            asked.close()
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    sent, descriptors, _, _ = socket.recv_fds(asked, _MOST, 3)
    if child := os.fork():
        for descriptor in descriptors:
            os.close(descriptor)
        asked.sendall(pickle.dumps(child))
        _, status = os.waitpid(child, 0)
        asked.sendall(pickle.dumps(os.waitstatus_to_exitcode(status)))
        os._exit(0)
    asked.close()
    program, arguments, environment, folder, own_session = pickle.loads(sent)
    if own_session:
        os.setsid()
    for number, descriptor in enumerate(descriptors):
        os.dup2(descriptor, number)
        os.close(descriptor)
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    sys.argv = ["-c", *arguments]
    os._exit(_end_of(program))


def _end_of(program: str) -> int:
    """Run a program to its end, exit handlers included; its exit code.

    What the interpreter does after that, to take every module apart, takes longer than most commands.
    """
    code = 0
    try:
        exec(compile(program, "<string>", "exec"), {"__name__": "__main__"})
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
        if not isinstance(end.code, int | None):
            print(end.code, file=sys.stderr)
    except BaseException:
        code = 1
        traceback.print_exc()
    threading._shutdown()
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    return code


class Running:
    """A process that was forked: the part of ``subprocess.Popen`` that tests use."""

    def __init__(self, asked: socket.socket, arguments: Sequence[str]) -> None:
        self.args = list(arguments)
        self.pid: int = pickle.loads(asked.recv(_MOST))
        self.returncode: int | None = None
        self._asked = asked
        self._one_asks = threading.Lock()

    def wait(self, timeout: float | None = None) -> int:
        """Its exit code; negative: the signal that ended it."""
        with self._one_asks:
            if self.returncode is None:
                self._asked.settimeout(timeout)
                try:
                    self.returncode = int(pickle.loads(self._asked.recv(_MOST)))
                except TimeoutError:
                    raise subprocess.TimeoutExpired(self.args, timeout or 0) from None
                self._asked.close()
            return self.returncode

    def send_signal(self, number: int) -> None:
        """Send it a signal, if it is still there."""
        with suppress(ProcessLookupError):
            os.kill(self.pid, number)

    def kill(self) -> None:
        """End it at once."""
        self.send_signal(signal.SIGKILL)


class Forked:
    """Starts programs by forking a process that has imported what they need; ``stop`` ends it."""

    def __init__(self, folder: Path) -> None:
        self._address = str(folder / "commands")
        self._process = subprocess.Popen(
            [sys.executable, "-c", f"from tests.forked import serve; serve({self._address!r})"],
            stdout=subprocess.PIPE,
            env={**os.environ, **_ONE_THREAD, "PYTHONPATH": str(ROOT)},
            cwd=ROOT,
        )
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == b"ready\n"

    def start(
        self,
        program: str,
        arguments: Sequence[str],
        *,
        env: Mapping[str, str],
        cwd: Path,
        streams: Sequence[int],
        own_session: bool,
    ) -> Running:
        """``python -c program arguments`` on three file descriptors: standard input, output and error."""
        request = pickle.dumps((program, list(arguments), dict(env), str(cwd), own_session))
        assert len(request) < _MOST
        asked = socket.socket(*_KIND)
        asked.connect(self._address)
        socket.send_fds(asked, [request], list(streams))
        return Running(asked, arguments)

    def stop(self) -> None:
        """End the process that forks; those that it started go on to their end."""
        self._process.kill()
        self._process.communicate()
