"""Modules import each other only in the direction that ``dockml_dagster/__init__.py`` states, and ``defs`` only declares.

Here: who may import whom, read out of the syntax trees. What an import costs is in ``test_lightness``.
"""

import ast
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

import dockml_dagster

PACKAGE = Path(dockml_dagster.__file__).parent
LEAVES = {"errors", "settings", "progress", "shared_catalog", "warehouse_location"}
"""Modules beside the packages that everything but ``study`` may import; they import only each other."""
RANKS = {"study": 0, "clients": 1, "warehouse": 1, "corpora": 2, "report": 2}
COMMAND_SIDE = 3
"""Rank of ``defs``, ``cli`` and whatever stands beside them."""
DAGSTER = {"dagster", "dagster_duckdb", "dagster_webserver", "dagster_graphql", "dagster_shared"}
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
        if "sample_projects" in path.parts:
            continue
        parts = path.relative_to(PACKAGE).with_suffix("").parts
        name = ".".join(part for part in parts if part != "__init__")
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
                # `from package import module` names a module too; both forms are looked at.
                yield from (Import(module, name, lazy, typing_only) for name in names)
            else:
                inside = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
                guarded = isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test)
                yield from walk(child, lazy or inside, typing_only or guarded)

    yield from walk(tree, False, False)


IMPORTS = [found for module, tree in _modules() for found in _imports(module, tree)]
OURS = [found for found in IMPORTS if found.target.split(".")[0] == "dockml_dagster"]


def _part(module: str) -> str:
    return module.removeprefix("dockml_dagster.").split(".")[0]


def _rank(part: str) -> int:
    return RANKS.get(part, COMMAND_SIDE)


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


def test_imports_point_down() -> None:
    wrong = []
    for one in OURS:
        here, there = _part(one.module), _part(one.target)
        if here == there or there in LEAVES or here == "":
            continue
        if here in LEAVES or _rank(there) > _rank(here) or (_rank(there) == _rank(here) != COMMAND_SIDE):
            wrong.append(one)
    assert _texts(wrong) == []


def test_only_defs_definitions_and_fleet_import_dagster_when_imported() -> None:
    wrong = [
        one
        for one in IMPORTS
        if (one.target.split(".")[0] in DAGSTER or _part(one.target) == "defs")
        and not (_part(one.module) in {"defs", "definitions", "fleet"} or one.typing_only)
        and not (one.lazy and _rank(_part(one.module)) == COMMAND_SIDE)
    ]
    assert _texts(wrong) == []


@pytest.mark.parametrize("layer", ["study", "clients", "warehouse", "corpora"])
def test_no_lower_layer_imports_dagster_even_inside_functions(layer: str) -> None:
    wrong = [one for one in IMPORTS if _part(one.module) == layer and one.target.split(".")[0] in DAGSTER]
    assert _texts(wrong) == []


ACTS = """
import pkgutil, sys
opened = []
def hook(event, arguments):
    if event == "open" and isinstance(arguments[0], (str, bytes)):
        path = arguments[0] if isinstance(arguments[0], str) else arguments[0].decode(errors="replace")
        mode = arguments[1] or ""
        if "dbt_like_sql" in path or "sample_projects" in path or set("wax+") & set(mode if isinstance(mode, str) else ""):
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
