"""Which texts of Dockerfiles a reader did not see yet.

Here: choosing them, by content. Not here: which projects are due (``due``), reading (``study``, ``hadolint``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import duckdb


def texts_to_lint(connection: duckdb.DuckDBPyConnection, tool_version: str) -> list[str]:
    """SHA-256 of every distinct Dockerfile text that this version of hadolint did not see yet, in order."""
    return _unseen_texts(connection, "raw.dockerfile_lint", "tool_version", tool_version)


def texts_to_read(connection: duckdb.DuckDBPyConnection, reader_version: str) -> list[str]:
    """SHA-256 of every distinct Dockerfile text that this version of the reader did not read yet, in order."""
    return _unseen_texts(connection, "raw.dockerfile_readings", "reader_version", reader_version)


def _unseen_texts(
    connection: duckdb.DuckDBPyConnection, seen_in: str, version_column: str, version: str
) -> list[str]:
    found = connection.execute(
        f"""
        SELECT found.sha256
        FROM raw.dockerfiles AS found
        WHERE NOT EXISTS (
            SELECT 1 FROM {seen_in} AS known
            WHERE known.sha256 = found.sha256 AND known.{version_column} = ?
        )
        GROUP BY found.sha256
        ORDER BY found.sha256
        """,
        [version],
    )
    return [row[0] for row in found.fetchall()]
