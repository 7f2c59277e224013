"""Draws single-line changes of the code and the SQL by a seed, and tells which of them the tests do not notice.

    python tests/mutants/draw.py --seed 20261129 --count 60            # only the list
    python tests/mutants/draw.py --seed 20261129 --count 60 --lines F  # and try each on the tests that cover its line

Every line with at least one change is as likely as any other, and on it every change. ``--lines``: coverage's data file
with a context a test (``make mutants-lines``). A line that runs only when its module is loaded is tried on every test of the
module, SQL on the cases of its model. Changes are made in a copy of the repository, and nothing is read that is not in it
(``DOCKML_EASE2022`` is unset). A change that no test covers survives. Prints a line a change; ends with 1 if any survived.
"""

import argparse
import os
import random
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from tests.mutants import python_mutants, sql_models, sql_mutants  # noqa: E402
from tests.mutants.copy import copied_repository  # noqa: E402
from tests.mutants.sql_mutants import Mutant  # noqa: E402
from tests.sql.cases import CASES, read_types  # noqa: E402

ROOMS = ("study", "warehouse", "clients", "corpora", "defs")
LONGEST_SECONDS = 600


@dataclass(frozen=True)
class Drawn:
    """One change of one file."""

    path: str
    line: int
    mutant: Mutant
    source: str

    @property
    def model(self) -> str:
        """``schema.model``, where the file is one."""
        path = Path(self.path)
        return f"{path.parent.name}.{path.stem}" if path.suffix == ".sql" else ""

    def __str__(self) -> str:
        before = self.source[self.mutant.start : self.mutant.end]
        return f"{self.path}:{self.line} {self.mutant.kind}: {before} → {self.mutant.replacement}"


def candidates() -> Iterator[Drawn]:
    """Every change of every file, in one order."""
    modules = [path for room in ROOMS for path in (ROOT / "dockml_dagster" / room).rglob("*.py")]
    for path in sorted([*modules, *(ROOT / "dbt_like_sql").rglob("*.sql")]):
        relative = path.relative_to(ROOT).as_posix()
        if "/sample/projects/" in relative:
            continue
        source = path.read_text(encoding="utf-8")
        changes = python_mutants.mutants(source) if path.suffix == ".py" else sql_mutants.mutants(source)
        yield from (Drawn(relative, mutant.line(source), mutant, source) for mutant in changes)


def draw(seed: int, count: int) -> list[Drawn]:
    """``count`` changes on as many lines."""
    lines: dict[tuple[str, int], list[Drawn]] = defaultdict(list)
    for one in candidates():
        lines[one.path, one.line].append(one)
    generator = random.Random(seed)
    return [generator.choice(lines[line]) for line in generator.sample(sorted(lines), count)]


def tests_of(data: Path) -> dict[tuple[str, int], set[str]]:
    """(file, line) → the tests that ran it, as pytest names them."""
    from coverage import CoverageData

    found: dict[tuple[str, int], set[str]] = defaultdict(set)
    recorded = CoverageData(str(data))
    recorded.read()
    for name in recorded.measured_files():
        path = Path(name)
        if path.is_relative_to(ROOT):
            for line, contexts in recorded.contexts_by_lineno(name).items():
                found[path.relative_to(ROOT).as_posix(), line] |= {
                    context.split("|")[0] for context in contexts if context
                }
    return found


def covering_tests(one: Drawn, covered: dict[tuple[str, int], set[str]]) -> set[str]:
    """The tests that run the line; of a line that runs when its module is loaded, those that run any of the module."""
    path = Path(one.path)
    if path.parent.name == "checks":
        return {f"tests/sql/test_checks.py::test_check[{path.stem}]"}
    found = covered.get((one.path, one.line), set())
    return found or {test for (name, _), tests in covered.items() if name == one.path for test in tests}


def survives(one: Drawn, copy: Path, tests: Sequence[str]) -> bool:
    """Whether every one of ``tests`` passes with the change."""
    if not tests:
        return True
    target = copy / one.path
    target.write_text(one.mutant.apply(one.source), encoding="utf-8")
    environment = {name: value for name, value in os.environ.items() if name != "DOCKML_EASE2022"}
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *tests]
    try:
        done = subprocess.run(
            command,
            check=False,
            cwd=copy,
            env={**environment, "PYTHONPATH": str(copy)},
            capture_output=True,
            timeout=LONGEST_SECONDS,
        )
    except subprocess.TimeoutExpired:
        return False
    finally:
        target.write_text(one.source, encoding="utf-8")
    if done.returncode not in (0, 1, 2):
        raise RuntimeError(done.stdout.decode()[-2000:] + done.stderr.decode()[-2000:])
    return done.returncode == 0


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--count", type=int, default=60)
    parser.add_argument("--lines", type=Path)
    asked = parser.parse_args()
    drawn = draw(asked.seed, asked.count)
    if asked.lines is None:
        print(*drawn, sep="\n")
        return 0
    covering = tests_of(asked.lines)
    survivors = 0
    with tempfile.TemporaryDirectory() as folder:
        copy = copied_repository(ROOT, Path(folder) / "repository")
        types = read_types()
        for one in drawn:
            if one.model in types.project.by_name:
                tests = sorted(case.name for case in CASES if case.parent.name == one.model)
                survived = not sql_models.noticed_by_cases(one.model, one.mutant.apply(one.source), types)
            else:
                tests = sorted(covering_tests(one, covering))
                survived = survives(one, copy, tests)
            survivors += survived
            print("survived" if survived else "noticed ", f"({len(tests)} tests)", one, flush=True)
    print(f"{survivors} of {len(drawn)} survived")
    return 1 if survivors else 0


if __name__ == "__main__":
    sys.exit(main())
