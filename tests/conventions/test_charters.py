"""Every module has a charter, and charters point to what exists: a folder, a module, a name in one, an SQL model.

Here: whether a charter says what belongs in its module and what does not, and the names that begin the parentheses after
"Not here". Not here: the truth of the rest, documented columns and tables (``test_documentation``).
"""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

import dockml_dagster

PACKAGE = Path(dockml_dagster.__file__).parent
ROOT = PACKAGE.parent
MODULES = sorted(
    path for path in PACKAGE.rglob("*.py") if "projects" not in path.relative_to(PACKAGE).parts[:-1]
)
_SENTENCE_ENDS = re.compile(r"(?<=\.) (?=[A-Z])")
_POINTERS = re.compile(r"\((``[^()]*)\)")
_NAME = re.compile(r"``([a-z_][\w.]*)``")
_FILE = re.compile(r"\.(?:css|csv|json|md|toml|yaml)\Z")


def pointers(charter: str) -> Iterator[str]:
    """The names to which the sentence after a charter's "Not here:" points, except files of data."""
    elsewhere = charter.partition("Not here:")[2]
    for group in _POINTERS.findall(_SENTENCE_ENDS.split(elsewhere)[0]):
        yield from (name for name in _NAME.findall(group) if not _FILE.search(name))


def exists(name: str, module: Path) -> bool:
    """Whether a name leads somewhere from a module: up through its folders, from ``study``, the SQL or the root."""
    parts = name.split(".")
    folders = [folder for folder in module.parents if folder.is_relative_to(ROOT)]
    for folder in (*folders, PACKAGE / "study", ROOT / "dbt_like_sql"):
        target = folder.joinpath(*parts)
        if target.is_dir() or any(target.with_suffix(suffix).exists() for suffix in (".py", ".sql")):
            return True
        if "." in name and parts[-1] in _names(folder.joinpath(*parts[:-1])):
            return True
    return False


@cache
def _names(module: Path) -> frozenset[str]:
    path = module.with_name(f"{module.name}.py") if module.name else module
    if not path.is_file():
        return frozenset()
    tree = ast.parse(path.read_text(encoding="utf-8"))
    defined = {n.name for n in ast.walk(tree) if isinstance(n, ast.FunctionDef | ast.ClassDef)}
    return frozenset(defined | {n.id for n in ast.walk(tree) if isinstance(n, ast.Name)})


def charter_of(module: Path) -> str:
    return " ".join((ast.get_docstring(ast.parse(module.read_text(encoding="utf-8"))) or "").split())


def test_every_module_says_what_belongs_there_and_what_does_not() -> None:
    charters = {str(module.relative_to(PACKAGE)): charter_of(module) for module in MODULES}
    assert [name for name, charter in charters.items() if "Here: " not in charter] == []
    assert [name for name, charter in charters.items() if "Not here: " not in charter] == []
    assert len(charters) > 500


def test_charters_point_to_what_exists() -> None:
    found, wrong = 0, []
    for module in MODULES:
        for name in pointers(charter_of(module)):
            found += 1
            if not exists(name, module):
                wrong.append(f"{module.relative_to(PACKAGE)}: {name}")
    assert wrong == []
    assert found > 400


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("logical_lines", True),
        ("reading.logical_lines", True),
        ("project.facts.without_name", True),
        ("core.label_halves", True),
        ("frame", False),
        ("dockerfile.packages", False),
        ("project.facts.without_names", False),
        ("core.label_thirds", False),
    ],
)
def test_a_pointer_is_followed_from_its_module(name: str, found: bool) -> None:
    assert exists(name, PACKAGE / "study" / "dockerfile" / "reading" / "evaluation.py") is found
