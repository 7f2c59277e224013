"""A copy of what git tracks, so that no change is ever made in the work tree."""

import shutil
import subprocess
from pathlib import Path


def copied_repository(root: Path, target: Path) -> Path:
    """``target``, with every tracked file of ``root`` as it stands in the work tree."""
    tracked = subprocess.run(["git", "ls-files", "-z"], cwd=root, capture_output=True, check=True).stdout
    for name in filter(None, tracked.decode().split("\0")):
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(root / name, target / name)
    return target
