"""The queries of ``docs/queries.md`` run as they stand on the sample's published file, and answer."""

import re
import stat
from pathlib import Path
from typing import Any

import duckdb
import pytest

PAGE = Path(__file__).parents[2] / "docs" / "queries.md"
QUERIES = re.findall(
    r"^(\S[^\n]*):\n\n```sql\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE
)


@pytest.mark.parametrize(("question", "sql"), QUERIES, ids=[question[:30] for question, _ in QUERIES])
def test_a_query_of_the_page_answers(finished, question: str, sql: str) -> None:
    with duckdb.connect(str(finished[0] / "published" / "dockml.duckdb"), read_only=True) as connection:
        assert connection.execute(sql).fetchall(), question
    assert not re.search(r"list_contains|unnest|\"", sql), "a join and a name do"


def test_the_page_has_queries() -> None:
    assert len(QUERIES) == 8


def test_programs_read_the_file_as_the_page_says(finished) -> None:
    published = finished[0] / "published" / "dockml.duckdb"
    assert stat.S_IMODE(published.stat().st_mode) == 0o444
    (program,) = [
        block
        for block in re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
        if "import duckdb" in block
    ]
    names: dict[str, Any] = {}
    exec(program.replace("published/dockml.duckdb", str(published)), names)
    rows = len(names["rows"])
    assert rows == len(names["pandas_frame"]) == len(names["polars_frame"]) > 0
