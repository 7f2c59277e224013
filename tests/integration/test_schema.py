"""The schema that is written down (``docs/tables.md``) is that of a finished study."""

from tests.conventions.pages import TABLES, tables_page


def test_tables_columns_types_and_meanings_are_those_written_down(finished) -> None:
    """After 0.1.0 a raw table changes by a migration alone, and the changelog says which columns came or went."""
    written = TABLES.read_text(encoding="utf-8").splitlines()
    found = tables_page(finished[0] / "published" / "dockml.duckdb").splitlines()
    assert sorted({*found} - {*written}) == [], "not written down: run `make schema`"
    assert sorted({*written} - {*found}) == [], "not there any more: run `make schema`"
    assert found == written
