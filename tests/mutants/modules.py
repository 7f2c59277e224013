"""Which changes of chosen modules and SQL models their own tests do not notice (``make mutants``).

    python tests/mutants/modules.py dockml_dagster/study/image/platform.py dbt_like_sql/core/images.sql

Here: Python by cosmic-ray, SQL by ``sql_models``. Not here: a sample of the whole package (``draw.py``). A module is tried
on the test file that mirrors it, else on the unit tests that import it, in a copy of the repository, without anybody's data.
A change takes as long as these tests; prints each survivor and a count.
"""

import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from tests.mutants import sql_models  # noqa: E402
from tests.mutants.copy import copied_repository  # noqa: E402

# One neighbour of each operator, and none that only another type would know.
LEFT_OUT = (
    r"core/ReplaceComparisonOperator_(?!(Eq_NotEq|NotEq_Eq|Lt_LtE|LtE_Lt|Gt_GtE|GtE_Gt|Is_IsNot|IsNot_Is)$)",
    r"core/ReplaceBinaryOperator_(?!(Add_Sub|Sub_Add|Mul_Div|Div_Mul|FloorDiv_Mul|Mod_Mul)$)",
    r"core/(ExceptionReplacer|RemoveDecorator|VariableInserter|VariableReplacer|ReplaceUnaryOperator_)",
)


def tests_of(module: Path) -> list[str]:
    """The test file that mirrors the module, else the unit tests that import it."""
    inside = module.relative_to("dockml_dagster")
    mirror = Path("tests/unit") / inside.parent / f"test_{inside.stem}.py"
    if (ROOT / mirror).is_file():
        return [mirror.as_posix()]
    dotted = re.escape(".".join(("dockml_dagster", *inside.with_suffix("").parts)))
    imported = re.compile(rf"^\s*(from {dotted} import|import {dotted}\b)", re.MULTILINE)
    found = {
        path.relative_to(ROOT)
        for path in (ROOT / "tests" / "unit").rglob("test_*.py")
        if imported.search(path.read_text(encoding="utf-8"))
    }
    return sorted(path.as_posix() for path in found)


def survivors(module: Path, copy: Path) -> Iterator[tuple[str, bool]]:
    """(what was changed, whether it survived) of every change of a module."""
    tests = tests_of(module)
    if not tests:
        raise SystemExit(f"{module}: no unit test imports it")
    print(f"{module}: {' '.join(tests)}", flush=True)
    configuration, session = copy / "cosmic-ray.toml", copy / "session.sqlite"
    command = f"{sys.executable} -m pytest -q -x -p no:cacheprovider {' '.join(tests)}"
    configuration.write_text(
        f'[cosmic-ray]\nmodule-path = "{module}"\ntimeout = 300.0\nexcluded-modules = []\n'
        f'test-command = "{command}"\n[cosmic-ray.distributor]\nname = "local"\n'
        f"[cosmic-ray.filters.operators-filter]\nexclude-operators = {json.dumps(LEFT_OUT)}\n"
    )
    environment = {name: value for name, value in os.environ.items() if name != "DOCKML_EASE2022"}
    environment["PYTHONPATH"] = str(copy)
    tools = Path(sys.executable).parent
    session.unlink(missing_ok=True)
    for arguments in (
        ["cosmic-ray", "init", configuration, session],
        ["cr-filter-operators", session, configuration],
        ["cosmic-ray", "baseline", configuration],
        ["cosmic-ray", "exec", configuration, session],
    ):
        subprocess.run([tools / arguments[0], *arguments[1:]], cwd=copy, env=environment, check=True)
    dumped = subprocess.run(
        [tools / "cosmic-ray", "dump", session], cwd=copy, check=True, capture_output=True, text=True
    )
    for line in dumped.stdout.splitlines():
        item, result = json.loads(line)
        if result and result["test_outcome"] is not None:
            (change,) = item["mutations"]
            lines = [
                text
                for text in (result["diff"] or "").splitlines()
                if text[:1] in "+-" and text[1:2] not in "+-"
            ]
            where = f"{module}:{change['start_pos'][0]} {change['operator_name']}"
            yield (
                f"{where}: {' → '.join(text[1:].strip() for text in lines)}",
                result["test_outcome"] == "survived",
            )


def main(names: list[str]) -> int:
    """Try every change of the files named; 1 if any survived."""
    paths = [Path(name).resolve().relative_to(ROOT) for name in names]
    models = [f"{path.parent.name}.{path.stem}" for path in paths if path.suffix == ".sql"]
    failed = sql_models.main(models) if models else 0
    with tempfile.TemporaryDirectory() as folder:
        copy = copied_repository(ROOT, Path(folder) / "repository")
        for module in (path for path in paths if path.suffix == ".py"):
            found = list(survivors(module, copy))
            left = [change for change, survived in found if survived]
            print(*left, f"{module}: {len(left)} of {len(found)} survived", sep="\n", flush=True)
            failed |= bool(left)
    return failed


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
