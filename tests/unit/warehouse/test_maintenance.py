"""Making a file small again: when it is worth it, that nothing is lost, and that a wrong copy takes nobody's place."""

from pathlib import Path

import pytest

from dockml_dagster.settings import Location
from dockml_dagster.warehouse import maintenance
from dockml_dagster.warehouse.connection import Warehouse
from dockml_dagster.warehouse.maintenance import CompactionError, Size, compact, compact_if_worth, size

MIB = 1024 * 1024


@pytest.mark.parametrize(
    ("whole", "empty", "worth"),
    [
        (600 * MIB, 301 * MIB, True),
        (600 * MIB, 300 * MIB, False),
        (511 * MIB, 256 * MIB, False),
        (511 * MIB, 256 * MIB + 1, True),
        (10_000 * MIB, 4_000 * MIB, False),
        (0, 0, False),
    ],
)
def test_more_than_half_is_empty_and_it_is_not_little(whole: int, empty: int, worth: bool) -> None:
    assert Size(whole, empty).worth_compacting == worth


@pytest.fixture
def emptied(warehouse: Warehouse) -> Warehouse:
    """A file most of which was deleted."""
    with warehouse.write() as connection:
        connection.execute("CREATE SCHEMA s")
        connection.execute("CREATE TABLE s.kept AS SELECT range AS x FROM range(10)")
        connection.execute("CREATE TABLE gone AS SELECT hash(range) AS x FROM range(400000)")
    with warehouse.write() as connection:
        connection.execute("DROP TABLE gone")
    return warehouse


def test_compacting_keeps_the_rows_and_gives_back_the_space(emptied: Warehouse) -> None:
    with emptied.read() as connection:
        measured = size(connection)
        assert measured.bytes > measured.empty_bytes > MIB
    file = emptied.location.file
    assert file is not None
    before, after = compact(emptied)
    assert (before > 2 * after, after) == (True, file.stat().st_size)
    with emptied.read() as connection:
        assert connection.execute("SELECT sum(x) FROM s.kept").fetchone() == (45,)
        assert size(connection).empty_bytes < measured.empty_bytes
    assert [path.name for path in file.parent.iterdir() if path.name.startswith(f".{file.name}.")] == []


def test_little_is_left_alone_and_much_is_not(emptied: Warehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    assert compact_if_worth(emptied) is None
    monkeypatch.setattr(maintenance, "WORTH_BYTES", 0)
    done = compact_if_worth(emptied)
    assert done is not None
    assert done[0] > done[1]


def test_a_copy_with_other_rows_is_thrown_away(emptied: Warehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    counts = iter([{"s.kept": 10, "main.t": 1}, {"s.kept": 9, "main.t": 1}])
    monkeypatch.setattr(maintenance, "_counts", lambda connection: next(counts))
    file = emptied.location.file
    assert file is not None
    before = file.read_bytes()
    with pytest.raises(CompactionError, match=r"the copy differs in s\.kept$"):
        compact(emptied)
    assert file.read_bytes() == before
    assert [path.name for path in file.parent.iterdir() if path.name.startswith(f".{file.name}.")] == []


def test_rows_are_counted_table_by_table(emptied: Warehouse) -> None:
    with emptied.read() as connection:
        assert maintenance._counts(connection) == {"s.kept": 10}


def test_a_service_looks_after_itself(tmp_path: Path) -> None:
    assert compact(Warehouse(Location("md:mine", tmp_path))) == (0, 0)
