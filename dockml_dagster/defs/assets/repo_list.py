"""The unpartitioned assets of a listing: ``repo_list`` and ``labels``.

Here: listing a corpus and registering its projects as partitions. Not here: reading a project's stages
(``collection``).
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import dagster as dg
import duckdb

from dockml_dagster.corpora import CORPORA, corpus_class, known
from dockml_dagster.corpora.base import Corpus, Listing, Outcome, Row
from dockml_dagster.defs.assets.tables import filled
from dockml_dagster.defs.partitions import register, remove
from dockml_dagster.defs.resources import CorporaResource, WarehouseResource
from dockml_dagster.defs.runs.retries import verdict
from dockml_dagster.defs.runs.under_way import busy_corpora
from dockml_dagster.settings import Settings
from dockml_dagster.warehouse.apart import is_refusal, reason_of, sound_rows
from dockml_dagster.warehouse.due import query as due_query
from dockml_dagster.warehouse.due.content import labelled_content, listed_content
from dockml_dagster.warehouse.due.storages import storage_of
from dockml_dagster.warehouse.rows import combined_hash, write_visit

VISIT_HOLDS = 600.0
"""Seconds for which a visit to a live source is reused: ``dockml study`` makes one just before it runs this asset."""


METHODS = combined_hash([f"{name} {corpus_class(name).method_version}" for name in sorted(CORPORA)])[:12]
"""Version of the code that reads all corpora: the code version of the assets that list and collect."""


LISTED_WEEKLY = dg.FreshnessPolicy.time_window(
    fail_window=timedelta(days=8), warn_window=timedelta(days=7, hours=4)
)
"""The freshness that the schedule ``weekly_refresh`` promises, with a day for retries."""


class CorpusConfig(dg.Config):
    """Which corpus to list. Without a name: every corpus listed in this home before, or else the sample."""

    corpus: str = ""

    def names(self, warehouse: WarehouseResource) -> list[str]:
        """The corpora to list."""
        if self.corpus:
            return [self.corpus]
        with warehouse.get_connection() as connection:
            return known(due_query.followed(connection)) or ["sample"]


def outcome_rows(
    outcomes: Iterable[Outcome], *, corpus: str, project: str | None, observed_at: datetime, **more: Any
) -> list[Mapping[str, Any]]:
    """Rows of ``raw.outcomes``; ``more`` (input_hash, method_version) is added to the row of the whole stage."""
    return [
        {
            "project": project,
            "corpus": corpus,
            "stage": outcome.stage,
            "subject": outcome.subject,
            "status": outcome.status,
            "reason": outcome.reason,
            "retryable": outcome.retryable,
            "retry_at": _moment(outcome.retry_at),
            "observed_at": observed_at,
            **(more if outcome.subject == "" else {}),
        }
        for outcome in outcomes
    ]


def _moment(at: float | None) -> datetime | None:
    return None if at is None else datetime.fromtimestamp(at, UTC).replace(tzinfo=None)


@dg.asset(
    group_name="collection",
    kinds={"python", "duckdb"},
    code_version=METHODS,
    freshness_policy=LISTED_WEEKLY,
)
def repo_list(
    context: dg.AssetExecutionContext,
    config: CorpusConfig,
    corpora: CorporaResource,
    warehouse: WarehouseResource,
) -> dg.MaterializeResult[None]:
    """The projects of a corpus and the candidates it was selected from.

    Fills `raw.candidates` (one row per candidate and step of the funnel) and `raw.projects` (metadata of the selected
    projects), registers each selected project as a partition, and records what each offers at every stage.
    """
    with verdict(context):
        told = [_list(context, corpora.corpus(name), warehouse) for name in config.names(warehouse)]
        content = warehouse.commit(listed_content)
        return filled(warehouse, "repo_list", _summed(told), dg.DataVersion(content))


def _summed(told: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The metadata of several corpora in one: numbers are added, texts joined."""
    found: dict[str, Any] = {}
    for name in told[0]:
        values = [one[name] for one in told]
        if isinstance(values[0], Mapping):
            rows: Counter[str] = Counter()
            for value in values:
                rows.update(value)
            found[name] = dg.MetadataValue.json(dict(rows))
        else:
            found[name] = ", ".join(values) if isinstance(values[0], str) else sum(values)
    return found


