"""The Dagster UI with its daemon and their shared code server, as child processes that end with the command.

Here: starting and ending them. Not here: preparing the home (``instance``).
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from types import FrameType

from dockml_dagster.commands.output import say
from dockml_dagster.errors import BadInputError

GRACE_SECONDS = 15


def serve(host: str, port: int) -> int:
    """Run code server, web server and daemon until one ends or the user interrupts; returns the exit code.

    Not ``dagster dev``: its children have been seen to survive a SIGTERM. Both share one code server, because the daemon
    would otherwise start its own and load the code again each minute.
    """
    if _taken(host, port):
        raise BadInputError(f"port {port} on {host} is in use; choose another with --port")
    folder = Path(sys.executable).parent
    asked = False

    def ask(_signal: int, _frame: FrameType | None) -> None:
        nonlocal asked
        asked = True

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, ask)
    # The path of a Unix socket must be short, wherever the home is.
    with tempfile.TemporaryDirectory(prefix="dockml-") as private:
        socket, workspace = Path(private, "code"), Path(private, "workspace.yaml")
        workspace.write_text(
            f"load_from: [{{grpc_server: {{socket: {json.dumps(str(socket))}, location_name: dockml}}}}]\n",
            encoding="utf-8",
        )
        code = [str(folder / "dagster"), "api", "grpc", "--socket", str(socket), "--empty-working-directory"]
        code += ["--module-name", "dockml_dagster.definitions", "--location-name", "dockml"]
        web = [str(folder / "dagster-webserver"), "--workspace", str(workspace)]
        web += ["--host", host, "--port", str(port)]
        daemon = [str(folder / "dagster-daemon"), "run", "--workspace", str(workspace)]
        children = [_start(code)]
        while not (asked or socket.exists() or children[0].poll() is not None):
            time.sleep(0.1)
        if not asked and children[0].poll() is None:
            children += [_start(web), _start(daemon)]
            say(f"dockml: Dagster UI on http://{host}:{port} (Ctrl-C ends it)", err=True)
        while not asked and all(child.poll() is None for child in children):
            time.sleep(0.2)
        # The code server ends last: the others use it until they end.
        ends = [_end(child) for child in reversed(children)]
    return 0 if asked else next((end for end in ends if end), 1)


def _start(command: Sequence[str]) -> subprocess.Popen[bytes]:
    """Start a child in its own session: Ctrl-C reaches only us, and we end the children in order.

    It and the runs that it starts find no modules in the current folder, which may be a foreign project's.
    """
    return subprocess.Popen(command, start_new_session=True, env={**os.environ, "PYTHONSAFEPATH": "1"})


def _end(child: subprocess.Popen[bytes]) -> int:
    """End a child: interrupt, terminate, kill, with time to end after each signal."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGKILL):
        if child.poll() is not None:
            break
        with suppress(ProcessLookupError):
            child.send_signal(number)
        with suppress(subprocess.TimeoutExpired):
            child.wait(GRACE_SECONDS)
    return child.wait()


def _taken(host: str, port: int) -> bool:
    import socket

    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return True
    return False
