"""Every command and every query of the README and of the pages under ``docs/`` does what it says, on the sample.

Here: running them, and where their links lead. Whether the README names everything there is belongs to
``tests/conventions``.
"""

import re
import shlex
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = {"README.md": README} | {
    page.relative_to(ROOT).as_posix(): page.read_text(encoding="utf-8")
    for page in sorted((ROOT / "docs").glob("*.md"))
}
WRITTEN = "\n".join(PAGES.values())
QUESTIONS = re.findall(r"\*\*([^*\n]+\?)\*\*\n\n```sql\n(.*?)```\n\n((?:\|[^\n]*\n)+)", WRITTEN, re.DOTALL)
"""Question, query, and the answer as it is printed."""
COMMANDS = [
    line.removeprefix(".venv/bin/dockml ")
    for block in re.findall(r"```console\n(.*?)```", WRITTEN, re.DOTALL)
    for line in block.splitlines()
    # The study's own corpus has tests of its own (tests/golden).
    if line.startswith(".venv/bin/dockml ") and "ease2022" not in line
]
TARGETS = re.findall(r"^make ([a-z0-9-]+)$", README, re.MULTILINE)


def test_the_readme_has_commands_and_queries() -> None:
    assert len(QUESTIONS) >= 10
    # Answers on this page are too long to print; ``test_queries`` runs its queries.
    assert len(QUESTIONS) == (WRITTEN.count("```sql\n") - PAGES["docs/queries.md"].count("```sql\n"))
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
    assert [page for page in PAGES if page != "README.md" and f"({page})" not in README] == []
