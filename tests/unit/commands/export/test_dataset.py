"""The contents of collected files never leave with the dataset."""

import duckdb

from dockml_dagster.commands.export.dataset import TEXTS
from dockml_dagster.warehouse import migrations


def test_every_column_of_bytes_stays_in_the_warehouse():
    with duckdb.connect() as connection:
        migrations.apply(connection)
        found = connection.execute(
            "SELECT table_name, column_name FROM duckdb_columns() WHERE schema_name = 'raw' AND data_type = 'BLOB'"
        ).fetchall()
    assert ("repository_files", "content") in found
    assert {column for _, column in found} <= TEXTS
