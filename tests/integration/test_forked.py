"""A program that is forked is to the tests what one is that is started from nothing.

Here: what a process is given and how it ends. Not here: any command.
"""

import json
import os
import signal
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

ASKED = """
import json, os, sys, threading
print(json.dumps({
    "arguments": sys.argv, "folder": os.getcwd(), "variables": dict(os.environ), "read": sys.stdin.read(),
    "name": __name__, "threads": threading.active_count(), "leads": os.getsid(0) == os.getpid(),
}))
print("said", file=sys.stderr)
sys.exit(3)
"""


def test_it_gets_what_it_is_given_and_nothing_else(run_program, tmp_path):
    done = run_program(ASKED, "one", "--two", env={"A": "1"}, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (3, "said\n")
    told = json.loads(done.stdout)
    assert told.pop("variables") == {"A": "1", "PYTHONPATH": str(ROOT)}
    assert told == {
        "arguments": ["-c", "one", "--two"],
        "folder": str(tmp_path),
        "read": "",
        "name": "__main__",
        "threads": 1,
        "leads": False,
    }


@pytest.mark.parametrize(
    ("program", "code", "said"),
    [
        ("", 0, ""),
        ("raise SystemExit('no')", 1, "no\n"),
        ("import atexit, sys; atexit.register(sys.stderr.write, 'bye'); sys.exit(True)", 1, "bye"),
        ("import sys, threading as t, time; t.Timer(0.2, sys.stderr.write, ['late']).start()", 0, "late"),
        ("import os; os.abort()", -signal.SIGABRT, ""),
    ],
)
def test_it_ends_as_a_process_does(run_program, program, code, said):
    done = run_program(program, env={})
    assert (done.returncode, done.stderr) == (code, said)


def test_an_error_that_nobody_caught_is_told(run_program):
    done = run_program("1 / 0", env={})
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == "ZeroDivisionError: division by zero"


def test_it_is_killed_with_all_that_it_started(start_program):
    reading, writing = os.pipe()
    program = "import subprocess; subprocess.run(['sleep', '60'])"
    process = start_program(program, env=dict(os.environ), streams=(None, writing, None), own_session=True)
    os.close(writing)
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(0.5)
    os.killpg(process.pid, signal.SIGKILL)
    assert process.wait(60) == process.wait(60) == -signal.SIGKILL
    with os.fdopen(reading) as said:
        assert said.read() == "", "nobody holds it open"


def test_duckdb_computes_in_it(run_program):
    program = "import duckdb; print(duckdb.connect().execute('SELECT sum(i) FROM range(3_000_000) t(i)').fetchone()[0])"
    assert run_program(program, env={}).stdout == "4499998500000\n"
