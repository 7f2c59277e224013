"""The content of listings and labels: the same for the same, whenever it was listed and whatever the order."""

from collections.abc import Callable
from datetime import datetime, timedelta

import duckdb
import pytest

from dockml_dagster.warehouse.due.content import labelled_content, listed_content
from dockml_dagster.warehouse.rows import write_visit

AT = datetime(2026, 1, 1)


def listing(connection: duckdb.DuckDBPyConnection, rows: list[tuple[str, str]], *, days: int = 0) -> None:
    """Projects and the hash of what each offers, listed some days later."""
    at = AT + timedelta(days=days)
    connection.execute("DELETE FROM raw.inputs")
    for project, offered in rows:
        connection.execute(
            "INSERT INTO raw.inputs VALUES (?, 'local', 'dockerfiles', 0, ?, ?)", [project, offered, at]
        )
        of_it = {"project": project, "corpus": "local", "source": "s"}
        label = {
            "rater": "r",
            "unit_kind": "project",
            "unit": project,
            "code_system": "category",
            "code": "c",
        }
        write_visit(connection, "raw.projects", [{**of_it, "name": "n", "owner": "o"}], observed_at=at)
        write_visit(connection, "raw.labels", [{**of_it, **label, "codebook_version": "1"}], observed_at=at)


@pytest.mark.parametrize("content", [listed_content, labelled_content])
def test_content_is_of_the_newest_listing(
    raw: duckdb.DuckDBPyConnection, content: Callable[[duckdb.DuckDBPyConnection], str]
) -> None:
    nothing = content(raw)
    listing(raw, [("local/a/b", "1"), ("local/c/d", "1")])
    both = content(raw)
    listing(raw, [("local/c/d", "1"), ("local/a/b", "1")], days=1)
    assert content(raw) == both != nothing
    listing(raw, [("local/a/b", "1")], days=2)
    assert content(raw) != both


def test_another_input_is_another_content(raw: duckdb.DuckDBPyConnection) -> None:
    listing(raw, [("local/a/b", "1")])
    before = listed_content(raw), labelled_content(raw)
    listing(raw, [("local/a/b", "2")], days=1)
    assert listed_content(raw) != before[0]
    assert labelled_content(raw) == before[1]
