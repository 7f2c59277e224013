"""Stages that failed but may succeed later: of how many projects, why, and when to retry.

Here: one query of outcomes. Not here: what else is due (``query``), waiting.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import duckdb

_DELAYED = """
    WITH newest AS (
        SELECT done.project, done.stage, max(done.observed_at) AS observed_at
        FROM raw.outcomes AS done
        JOIN raw.inputs AS wanted ON wanted.project = done.project AND wanted.stage = done.stage
        WHERE done.corpus = $corpus AND done.subject = ''
        GROUP BY done.project, done.stage
        HAVING arg_max(done.retryable, done.observed_at)
    ),
    reasons AS (
        SELECT said.project, said.reason, said.retry_at
        FROM newest
        JOIN raw.outcomes AS said
            ON said.project = newest.project AND said.stage = newest.stage AND said.observed_at = newest.observed_at
        WHERE said.retryable AND regexp_matches(said.reason, '(^|: )(limited|pull_limit|abuse_limit): ')
    )
    SELECT
        (SELECT count(DISTINCT project) FROM newest),
        (SELECT count(DISTINCT project) FROM reasons),
        (SELECT any_value(reason ORDER BY retry_at, reason) FROM reasons),
        (SELECT min(retry_at) FROM reasons)
"""


@dataclass(frozen=True, slots=True)
class Delayed:
    """``failed``: projects with a stage that failed but may succeed later; ``limited``: those of them that hit a limit, with
    a reason and the earliest moment at which one may be over (unix time; None: unknown).
    """

    failed: int
    limited: int
    reason: str | None
    retry_at: float | None


def delayed(connection: duckdb.DuckDBPyConnection, corpus: str) -> Delayed:
    """The delayed stages of a corpus's listed projects."""
    row = connection.execute(_DELAYED, {"corpus": corpus}).fetchone()
    failed, limited, reason, at = row or (0, 0, None, None)
    return Delayed(failed, limited, reason, None if at is None else at.replace(tzinfo=UTC).timestamp())


def not_asked(connection: duckdb.DuckDBPyConnection, corpus: str) -> int:
    """Number of candidates in the newest listing whose selection is still open."""
    row = connection.execute(
        """
        SELECT count(DISTINCT name)
        FROM raw.candidates
        WHERE corpus = $corpus AND not_asked_because IS NOT NULL
            AND last_seen = (SELECT max(listed_at) FROM raw.listings WHERE corpus = $corpus)
        """,
        {"corpus": corpus},
    ).fetchone()
    return int(row[0]) if row else 0
