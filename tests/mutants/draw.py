"""Draws single-line changes of the code and the SQL by a seed, and tells which of them the tests do not notice.

    python tests/mutants/draw.py --seed 20261129 --count 60            # only the list
    python tests/mutants/draw.py --seed 20261129 --count 60 --lines F  # and try each on the tests that cover its line

Every line with at least one change is as likely as any other, and on it every change. ``--lines``: coverage's data file
with a context a test (``make mutants-draw`` writes it). The tests of a line are

- of a SQL model its cases under ``tests/sql``, of a check its case;
- of a line of a function the tests that ran it, with every test of a file whose fixtures ran it;
- of a line that runs only when its module is loaded, those that ran anything of the module;
- of either what compares the named numbers of the module with those noted (``tests/conventions/test_numbers.py``).

They are tried in the order of their nearness, those of whole runs last, for four minutes where none notices. Nothing is
read that is not in the repository (``DOCKML_EASE2022`` is unset). A change is noticed if a test fails that passes without
it; one that makes the tests hang is noticed if they end without it. A change that no test covers survives. Prints a line a
change; ends with 1 if any survived.
"""

import argparse
import itertools
import os
import queue
import random
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence, Set
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from tests.conventions.test_numbers import FOUND as NAMED_NUMBERS  # noqa: E402
from tests.mutants import python_mutants, sql_models, sql_mutants  # noqa: E402
from tests.mutants.copy import copied_repository  # noqa: E402
from tests.mutants.sql_mutants import Mutant  # noqa: E402
from tests.sql.cases import CASES, read_types  # noqa: E402

ROOMS = ("study", "warehouse", "clients", "corpora", "defs")
LONGEST_SECONDS = 120
"""For one call of the tests; what takes longer hangs."""
MOST_SECONDS = 240
"""For all calls of one change; what the nearest tests of so long do not notice survives."""
AT_ONCE = {"unit": 60, "integration": 4}
"""Tests a call, by their folder: most changes are noticed by the nearest."""


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

    def parts(context: str) -> tuple[str, str]:
        """Of "test|run", as pytest-cov says it, or of "test (call)" of a process that the test started."""
        test, _, when = context.rpartition("|" if context.endswith(("|setup", "|run", "|teardown")) else " ")
        return test, when.strip("()")

    found: dict[tuple[str, int], set[str]] = defaultdict(set)
    of_file: dict[str, set[str]] = defaultdict(set)
    recorded = CoverageData(str(data))
    recorded.read()
    for context in filter(None, recorded.measured_contexts()):
        of_file[context.split("::")[0]].add(parts(context)[0])
    for name in recorded.measured_files():
        path = Path(name)
        if path.is_relative_to(ROOT):
            for line, contexts in recorded.contexts_by_lineno(name).items():
                tests = found[path.relative_to(ROOT).as_posix(), line]
                for context in filter(None, contexts):
                    test, when = parts(context)
                    tests |= of_file[test.split("::")[0]] if when == "setup" else {test}
    return found


def covering_tests(one: Drawn, covered: Mapping[tuple[str, int], Set[str]]) -> list[str]:
    """The tests of a line, the nearest first: those of the module's own test file, of its folder, of the rest."""
    path = Path(one.path)
    if path.suffix == ".sql":
        return [f"tests/sql/test_checks.py::test_check[{path.stem}]"]
    found = set(covered.get((one.path, one.line), ()))
    if not found:
        found = {test for (name, _), tests in covered.items() if name == one.path for test in tests}
    # It reads the module's text, and says so of no line: a module may be loaded by a test, or before all of them.
    module = ".".join(path.with_suffix("").parts[1:])
    numbers = f"tests/conventions/test_numbers.py::test_numbers[{module}]"
    if module in NAMED_NUMBERS:
        found.add(numbers)
    folders = ("tests", "unit", *path.parent.parts[1:])

    def nearness(test: str) -> tuple[bool, int, str]:
        if test == numbers and one.mutant.kind == "constant":
            return False, -len(folders), test
        parts = Path(test.split("::", maxsplit=1)[0]).parts
        shared = sum(
            1 for _ in itertools.takewhile(lambda pair: pair[0] == pair[1], zip(folders, parts, strict=False))
        )
        return parts[-1] != f"test_{path.stem}.py", -shared, test

    return sorted(found, key=nearness)


