"""Querying the published file: the read-only side of every command.

Here: opening it, running one query, listing its findings. Not here: formatting (``commands.output``), any writing.
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
        # DuckDB then repeats the statement with a mark below it, which does not fit on one line.
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
"""Kind of statement by DuckDB's parser → how the text of a read-only one begins."""


def _check(statements: Sequence[Any]) -> None:
    """Allow one query only: of several statements only the last would be shown, and users must not change settings."""
    if not statements:
        raise BadInputError('there is no statement to run; try: dockml sql "FROM findings.funnel"')
    *before, last = statements
    # DuckDB turns PIVOT into a statement without text, which creates a type, and the query.
    if any(statement.query.strip() for statement in before):
        raise BadInputError(f"one query is run at a time, these are {len(statements)}")
    # DuckDB 2 leaves statements unchanged that 1.5 rewrites as a SELECT.
    asks = _ASKS.get(last.type.name)
    if asks is None or not asks.match(last.query):
        kind = last.type.name.lower()
        raise BadInputError(f"only queries are run (SELECT, FROM, SHOW, DESCRIBE, EXPLAIN); this is {kind}")


def findings(settings: Settings) -> list[str]:
    """Names of the findings tables."""
    answer = query(
        settings, "SELECT table_name FROM duckdb_tables() WHERE schema_name = 'findings' ORDER BY 1"
    )
    return [row[0] for row in answer.rows]


def finding(settings: Settings, name: str, corpus: str | None) -> Answer:
    """One findings table, of one corpus if ``corpus`` is given.

    Raises:
        BadInputError: there is no such findings table (the text suggests the closest), or the corpus was never listed.
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
