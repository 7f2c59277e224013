"""Modules import each other only in the direction that ``RANKS`` states, and ``defs`` only declares.

Here: which module may import which, read from the syntax trees. Not here: what an import costs (``test_lightness``).
"""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

import dockml_dagster

PACKAGE = Path(dockml_dagster.__file__).parent
RANKS = {
    "errors": 0, "progress": 0, "study": 0, "text": 0,
    "settings": 1,
    "catalog": 2,
    "clients": 3, "warehouse": 3,
    "images": 4, "instance": 4, "report": 4,
    "corpora": 5,
    "defs": 6,
    "definitions": 7,
    "commands": 8,
    "cli": 9,
}  # fmt: skip
"""Each folder and module at the top of the package with its rank. Imports point to lower ranks alone."""
ENTRIES = {"__init__", "__main__"}
"""Modules that are their folder's own entry and no room."""
DAGSTER = {"dagster", "dagster_duckdb", "dagster_webserver", "dagster_graphql", "dagster_shared"}
RUNNER = "dockml_dagster.commands.study.runner"
PROJECTS = PACKAGE / "corpora" / "sample" / "projects"
"""Data, some of it Python."""
NOT_PURE = {"duckdb", "pandas", "requests", "urllib3", "filelock", "click", "rich", *DAGSTER}
"""What ``study`` may not import. Parsers of texts are welcome there."""


@dataclass(frozen=True)
class Import:
    """``module`` imports ``target``; ``lazy`` inside a function, ``typing_only`` under TYPE_CHECKING."""

    module: str
    target: str
    lazy: bool
    typing_only: bool

    def __str__(self) -> str:
        return f"{self.module} imports {self.target}"


def _modules() -> Iterator[tuple[str, ast.Module]]:
    for path in sorted(PACKAGE.rglob("*.py")):
        if path.is_relative_to(PROJECTS):
            continue
        parts = path.relative_to(PACKAGE).with_suffix("").parts
        name = ".".join((PACKAGE.name, *(part for part in parts if part not in ENTRIES)))
        yield name, ast.parse(path.read_text(encoding="utf-8"))


def _imports(module: str, tree: ast.Module) -> Iterator[Import]:
    def walk(node: ast.AST, lazy: bool, typing_only: bool) -> Iterator[Import]:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.Import):
                for alias in child.names:
                    yield Import(module, alias.name, lazy, typing_only)
            elif isinstance(child, ast.ImportFrom):
                assert child.level == 0, f"{module}: imports are absolute here"
                names = [f"{child.module}.{alias.name}" for alias in child.names]
                # `from package import module` names a module too, so both forms are considered.
                yield from (Import(module, name, lazy, typing_only) for name in names)
            else:
                inside = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
                guarded = isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test)
                yield from walk(child, lazy or inside, typing_only or guarded)

    yield from walk(tree, False, False)


IMPORTS = [found for module, tree in _modules() for found in _imports(module, tree)]
OURS = [found for found in IMPORTS if found.target.split(".")[0] == "dockml_dagster"]


def _part(module: str) -> str:
    """The room of a module at the top of the package; empty for the package itself."""
    return ".".join(module.split(".")[1:2])


def _texts(found: list[Import]) -> list[str]:
    return sorted({str(one) for one in found})


def test_the_walk_sees_the_package() -> None:
    assert len(OURS) > 150
    assert any(one.lazy for one in OURS)
    assert any(one.typing_only for one in IMPORTS)


def test_study_imports_nothing_else_of_ours() -> None:
    wrong = [one for one in OURS if _part(one.module) == "study" and _part(one.target) != "study"]
    assert _texts(wrong) == []


def test_study_is_pure() -> None:
    wrong = [one for one in IMPORTS if _part(one.module) == "study" and one.target.split(".")[0] in NOT_PURE]
    assert _texts(wrong) == []


def test_every_room_has_a_rank() -> None:
    rooms = {
        path.stem for path in PACKAGE.iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()
    }
    assert rooms - ENTRIES == set(RANKS)
    assert len(RANKS) <= 16


def test_imports_point_down() -> None:
    between = [one for one in OURS if _part(one.module) not in ("", _part(one.target))]
    wrong = [one for one in between if RANKS[_part(one.target)] >= RANKS[_part(one.module)]]
    assert _texts(wrong) == []
    assert len({(_part(one.module), _part(one.target)) for one in between}) <= 60


