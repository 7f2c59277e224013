"""From every released schema to the newest: released migrations never change, and their rows come through.

``released/`` has, of each schema that was released, ``NNNN.sha256`` (of the migration's text) and ``NNNN.sql.gz`` (a small
warehouse of that schema as statements). To release a schema: DOCKML_FREEZE_SCHEMA=1 pytest tests/unit/warehouse/<this file>,
then commit what it wrote. Nothing has been released yet, so the folder may be empty; the mechanism is tested all the same.
"""

import gzip
import hashlib
import os
import re
from pathlib import Path

import duckdb
import pytest

from dockml_dagster.warehouse import migrations
from dockml_dagster.warehouse.rows import qualified

FOLDER = Path(__file__).parent / "released"
FREEZE = "DOCKML_FREEZE_SCHEMA"
CHANGELOG = Path(__file__).parents[3] / "CHANGELOG.md"


def sample_of(number: int) -> list[str]:
    """Statements that make a warehouse of schema ``number`` with one row in every table."""
    texts = [text for at, text in migrations.available().items() if at <= number]
    with duckdb.connect() as connection:
        connection.execute("CREATE SCHEMA raw")
        for text in texts:
            connection.execute(text)
        inserts = [
            f"INSERT INTO {qualified('raw.' + table)} SELECT {', '.join(_value(kind) for kind in kinds)}"
            for table, kinds in connection.execute(
                "SELECT table_name, list(data_type ORDER BY column_index) FROM duckdb_columns() "
                "WHERE schema_name = 'raw' GROUP BY table_name "
                "HAVING table_name IN (SELECT table_name FROM duckdb_tables()) ORDER BY table_name"
            ).fetchall()
        ]
    book = "CREATE TABLE raw.schema_migrations (number INTEGER PRIMARY KEY, applied_at TIMESTAMP NOT NULL)"
    done = [
        f"INSERT INTO raw.schema_migrations VALUES ({at}, TIMESTAMP '2026-01-01')"
        for at in range(1, number + 1)
    ]
    return ["CREATE SCHEMA raw", *texts, book, *done, *inserts]


def _value(kind: str) -> str:
    if kind.endswith("[]"):
        return f"[{_value(kind[:-2])}]"
    return {
        "VARCHAR": "'text'",
        "TIMESTAMP": "TIMESTAMP '2026-01-01'",
        "DATE": "DATE '2026-01-01'",
        "BOOLEAN": "true",
        "BLOB": "'x'::BLOB",
    }.get(kind, f"1::{kind}")


def counts(connection: duckdb.DuckDBPyConnection) -> dict[str, int]:
    tables = connection.execute("SELECT table_name FROM duckdb_tables() WHERE schema_name = 'raw'").fetchall()
    return {
        name: connection.execute(f"SELECT count(*) FROM {qualified('raw.' + name)}").fetchone()[0]  # type: ignore[index]
        for (name,) in tables
    }


def bring_forward(statements: list[str]) -> None:
    """Make the old warehouse, migrate it, and look for every row."""
    with duckdb.connect() as connection:
        for statement in statements:
            connection.execute(statement)
        before = counts(connection)
        assert all(before.values()), "a table without a row would prove nothing"
        migrations.apply(connection)
        after = counts(connection)
        assert {name: after.get(name) for name in before if name != "schema_migrations"} == {
            name: number for name, number in before.items() if name != "schema_migrations"
        }
        numbers = [
            row[0] for row in connection.execute("SELECT number FROM raw.schema_migrations").fetchall()
        ]
        assert sorted(numbers) == list(migrations.available())
        assert migrations.apply(connection) == []


@pytest.mark.parametrize("number", list(migrations.available()))
def test_every_schema_of_this_version_comes_forward(number: int) -> None:
    bring_forward(sample_of(number))


def test_released_schemas_come_forward() -> None:
    if os.environ.get(FREEZE):
        FOLDER.mkdir(exist_ok=True)
        for number, text in migrations.available().items():
            digest, sql = FOLDER / f"{number:04}.sha256", FOLDER / f"{number:04}.sql.gz"
            if not digest.exists():
                digest.write_text(hashlib.sha256(text.encode()).hexdigest() + "\n", encoding="utf-8")
                sql.write_bytes(gzip.compress("\n;;\n".join(sample_of(number)).encode(), mtime=0))
    for digest in sorted(FOLDER.glob("*.sha256")):
        text = migrations.available()[int(digest.stem)]
        assert hashlib.sha256(text.encode()).hexdigest() == digest.read_text(encoding="utf-8").strip(), (
            f"migration {digest.stem} was released and is never edited; write a new one"
        )
    for stored in sorted(FOLDER.glob("*.sql.gz")):
        bring_forward(gzip.decompress(stored.read_bytes()).decode().split("\n;;\n"))


def releases(changelog: str) -> list[str]:
    """Headings of versions in a changelog."""
    return re.findall(r"^## \[?(\d+\.\d+\.\d+\S*?)\]?(?:\s|$)", changelog, re.MULTILINE)


def test_a_release_is_not_made_without_freezing_its_schema() -> None:
    assert releases("# Changelog\n\n## Unreleased\n") == []
    assert releases("## Unreleased\n\n## [1.2.0] - 2027-01-01\n## 1.0.0rc1\n") == ["1.2.0", "1.0.0rc1"]
    if releases(CHANGELOG.read_text(encoding="utf-8")):
        assert list(FOLDER.glob("*.sha256")), f"run this file with {FREEZE}=1 and commit what it writes"


def test_a_migration_that_loses_rows_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    newest = max(migrations.available())
    statements = sample_of(newest)
    worse = {**migrations.available(), newest + 1: "DELETE FROM raw.outcomes;"}
    monkeypatch.setattr(migrations, "available", lambda: worse)
    with pytest.raises(AssertionError):
        bring_forward(statements)
