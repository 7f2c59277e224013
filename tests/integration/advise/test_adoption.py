"""The way of a team: hooks, the action's script, a baseline, one new violation, a suppression with its reason."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

import dockml_dagster

ROOT = Path(dockml_dagster.__file__).parents[1]
BIN = Path(sys.executable).parent
OLD = "FROM python:3.12-slim\nRUN pip install numpy==2.1.0\nCMD python app.py\n"


def shell(command: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    path = f"{BIN}{os.pathsep}{os.environ['PATH']}"
    return subprocess.run(
        ["bash", "-c", command], cwd=folder, env={**os.environ, "PATH": path, **environment},
        capture_output=True, text=True, check=False,
    )  # fmt: skip


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    subprocess.run(["git", "init", "--quiet", str(tmp_path)], check=True)
    (tmp_path / "svc").mkdir()
    (tmp_path / "svc" / "Dockerfile").write_text(OLD)
    return tmp_path


def test_baseline_new_violation_and_suppression(repository: Path) -> None:
    check = "dockml advise . --baseline known.json --fail-on note"
    assert shell("dockml advise . --fail-on warning", repository).returncode == 1
    assert shell("dockml advise . --write-baseline known.json", repository).returncode == 0
    assert shell(check, repository).returncode == 0
    file = repository / "svc" / "Dockerfile"
    file.write_text(OLD + "RUN sudo ls\n")
    failed = shell(check, repository)
    assert failed.returncode == 1
    assert "no-sudo" in failed.stdout
    assert "pip-cache" not in failed.stdout
    file.write_text(OLD + "# dockml ignore=no-sudo the base image's hook needs it\nRUN sudo ls\n")
    assert shell(check, repository).returncode == 0


def test_the_script_of_the_action(repository: Path) -> None:
    (action,) = [
        step for step in yaml.safe_load((ROOT / "action.yml").read_text())["runs"]["steps"] if "env" in step
    ]
    given = {"DOCKML_ACTION_PATH": ".", "DOCKML_ACTION_FAIL_ON": "warning", "DOCKML_ACTION_SARIF": "out.sarif",
             "DOCKML_ACTION_BASELINE": ""}  # fmt: skip
    assert set(action["env"]) == set(given)
    failed = shell(action["run"], repository, GITHUB_ACTION_PATH=str(ROOT), **given)
    assert failed.returncode == 1, failed.stderr
    assert '"svc/Dockerfile"' in (repository / "out.sarif").read_text()
    shell("dockml advise . --write-baseline known.json", repository)
    passed = shell(
        action["run"],
        repository,
        GITHUB_ACTION_PATH=str(ROOT),
        **{**given, "DOCKML_ACTION_BASELINE": "known.json"},
    )
    assert passed.returncode == 0, passed.stderr


def test_the_hooks_are_those_of_pre_commit(repository: Path) -> None:
    hooks = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())
    assert {hook["id"] for hook in hooks} == {"dockml-advise", "dockml-advise-fix"}
    for hook in hooks:
        wanted = re.compile(hook["files"])
        assert all(
            wanted.search(name)
            for name in ("Dockerfile", "a/Dockerfile.gpu", "x/api.Dockerfile", "Containerfile")
        )
        assert not any(
            wanted.search(name) for name in ("Dockerfile.md.txt/x", "dockerfiles.py", "a/README.md")
        )
    check, fix = (hook["entry"] for hook in hooks)
    assert shell(f"{check} svc/Dockerfile", repository).returncode == 1
    assert shell(f"{fix} svc/Dockerfile", repository).returncode == 0
    assert "--no-cache-dir" in (repository / "svc" / "Dockerfile").read_text()
