"""The child processes of ``dockml ui``.

Here: what they may run. Not here: the UI itself (``tests/integration/soak.py``).
"""

import sys
from pathlib import Path

import pytest

from dockml_dagster.commands.ui.serve import _start


def test_a_child_runs_nothing_of_the_current_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "tarfile.py").write_text("raise SystemExit('code of the current folder')")
    monkeypatch.chdir(tmp_path)
    assert _start([sys.executable, "-c", "import tarfile"]).wait(60) == 0
    # As Dagster starts a run.
    assert _start([sys.executable, "-m", "tarfile", "--help"]).wait(60) == 0
