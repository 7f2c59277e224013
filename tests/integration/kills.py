"""Killing ``dockml study`` at random moments, and comparing what is left in the end with an undisturbed run.

    python tests/integration/kills.py --corpus sample --kills 20 [--seed 1]

Here: the killing and the comparison. ``test_kills.py`` does a little of it in every test run.
"""

from __future__ import annotations

import argparse
import math
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import BinaryIO, Protocol

import duckdb

START = "from dockml_dagster.cli import main; main(prog_name='dockml')"
ROOT = Path(__file__).parents[2]
CLOCK = {
    "first_seen", "last_seen", "observed_at", "listed_at", "built_at", "read_at", "labelled_at", "linted_at", "asked_at",
    "linked_at",
}  # fmt: skip
"""Columns that say when something was done."""
LOGS = {
    "raw.outcomes",
    "raw.builds",
    "raw.listings",
    "raw.reported",
    "raw.figures",
    "raw.run_failures",
    "raw.revisits",
    "raw.tag_looks",
}
"""Tables that say what was done, tries that were cut short among them."""


class Process(Protocol):
    """What is killed: a ``subprocess.Popen``, or one that was forked."""

    pid: int

    def wait(self, timeout: float | None = None) -> int:
        """Its exit code."""


Start = Callable[[Sequence[str], Mapping[str, str], BinaryIO], Process]
"""Starts ``dockml`` with arguments in an environment, what it says on standard error going to a file."""


def start(arguments: Sequence[str], environment: Mapping[str, str], said: BinaryIO) -> Process:
    """``dockml`` in a session of its own, so that its workers can be killed with it."""
    return subprocess.Popen(
        [sys.executable, "-c", START, *arguments],
        env=environment,
        cwd=ROOT,
        start_new_session=True,
        stdout=subprocess.DEVNULL,
        stderr=said,
    )


def finish(
    home: Path,
    corpus: str,
    environment: Mapping[str, str],
    *,
    kill_after: float | None = None,
    start: Start = start,
) -> bool:
    """Run to the end, or until it is killed after so many seconds; whether it came to its end.

    Raises:
        RuntimeError: it came to an end of another kind: what a killed run left behind must stop no later one.
    """
    with tempfile.TemporaryFile() as said:
        process = start(
            ("study", "--corpus", corpus, "--quiet"), {**environment, "DOCKML_HOME": str(home)}, said
        )
        try:
            code = process.wait(kill_after)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            return False
        if code != 0:
            said.seek(0)
            raise RuntimeError(f"study ended with {code}: {said.read().decode()[-2000:]}")
    return True


def survive(
    calm: Path,
    home: Path,
    corpus: str,
    environment: Mapping[str, str],
    *,
    kills: int,
    longest: float,
    seed: int,
    say: Callable[[str], None],
    start: Start = start,
) -> list[str]:
    """Kill that many runs, each after a random time of at most ``longest`` s; what differs from ``calm`` in the end.

    Each run goes on where the killed one was. One that ends before its moment is no kill: its home is compared with
    ``calm``, and the next run begins in an empty one, so that every part of a study is under the knife.
    """
    chance = random.Random(seed)
    done = since = 0
    while done < kills:
        moment = chance.uniform(0.5, longest)
        if finish(home, corpus, environment, kill_after=moment, start=start):
            wrong = differences(calm, home)
            say(f"came to its end after {since} kills; {len(wrong)} tables differ")
            if wrong:
                return wrong
            shutil.rmtree(home)
            since = 0
            continue
        done, since = done + 1, since + 1
        say(f"kill {done} after {moment:.1f} s")
    finish(home, corpus, environment, start=start)
    return differences(calm, home)


Row = tuple[object, ...]

DIGITS = 1e-9
"""How far apart two floating-point numbers may be, as a part of the larger (or of 0.001). DuckDB adds them in the order in
which its threads come by, so the last digits differ by run, more where nearly equal ones are subtracted. Numbers are
compared and not rounded first: two that differ in the last digit may lie on both sides of a half.
"""


def contents(home: Path) -> dict[str, list[Row]]:
    """Every table that a reader sees, its rows in any order, without the columns and tables of ``CLOCK`` and ``LOGS``."""
    found: dict[str, list[Row]] = {}
    with duckdb.connect(str(home / "published" / "dockml.duckdb"), read_only=True) as connection:
        tables = connection.execute(
            "SELECT table_schema || '.' || table_name FROM information_schema.tables "
            "WHERE table_catalog = current_database() ORDER BY 1"
        ).fetchall()
        for (name,) in tables:
            if name in LOGS or name == "raw.schema_migrations":
                continue
            columns = [row[0] for row in connection.execute(f"DESCRIBE {name}").fetchall()]
            # Prose about a visit carries its time; a view shows what is in the tables anyway.
            kept = ", ".join(f'"{column}"' for column in columns if column not in CLOCK)
            found[name] = connection.execute(f"SELECT {kept} FROM {name}").fetchall()
    return found


def differences(one: Path, other: Path) -> list[str]:
    """Names of the tables in which two homes differ, with their row counts and the first rows that are not the same."""
    return differing(contents(one), contents(other))


def differing(first: Mapping[str, Sequence[Row]], second: Mapping[str, Sequence[Row]]) -> list[str]:
    """The same of tables by name."""
    return [
        found
        for name in sorted(first.keys() | second.keys())
        if (found := difference(name, first.get(name, ()), second.get(name, ())))
    ]


def difference(name: str, one: Sequence[Row], other: Sequence[Row]) -> str:
    """What differs between two lists of rows in any order; empty where nothing does."""
    one, other = sorted(one, key=_order), sorted(other, key=_order)
    apart = next((pair for pair in zip(one, other, strict=False) if not _same(*pair)), None)
    if apart is None and len(one) == len(other):
        return ""
    return f"{name}: {len(one)} and {len(other)} rows" + (f": {apart[0]} and {apart[1]}" if apart else "")


def _order(row: Row) -> tuple[str, tuple[float, ...]]:
    """What is no floating-point number decides the place of a row first."""
    exact = [None if isinstance(value, float) else value for value in row]
    return repr(exact), tuple(value for value in row if isinstance(value, float))


def _same(one: Row, other: Row) -> bool:
    """Equal, numbers to ``DIGITS``; no number equals no number."""
    return len(one) == len(other) and all(
        math.isclose(a, b, rel_tol=DIGITS, abs_tol=DIGITS / 1000) or (a != a and b != b)
        if isinstance(a, float) and isinstance(b, float)
        else repr(a) == repr(b)
        for a, b in zip(one, other, strict=True)
    )


def main() -> int:
    """Kill, finish, compare; 1 where a table differs."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--corpus", default="sample")
    options.add_argument("--kills", type=int, default=20)
    options.add_argument("--seed", type=int, default=1)
    given = options.parse_args()
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    environment.pop("DAGSTER_HOME", None)
    with tempfile.TemporaryDirectory() as folder:
        calm, killed = Path(folder) / "calm", Path(folder) / "killed"
        began = time.monotonic()
        finish(calm, given.corpus, environment)
        seconds = time.monotonic() - began
        print(f"{given.corpus}: undisturbed in {seconds:.0f} s", flush=True)
        wrong = survive(
            calm,
            killed,
            given.corpus,
            environment,
            kills=given.kills,
            longest=seconds * 0.8,
            seed=given.seed,
            say=lambda words: print(f"  {words}", flush=True),
        )
        print("\n".join(wrong) or f"all {len(contents(calm))} tables are equal, row for row")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
