"""Writing collected rows: idempotent, append-only by content hash.

Here: writing rows (mappings of column → plain Python value) inside a caller's transaction.
Not here: what the rows mean (``corpora``), when they are due (``due``).

A visit is one collection of one project at one stage at one moment. Rows that an earlier visit stored only get a new
``last_seen``; new rows are inserted; rows that were not seen keep their old ``last_seen``. So the rows of the newest visit
are those whose ``last_seen`` equals the ``observed_at`` of the stage's newest outcome.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import duckdb

Row = Mapping[str, Any]

PROVENANCE = ("source", "source_file", "source_row")
"""Where a row came from. Part of its identity: two equal lines of a file are two rows."""


def quote(identifier: str) -> str:
    """An SQL identifier, quoted. Names from data become part of a statement only through this."""
    return '"' + identifier.replace('"', '""') + '"'


def qualified(name: str) -> str:
    """``schema.table`` with both parts quoted."""
    return ".".join(quote(part) for part in name.split("."))


def literal(value: object) -> str:
    """A value as an SQL literal, for statements that take no bound parameters (ATTACH, COPY, COMMENT, CREATE VIEW …)."""
    return "'" + str(value).replace("'", "''") + "'"


def row_hash(row: Row) -> str:
    """SHA-256 over a row's columns by name: the identity under which it is stored once."""
    return hashlib.sha256(_sorted_json(row).encode("utf-8", "surrogatepass")).hexdigest()


def _plain(value: object) -> str:
    if isinstance(value, bytes):
        return hashlib.sha256(value).hexdigest()
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(f"no stable text for {type(value).__name__}")


_sorted_json = json.JSONEncoder(
    sort_keys=True, default=_plain, ensure_ascii=False, separators=(",", ":")
).encode
"""Shared, because ``json.dumps`` would make an encoder for every row."""


def columns_of(connection: duckdb.DuckDBPyConnection, table: str) -> dict[str, str]:
    """Column name → DuckDB type, in table order."""
    return {row[0]: row[1] for row in connection.execute(f"DESCRIBE {qualified(table)}").fetchall()}


def insert(connection: duckdb.DuckDBPyConnection, table: str, rows: Sequence[Row]) -> int:
    """Append rows. Columns missing in a row are NULL; a column missing in the table is an error.

    Raises:
        ValueError: a row names a column that the table lacks.
    """
    if not rows:
        return 0
    stage(connection, table, rows)
    connection.execute(f"INSERT INTO {qualified(table)} BY NAME SELECT * FROM incoming")
    connection.execute("DROP TABLE incoming")
    return len(rows)


def has_rows(connection: duckdb.DuckDBPyConnection, table: str, keys: Mapping[str, Sequence[str]]) -> bool:
    """Whether a table has rows with one of the ``keys`` (column → values, as parallel lists)."""
    statement = f"SELECT 1 FROM {qualified(table)} WHERE {_has_key(keys)} LIMIT 1"
    return connection.execute(statement, _lists(keys)).fetchone() is not None


def replace(
    connection: duckdb.DuckDBPyConnection, table: str, keys: Mapping[str, Sequence[str]], rows: Sequence[Row]
) -> int:
    """Replace all rows with one of the ``keys`` (column → values, as parallel lists) by ``rows``; returns the new number."""
    connection.execute(f"DELETE FROM {qualified(table)} WHERE {_has_key(keys)}", _lists(keys))
    return insert(connection, table, rows)


def _has_key(keys: Mapping[str, Sequence[str]]) -> str:
    columns = ", ".join(map(quote, keys))
    values = ", ".join(f"unnest(${column})" for column in keys)
    return f"({columns}) IN (SELECT ({values}))"


