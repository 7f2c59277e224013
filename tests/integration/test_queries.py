"""The queries of ``docs/queries.md`` run as they stand on the sample's published file, and answer."""

import re
from pathlib import Path

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
