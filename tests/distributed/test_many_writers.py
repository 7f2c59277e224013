"""Writers of one lake: what one loses to another is done again, alone; names keep apart what must be."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from dockml_dagster.catalog import NameTakenError, Session, SharedCatalog
from dockml_dagster.errors import UnreachableError
from dockml_dagster.instance.run_names import is_worked_on, working_on
from dockml_dagster.settings import Settings
from dockml_dagster.warehouse import maintenance
from dockml_dagster.warehouse.connection import Warehouse
from dockml_dagster.warehouse.opening import WarehouseConflictError
from dockml_dagster.warehouse.rows import replace
from dockml_dagster.warehouse.shared_layers import SharedClaims
from tests.distributed.services import wait_until


@pytest.fixture
def warehouse(services, request, tmp_path, monkeypatch):
    lake = f"writers{abs(hash(request.node.nodeid)) % 10**9}"
    services.make_databases(lake)
    settings = services.settings(lake)
    for name in settings:
        if name.startswith("AWS_"):
            monkeypatch.setenv(name, settings[name])
    location = Settings.from_environment({"DOCKML_HOME": str(tmp_path), **settings}).warehouse
    made = Warehouse(location)
    with made.write() as connection:
        connection.execute("CREATE SCHEMA raw")
        connection.execute(
            "CREATE TABLE raw.visits AS SELECT 'p' || n AS project, 0 AS seen FROM range(100) AS r(n)"
        )
    return made


def touch(connection, project):
    connection.execute("UPDATE raw.visits SET seen = seen + 1 WHERE project = ?", [project])


def test_a_transaction_that_another_came_between_is_done_again_once(warehouse):
    tries = []

    def unit(connection):
        tries.append(1)
        touch(connection, "p1")
        if len(tries) == 1:
            with Warehouse(warehouse.location).write() as other:
                touch(other, "p2")

    warehouse.commit(unit)
    assert len(tries) == 2
    with warehouse.read() as connection:
        rows = connection.execute("SELECT project, seen FROM raw.visits WHERE seen > 0 ORDER BY 1").fetchall()
    assert rows == [("p1", 1), ("p2", 1)]


def test_what_cannot_be_done_again_says_that_it_can_be_tried_later(warehouse):
    with pytest.raises(WarehouseConflictError) as caught, warehouse.write() as connection:
        touch(connection, "p1")
        with Warehouse(warehouse.location).write() as other:
            touch(other, "p2")
    assert caught.value.retryable
    assert "\n" not in str(caught.value)


def test_many_writers_of_the_same_table_all_come_through(warehouse):
    def write(number):
        for _ in range(3):
            Warehouse(warehouse.location).commit(lambda connection: touch(connection, f"p{number}"))

    threads = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with warehouse.read() as connection:
        assert connection.execute("SELECT count(*), sum(seen) FROM raw.visits").fetchone() == (100, 12)


def test_upkeep_beside_two_writers_loses_nothing(warehouse, monkeypatch):
    # Forgotten and removed at once, so that what is still needed would be missed.
    monkeypatch.setattr(maintenance, "KEPT_DAYS", 0)
    monkeypatch.setattr(maintenance, "UNUSED_DAYS", 0)
    done = [0, 0, 0]

    def go_on(number, step):
        """Again and again, until each of the three has done enough beside the others; returns how often."""
        times = 0
        try:
            while min(done) < 5:
                times += 1
                step(times)
                done[number] = times
        finally:
            done[number] = 5
        return times

    def writer(number):
        projects = [f"p{project}" for project in range(number * 50, number * 50 + 50)]
        own = Warehouse(warehouse.location, patience_seconds=60)

        def write(times):
            rows = [{"project": project, "seen": times} for project in projects]
            own.commit(lambda connection: replace(connection, "raw.visits", {"project": projects}, rows))

        return go_on(number, write)

    with ThreadPoolExecutor(3) as pool:
        upkeep = pool.submit(go_on, 2, lambda _: maintenance.compact(Warehouse(warehouse.location)))
        last = list(pool.map(writer, (0, 1)))
        upkeep.result()
    maintenance.compact(warehouse)
    with warehouse.read() as connection:
        rows = connection.execute("SELECT project, seen FROM raw.visits").fetchall()
        states = connection.execute("SELECT count(*) FROM ducklake_snapshots('warehouse')").fetchone()[0]
    assert sorted(rows) == sorted((f"p{number}", last[number // 50]) for number in range(100))
    assert states == 1, "all earlier ones were forgotten"


def test_a_lake_that_stayed_attached_is_attached_again_after_a_restart(warehouse, services):
    def look():
        with warehouse.read() as connection:
            return connection.execute("SELECT count(*) FROM raw.visits").fetchall()

    assert look() == [(100,)]
    services.postgres.restart()
    assert look() == [(100,)]


def test_a_name_is_held_by_one_and_freed_by_the_end_of_its_holder(warehouse):
    catalog = SharedCatalog(warehouse.location.catalog)
    with (
        catalog.holding(["a", "b"]),
        pytest.raises(NameTakenError),
        catalog.holding(["b"], timeout_seconds=0.2),
    ):
        pass
    with catalog.holding(["b"], timeout_seconds=5):
        pass


def test_sessions_make_their_tables_one_after_the_other_and_once(warehouse):
    catalog = SharedCatalog(warehouse.location.catalog)
    making = "CREATE SCHEMA IF NOT EXISTS made; CREATE TABLE IF NOT EXISTS made.t (n int); INSERT INTO made.t VALUES (1)"
    first, second = Session(catalog, tables=making), Session(catalog, tables=making)
    waiting = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
    look = Session(catalog)
    with catalog.holding(["tables"]):
        thread = threading.Thread(target=first.run, args=("SELECT 1",))
        thread.start()
        wait_until("the first to wait its turn", lambda: look.run(waiting) == [(1,)])
    thread.join()
    for session in (first, second, second):
        session.run("SELECT 1")
    assert look.run("SELECT count(*) FROM made.t") == [(2,)]
    for session in (look, first, second):
        session.close()


def test_a_claim_that_died_with_its_holder_goes_to_the_next(warehouse):
    catalog = SharedCatalog(warehouse.location.catalog)
    one, other = SharedClaims(catalog), SharedClaims(catalog)
    assert one.take({"sha256:a", "sha256:b"}) == {"sha256:a", "sha256:b"}
    assert other.take({"sha256:a", "sha256:c"}) == {"sha256:c"}
    one.give_back("sha256:b")
    assert other.take({"sha256:a", "sha256:b"}) == {"sha256:b"}
    taken = []
    waiting = threading.Thread(target=lambda: taken.append(other.take({"sha256:a"})))
    waiting.start()
    one.close()
    waiting.join(60)
    assert taken == [{"sha256:a"}]
    other.close()


def test_a_run_is_worked_on_while_somebody_holds_its_name(warehouse):
    catalog = SharedCatalog(warehouse.location.catalog)
    session = Session(catalog)
    # Not "the server just came back": that holds for every run for a minute.
    held = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND granted"
    with working_on(catalog, "one") as mine:
        assert mine
        assert is_worked_on(session, "one")
        assert session.run(held) == [(1,)]
        with working_on(catalog, "one") as second:
            assert not second
    # The server frees it when it hears of the end, which is a moment later.
    wait_until("the name to be free", lambda: session.run(held) == [(0,)])
    session.close()


def test_a_catalog_that_is_away_is_unreachable_and_not_a_bad_setting(tmp_path):
    pytest.importorskip("psycopg2", reason="psycopg2 is not installed")
    with pytest.raises(UnreachableError, match=r"cannot connect to host=127\.0\.0\.1 port=1") as caught:
        SharedCatalog("host=127.0.0.1 port=1 dbname=d password=geheim").connected().__enter__()
    assert "geheim" not in str(caught.value)
