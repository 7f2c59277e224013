"""What changed code makes due in a home that older code made, out of what is stored: no corpus and no network is asked.

Each change is made in a copy of the package, and the command runs on that copy in a process of its own.
"""

import csv
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

import dockml_dagster

ROOT = Path(dockml_dagster.__file__).parents[1]

OFFLINE = """
import socket, sys
def refused(self, *arguments):
    raise RuntimeError(f"a connection to {arguments}")
for name in ("connect", "connect_ex", "sendto"):
    setattr(socket.socket, name, refused)
from dockml_dagster.cli import main
main()
"""
NEW_PRACTICE = """
def _no_chown(facts: Facts) -> Judged:
    found = [Line(step.command.line, "chown") for step in facts.steps if step.program.name == "chown"]
    return ("violated" if found else "followed"), found, ""


PRACTICES = (*PRACTICES, Practice("no-chown", _no_chown))
"""


WORDS = {"definition", "action", "why", "detection", "source"}


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of the package with its SQL, to be changed."""
    tree = tmp_path / "changed"
    for folder in ("dockml_dagster", "dbt_like_sql"):
        shutil.copytree(ROOT / folder, tree / folder)
    shutil.copy(ROOT / "pyproject.toml", tree)
    return tree


def study(tree: Path, home: Path) -> str:
    """What ``dockml study`` of a copy says in the end."""
    done = subprocess.run(
        [sys.executable, "-c", OFFLINE, "study", "--corpus", "sample", "--quiet"],
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(tree), "DOCKML_HOME": str(home), "HOME": str(home)},
        capture_output=True,
        text=True,
        check=False,
        cwd=tree,
    )
    assert done.returncode == 0, done.stderr
    return done.stderr


def append(path: Path, text: str) -> None:
    with path.open("a", encoding="utf-8") as stream:
        stream.write(text)


def add_row(seed: Path, **cells: str) -> None:
    """A row at the end of a seed. Columns of words that are not given have some, all others none."""
    with seed.open("r+", encoding="utf-8", newline="") as stream:
        columns = csv.DictReader(stream).fieldnames or []
        stream.seek(0, os.SEEK_END)
        csv.DictWriter(stream, columns).writerow(
            {name: cells.get(name, "words" if name in WORDS else "") for name in columns}
        )


def test_a_new_practice_is_found_and_only_what_depends_on_it_is_made_again(
    studied: Path,
    ask: Callable[..., list[tuple[object, ...]]],
    raw_state: Callable[[Path], Mapping],
    copy: Path,
) -> None:
    append(copy / "dockml_dagster/study/dockerfile/practices/safety.py", NEW_PRACTICE)
    seeds = copy / "dbt_like_sql/seeds"
    add_row(seeds / "practices.csv", practice="no-chown")
    advice = {"recommendation": "no-chown", "triggers": "practice:no-chown", "severity": "note"}
    add_row(seeds / "recommendations.csv", **advice, effort="low", confidence="high", min_file_bytes="0")
    before = raw_state(studied)

    said = study(copy, studied)

    assert "0 of 14 projects were due" in said
    judged = ask(
        studied, "SELECT sum(n) FROM findings.rq3_practices WHERE practice = 'no-chown' AND category = 'All'"
    )
    assert judged[0][0] > 0
    after = raw_state(studied)
    touched = {name.removeprefix("raw.") for name in before if before[name] != after[name]}
    of_texts = {name for name in touched if name.startswith("dockerfile_")}
    assert {"dockerfile_readings", "dockerfile_practices"} <= of_texts
    assert touched - of_texts == {"builds"}
    assert ask(studied, "SELECT count(DISTINCT reader_version) FROM raw.dockerfile_readings") == [(1,)]
    assert "nothing is due" in study(copy, studied)


def test_comments_docstrings_and_layout_make_nothing_due(studied: Path, copy: Path) -> None:
    for path in (copy / "dockml_dagster").rglob("*.py"):
        if "projects" in path.parts:
            continue
        text = path.read_text(encoding="utf-8")
        # Other words in the docstring, another empty line and a comment behind every import.
        text = re.sub(r'\A"""', '"""Once more: ', text)
        path.write_text(re.sub(r"^(from .* import \w+)$", r"\1  # why", text, flags=re.M) + "\n\n# the end\n")
    for path in (copy / "dbt_like_sql").rglob("*.sql"):
        text = path.read_text(encoding="utf-8")
        path.write_text(f"-- Once more.\n{text}\n\n-- the end\n", encoding="utf-8")
    assert "nothing is due" in study(copy, studied)
