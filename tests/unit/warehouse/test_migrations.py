"""The schema is brought forward once, and never back."""

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
    later = {**migrations.available(), newest: "CREATE TABLE raw.added (x INTEGER); INSERT INTO raw.added VALUES (7);"}
    monkeypatch.setattr(migrations, "available", lambda: later)
    assert migrations.apply(raw) == [newest]
    assert migrations.apply(raw) == []
    assert raw.execute("FROM raw.added").fetchall() == [(7,)]


def test_a_failing_migration_leaves_nothing(warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    with warehouse.write() as connection:
        migrations.apply(connection)
    broken = {**migrations.available(), 999: "CREATE TABLE raw.half (x INTEGER); SELECT nothing;"}
    monkeypatch.setattr(migrations, "available", lambda: broken)
    with pytest.raises(duckdb.Error), warehouse.write() as connection:
        migrations.apply(connection)
    with warehouse.read() as connection:
        assert connection.execute("SELECT count(*) FROM duckdb_tables() WHERE table_name = 'half'").fetchone() == (0,)
        assert connection.execute("SELECT max(number) < 999 FROM raw.schema_migrations").fetchone() == (True,)


def test_a_file_of_a_newer_dockml_is_refused_in_one_line(raw: duckdb.DuckDBPyConnection) -> None:
    raw.execute("INSERT INTO raw.schema_migrations VALUES (4711, now()::TIMESTAMP)")
    with pytest.raises(BadInputError) as caught:
        migrations.apply(raw)
    assert "4711" in str(caught.value)
    assert "newer dockml" in str(caught.value)
    assert "\n" not in str(caught.value)
