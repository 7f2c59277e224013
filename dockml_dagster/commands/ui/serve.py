"""The Dagster UI with its daemon, as two child processes that end with the command.

Here: starting and ending them. Not here: preparing the home (``instance``).
"""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from types import FrameType

import click

from dockml_dagster.errors import BadInputError
from dockml_dagster.settings import Settings

GRACE_SECONDS = 15


def serve(host: str, port: int) -> int:
    """Run web server and daemon until one ends or the user interrupts; returns the exit code.

    Not ``dagster dev``: it starts both too, but its children have been seen to survive a SIGTERM.
    """
    if _taken(host, port):
        raise BadInputError(f"port {port} on {host} is in use; choose another with --port")
    folder = Path(sys.executable).parent
    workspace = str(Settings.from_environment().dagster_home / "workspace.yaml")
    web = [str(folder / "dagster-webserver"), "--workspace", workspace, "--host", host, "--port", str(port)]
    daemon = [str(folder / "dagster-daemon"), "run", "--workspace", workspace]
    # Sessions of their own: Ctrl-C reaches us alone, and we end them in order.
    children = [subprocess.Popen(command, start_new_session=True) for command in (web, daemon)]
    asked = False

    def ask(_signal: int, _frame: FrameType | None) -> None:
        nonlocal asked
        asked = True

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, ask)
    click.echo(f"dockml: Dagster UI on http://{host}:{port} (Ctrl-C ends it)", err=True)
    while not asked and all(child.poll() is None for child in children):
        time.sleep(0.2)
    codes = [_end(child) for child in children]
    return 0 if asked else next((code for code in codes if code), 1)


def _end(child: subprocess.Popen[bytes]) -> int:
    """Ask, wait, insist."""
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
