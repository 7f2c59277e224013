"""What is due: one query over a corpus's listing and the outcomes so far.

Used by the assets, the sensors and ``dockml study`` alike. Here: recording listings and outcomes, and the
comparison. Not here: doing what is due (``defs``), reading a corpus (``corpora``).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from dockml_dagster.warehouse.rows import insert, qualified, write_visit

if TYPE_CHECKING:
    import duckdb

_DUE = """
    WITH latest AS (
        SELECT
            project,
            stage,
            arg_max(retryable, observed_at) AS retryable,
            arg_max_null(input_hash, observed_at) AS input_hash,
            arg_max_null(method_version, observed_at) AS method_version,
            max(observed_at) AS observed_at,
            max(observed_at) FILTER (NOT retryable) AS answered_at
        FROM raw.outcomes
        WHERE corpus = $corpus AND subject = '' AND project IS NOT NULL
            AND ($projects IS NULL OR project IN (SELECT unnest($projects::VARCHAR[])))
        GROUP BY project, stage
    ),
    failures AS (
        SELECT failed.project, failed.stage, count(*) AS n
        FROM raw.outcomes AS failed
        JOIN latest ON latest.project = failed.project AND latest.stage = failed.stage
        WHERE failed.retryable AND failed.subject = '' AND failed.corpus = $corpus
            AND (latest.answered_at IS NULL OR failed.observed_at > latest.answered_at)
        GROUP BY failed.project, failed.stage
    ),
    asked AS (
        SELECT project, stage, max(asked_at) AS asked_at
        FROM raw.revisits
        WHERE corpus = $corpus
        GROUP BY project, stage
    ),
    told AS (
        SELECT project, stage, max(observed_at) AS observed_at
        FROM raw.reported
        WHERE corpus = $corpus AND dagster_storage IS NOT DISTINCT FROM $storage
            AND ($projects IS NULL OR project IN (SELECT unnest($projects::VARCHAR[])))
        GROUP BY project, stage
    )
    SELECT
        wanted.project,
        wanted.stage,
        CASE
            WHEN latest.project IS NULL THEN 'new'
            WHEN latest.input_hash IS DISTINCT FROM wanted.input_hash THEN 'changed'
            WHEN latest.method_version IS DISTINCT FROM methods.version THEN 'method changed'
            WHEN asked.asked_at > latest.observed_at THEN 'asked again'
            WHEN latest.retryable THEN 'failed for now'
            WHEN told.observed_at IS DISTINCT FROM latest.observed_at THEN 'not reported'
        END AS reason,
        coalesce(failures.n, 0) AS failures,
        latest.observed_at
    FROM raw.inputs AS wanted
    LEFT JOIN (SELECT unnest($stages) AS stage, unnest($versions) AS version) AS methods
        ON methods.stage = wanted.stage
    LEFT JOIN latest ON latest.project = wanted.project AND latest.stage = wanted.stage
    LEFT JOIN failures ON failures.project = wanted.project AND failures.stage = wanted.stage
    LEFT JOIN asked ON asked.project = wanted.project AND asked.stage = wanted.stage
    LEFT JOIN told ON told.project = wanted.project AND told.stage = wanted.stage
    WHERE wanted.corpus = $corpus AND reason IS NOT NULL
        AND ($projects IS NULL OR wanted.project IN (SELECT unnest($projects::VARCHAR[])))
    ORDER BY wanted.position, wanted.stage
