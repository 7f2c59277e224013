"""The contents of collected files never leave with the dataset."""

import duckdb

from dockml_dagster.commands.export.dataset import TEXTS, _write
from dockml_dagster.warehouse import migrations
from dockml_dagster.warehouse.models import Model


def test_every_column_of_bytes_stays_in_the_warehouse():
    with duckdb.connect() as connection:
        migrations.apply(connection)
        found = connection.execute(
            "SELECT table_name, column_name FROM duckdb_columns() WHERE schema_name = 'raw' AND data_type = 'BLOB'"
        ).fetchall()
    assert ("repository_files", "content") in found
    assert {column for _, column in found} <= TEXTS


def test_a_sum_is_written_exactly_and_said_to_be_what_is_written(tmp_path):
    large = 2**53 + 1  # which floating point cannot hold
    with duckdb.connect() as connection:
        connection.execute("CREATE SCHEMA findings")
        connection.execute(f"CREATE TABLE findings.sums AS SELECT {large}::HUGEINT AS bytes, 'a' AS name")
        found = _write(connection, tmp_path, Model("findings.sums", "", ()), contents=False, form="parquet")
        written = connection.execute(f"FROM '{tmp_path / found.path}'")
        types = [str(column[1]) for column in written.description]
        assert written.fetchall() == [(large, "a")]
    assert [(column.name, column.type) for column in found.columns] == [
        ("bytes", "BIGINT"),
        ("name", "VARCHAR"),
    ]
    assert types == ["BIGINT", "VARCHAR"]
