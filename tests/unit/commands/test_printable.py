"""What others wrote reaches a terminal, CSV and Markdown without escapes and without controls of direction."""

import json
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from dockml_dagster.cli import main
from dockml_dagster.commands.output import FORMATS, json_text, render, say

HOSTILE = "a\x1b[31mb\x1b]0;t\x07c\x1b]52;c;eA==\x07d\u202ee\u2066f\x9bg\x7fh\u200bi\ud800j"
CONTROLS = set(HOSTILE) - set("abcdefghij[31m]0;t52cA=eA")


def _clean(text: str) -> bool:
    return not CONTROLS & set(text)


@pytest.mark.parametrize("format_", FORMATS)
def test_cells_and_heads(format_: str) -> None:
    text = render([HOSTILE, "list"], [[HOSTILE, [HOSTILE]]], format_, title=HOSTILE)
    assert _clean(text)
    if format_ == "json":
        assert json.loads(text) == [{HOSTILE: HOSTILE, "list": [HOSTILE]}]


def test_json_keeps_its_values() -> None:
    value = {"a": [HOSTILE, "ü", "\U000e0001", "\n\t"]}
    assert json.loads(json_text(value)) == value
    assert "ü" in json_text(value)


def test_whatever_a_command_says() -> None:
    result = CliRunner().invoke(click.Command("x", callback=lambda: say(f"{HOSTILE}\n\tx")))
    assert _clean(result.output)
    assert result.output.endswith("\n\tx\n")


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DOCKML_HOME", str(tmp_path / "home"))
    written = HOSTILE.encode("utf-8", "replace").decode()
    (tmp_path / "Dockerfile").write_text(
        f'FROM {written}\nRUN echo "{written}"\nLABEL x="{written}"\nXXX{written}\n'
    )
    return tmp_path


@pytest.mark.parametrize("name", sorted(main.commands))
def test_a_command_that_is_given_hostile_words(name: str, files: Path) -> None:
    written = HOSTILE.encode("utf-8", "replace").decode()
    if name in ("ui", "worker"):
        pytest.skip("it serves until it is ended")
    for arguments in ([written], ["--corpus", written], [f"--{written}"], [str(files / "Dockerfile")]):
        result = CliRunner().invoke(main, [name, *arguments])
        assert _clean(result.output), (name, arguments)


@pytest.mark.parametrize("format_", FORMATS)
@pytest.mark.parametrize("command", ["read-dockerfile", "advise"])
def test_a_hostile_dockerfile(command: str, format_: str, files: Path) -> None:
    forms = {"csv": "text", "markdown": "sarif"} if command == "advise" else {}
    format_ = forms.get(format_, "text" if command == "advise" and format_ == "table" else format_)
    result = CliRunner().invoke(main, [command, str(files / "Dockerfile"), "--format", format_])
    assert _clean(result.output)