FOLDERS = (
    "study",
    "study/dockerfile",
    "clients",
    "corpora",
    "defs",
    "images",
    "instance",
    "report",
    "warehouse",
)


@pytest.mark.parametrize("folder", FOLDERS)
def test_no_circle_between_what_is_inside_a_folder(folder: str) -> None:
    """Modules and folders directly inside a folder import each other in one direction; a module and the folder of the same
    name count as one.
    """
    prefix = f"dockml_dagster.{folder.replace('/', '.')}."
    below: dict[str, set[str]] = {}
    for one in OURS:
        if one.module.startswith(prefix) and one.target.startswith(prefix):
            here, there = (name.removeprefix(prefix).split(".")[0] for name in (one.module, one.target))
            if here != there and not one.typing_only:
                below.setdefault(here, set()).add(there)
    assert _circle(below) == []


def _circle(below: dict[str, set[str]]) -> list[str]:
    """The rooms from which a circle can be reached, [] where there is none."""
    left = {*below, *(there for several in below.values() for there in several)}
    while free := {room for room in left if not below.get(room, set()) & left}:
        left -= free
    return sorted(left)


def test_classes_live_in_named_modules() -> None:
    """``__init__`` only says what its folder is for."""
    wrong = [
        path.relative_to(PACKAGE).as_posix()
        for path in sorted(PACKAGE.rglob("__init__.py"))
        if not path.is_relative_to(PROJECTS)
        and any(isinstance(node, ast.ClassDef) for node in ast.parse(path.read_text(encoding="utf-8")).body)
    ]
    assert wrong == []


def _loads_dagster(one: Import) -> bool:
    return one.target.split(".")[0] in DAGSTER or _part(one.target) in ("defs", "definitions")


def test_dagster_is_imported_by_few_rooms() -> None:
    """By ``defs``, ``definitions`` and ``instance``; by a command only inside its functions. ``commands.study.runner``
    runs jobs: it may import Dagster at its top, and is itself imported inside functions alone.
    """
    at_home = {"defs", "definitions", "instance"}
    wrong = [
        one
        for one in IMPORTS
        if _loads_dagster(one)
        and _part(one.module) not in at_home
        and not one.typing_only
        and one.module != RUNNER
        and not (one.lazy and _part(one.module) == "commands")
    ]
    wrong += [one for one in OURS if one.target.startswith(RUNNER) and not (one.lazy or one.typing_only)]
    assert _texts(wrong) == []


def test_private_modules_of_dagster_are_imported_in_two_places() -> None:
    places = {"dockml_dagster.instance.dagster_internals", "dockml_dagster.defs.automation.entity_limit"}
    wrong = [one for one in IMPORTS if re.match(r"dagster\w*\._", one.target) and one.module not in places]
    assert _texts(wrong) == []


ACTS = """
import pkgutil, sys
opened = []
def hook(event, arguments):
    if event == "open" and isinstance(arguments[0], (str, bytes)):
        path = arguments[0] if isinstance(arguments[0], str) else arguments[0].decode(errors="replace")
        mode = arguments[1] or ""
        if "dbt_like_sql" in path or "sample/projects" in path or set("wax+") & set(mode if isinstance(mode, str) else ""):
            if "__pycache__" not in path:
                opened.append((path, mode))
    elif event in ("socket.connect", "subprocess.Popen", "os.mkdir"):
        opened.append((event, ""))
import dagster, dagster_duckdb, duckdb, pandas, pydantic
sys.addaudithook(hook)
import dockml_dagster.defs, dockml_dagster.definitions
for module in pkgutil.walk_packages(dockml_dagster.defs.__path__, "dockml_dagster.defs."):
    __import__(module.name)
print(opened)
"""


def test_nothing_under_defs_acts_when_imported(tmp_path: Path) -> None:
    """Importing reads no SQL, writes no file, makes no folder, starts no process and opens no connection."""
    done = subprocess.run(
        [sys.executable, "-B", "-c", ACTS],
        cwd=PACKAGE.parent,
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": "/usr/bin:/bin", "DAGSTER_HOME": str(tmp_path), "HOME": str(tmp_path)},
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "[]"