"""


@dataclass(frozen=True, slots=True)
class Due:
    """One stage of one project to be done.

    ``reason``: new, changed, method changed, asked again, failed for now, not reported. ``not reported``: the rows are
    stored, but Dagster was not told (a crash in between, or a new storage of Dagster). ``failures``: consecutive
    failures; ``observed_at``: when it was last tried (UTC), None if never.
    """

    project: str
    stage: str
    reason: str
    failures: int = 0
    observed_at: datetime | None = None

    @property
    def to_collect(self) -> bool:
        """Whether the corpus has to be read; otherwise only a report to Dagster is missing."""
        return self.reason != "not reported"


def due(
    connection: duckdb.DuckDBPyConnection,
    corpus: str,
    methods: Mapping[str, str],
    projects: Sequence[str] | None = None,
    *,
    storage: str | None,
) -> list[Due]:
    """Everything due in a corpus, or in some of its projects, in the corpus's own order.

    ``methods``: stage → version of the code that collects it. ``storage``: the storage of Dagster that must know of it
    (``storages.storage_of``).
    """
    rows = connection.execute(
        _DUE,
        {
            "corpus": corpus,
            "stages": list(methods),
            "versions": list(methods.values()),
            "projects": None if projects is None else list(projects),
            "storage": storage,
        },
    ).fetchall()
    return [Due(*row) for row in rows]


def ask_again(
    connection: duckdb.DuckDBPyConnection, corpus: str, wanted: Iterable[tuple[str, str]], reason: str
) -> int:
    """Make these (project, stage) due although nothing in the listing has changed; returns how many."""
    asked_at = moment(connection)
    return insert(
        connection,
        "raw.revisits",
        [
            {"project": project, "corpus": corpus, "stage": stage, "reason": reason, "asked_at": asked_at}
            for project, stage in wanted
        ],
    )


def followed(connection: duckdb.DuckDBPyConnection) -> list[str]:
    """Corpora that were ever listed: those that sensors and schedules keep up to date."""
    return [
        row[0] for row in connection.execute("SELECT DISTINCT corpus FROM raw.listings ORDER BY 1").fetchall()
    ]


def with_dockerfiles(connection: duckdb.DuckDBPyConnection) -> list[str]:
    """Corpora with at least one collected Dockerfile."""
    return [
        row[0]
        for row in connection.execute("SELECT DISTINCT corpus FROM raw.dockerfiles ORDER BY 1").fetchall()
    ]


def listed(
    connection: duckdb.DuckDBPyConnection, corpus: str, *, storage: str | None
) -> tuple[str, str] | None:
    """Fingerprint and method version of the newest listing; None: this storage of Dagster knows of none."""
    answer: tuple[str, str] | None = connection.execute(
        """
        SELECT arg_max(fingerprint, listed_at), arg_max(method_version, listed_at)
        FROM raw.listings
        WHERE corpus = $corpus
        HAVING bool_or(dagster_storage IS NOT DISTINCT FROM $storage)
        """,
        {"corpus": corpus, "storage": storage},
    ).fetchone()
    return answer


def projects(connection: duckdb.DuckDBPyConnection, corpus: str) -> list[str]:
    """Partition keys of a corpus as last listed, in its own order."""
    rows = connection.execute(
        "SELECT project FROM raw.inputs WHERE corpus = ? GROUP BY project ORDER BY min(position), project",
        [corpus],
    ).fetchall()
    return [row[0] for row in rows]


def changed_at(connection: duckdb.DuckDBPyConnection) -> datetime | None:
    """When a listing or collection was last made or tried; None: never."""
    answer = connection.execute(
        "SELECT greatest((SELECT max(observed_at) FROM raw.outcomes), (SELECT max(listed_at) FROM raw.listings))"
    ).fetchone()
    return answer[0] if answer else None


def moment(connection: duckdb.DuckDBPyConnection) -> datetime:
    """Now, in UTC without zone; always later than any recorded moment, even if the clock was set back."""
    now = datetime.now(UTC).replace(tzinfo=None)
    newest = changed_at(connection)
    return now if newest is None or now > newest else newest + timedelta(microseconds=1)


def record_listing(
    connection: duckdb.DuckDBPyConnection,
    *,
    corpus: str,
    fingerprint: str,
    method_version: str,
    source: str,
    projects: Sequence[str],
    inputs: Mapping[str, Mapping[str, str]],
    rows: Mapping[str, Iterable[Mapping[str, Any]]],
    outcomes: Iterable[Mapping[str, Any]],
    listed_at: datetime,
    as_of: datetime | None = None,
    is_complete: bool = True,
    storage: str | None,
) -> dict[str, int]:
    """Store a listing, whose inputs become the wanted ones; returns the number of new rows by table.

    ``is_complete``: whether missing projects have left; else the earlier listing's rows of them stay current. ``storage``:
    the storage of Dagster that is told of it.
    """
    kept = [] if is_complete else unlisted(connection, corpus, projects)
    new = {
        table: write_visit(connection, table, found, observed_at=listed_at) for table, found in rows.items()
    }
    keep_current(connection, rows, corpus=corpus, stage="repo_list", kept=kept, at=listed_at)
    connection.execute(
        "DELETE FROM raw.inputs WHERE corpus = $corpus AND project NOT IN (SELECT unnest($kept::VARCHAR[]))",
        {"corpus": corpus, "kept": kept},
    )
    insert(
        connection,
        "raw.inputs",
        [
            {
                "project": project,
                "corpus": corpus,
                "stage": stage,
                "position": position,
                "input_hash": hashes[project],
                "listed_at": listed_at,
            }
            for stage, hashes in inputs.items()
            for position, project in enumerate(projects)
        ],
    )
    record_outcomes(connection, outcomes)
    insert(
        connection,
        "raw.listings",
        [
            {
                "corpus": corpus,
                "fingerprint": fingerprint,
                "method_version": method_version,
                "source": source,
                "projects": len(projects),
                "listed_at": listed_at,
                "as_of": as_of,
                "dagster_storage": storage,
            }
        ],
    )
    return new


def unlisted(connection: duckdb.DuckDBPyConnection, corpus: str, listed_now: Sequence[str]) -> list[str]:
    """Projects that are in the newest listing of a corpus but not in ``listed_now``, in order."""
    found = set(listed_now)
    return [project for project in projects(connection, corpus) if project not in found]


def keep_current(
    connection: duckdb.DuckDBPyConnection,
    tables: Iterable[str],
    *,
    corpus: str,
    stage: str,
    kept: Sequence[str],
    at: datetime,
) -> None:
    """Mark the earlier rows of projects that could not be read as seen by the visit at ``at``: they stay current."""
    if not kept:
        return
    for table in tables:
        connection.execute(
            f"""
            UPDATE {qualified(table)} SET last_seen = $at
            WHERE corpus = $corpus AND project IN (SELECT unnest($kept)) AND last_seen = (
                SELECT max(observed_at) FROM raw.outcomes
                WHERE corpus = $corpus AND project IS NULL AND stage = $stage AND subject = ''
            )
            """,
            {"at": at, "corpus": corpus, "kept": list(kept), "stage": stage},
        )


def record_outcomes(connection: duckdb.DuckDBPyConnection, outcomes: Iterable[Mapping[str, Any]]) -> int:
    """Append outcomes; they carry project, corpus, stage, subject, status, reason, retryable and observed_at."""
    return insert(connection, "raw.outcomes", list(outcomes))


def record_reported(
    connection: duckdb.DuckDBPyConnection,
    corpus: str,
    reported: Iterable[tuple[str, str]],
    *,
    storage: str | None,
) -> None:
    """Record that this storage of Dagster was told of the newest outcome of these (project, stage)."""
    pairs = list(reported)
    connection.execute(
        """
        INSERT INTO raw.reported
        WITH newest AS (
            SELECT pair.project, pair.stage, max(outcomes.observed_at) AS observed_at
            FROM (SELECT unnest($projects) AS project, unnest($stages) AS stage) AS pair
            JOIN raw.outcomes
                ON outcomes.project = pair.project AND outcomes.stage = pair.stage AND outcomes.subject = ''
            GROUP BY pair.project, pair.stage
        )
        SELECT newest.project, $corpus, newest.stage, newest.observed_at, $storage
        FROM newest
        WHERE NOT EXISTS (
            SELECT 1 FROM raw.reported AS known
            WHERE known.project = newest.project AND known.stage = newest.stage
                AND known.observed_at = newest.observed_at
                AND known.dagster_storage IS NOT DISTINCT FROM $storage
        )
        """,
        {
            "corpus": corpus,
            "projects": [pair[0] for pair in pairs],
            "stages": [pair[1] for pair in pairs],
            "storage": storage,
        },
    )


IN_ORDER = frozenset({"collected", "not_available", "not_selected"})
"""Statuses of a successful stage, including those where the source has nothing of the kind."""


@dataclass(frozen=True, slots=True)
class State:
    """The newest outcome of one stage of one project."""

    status: str
    reason: str | None
    retryable: bool
    input_hash: str
    observed_at: datetime

    @property
    def in_order(self) -> bool:
        """Whether it succeeded: not to be retried, and not gone, refused or unreadable."""
        return not self.retryable and self.status in IN_ORDER


def newest(connection: duckdb.DuckDBPyConnection, stage: str, projects: Sequence[str]) -> dict[str, State]:
    """Project → newest outcome of the stage as a whole, for those of ``projects`` that have one."""
    rows = connection.execute(
        """
        SELECT project, status, reason, retryable, coalesce(input_hash, ''), observed_at
        FROM raw.outcomes
        WHERE stage = ? AND subject = '' AND project IN (SELECT unnest(?))
        QUALIFY row_number() OVER (PARTITION BY project ORDER BY observed_at DESC) = 1
        """,
        [stage, list(projects)],
    ).fetchall()
    return {row[0]: State(*row[1:]) for row in rows}


def input_hashes(
    connection: duckdb.DuckDBPyConnection, stage: str, projects: Sequence[str]
) -> dict[str, str]:
    """Project → hash of what a collection of the stage would read, as last listed."""
    rows = connection.execute(
        "SELECT project, input_hash FROM raw.inputs WHERE stage = ? AND project IN (SELECT unnest(?))",
        [stage, list(projects)],
    ).fetchall()
    return dict(rows)