def _lists(keys: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    return {column: list(some) for column, some in keys.items()}


def write_visit(
    connection: duckdb.DuckDBPyConnection, table: str, rows: Iterable[Row], *, observed_at: datetime
) -> int:
    """Store the rows of one table that visits at ``observed_at`` saw; returns how many were new.

    Each row has ``project`` (or None), ``corpus`` and the columns of ``PROVENANCE``; ``row_hash``,
    ``first_seen`` and ``last_seen`` are added here.
    """
    seen = observed_at.isoformat()  # once, not for each of a hundred thousand rows
    hashed = [{**row, "row_hash": row_hash(row), "first_seen": seen, "last_seen": seen} for row in rows]
    if not hashed:
        return 0
    stage(connection, table, hashed)
    target = qualified(table)
    # First update last_seen of known rows, then insert the new ones. IS NOT DISTINCT FROM,
    # because rows that belong to no project have project NULL.
    same = "known.row_hash = incoming.row_hash AND known.project IS NOT DISTINCT FROM incoming.project"
    connection.execute(
        f"UPDATE {target} AS known SET last_seen = incoming.last_seen FROM incoming WHERE {same}"
    )
    added = connection.execute(
        f"INSERT INTO {target} BY NAME SELECT * FROM incoming "
        f"WHERE NOT EXISTS (SELECT 1 FROM {target} AS known WHERE {same})"
    ).fetchone()
    connection.execute("DROP TABLE incoming")
    return int(added[0]) if added else 0


def stage(connection: duckdb.DuckDBPyConnection, table: str, rows: Sequence[Row]) -> None:
    """Load the rows into the temporary table ``incoming``, typed like ``table``; raises DuckDB's error for a wrong type."""
    import pandas as pd

    types = columns_of(connection, table)
    named = {column for row in rows for column in row}
    if unknown := named - types.keys():
        raise ValueError(f"{table} has no column {', '.join(sorted(unknown))}")
    used = [column for column in types if column in named]
    # The type of every column is given, because DuckDB guesses it from a sample: an INTEGER guessed from the first thousand
    # rows fails at the first large number. Lists are passed as JSON text for the same reason.
    frame = pd.DataFrame(
        {
            column: pd.Series(
                _cells([row.get(column) for row in rows], types[column]),
                dtype=_PANDAS_TYPES.get(types[column], "object"),
            )
            for column in used
        }
    )
    casts = ", ".join(_cast(column, types[column]) for column in used)
    connection.register("incoming_frame", frame)
    try:
        connection.execute(f"CREATE OR REPLACE TEMP TABLE incoming AS SELECT {casts} FROM incoming_frame")
    finally:
        connection.unregister("incoming_frame")


_PANDAS_TYPES: dict[str, Any] = {
    "BIGINT": "Int64",
    "DOUBLE": "Float64",
    "BOOLEAN": "boolean",
}


def _cells(values: list[Any], type_name: str) -> list[Any]:
    """One column in the form for pandas. Most cells of a study are missing or plain text and need no conversion."""
    if type_name in _PANDAS_TYPES:
        return values
    return [
        value if value is None or (value.__class__ is str and value.isascii()) else _cell(value)
        for value in values
    ]


_encode = json.JSONEncoder(ensure_ascii=False).encode


def _cell(value: Any) -> Any:
    if isinstance(value, list | tuple):
        return _unicode(_encode(value)) if value else "[]"
    if isinstance(value, datetime):
        return value.isoformat()
    return _unicode(value) if isinstance(value, str) else value


_LONE_SURROGATE = re.compile("[\ud800-\udfff]")


def _unicode(text: str) -> str:
    """Text that DuckDB can hold. File names that are not UTF-8 have lone surrogates, which make an insert fail."""
    return text if text.isascii() else _LONE_SURROGATE.sub("\ufffd", text)


def _cast(column: str, type_name: str) -> str:
    name = quote(column)
    if type_name.endswith("[]"):
        return f"from_json({name}::VARCHAR, '[\"{type_name[:-2]}\"]') AS {name}"
    return f"CAST({name} AS {type_name}) AS {name}"


def combined_hash(parts: Iterable[str | bytes]) -> str:
    """One SHA-256 over parts, each preceded by its length, so that different lists of parts do not collide."""
    digest = hashlib.sha256()
    for part in parts:
        data = part.encode("utf-8", "surrogatepass") if isinstance(part, str) else part
        digest.update(len(data).to_bytes(8, "big") + data)
    return digest.hexdigest()
