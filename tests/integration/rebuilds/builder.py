"""A real BuildKit, that of Debian's ``docker.io``: which steps of a build were cached.

Here: the daemon, one build, its log read. Not here: base images (``base_images``), what is compared with it.
"""

import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

DOCKER = "/usr/bin/docker"
_STEP = re.compile(r"#(\d+) \[(?:(\S+) )?(\d+)/(\d+)\] (\w+)")
_STATE = re.compile(r"#(\d+) (CACHED|DONE|ERROR)")


def is_there() -> bool:
    """Whether a daemon can be started here by hand."""
    return (
        os.geteuid() == 0
        and shutil.which("dockerd") is not None
        and Path(DOCKER).exists()
        and os.uname().machine == "x86_64"
    )


@contextmanager
def daemon(folder: Path) -> Iterator[str]:
    """A Docker daemon of its own: all it has below ``folder``, no bridge, no firewall rules. Yields its address."""
    folder.mkdir(parents=True, exist_ok=True)
    address = f"unix://{folder}/docker.sock"
    command = [
        "dockerd", "--data-root", str(folder / "data"), "--exec-root", str(folder / "exec"), "--host", address,
        "--pidfile", str(folder / "pid"), "--bridge", "none", "--iptables=false", "--ip6tables=false",
        "--log-level", "error",
    ]  # fmt: skip
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
    try:
        for _ in range(300):
            if process.poll() is not None:
                raise RuntimeError((folder / "log").read_text()[-500:])
            if (
                subprocess.run(
                    [DOCKER, "--host", address, "version"], capture_output=True, check=False
                ).returncode
                == 0
            ):
                break
            time.sleep(0.2)
        yield address
    finally:
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def prune(address: str) -> None:
    """Empty the cache."""
    subprocess.run(
        [DOCKER, "--host", address, "builder", "prune", "--all", "--force"], capture_output=True, check=True
    )


class BuildError(Exception):
    """The build failed; the text is the last line of its log."""


def build(address: str, context: Path, dockerfile: str, empty: Path) -> Mapping[tuple[str, int], bool]:
    """Build, and tell of every step whether it was cached: (stage, number of the step in it, from 1) → hit."""
    ran = subprocess.run(
        [DOCKER, "--host", address, "--config", str(empty), "build", "--progress", "plain", "--network", "host",
         "--file", str(context / dockerfile), str(context)],
        capture_output=True, text=True, errors="replace", timeout=300, check=False,
        env={**os.environ, "DOCKER_BUILDKIT": "1"},
    )  # fmt: skip
    if ran.returncode:
        lines = [line for line in ran.stderr.splitlines() if line.strip()]
        raise BuildError(lines[-1][:300] if lines else "no reason given")
    steps: dict[str, tuple[str, int]] = {}
    hits: dict[tuple[str, int], bool] = {}
    for line in ran.stderr.splitlines():
        named = _STEP.match(line)
        if named:
            steps[named[1]] = (named[2] or "", int(named[3]))
            continue
        state = _STATE.match(line)
        if state and state[1] in steps:
            step = steps[state[1]]
            hits[step] = hits.get(step, False) or state[2] == "CACHED"
    return hits
