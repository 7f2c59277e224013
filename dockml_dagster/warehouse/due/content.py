"""Hashes of the current listings and labels: the data versions of the assets ``repo_list`` and ``labels``.

Here: hashes of content over all corpora, in any order. Not here: the effects of a change (Dagster, ``query``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import duckdb

_LISTED = """
    SELECT concat_ws(
        '-',
        (SELECT format('{:x}', coalesce(bit_xor(hash(project, stage, input_hash)), 0)) FROM raw.inputs),
        (SELECT format('{:x}', coalesce(bit_xor(hash(row_hash, project)), 0)) FROM (
            SELECT project, row_hash FROM raw.projects
            QUALIFY last_seen = max(last_seen) OVER (PARTITION BY corpus)
            UNION ALL
            SELECT project, row_hash FROM raw.candidates
            QUALIFY last_seen = max(last_seen) OVER (PARTITION BY corpus)
        ))
    )
"""
_LABELLED = """
    SELECT format('{:x}', coalesce(bit_xor(hash(row_hash, project)), 0)) FROM (
        SELECT project, row_hash FROM raw.labels
        QUALIFY last_seen = max(last_seen) OVER (PARTITION BY corpus, source)
        UNION ALL
        SELECT project, row_hash FROM raw.base_image_labels
        QUALIFY last_seen = max(last_seen) OVER (PARTITION BY corpus)
    )
"""


def listed_content(connection: duckdb.DuckDBPyConnection) -> str:
    """Changes when the projects of a listing, their metadata, or the input of their stages change."""
    return _one(connection, _LISTED)


def labelled_content(connection: duckdb.DuckDBPyConnection) -> str:
    """Changes when people's labels change."""
    return _one(connection, _LABELLED)


def _one(connection: duckdb.DuckDBPyConnection, statement: str) -> str:
    answer = connection.execute(statement).fetchone()
    assert answer
    return str(answer[0])
