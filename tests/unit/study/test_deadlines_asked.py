"""Every function that checks the deadline in a loop checks it in proportion to its work.

Here: each such function, with an input of many pieces. Not here: the effect of a limit (``test_deadline``), the limits
(the tests beside their readers), layers, which have their own clock (``layer``).
"""

import ast
import importlib
import json
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import dockml_dagster
from dockml_dagster.study.dockerfile import practices
from dockml_dagster.study.dockerfile.base_images import BaseImageRules
from dockml_dagster.study.dockerfile.checks.checking import run_checks
from dockml_dagster.study.dockerfile.reading.reading import read_dockerfile
from dockml_dagster.study.dockerfile.run.steps import read_steps
from dockml_dagster.study.dockerfile.shell.scripts import read_script
from dockml_dagster.study.formats import yaml
from dockml_dagster.study.image_links import find_links, shell
from dockml_dagster.study.image_links.variables import assignments, expanded
from dockml_dagster.study.packages import alpine, debian, languages, python, rpm
from dockml_dagster.study.rebuilds.model import Change, Entry
from dockml_dagster.study.rebuilds.plan import read_plan
from dockml_dagster.study.rebuilds.texts import TextHistory
from dockml_dagster.study.rebuilds.tree import Tree
from tests.unit.study.rebuilds.repository import Repository

PACKAGE = Path(dockml_dagster.__file__).parent
MANY = 25


def _dockerfile(line: str) -> bytes:
    return b"FROM a\n" + "".join(line.format(n=n) for n in range(MANY)).encode()


def _many_files() -> Tree:
    tree = Tree()
    for number in range(MANY):
        tree.put(str(number), Entry("100644", "a"))
    return tree


def _commits() -> object:
    return Repository().commit({f"{n}/Dockerfile": "FROM a\nCOPY . .\n" for n in range(MANY)})


WORK: dict[tuple[str, str], Callable[[], object]] = {
    ("study/dockerfile/reading/reading.py", "_read"): lambda: read_dockerfile(_dockerfile("RUN reading{n}\n")),
    ("study/dockerfile/checks/checking.py", "stage"): lambda: run_checks(read_dockerfile(_dockerfile("RUN c{n}\n"))),
    ("study/dockerfile/checks/checking.py", "file"): lambda: run_checks(read_dockerfile(b"FROM a\n" * MANY)),
    ("study/dockerfile/checks/variables.py", "_defaults_of"): lambda: run_checks(
        read_dockerfile(b"ARG a=b\n" * MANY + b"FROM a\n")
    ),
    ("study/dockerfile/run/steps.py", "read_steps"): lambda: read_steps(read_dockerfile(_dockerfile("RUN s{n}\n"))),
    ("study/dockerfile/shell/scripts.py", "_bare_script"): lambda: [read_script(f"a{n}", "sh") for n in range(MANY)],
    ("study/dockerfile/shell/long_scripts.py", "read"): lambda: read_script(
        "\n".join(f"a{n} " + "b " * 500 for n in range(60)), "sh"
    ),
    ("study/formats/yaml.py", "_add"): lambda: yaml.load("- a\n" * MANY),
    ("study/image_links/grading.py", "find_links"): lambda: find_links(
        "own/project", {"build.sh": "".join(f"docker push own/project:{n}\n" for n in range(MANY))}
    ),
    ("study/image_links/other_ci.py", "_nodes"): lambda: find_links("own/project", {".travis.yml": "- a: b\n" * MANY}),
    ("study/image_links/other_ci.py", "_shells"): lambda: find_links("own/project", {"Jenkinsfile": "sh 'a'\n" * MANY}),
    ("study/image_links/shell.py", "_block"): lambda: list(shell.commands("a\n" * MANY, {})),
    ("study/image_links/shell.py", "_collect"): lambda: list(shell.commands("a\n" * MANY, {})),
    ("study/image_links/variables.py", "_expanded"): lambda: [expanded(f"${{A{n}}}", {}) for n in range(MANY)],
    ("study/image_links/variables.py", "assign"): lambda: assignments([f"A{n}=b" for n in range(MANY)], {}),
    ("study/packages/alpine.py", "read_installed"): lambda: alpine.read_installed("p", b"P:a\n" * MANY),
    ("study/packages/debian.py", "read_status"): lambda: debian.read_status("p", b"Package: a\n\n" * MANY),
    ("study/packages/debian.py", "_claim"): lambda: debian.read_list("a.list", b" a\n" * MANY),
    ("study/packages/debian.py", "read_diversions"): lambda: debian.read_diversions("p", b"/a\n/b\n:\n" * MANY),
    ("study/packages/languages.py", "read_conda"): lambda: languages.read_conda(
        "conda-meta/a.json", json.dumps({"name": "a", "version": "1", "files": ["f"] * MANY}).encode()
    ),
    ("study/packages/python.py", "read_metadata"): lambda: python.read_metadata("METADATA", b"a: b\n" * MANY),
    ("study/packages/python.py", "read_record"): lambda: python.read_record("a.dist-info/RECORD", b"./a,,\n" * MANY),
    ("study/packages/rpm.py", "read_headers"): lambda: rpm.read_headers("p", [b""] * MANY),
    ("study/dockerfile/practices/__init__.py", "judge_practices"): lambda: [
        practices.judge_practices(read_dockerfile(f"FROM p{n}\n".encode()), base_rules=BaseImageRules(())) for n in range(3)
    ],
    ("study/rebuilds/history.py", "commit"): _commits,
    ("study/rebuilds/plan.py", "_take"): lambda: read_plan(read_dockerfile(b"FROM a\n" + b"ENV a=b\n" * MANY)),
    ("study/rebuilds/tree.py", "at_or_below"): lambda: list(_many_files().at_or_below("")),
    ("study/rebuilds/tree.py", "below"): lambda: list(_many_files().below("", 1)),
    ("study/rebuilds/texts.py", "commit"): lambda: list(
        TextHistory(lambda _: b"FROM a\n").commit([Change(f"{n}/Dockerfile", Entry("100644", "a")) for n in range(MANY)])
    ),
}  # fmt: skip
"""(module, function) → work of at least ``MANY`` pieces."""


def _asking() -> Iterator[tuple[tuple[str, str], list[str]]]:
    """(module, function) → the names of the checks that it calls, one for each call, for all of ``study/``."""
    for path in sorted((PACKAGE / "study").rglob("*.py")):
        if path.name == "deadline.py":
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef):
                called = [ast.unparse(call.func) for call in ast.walk(node) if isinstance(call, ast.Call)]
                if names := [name for name in called if name in ("check_time", "is_over")]:
                    yield (path.relative_to(PACKAGE).as_posix(), node.name), names


ASKING = dict(_asking())


def test_every_function_that_asks_is_tried() -> None:
    assert ASKING.keys() == WORK.keys()


@pytest.mark.parametrize("where", WORK, ids="::".join)
def test_it_is_asked_for_every_piece(where: tuple[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    file, function = where
    module = importlib.import_module(
        "dockml_dagster." + file.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
    )
    asked: Counter[int] = Counter()

    def counting(sound: Callable[[], Any]) -> Callable[[], Any]:
        def call() -> Any:
            caller = sys._getframe(1)
            if caller.f_code.co_name == function:
                asked[caller.f_lineno] += 1
            return sound()

        return call

    for name in ASKING[where]:
        monkeypatch.setattr(module, name, counting(getattr(module, name)))
    WORK[where]()
    assert len(asked) == len(ASKING[where])
    assert min(asked.values()) >= MANY
