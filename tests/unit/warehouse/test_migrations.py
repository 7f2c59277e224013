"""The schema is brought forward once, and never back."""

import shutil
from pathlib import Path

import duckdb
import pytest

from dockml_dagster.errors import BadInputError
from dockml_dagster.warehouse import migrations
from dockml_dagster.warehouse.connection import Warehouse


def test_numbers_are_1_to_n_without_gap() -> None:
    numbers = list(migrations.available())
    assert numbers == list(range(1, len(numbers) + 1))


def test_each_is_applied_once(warehouse: Warehouse) -> None:
    with warehouse.write() as connection:
        assert migrations.apply(connection) == list(migrations.available())
    with warehouse.write() as connection:
        assert migrations.apply(connection) == []
        applied = connection.execute("SELECT number FROM raw.schema_migrations ORDER BY 1").fetchall()
    assert applied == [(number,) for number in migrations.available()]


def test_a_later_version_applies_only_what_is_new(
    raw: duckdb.DuckDBPyConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    newest = max(migrations.available()) + 1
    later = {
        **migrations.available(),
        newest: "CREATE TABLE raw.added (x INTEGER); INSERT INTO raw.added VALUES (7);",
    }
    monkeypatch.setattr(migrations, "available", lambda: later)
    assert migrations.apply(raw) == [newest]
    assert migrations.apply(raw) == []
    assert raw.execute("FROM raw.added").fetchall() == [(7,)]


def opened(warehouse: Warehouse) -> list[int]:
    with warehouse.write() as connection:
        return migrations.apply(connection, warehouse.location)


def test_what_was_found_in_order_is_not_looked_through_again(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert opened(warehouse) == list(migrations.available())
    assert opened(warehouse) == []
    monkeypatch.setattr(migrations, "_differences", lambda *_: pytest.fail("looked again"))
    assert opened(warehouse) == []


def test_what_was_rolled_back_counts_as_never_done(warehouse: Warehouse) -> None:
    with pytest.raises(RuntimeError), warehouse.write() as connection:
        migrations.apply(connection, warehouse.location)
        migrations.apply(connection, warehouse.location)
        raise RuntimeError
    assert opened(warehouse) == list(migrations.available())


def test_another_file_in_its_place_is_looked_through(warehouse: Warehouse) -> None:
    file = warehouse.location.file
    assert file is not None
    for _ in range(2):
        opened(warehouse)
    file.unlink()
    assert opened(warehouse) == list(migrations.available())
    opened(warehouse)
    other = file.with_name("other.duckdb")
    shutil.copy(file, other)
    with duckdb.connect(str(other)) as connection:
        connection.execute("DROP TABLE raw.listings")
    other.replace(file)
    with pytest.raises(BadInputError, match=r"there is no raw\.listings"):
        opened(warehouse)


def test_a_view_whose_change_was_rolled_back_is_changed_again(warehouse: Warehouse, tmp_path: Path) -> None:
    opened(warehouse)
    moved = Warehouse(tmp_path / "moved" / "dockml.duckdb")
    shutil.copytree(warehouse.location.folder, moved.location.folder)
    with pytest.raises(RuntimeError), moved.write() as connection:
        migrations.apply(connection, moved.location)
        raise RuntimeError
    opened(moved)
    with moved.read() as connection:
        assert connection.execute(
            "SELECT contains(sql, ?) FROM duckdb_views() WHERE view_name = 'layer_files'",
            [str(moved.location.folder)],
        ).fetchone() == (True,)


def test_rows_of_layers_that_were_removed_do_not_stop_the_view(warehouse: Warehouse) -> None:
    for _ in range(2):
        opened(warehouse)
    shutil.rmtree(warehouse.location.folder / "layer_entries")
    with warehouse.write() as connection:
        migrations.apply(connection, warehouse.location)
        assert connection.execute("SELECT count(*) FROM raw.layer_files").fetchone() == (0,)


def test_a_failing_migration_leaves_nothing(warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    with warehouse.write() as connection:
        migrations.apply(connection)
    broken = {**migrations.available(), 999: "CREATE TABLE raw.half (x INTEGER); SELECT nothing;"}
    monkeypatch.setattr(migrations, "available", lambda: broken)
    with pytest.raises(duckdb.Error), warehouse.write() as connection:
        migrations.apply(connection)
    with warehouse.read() as connection:
        assert connection.execute(
            "SELECT count(*) FROM duckdb_tables() WHERE table_name = 'half'"
        ).fetchone() == (0,)
        assert connection.execute("SELECT max(number) < 999 FROM raw.schema_migrations").fetchone() == (True,)


def test_a_file_of_a_newer_dockml_is_refused_in_one_line(raw: duckdb.DuckDBPyConnection) -> None:
    raw.execute("INSERT INTO raw.schema_migrations VALUES (4711, now()::TIMESTAMP)")
    with pytest.raises(BadInputError) as caught:
        migrations.apply(raw)
    assert "4711" in str(caught.value)
    assert "newer dockml" in str(caught.value)
    assert "\n" not in str(caught.value)
