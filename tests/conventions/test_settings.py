"""Texts that are in two places agree: settings and what is read, ``workspace.yaml`` and its copies."""

import ast
import tomllib
from pathlib import Path

import yaml
from click.testing import CliRunner

import dockml_dagster
from dockml_dagster import cli
from dockml_dagster.instance.home import WORKSPACE_YAML
from dockml_dagster.settings import VARIABLES

ROOT = Path(dockml_dagster.__file__).parents[1]


def test_every_variable_is_explained() -> None:
    assert [name for name, meaning in VARIABLES.items() if len(meaning) < 20] == []
    said = CliRunner().invoke(cli.main, ["--settings"])
    assert said.exit_code == 0
    assert [line for line in said.stdout.splitlines() if line and line[0] != " "] == list(VARIABLES)
    assert "`" not in said.stdout
    assert "'dockml --settings'" in cli.EPILOG


def test_no_variable_is_read_that_is_not_listed() -> None:
    """Checks literal names in ``os.environ`` and in mappings called env, anywhere in the package."""
    names = set()
    for path in (ROOT / "dockml_dagster").rglob("*.py"):
        if {"sample", "projects"} <= set(path.parts):
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.isidentifier():
                names.add(node.value)
    ours = {name for name in names if name.startswith(("DOCKML_", "DAGSTER_HOME"))}
    assert sorted(ours - set(VARIABLES)) == []


def test_workspace_file_is_the_one_written_into_the_home() -> None:
    assert (ROOT / "workspace.yaml").read_text(encoding="utf-8") == WORKSPACE_YAML


def test_code_location_has_one_name() -> None:
    module = yaml.safe_load(WORKSPACE_YAML)["load_from"][0]["python_module"]
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["dg"]["project"]
    assert module["location_name"] == project["code_location_name"]
    assert module["module_name"] == f"{project['root_module']}.definitions"


def test_every_command_is_in_the_readme() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    missing = [name for name in sorted(cli.main.commands) if f"dockml {name}" not in readme]
    assert missing == [], f"README.md lacks the commands {', '.join(missing)}"
