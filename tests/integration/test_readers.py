"""Readers and the writer never meet: published files are swapped while people read them.

Here: locks between processes. Not here: what a run writes.
"""

import subprocess
import sys
from pathlib import Path

import pytest

from dockml_dagster.settings import Settings
from dockml_dagster.warehouse.connection import Warehouse
from dockml_dagster.warehouse.opening import WarehouseBusyError
from dockml_dagster.warehouse.published.query import query
from dockml_dagster.warehouse.published.swap import publish

PUBLICATIONS = 20
ROWS = 1000
HERE = Path(__file__).parent


@pytest.fixture
def published(home) -> Settings:
    settings = Settings.from_environment()
    with Warehouse(settings.warehouse).write() as connection:
        connection.execute("CREATE SCHEMA findings")
        connection.execute(
            f"CREATE TABLE findings.numbers AS SELECT 0 AS publication, n FROM range({ROWS}) AS numbers(n)"
        )
    publish(Warehouse(settings.warehouse), settings.published)
    return settings


def test_readers_see_every_file_whole_while_runs_publish(published, home, environment_of):
    environment = dict(environment_of(home))
    keeper = subprocess.Popen(
        [sys.executable, str(HERE / "keep_open.py"), str(published.published)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
    )
    assert keeper.stdout.readline() == "open\n", keeper.stderr.read()
    publisher = subprocess.Popen(
        [sys.executable, str(HERE / "publisher.py"), str(home), str(PUBLICATIONS)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
    )
    seen = []
    try:
        while True:
            ended = publisher.poll() is not None
            answer = query(
                published, "SELECT count(*), min(publication), max(publication) FROM findings.numbers"
            )
            seen.append(answer.rows[0])
            if ended:
                break
        _, wrong = publisher.communicate(timeout=60)
        assert publisher.returncode == 0, wrong
        kept, complaint = keeper.communicate("", timeout=60)
    finally:
        for process in (publisher, keeper):
            if process.poll() is None:
                process.kill()
                process.communicate()
    assert keeper.returncode == 0, complaint
    # Whoever keeps the file open keeps what was in it.
    assert kept == "[(0, 0)]\n"
    assert all(count == ROWS and first == last for count, first, last in seen)
    numbers = [last for _, _, last in seen]
    assert numbers == sorted(numbers)
    assert numbers[-1] == PUBLICATIONS
    assert len(set(numbers)) > 2, "nothing was read while runs published"
    assert [path.name for path in published.published.parent.iterdir()] == ["dockml.duckdb"]


def test_sql_answers_while_another_process_writes(published, home, dockml):
    with Warehouse(published.warehouse).write() as connection:
        connection.execute("UPDATE findings.numbers SET publication = 99")
        done = dockml(
            home, "sql", "SELECT max(publication) AS newest FROM findings.numbers", "--format", "csv"
        )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["newest", "0"]


def test_a_second_writer_waits_its_turn_and_then_says_so(published):
    with (
        Warehouse(published.warehouse).write(),
        pytest.raises(WarehouseBusyError, match="another dockml"),
        Warehouse(published.warehouse, lock_timeout_seconds=0.1).write(),
    ):
        pass


def test_a_writer_that_is_killed_leaves_no_lock_and_no_half_transaction(published, home, environment_of):
    program = (
        "import sys, time\n"
        "from dockml_dagster.settings import Settings\n"
        "from dockml_dagster.warehouse.connection import Warehouse\n"
        "with Warehouse(Settings.from_environment().warehouse).write() as connection:\n"
        "    connection.execute('UPDATE findings.numbers SET publication = 7')\n"
        "    print('in', flush=True)\n"
        "    time.sleep(60)\n"
    )
    writer = subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, text=True, env=dict(environment_of(home))
    )
    assert writer.stdout.readline() == "in\n"
    writer.kill()
    writer.communicate(timeout=30)
    with Warehouse(published.warehouse, lock_timeout_seconds=5).write() as connection:
        assert connection.execute("SELECT DISTINCT publication FROM findings.numbers").fetchall() == [(0,)]