@contextmanager
def changed(one: Drawn, copy: Path) -> Iterator[None]:
    """The copy of the repository with the change."""
    target = copy / one.path
    target.write_text(one.mutant.apply(one.source), encoding="utf-8")
    try:
        yield
    finally:
        target.write_text(one.source, encoding="utf-8")


def failing(tests: Sequence[str], copy: Path) -> list[str]:
    """The first of ``tests`` that fails; all of them if they hang or cannot be loaded; none if they pass."""
    environment = {name: value for name, value in os.environ.items() if name != "DOCKML_EASE2022"}
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *tests]
    try:
        done = subprocess.run(
            command,
            check=False,
            cwd=copy,
            env={**environment, "PYTHONPATH": str(copy)},
            capture_output=True,
            text=True,
            timeout=LONGEST_SECONDS,
        )
    except subprocess.TimeoutExpired:
        return list(tests)
    if done.returncode not in (0, 1, 2):
        raise RuntimeError(done.stdout[-2000:] + done.stderr[-2000:])
    if not done.returncode:
        return []
    said = [line for line in done.stdout.splitlines() if line.startswith(("FAILED ", "ERROR "))]
    named = [
        test for test in tests if any(f"{line} ".partition(" ")[2].startswith(f"{test} ") for line in said)
    ]
    return named or list(tests)


def survives(one: Drawn, tests: Sequence[str], copy: Path) -> bool:
    """Whether no test that passes without the change fails with it."""
    left = list(tests)
    end = time.monotonic() + MOST_SECONDS
    while left and time.monotonic() < end:
        number = AT_ONCE.get(left[0].split("/")[1], 1)
        batch = [test for test in left[:number] if test.split("/")[1] == left[0].split("/")[1]]
        with changed(one, copy):
            failed = failing(batch, copy)
        if failed and not failing(failed, copy):
            return False
        left = [test for test in batch if failed and test not in failed] + left[len(batch) :]
    return True


def tried(
    drawn: Sequence[Drawn], covering: Mapping[tuple[str, int], Set[str]], processes: int
) -> Iterator[str]:
    """A line for each change, in their order: "survived" or "noticed", the number of tests, the change."""
    types = read_types()
    copies: queue.SimpleQueue[Path] = queue.SimpleQueue()

    def told(one: Drawn) -> str:
        if one.model in types.project.by_name:
            number = sum(case.parent.name == one.model for case in CASES)
            survived = not sql_models.noticed_by_cases(one.model, one.mutant.apply(one.source), types)
        else:
            tests = covering_tests(one, covering)
            number = len(tests)
            copy = copies.get()
            survived = survives(one, tests, copy)
            copies.put(copy)
        return f"{'survived' if survived else 'noticed '} ({number} tests) {one}"

    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(processes) as threads:
        for number in range(processes):
            copies.put(copied_repository(ROOT, Path(folder) / str(number)))
        yield from threads.map(told, drawn)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--count", type=int, default=60)
    parser.add_argument("--lines", type=Path)
    parser.add_argument("--processes", type=int, default=2)
    asked = parser.parse_args()
    drawn = draw(asked.seed, asked.count)
    if asked.lines is None:
        print(*drawn, sep="\n")
        return 0
    survivors = 0
    for line in tried(drawn, tests_of(asked.lines), asked.processes):
        survivors += line.startswith("survived")
        print(line, flush=True)
    print(f"{survivors} of {len(drawn)} survived")
    return 1 if survivors else 0


if __name__ == "__main__":
    sys.exit(main())
