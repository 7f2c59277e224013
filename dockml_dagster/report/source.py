"""Queries of the published file for the report, with a record of the statements.

Here: one read-only connection, one corpus, the list of statements that the page shows as the source of its rows.
Not here: formatting (``text``), anything that writes.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dockml_dagster.errors import BadInputError
from dockml_dagster.warehouse.opening import open_published
from dockml_dagster.warehouse.rows import literal, qualified

if TYPE_CHECKING:
    import duckdb

Row = dict[str, Any]
"""Column → value."""


PAPERS_OWN = "ease2022"
"""The corpus of the paper's own projects. In any other corpus, a difference from the paper is first one between projects."""
SAMPLE = "sample"
"""The corpus of examples in this repository."""


class Source:
    """The published file, restricted to one corpus.

    In a statement ``$corpus`` stands for the corpus. ``asked`` has every statement since it was last emptied, with the
    corpus written out, so that it can be pasted into ``dockml sql``.
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection, corpus: str) -> None:
        self.corpus = corpus
        self.asked: list[str] = []
        self._connection = connection
        self._columns: dict[str, tuple[str, ...]] = {}

    def rows(self, statement: str, **values: str) -> list[Row]:
        """The rows of a statement, which is recorded. ``$name`` in it stands for the value of that name."""
        shown = _trimmed(statement)
        for name, value in {"corpus": self.corpus, **values}.items():
            shown = shown.replace(f"${name}", literal(value))
        if shown not in self.asked:
            self.asked.append(shown)
        return self._rows(statement, **values)

    def row(self, statement: str, **values: str) -> Row:
        """The first row of a statement; empty if it has none."""
        found = self.rows(statement, **values)
        return found[0] if found else {}

    def columns(self, table: str) -> tuple[str, ...]:
        """Columns of a table or view, ``schema.table``; none if there is no such table."""
        if table not in self._columns:
            schema, name = table.split(".")
            found = self._rows(
                "SELECT column_name FROM duckdb_columns() "
                f"WHERE schema_name = '{schema}' AND table_name = '{name}' ORDER BY column_index"
            )
            self._columns[table] = tuple(row["column_name"] for row in found)
        return self._columns[table]

    def has_rows(self, table: str) -> bool:
        """Whether the table exists and has a row of this corpus; a table without a column ``corpus`` counts for all."""
        columns = self.columns(table)
        if not columns:
            return False
        where = "WHERE corpus = $corpus" if "corpus" in columns else ""
        return bool(self._rows(f"SELECT 1 AS one FROM {qualified(table)} {where} LIMIT 1"))

    def reasons(self, stage: str) -> list[Row]:
        """Why projects have nothing of a stage: ``reason``, ``projects``, most common first."""
        if not self.columns("staging.outcomes"):
            return []
        return self._rows(
            "SELECT reason, count(DISTINCT project) AS projects FROM staging.outcomes WHERE corpus = $corpus "
            f"AND stage = '{stage}' AND status <> 'collected' AND reason IS NOT NULL "
            "GROUP BY reason ORDER BY projects DESC, reason LIMIT 1"
        )

    def _rows(self, statement: str, **values: str) -> list[Row]:
        corpus = {"corpus": self.corpus} if "$corpus" in statement else {}
        result = self._connection.execute(statement, {**corpus, **values})
        names = [column[0] for column in result.description]
        return [dict(zip(names, row, strict=True)) for row in result.fetchall()]


@contextmanager
def opened(published: Path, corpus: str | None) -> Iterator[Source]:
    """The published file, read-only, for one corpus.

    Raises:
        BadInputError: nothing is published, it has no such corpus, or it has several and none was named.
    """
    if not published.exists():
        raise BadInputError(f"nothing is published in {published.parent.parent} yet; run: dockml study")
    connection = open_published(published)
    try:
        known = _corpora(connection)
        if corpus is None and len(known) == 1:
            corpus = known[0]
        if corpus is None:
            raise BadInputError(f"choose a corpus: --corpus {'|'.join(known)}")
        if corpus not in known:
            raise BadInputError(
                f"the corpus {corpus} is not in {published}; run: dockml study --corpus {corpus}"
            )
        yield Source(connection, corpus)
    finally:
        connection.close()


def published_corpora(published: Path) -> list[str]:
    """The corpora of the published file.

    Raises:
        BadInputError: nothing is published.
    """
    if not published.exists():
        raise BadInputError(f"nothing is published in {published.parent.parent} yet; run: dockml study")
    connection = open_published(published)
    try:
        return _corpora(connection)
    finally:
        connection.close()


def _corpora(connection: duckdb.DuckDBPyConnection) -> list[str]:
    found = connection.execute("SELECT DISTINCT corpus FROM raw.listings ORDER BY 1").fetchall()
    return [str(row[0]) for row in found]


def _trimmed(statement: str) -> str:
    lines = [line.rstrip() for line in statement.strip("\n").splitlines()]
    indent = min((len(line) - len(line.lstrip()) for line in lines if line), default=0)
    return "\n".join(line[indent:] for line in lines).strip()
