"""The data dictionary: every documented table and column of a file, with its type and key."""

from pathlib import Path

import duckdb

from dockml_dagster.warehouse.models import load
from dockml_dagster.warehouse.published.dictionary import NAME, SCHEMAS, write_dictionary

FILES = {
    "core/numbers.sql": "SELECT 1 AS number, 2 AS of",
    "core/core.yml": """
models:
  - name: numbers
    description: One row a <number>.
    data_tests:
      - dbt_utils.unique_combination_of_columns: {combination_of_columns: [number, of]}
    columns: [{name: number, description: A number.}, {name: of, description: Of what.}]
""",
}


def test_the_page_has_what_the_property_files_say(tmp_path: Path) -> None:
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    published = tmp_path / "dockml.duckdb"
    with duckdb.connect(str(published)) as connection:
        connection.execute(
            "CREATE SCHEMA core; CREATE TABLE core.numbers AS SELECT 1::BIGINT AS number, 2::BIGINT AS of"
        )
    page = write_dictionary(published, load(tmp_path))
    assert page == tmp_path / NAME
    text = page.read_text(encoding="utf-8")
    assert "One row a &lt;number&gt;. Key: <code>number, of</code>." in text
    assert "<td><code>number</code></td><td>BIGINT</td><td>A number.</td>" in text
    assert not list(tmp_path.glob(".*"))


def test_every_schema_has_a_meaning() -> None:
    assert {model.schema for model in load().by_name.values()} == set(SCHEMAS)
