"""Asking the published file: the read-only side of every command.

Here: opening it, running one query, naming what it has. Not here: formatting (``output``), writing anything.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from dockml_dagster.errors import BadInputError
from dockml_dagster.settings import Settings
from dockml_dagster.warehouse.opening import open_published
from dockml_dagster.warehouse.rows import qualified, quote


@dataclass(frozen=True, slots=True)
class Answer:
    """Columns and rows of a query."""

    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]


def query(settings: Settings, sql: str, parameters: Sequence[object] = ()) -> Answer:
    """Run one query on the published file.

    Raises:
        BadInputError: nothing was published yet, or DuckDB refuses the query; the text says why.
    """
    import duckdb

    if not settings.published.exists():
        raise BadInputError(f"nothing is published in {settings.home} yet; run: dockml study")
    connection = open_published(settings.published)
    try:
        _check(connection.extract_statements(sql))
        result = connection.execute(sql, list(parameters))
        if result is None or result.description is None:
            raise BadInputError('there is no statement to run; try: dockml sql "FROM findings.funnel"')
        return Answer(tuple(column[0] for column in result.description), tuple(result.fetchall()))
    except duckdb.Error as error:
        # What follows is the statement again, with a mark below it that one line cannot hold.
        message = str(error).split("\n\nLINE ")[0].split("\nLINE ")[0]
        raise BadInputError(" ".join(message.split())) from error
    finally:
        connection.close()


_ASKS: Final = {
    "SELECT": re.compile(""),
    "EXPLAIN": re.compile(""),
    "MULTI": re.compile(r"\s*(PIVOT|FROM|SELECT|WITH)\b", re.IGNORECASE),
    "PRAGMA": re.compile(
        r"\s*PRAGMA\s+(table_info|storage_info|show_tables|database_(size|list)|version|functions)\b",
        re.IGNORECASE,
    ),
}
"""Kind of a statement, as DuckDB parses it, and how the text of one begins that only asks."""


def _check(statements: Sequence[Any]) -> None:
    """One query and nothing else: of several the last alone would be shown, and settings are not the asker's."""
    if not statements:
        raise BadInputError('there is no statement to run; try: dockml sql "FROM findings.funnel"')
    *before, last = statements
    # PIVOT is a type that is made first, without a text of its own, and the query.
    if any(statement.query.strip() for statement in before):
        raise BadInputError(f"one query is run at a time, these are {len(statements)}")
    # DuckDB 2 leaves as they are what 1.5 rewrites as a SELECT.
    asks = _ASKS.get(last.type.name)
    if asks is None or not asks.match(last.query):
        kind = last.type.name.lower()
        raise BadInputError(f"a query is run: SELECT, FROM, SHOW, DESCRIBE, EXPLAIN; this is {kind}")


def findings(settings: Settings) -> list[str]:
    """Names of the findings tables."""
    answer = query(
        settings, "SELECT table_name FROM duckdb_tables() WHERE schema_name = 'findings' ORDER BY 1"
    )
    return [row[0] for row in answer.rows]


def finding(settings: Settings, name: str, corpus: str | None) -> Answer:
    """One findings table, of one corpus where ``corpus`` is given.

    Raises:
        BadInputError: no findings table is called so (names the closest), or the corpus was never collected.
    """
    name = name.removeprefix("findings.")
    names = findings(settings)
    if name not in names:
        close = difflib.get_close_matches(name, names, n=1)
        hint = f"did you mean {close[0]}?" if close else f"there are {', '.join(names)}"
        raise BadInputError(f"no findings table is called {name!r}; {hint}")
    sql = f"SELECT * FROM {qualified(f'findings.{name}')}"
    if corpus is None:
        return query(settings, sql)
    answer = query(settings, f"{sql} WHERE {quote('corpus')} = ?", [corpus])
    if not answer.rows and not query(settings, "FROM raw.listings WHERE corpus = ?", [corpus]).rows:
        raise BadInputError(
            f"nothing of the corpus {corpus} is published; run: dockml study --corpus {corpus}"
        )
    return answer
