"""The command as a process of its own, without the seconds that its imports take: forked from one that made them.

A process started from nothing spends more on importing Dagster than most commands on their work. What is
forked has its own memory, environment, folder, output and exit code, and ends as a process does.

Here: the process that forks, and asking it. Not here: what is asked (``conftest``). Where coverage follows processes, or
there is no fork, ``available`` says no.
"""

import gc
import os
import pickle
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).parents[1]
_KIND = (socket.AF_UNIX, socket.SOCK_SEQPACKET)
"""What is sent as one arrives as one."""
_MOST = 1 << 17


def available() -> bool:
    """Whether commands can be forked here."""
    return sys.platform == "linux" and "COVERAGE_PROCESS_START" not in os.environ


def serve(address: str) -> None:
    """Fork for each request, until whoever started this ends. Returns in each process that is to be the command."""
    # Not DuckDB and pandas: they start threads when they are imported, and no thread outlives a fork.
    import alembic.command  # noqa: F401
    import dagster  # noqa: F401
    from dagster._core.storage import legacy_storage  # noqa: F401
    from scipy import special  # noqa: F401

    from dockml_dagster.cli import main

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
    sent, descriptors, _, _ = socket.recv_fds(asked, _MOST, 2)
    if child := os.fork():
        asked.sendall(pickle.dumps(child))
        _, status = os.waitpid(child, 0)
        asked.sendall(pickle.dumps(os.waitstatus_to_exitcode(status)))
        os._exit(0)
    asked.close()
    arguments, environment, folder = pickle.loads(sent)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for descriptor, number in zip((nothing, *descriptors), (0, 1, 2), strict=True):
        os.dup2(descriptor, number)
        os.close(descriptor)
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    sys.argv = ["dockml", *arguments]
    main(prog_name="dockml")


class Forked:
    """Runs commands by forking a process that has imported what they need; ``stop`` ends it."""

    def __init__(self, folder: Path) -> None:
        self._address = str(folder / "commands")
        self._process = subprocess.Popen(
            [sys.executable, "-c", f"from tests.forked import serve; serve({self._address!r})"],
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": str(ROOT), "OPENBLAS_NUM_THREADS": "1"},
            cwd=ROOT,
        )
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == b"ready\n"

    def run(
        self, arguments: Sequence[str], *, env: Mapping[str, str], cwd: Path, timeout: float
    ) -> subprocess.CompletedProcess[str]:
        """As ``subprocess.run`` of the command, with its output captured as text."""
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as errors:
            with socket.socket(*_KIND) as asked:
                asked.connect(self._address)
                request = pickle.dumps((list(arguments), dict(env), str(cwd)))
                assert len(request) < _MOST
                socket.send_fds(asked, [request], [out.fileno(), errors.fileno()])
                pid = pickle.loads(asked.recv(_MOST))
                asked.settimeout(timeout)
                try:
                    code = pickle.loads(asked.recv(_MOST))
                except TimeoutError:
                    os.kill(pid, signal.SIGKILL)
                    raise subprocess.TimeoutExpired(list(arguments), timeout) from None
            texts = []
            for file in (out, errors):
                file.seek(0)
                texts.append(file.read().decode().replace("\r\n", "\n"))
        return subprocess.CompletedProcess(["dockml", *arguments], code, *texts)

    def stop(self) -> None:
        """End the process that forks; commands that it started go on to their end."""
        self._process.kill()
        self._process.communicate()
