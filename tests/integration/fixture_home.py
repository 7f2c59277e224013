"""A small home as this version of dockml leaves it, kept for all later versions to open.

    python -m tests.integration.fixture_home      (``make fixture-home``, before a release)

Two local projects with their images, studied once; without cache and published file, which are made again. Here: making and
unpacking it. Not here: what later versions must do with it (``test_released_homes.py``).
"""

import os
import subprocess
import sys
import tarfile
import tempfile
from importlib.metadata import version
from pathlib import Path

from tests.integration import local_corpus

FOLDER = Path(__file__).parent / "released_homes"
KEPT = ("warehouse", "dagster", "corpora.json")
PROJECTS = ("birds/egret", "birds/stork")


def projects(folder: Path) -> Path:
    """The two projects of every released home, below ``folder``."""
    local_corpus.write(folder, PROJECTS)
    return folder


def pack(home: Path, target: Path) -> None:
    """What of a home cannot be made again."""

    def plain(entry: tarfile.TarInfo) -> tarfile.TarInfo | None:
        entry.uid = entry.gid = 0
        entry.uname = entry.gname = ""
        return None if entry.name.endswith((".lock", "-wal", "-shm")) else entry

    with tarfile.open(target, "w:xz", preset=9) as archive:
        for name in KEPT:
            archive.add(home / name, name, filter=plain)


def unpack(source: Path, home: Path) -> Path:
    """A released home, to be changed."""
    with tarfile.open(source) as archive:
        archive.extractall(home, filter="data")
    return home


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        home = Path(scratch) / "home"
        subprocess.run(
            [
                *(sys.executable, "-m", "dockml_dagster", "study", "--corpus", "local", "--quiet"),
                *("--path", str(projects(Path(scratch) / "projects"))),
            ],
            env={**os.environ, "DOCKML_HOME": str(home)},
            check=True,
        )
        for unreleased in FOLDER.glob("*.dev*.tar.xz"):
            unreleased.unlink()
        target = FOLDER / f"{version('dockml')}.tar.xz"
        pack(home, target)
    print(f"{target}: {target.stat().st_size:,} bytes")
