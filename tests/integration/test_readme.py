"""Every command and every query of the README and of the pages under ``docs/`` does what it says, on the sample.

Here: running them, and where their links lead. Whether the README names everything there is belongs to
``tests/conventions``.
"""

import re
import shlex
import subprocess
from collections.abc import Callable
from pathlib import Path

import click
import pytest

from dockml_dagster.cli import main

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = {"README.md": README} | {
    page.relative_to(ROOT).as_posix(): page.read_text(encoding="utf-8")
    for page in sorted((ROOT / "docs").glob("*.md"))
}
WRITTEN = "\n".join(PAGES.values())
QUESTIONS = re.findall(r"\*\*([^*\n]+\?)\*\*\n\n```sql\n(.*?)```\n\n((?:\|[^\n]*\n)+)", WRITTEN, re.DOTALL)
"""Question, query, and the answer as it is printed."""
CONSOLE = [
    line for block in re.findall(r"```console\n(.*?)```", WRITTEN, re.DOTALL) for line in block.splitlines()
]
"""What is fenced as ``console`` runs offline on the sample; what needs a network or files of the reader's is ``sh``."""
COMMANDS = list(
    dict.fromkeys(
        line.removeprefix(".venv/bin/").removeprefix("dockml ")
        for line in CONSOLE
        if not line.startswith("make ")
    )
)
TARGETS = [line.removeprefix("make ") for line in CONSOLE if line.startswith("make ")]
EXAMPLES = [
    line
    for block in re.findall(r"```sh\n(.*?)```", WRITTEN, re.DOTALL)
    for line in re.sub(r"\n {4,}", " ", block).splitlines()
    if re.match(r"(\S+=\S+ )?dockml ", line)
]
"""Commands that cannot be run here: their options are there all the same."""


def test_the_readme_has_commands_and_queries() -> None:
    assert len(QUESTIONS) >= 10
    # Answers on this page are too long to print; ``test_queries`` runs its queries.
    assert len(QUESTIONS) == (WRITTEN.count("```sql\n") - PAGES["docs/queries.md"].count("```sql\n"))
    assert len(COMMANDS) >= 12
    assert all(re.match(r"(\.venv/bin/)?dockml |make ", line) for line in CONSOLE)
    assert TARGETS == ["study"]
    assert {"`make ui`", "`make test`"} <= set(re.findall(r"`[^`\n]+`", README))


@pytest.mark.parametrize(("question", "query", "expected"), QUESTIONS, ids=[each[0] for each in QUESTIONS])
def test_answer_is_the_one_printed(
    question: str,
    query: str,
    expected: str,
    finished: tuple[Path, object],
    dockml: Callable[..., subprocess.CompletedProcess[str]],
) -> None:
    answer = dockml(finished[0], "sql", query, "--format", "markdown")
    assert answer.returncode == 0, answer.stderr
    assert answer.stdout.strip() == expected.strip()


def test_the_summary_shown_is_the_one_printed(
    finished: tuple[Path, subprocess.CompletedProcess[str]],
) -> None:
    shown = re.findall(r"^```\n(RQ.*?)```", README, re.DOTALL | re.MULTILINE)
    assert shown
    assert all(lines in finished[1].stdout for lines in shown)


@pytest.mark.parametrize("command", COMMANDS)
def test_command(
    command: str, studied: Path, dockml: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    answer = dockml(studied, *(_file(word) for word in shlex.split(command, comments=True)))
    assert answer.returncode == 0, answer.stderr
    assert answer.stdout or answer.stderr.startswith("dockml: ")


def _file(word: str) -> str:
    """A file of the checkout, which the reader is in and the command is not."""
    return str(ROOT / word) if (ROOT / word).is_file() else word


@pytest.mark.parametrize("example", sorted(set(EXAMPLES)))
def test_an_example_names_a_command_and_options_that_there_are(example: str) -> None:
    # What follows several blanks is an explanation.
    line = re.split(r" {2,}| [|>] ", re.sub(r"^\S+=\S+ ", "", example))[0]
    words = shlex.split(line, comments=True)[1:]
    command: click.Command = main
    while isinstance(command, click.Group):
        command = command.commands[words.pop(0)]
    known = {name for option in command.params for name in (*option.opts, *option.secondary_opts)} | {
        "--help"
    }
    given = {word.partition("=")[0] for word in words if word.startswith("--")}
    assert given <= known


@pytest.mark.parametrize("target", sorted({*TARGETS, *re.findall(r"`make ([a-z0-9-]+)", WRITTEN)}))
def test_make_target_exists(target: str) -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert re.search(rf"^{target}:", makefile, re.MULTILINE)


@pytest.mark.parametrize("page", PAGES)
def test_links_within_the_repository_lead_somewhere(page: str) -> None:
    wrong = []
    for target in re.findall(r"\]\(([^)\s]+)\)", PAGES[page]):
        name, _, anchor = target.partition("#")
        if "://" in target:
            continue
        file = (ROOT / page).parent / name if name else ROOT / page
        if not file.exists() or (anchor and anchor not in _anchors(file.read_text(encoding="utf-8"))):
            wrong.append(target)
    assert wrong == []


def _anchors(text: str) -> set[str]:
    """Anchors as GitHub makes them of headings."""
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_every_page_is_reached_from_the_readme() -> None:
    """``index.md`` is the README of the site."""
    others = set(PAGES) - {"README.md", "docs/index.md"}
    assert [page for page in sorted(others) if f"({page})" not in README] == []
