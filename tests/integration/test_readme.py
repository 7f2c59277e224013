"""Every command and every query of the README does what it says, on the sample.

Belongs here: running them. Whether the README names everything there is belongs to ``tests/conventions``.
"""

import re
import shlex
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
QUESTIONS = re.findall(r"\*\*([^*\n]+\?)\*\*\n\n```sql\n(.*?)```\n\n((?:\|[^\n]*\n)+)", README, re.DOTALL)
"""Question, query, and the answer as the README prints it."""
COMMANDS = [
    line.removeprefix(".venv/bin/dockml ")
    for block in re.findall(r"```console\n(.*?)```", README, re.DOTALL)
    for line in block.splitlines()
    # The study's own corpus has tests of its own (tests/golden).
    if line.startswith(".venv/bin/dockml ") and "ease2022" not in line
]
TARGETS = re.findall(r"^make ([a-z0-9-]+)$", README, re.MULTILINE)


def test_the_readme_has_commands_and_queries() -> None:
    assert len(QUESTIONS) >= 10
    assert len(QUESTIONS) == README.count("```sql\n")
    assert len(COMMANDS) >= 6
    assert TARGETS == ["study", "ui"]


@pytest.mark.parametrize(("question", "query", "expected"), QUESTIONS, ids=[each[0] for each in QUESTIONS])
def test_answer_is_the_one_printed(
    question: str,
    query: str,
    expected: str,
    studied: Path,
    dockml: Callable[..., subprocess.CompletedProcess[str]],
) -> None:
    answer = dockml(studied, "sql", query, "--format", "markdown")
    assert answer.returncode == 0, answer.stderr
    assert answer.stdout.strip() == expected.strip()


@pytest.mark.parametrize("command", COMMANDS)
def test_command(
    command: str, studied: Path, dockml: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    answer = dockml(studied, *shlex.split(command))
    assert answer.returncode == 0, answer.stderr
    assert answer.stdout or answer.stderr.startswith("dockml: ")


@pytest.mark.parametrize("target", TARGETS)
def test_make_target_exists(target: str) -> None:
    makefile = (Path(__file__).parents[2] / "Makefile").read_text(encoding="utf-8")
    assert re.search(rf"^{target}:", makefile, re.MULTILINE)
