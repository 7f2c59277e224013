"""The files beside the code of a public repository agree with the code: versions of Python, programs, hooks."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]


def _yaml(path: str) -> dict:
    return yaml.safe_load((ROOT / path).read_text(encoding="utf-8"))


def test_the_workflow_runs_on_every_python_that_the_package_allows() -> None:
    wanted = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"][
        "requires-python"
    ]
    lowest, beyond = (int(one) for one in re.fullmatch(r">=3\.(\d+),<3\.(\d+)", wanted).groups())
    linux = _yaml(".github/workflows/ci.yml")["jobs"]["linux"]
    assert linux["strategy"]["matrix"]["python"] == [f"3.{minor}" for minor in range(lowest, beyond)]
    assert linux["steps"][-1] == {"run": ".ci/run"}


def test_the_workflow_installs_the_programs_of_ci() -> None:
    programs = re.search(r"^programs=\((.*)\)$", (ROOT / ".ci/run").read_text(encoding="utf-8"), re.M)
    steps = _yaml(".github/workflows/ci.yml")["jobs"]["linux"]["steps"]
    installs = next(step["run"] for step in steps if "apt-get install" in step.get("run", ""))
    assert installs.endswith("--no-install-recommends " + programs[1])


def test_hooks_for_contributors_use_the_locked_tools() -> None:
    hooks = [hook for repo in _yaml(".pre-commit-config.yaml")["repos"] for hook in repo["hooks"]]
    assert {hook["language"] for hook in hooks} == {"system"}
    assert all(hook["entry"].startswith(".venv/bin/") for hook in hooks)


def test_the_command_runs_as_a_module() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "dockml_dagster", "--version"], capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith("dockml")


COPIES = {
    "CITATION.cff": r'^version: "(.+)"$',
    "README.md": r"dockml-(\d\S*?)-py3-none-any\.whl",
    "deploy/Dockerfile": r"^ARG VERSION=(.+)$",
    "deploy/compose.yaml": r"image: dockml:(.+)$",
    "deploy/kubernetes/kustomization.yaml": r"newTag: (.+)$",
    "docs/ci.md": r"(?:rev: v|dockml@v)(\S+)$",
    "docs/deploy.md": r"/dockml:(\d\S*)",
}
OF_RELEASES = {
    "deploy/Dockerfile",
    "deploy/compose.yaml",
    "deploy/kubernetes/kustomization.yaml",
    "docs/ci.md",
    "docs/deploy.md",
}
"""Files that name the release that is being made, also while it is being made."""


@pytest.mark.parametrize("file", COPIES)
def test_the_version_is_that_of_pyproject_wherever_it_is_repeated(file: str) -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    found = set(re.findall(COPIES[file], (ROOT / file).read_text(encoding="utf-8"), re.MULTILINE))
    assert found == {version.partition(".dev")[0] if file in OF_RELEASES else version}


def test_the_version_is_repeated_nowhere_else_in_the_code() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    code = [path for path in (ROOT / "dockml_dagster").rglob("*.py") if "projects" not in path.parts]
    assert [path.name for path in code if f'"{version}"' in path.read_text(encoding="utf-8")] == []