def _list(context: dg.AssetExecutionContext, corpus: Corpus, warehouse: WarehouseResource) -> dict[str, Any]:
    corpus.visit(oldest=VISIT_HOLDS)
    listing = corpus.listing()

    def store(connection: duckdb.DuckDBPyConnection, listing: Listing) -> dict[str, int]:
        listed_at = due_query.moment(connection)
        outcomes = [*listing.outcomes, Outcome("repo_list", "", "collected")]
        return due_query.record_listing(
            connection,
            corpus=corpus.name,
            fingerprint=corpus.fingerprint(),
            method_version=corpus.method_version,
            source=listing.source,
            projects=listing.projects,
            inputs={str(stage): hashes for stage, hashes in listing.inputs.items()},
            rows=listing.rows,
            outcomes=outcome_rows(outcomes, corpus=corpus.name, project=None, observed_at=listed_at),
            listed_at=listed_at,
            as_of=listing.as_of,
            is_complete=listing.is_complete,
            storage=storage_of(Settings.from_environment()),
        )

    with warehouse.warehouse.kept_open(), warehouse.warehouse.holding([f"corpus {corpus.name}"]):
        before = warehouse.commit(lambda connection: due_query.projects(connection, corpus.name))
        listing, new = _stored(listing, store, warehouse)
        after = warehouse.commit(lambda connection: due_query.projects(connection, corpus.name))
    registered = register(context.instance, listing.projects)
    left = [key for key in before if key not in set(after)]
    # A run that is collecting them would lose its work; the sensor removes the partitions after it.
    busy = corpus.name in busy_corpora(context.instance, without=context.run.run_id)
    removed = [] if busy else remove(context.instance, left)
    context.log.info(
        "%s: %d projects, %d of them new partitions; %d left%s",
        corpus.name,
        len(after),
        len(registered),
        len(left),
        "" if listing.is_complete else "; not everything could be looked at, and who is missing stays",
    )
    return {
        "corpus": corpus.name,
        "source": listing.source,
        "projects": len(listing.projects),
        "new partitions": len(registered),
        "partitions removed": len(removed),
        "new rows": new,
        "outcomes other than collected": len(listing.outcomes),
    }


def _stored(
    listing: Listing,
    store: Callable[[duckdb.DuckDBPyConnection, Listing], dict[str, int]],
    warehouse: WarehouseResource,
) -> tuple[Listing, dict[str, int]]:
    """The listing as it was stored, and the number of new rows by table. A row that its table refuses is left out and
    becomes an outcome of its project.
    """
    try:
        return listing, warehouse.warehouse.commit(lambda connection: store(connection, listing))
    except Exception as error:
        if not is_refusal(error):
            raise
    outcomes = list(listing.outcomes)

    def sound(tables: Mapping[str, Sequence[Row]]) -> dict[str, list[Row]]:
        found = {}
        for table, rows in tables.items():
            found[table], refused = sound_rows(warehouse.get_connection, table, rows)
            for row, error in refused:
                subject = str(row.get("project") or table)
                outcomes.append(Outcome("repo_list", subject, "failed", f"{table}: {reason_of(error)}"))
        return found

    rest = replace(listing, rows=sound(listing.rows), labels=sound(listing.labels), outcomes=outcomes)
    return rest, warehouse.warehouse.commit(lambda connection: store(connection, rest))


@dg.asset(
    group_name="collection", kinds={"python", "duckdb"}, code_version=METHODS, freshness_policy=LISTED_WEEKLY
)
def labels(
    context: dg.AssetExecutionContext,
    config: CorpusConfig,
    corpora: CorporaResource,
    warehouse: WarehouseResource,
) -> dg.MaterializeResult[None]:
    """Labels of the projects by people: category and purpose codes by rater, base images as typed by hand.

    Fills `raw.labels` and `raw.base_image_labels`.
    """
    with verdict(context):
        told = [_store_labels(corpora.corpus(name), warehouse) for name in config.names(warehouse)]
        content = warehouse.commit(labelled_content)
        return filled(warehouse, "labels", _summed(told), dg.DataVersion(content))


def _store_labels(corpus: Corpus, warehouse: WarehouseResource) -> dict[str, Any]:
    listing = corpus.listing()

    def store(connection: duckdb.DuckDBPyConnection, listing: Listing) -> dict[str, int]:
        seen_at = due_query.moment(connection)
        new = {
            table: write_visit(connection, table, rows, observed_at=seen_at)
            for table, rows in listing.labels.items()
        }
        if not listing.is_complete:
            kept = due_query.unlisted(connection, corpus.name, listing.projects)
            due_query.keep_current(
                connection, listing.labels, corpus=corpus.name, stage="labels", kept=kept, at=seen_at
            )
        due_query.record_outcomes(
            connection,
            outcome_rows(
                [Outcome("labels", "", "collected")], corpus=corpus.name, project=None, observed_at=seen_at
            ),
        )
        return new

    with warehouse.warehouse.holding([f"corpus {corpus.name}"]):
        listing, new = _stored(listing, store, warehouse)
    return {
        "corpus": corpus.name,
        "labels": sum(len(rows) for rows in listing.labels.values()),
        "new rows": new,
    }
