"""Everything that is due in a corpus, and the record of builds of the findings.

Here: comparing and recording builds, and combining listing, stages and findings. Not here: which
stages are due (``query``), where a version comes from (``warehouse.versions``), doing what is due (``defs``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from dockml_dagster.warehouse.due.query import Due, due, listed, moment

if TYPE_CHECKING:
    import duckdb


COMPUTED = ("rebuilds", "dockerfile_readings", "file_facts", "machine_labels", "image_links")
"""Stages that a run of the findings computes itself: their outcomes do not make the findings due."""


@dataclass(frozen=True, slots=True)
class Seen:
    """The state of the warehouse: the newest moment of its outcomes and listings, and their number.

    Both are needed with many writers: one may take its moment before another and commit after it.
    """

    at: datetime | None
    rows: int


def seen(connection: duckdb.DuckDBPyConnection) -> Seen:
    """The present state of everything that findings are made from."""
    answer = connection.execute(
        """
        SELECT max(happened_at), count(*)
        FROM (
            SELECT observed_at AS happened_at FROM raw.outcomes WHERE NOT list_contains($computed, stage)
            UNION ALL SELECT listed_at FROM raw.listings
        )
        """,
        {"computed": list(COMPUTED)},
    ).fetchone()
    return Seen(answer[0], int(answer[1])) if answer else Seen(None, 0)


@dataclass(frozen=True, slots=True)
class Work:
    """All that is due: whether to list the corpus, which stages of which projects, whether to build findings."""

    listing: bool
    stages: Sequence[Due]
    findings: bool

    @property
    def nothing(self) -> bool:
        """Whether everything is up to date."""
        return not (self.listing or self.stages or self.findings)


def work_due(
    connection: duckdb.DuckDBPyConnection,
    *,
    corpus: str,
    fingerprint: str,
    method_version: str,
    methods: Mapping[str, str],
    build_version: str,
    storage: str | None,
) -> Work:
    """Compare the present source, code and SQL with the recorded work.

    ``method_version``: of listing the corpus; ``methods``: of its stages. ``storage``: of Dagster, which must know of it.
    """
    return Work(
        listing=listed(connection, corpus, storage=storage) != (fingerprint, method_version),
        stages=due(connection, corpus, methods, storage=storage),
        findings=not built(connection, build_version, storage=storage),
    )


def built(
    connection: duckdb.DuckDBPyConnection,
    version: str,
    *,
    newer_than: datetime | None = None,
    storage: str | None,
) -> bool:
    """Whether the current findings were made by this version, and from everything recorded so far.

    ``newer_than``: findings made later than this, by any version, count as made by this one. ``storage``: the storage of
    Dagster that must know of some findings.
    """
    answer = connection.execute(
        """
        SELECT version, seen_to, seen_rows, built_at,
            bool_or(dagster_storage IS NOT DISTINCT FROM $storage) OVER () AS is_known
        FROM raw.builds
        ORDER BY built_at DESC
        LIMIT 1
        """,
        {"storage": storage},
    ).fetchone()
    if answer is None:
        return False
    by, seen_to, seen_rows, built_at, is_known = answer
    knows = by == version or (newer_than is not None and built_at > newer_than)
    return is_known and knows and Seen(seen_to, seen_rows) == seen(connection)


def last_build_version(connection: duckdb.DuckDBPyConnection) -> str | None:
    """Version of everything that computed the current findings; None if there are none."""
    row = connection.execute("SELECT arg_max(version, built_at) FROM raw.builds").fetchone()
    return row[0] if row else None


def record_build(
    connection: duckdb.DuckDBPyConnection, version: str, before: Seen, *, storage: str | None
) -> None:
    """Record that findings were built and are about to be published. ``before``: ``seen`` before the build began;
    ``storage``: the storage of Dagster that is told of it.
    """
    # Later than the previous build, even if the clock was set back.
    connection.execute(
        "INSERT INTO raw.builds BY NAME SELECT $version AS version, $at::TIMESTAMP AS seen_to, $rows AS seen_rows, "
        "greatest($now, max(built_at) + INTERVAL 1 microsecond) AS built_at, $storage AS dagster_storage FROM raw.builds",
        {
            "version": version,
            "at": before.at,
            "rows": before.rows,
            "now": moment(connection),
            "storage": storage,
        },
    )


def record_figures(connection: duckdb.DuckDBPyConnection) -> None:
    """Store the watched figures of the current findings, for comparison with the next build."""
    # Only changed figures, so that a build without changes adds nothing.
    connection.execute(
        """
        INSERT INTO raw.figures BY NAME
        SELECT now.corpus, now.figure, now.value, now.n, ? AS built_at
        FROM findings.watched_figures AS now
        WHERE NOT EXISTS (
            SELECT 1
            FROM (
                SELECT corpus, figure, arg_max_null(value, built_at) AS value, arg_max(n, built_at) AS n
                FROM raw.figures
                GROUP BY corpus, figure
            ) AS known
            WHERE known.corpus = now.corpus AND known.figure = now.figure AND known.n = now.n
                AND known.value IS NOT DISTINCT FROM now.value
        )
        """,
        [moment(connection)],
    )
