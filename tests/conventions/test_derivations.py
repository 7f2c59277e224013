"""Tables that Python computes stay current: their version covers all the code that computes them, and no other code.

Here: which modules and seeds a version covers. Not here: how code is hashed (``unit/warehouse/due/test_sources``), the
effect of a changed version (``integration/test_method_changes``).
"""

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import dockml_dagster
from dockml_dagster.warehouse.due import derivations
from dockml_dagster.warehouse.due.derivation import Derivation
from dockml_dagster.warehouse.due.derivations import DERIVATIONS, LINT, READINGS
from dockml_dagster.warehouse.due.sources import DISTRIBUTIONS, Sources
from dockml_dagster.warehouse.due.work import COMPUTED
from dockml_dagster.warehouse.models import Project

PACKAGE = Path(dockml_dagster.__file__).parent
ASSETS = PACKAGE / "defs" / "assets"
ALL = (*DERIVATIONS, LINT)
NO_PART_OF_A_RESULT = {"xxhash", "isal", "backports", "cachetools"}
"""Packages that give the same whatever their version."""


def _reached(derivation: Derivation) -> set[str]:
    return set(Sources(PACKAGE).reached([derivation.module], ["study"]))


def _of_study(path: Path) -> Iterator[str]:
    """Modules of ``study`` that a file imports, as names below the package."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("dockml_dagster.study"):
            yield str(node.module).removeprefix("dockml_dagster.")


@pytest.mark.parametrize("derivation", ALL, ids=lambda one: one.name)
def test_what_the_asset_computes_by_is_in_the_version(derivation: Derivation) -> None:
    names = {id(value): name for name, value in vars(derivations).items()}
    using = [
        path
        for path in ASSETS.glob("*.py")
        if re.search(rf"derivations import {names[id(derivation)]}$", path.read_text("utf-8"), re.MULTILINE)
    ]
    assert len(using) == 1
    assert set(_of_study(using[0])) <= _reached(derivation)


def test_versions_of_other_packages_are_part_of_it() -> None:
    modules = Sources(PACKAGE)
    roots = [derivation.module for derivation in ALL] + ["warehouse.computed.findings"]
    reached = modules.reached(roots, ["study", "warehouse.computed"])
    imported = {re.split("[.:]", name)[0] for module in reached.values() for name in module.imports}
    others = imported - sys.stdlib_module_names - {PACKAGE.name}
    assert others - DISTRIBUTIONS.keys() - NO_PART_OF_A_RESULT == set()
    assert DISTRIBUTIONS.keys() - others == set()


@pytest.mark.parametrize("derivation", [one for one in ALL if one is not READINGS], ids=lambda one: one.name)
def test_a_practice_makes_nothing_but_readings_due(derivation: Derivation) -> None:
    assert [name for name in _reached(derivation) if "practices" in name] == []


@pytest.mark.parametrize("derivation", ALL, ids=lambda one: one.name)
def test_its_columns_are_those_of_its_tables(derivation: Derivation, project: Project) -> None:
    documented = {model.name: {column.name for column in model.columns} for model in project.raw}
    first, *others = (documented[table] for table in derivation.tables)
    assert {*derivation.key, *derivation.marks, derivation.version, derivation.made_at} <= first
    assert all(set(derivation.key) <= columns for columns in others)
    assert {by for table in project.raw if table.name in derivation.tables for by in table.filled_by} == {
        derivation.name
    }
    assert {f"seeds.{name}" for name in derivation.seeds} <= {seed.name for seed in project.seeds}


def test_what_is_computed_with_the_findings_is_told_from_what_is_collected() -> None:
    assert tuple(derivation.name for derivation in DERIVATIONS) == COMPUTED


def test_defs_has_no_sql_of_its_own() -> None:
    statement = re.compile(r"\b(SELECT|INSERT INTO|DELETE FROM|UPDATE \w|CREATE)\b")
    found = [
        f"{path.relative_to(PACKAGE)}:{node.lineno}"
        for path in sorted((PACKAGE / "defs").rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and statement.search(node.value)
    ]
    assert found == []
