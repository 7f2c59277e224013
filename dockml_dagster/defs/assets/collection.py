"""The three assets partitioned by project: ``dockerfiles``, ``manifests``, ``layer_stats``.

They are one multi-asset instead of three assets, because of an experiment: if each stage was an asset that raised after
logging its good projects, the next stage did none of them. Here a stage of a project is logged as it finishes, a bad
project is an outcome row, and the run fails only for a cause that concerns no single project.

Here: selecting what is due, calling the corpus, writing, reporting. Not here: reading itself
(``corpora``), what is due (``warehouse.due``).
"""

import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from datetime import datetime
from typing import Any

import dagster as dg
import duckdb

from dockml_dagster.corpora import corpus_of
from dockml_dagster.corpora.base import STAGES, Collected, Corpus, Outcome, Stage
from dockml_dagster.defs.assets.repo_list import METHODS, outcome_rows
from dockml_dagster.defs.partitions import projects_partitions
from dockml_dagster.defs.resources import CorporaResource, WarehouseResource
from dockml_dagster.defs.runs.retries import verdict
from dockml_dagster.errors import DockmlError
from dockml_dagster.progress import advance, at
from dockml_dagster.settings import Settings
from dockml_dagster.warehouse.apart import reason_of, together_or_apart
from dockml_dagster.warehouse.due import query as due_query
from dockml_dagster.warehouse.due.storages import storage_of
from dockml_dagster.warehouse.rows import write_visit
from dockml_dagster.warehouse.shared_layers import open_layer_files

BATCH = 100
"""Projects per run. A run of one project costs 2 to 8 s of Dagster's own time, a batch about 5 ms per project and stage."""

IN_ORDER = "in_order"
"""The check of each partition, which shows failures in Dagster."""

_DESCRIPTIONS: dict[Stage, str] = {
    "dockerfiles": "The Dockerfiles of each project, as bytes, with the files beside them. "
    "Fills `raw.repository_files` and `raw.dockerfiles`.",
    "manifests": "The images and models that each project names, their manifests, configs, history and layers as "
    "listed, and what Docker Hub says of its repositories. Fills `raw.image_references`, `raw.manifests`, "
    "`raw.image_configs`, `raw.image_history`, `raw.image_layers`, `raw.model_artifacts`, `raw.model_files`, "
    "`raw.hub_repositories`, `raw.hub_tags`.",
    "layer_stats": "What is inside each layer (files, directories, depth, sizes, types), each read once ever, and what a "
    "container sees of each image. Fills `raw.layers`, `raw.layer_file_types`, `raw.layer_files`, `raw.image_summaries`, "
    "`raw.image_layer_shares`, `raw.image_packages`, `raw.image_device_code`, `raw.image_secrets`, "
    "`raw.image_contents`, `raw.image_advice`, "
    "`raw.image_file_types`, `raw.image_files`.",
}

_DEPENDENCIES: dict[Stage, list[str]] = {
    "dockerfiles": ["repo_list"],
    "manifests": ["repo_list"],
    "layer_stats": ["manifests"],
}


class CollectionConfig(dg.Config):
    """``force``: also collect what is not due."""

    force: bool = False


def _checks() -> list[dg.AssetCheckSpec]:
    with warnings.catch_warnings():
        # Partitioned checks are in preview; without them a failure could only be reported for an asset as a whole.
        warnings.simplefilter("ignore", dg.PreviewWarning)
        return [
            dg.AssetCheckSpec(
                IN_ORDER,
                asset=stage,
                description="The newest visit of the project went as it should: it neither failed nor found the source "
                "gone, refused or unreadable. Stays so until a visit succeeds.",
                partitions_def=projects_partitions,
            )
            for stage in STAGES
        ]


@dg.multi_asset(
    name="collect",
    specs=[
        dg.AssetSpec(
            stage,
            deps=_DEPENDENCIES[stage],
            description=_DESCRIPTIONS[stage],
            group_name="collection",
            kinds={"duckdb", "docker"},
            skippable=True,
            code_version=METHODS,
            partitions_def=projects_partitions,
        )
        for stage in STAGES
    ],
    check_specs=_checks(),
    can_subset=True,
    # A range is one run, processed in batches: `dagster asset materialize --partition-range` accepts no other policy.
    backfill_policy=dg.BackfillPolicy.single_run(),
)
def collect(
    context: dg.AssetExecutionContext,
    config: CollectionConfig,
    corpora: CorporaResource,
    warehouse: WarehouseResource,
) -> Iterator[dg.MaterializeResult[None]]:
    """Collect what is due for the projects in this run's range. A run of checks alone reports the newest outcomes."""
    selected = [stage for stage in STAGES if dg.AssetKey(stage) in context.selected_asset_keys]
    asked = {key.asset_key.to_user_string() for key in context.selected_asset_check_keys}
    # Checks can be executed for all partitions at once, without naming any.
    named = context.has_partition_key or context.has_partition_key_range
    keys = list(context.partition_keys if named else context.instance.get_dynamic_partitions("project"))
    with verdict(context):
        for stage in STAGES:
            if stage in asked and stage not in selected:
                check_stage(context, stage, keys, warehouse)
        # A range covers all keys between its ends, other corpora's too; "All" covers everything.
        for name in dict.fromkeys(corpus_of(key) for key in keys if selected):
            corpus = corpora.corpus(name)
            of_it = [key for key in keys if corpus_of(key) == name]
            size = corpus.partitions_at_once
            for stage in selected:
                for start in range(0, len(of_it), size):
                    some = of_it[start : start + size]
                    collect_stage(context, corpus, stage, some, warehouse, force=config.force)
    yield from ()


def collect_stage(
    context: dg.AssetExecutionContext,
    corpus: Corpus,
    stage: Stage,
    keys: Sequence[str],
    warehouse: WarehouseResource,
    *,
    force: bool,
) -> None:
    """Collect one stage of a batch: read without the lock, write in one transaction, then report to Dagster."""
    storage = storage_of(Settings.from_environment())
    with warehouse.get_connection() as connection:
        due = {
            d.project: d
            for d in due_query.due(connection, corpus.name, corpus.methods(), keys, storage=storage)
            if d.stage == stage
        }
        hashes = due_query.input_hashes(connection, stage, keys)
    to_collect = [key for key in keys if key in hashes and (force or (key in due and due[key].to_collect))]
    collected = {}
    for key in to_collect:
        at(key.partition("/")[2])
        collected[key] = collect_one(context, corpus, stage, key)
        advance(stage)
    layers = {row["layer_digest"] for found in collected.values() for row in found.rows.get("raw.layers", ())}
    # From here on nothing waits for the network.
    with warehouse.warehouse.kept_open():
        # Before storing outcomes: a layer whose project is done would not be added later.
        open_layer_files(warehouse.warehouse.location).add_to(warehouse.warehouse, layers)
        # Two processes that saw a project at the same moment must not both insert its rows as new.
        with warehouse.warehouse.holding([f"project {key}" for key in collected]):
            _store(context, corpus, stage, collected, hashes=hashes, warehouse=warehouse)
            states = warehouse.commit(lambda connection: due_query.newest(connection, stage, keys))
        states = {key: state for key, state in states.items() if key in hashes}
        _log(context, stage, keys, to_collect=to_collect, due=due, states=states)
        with _together(context):
            for key in keys:
                if key in states:
                    _tell(context, stage, key, states[key], was_due=key in collected)
        pairs = [(key, stage) for key in keys if key in states]
        warehouse.commit(
            lambda connection: due_query.record_reported(connection, corpus.name, pairs, storage=storage)
        )


def _store(
    context: dg.AssetExecutionContext,
    corpus: Corpus,
    stage: Stage,
    collected: Mapping[str, Collected],
    *,
    hashes: Mapping[str, str],
    warehouse: WarehouseResource,
) -> None:
    """Write the collected rows in one transaction; a project whose rows are refused gets an outcome, the others are kept."""

    def write(found: Mapping[str, Collected]) -> None:
        warehouse.commit(
            lambda connection: _write(
                connection, corpus, stage, found, hashes=hashes, observed_at=due_query.moment(connection)
            )
        )

    def refused(key: str, error: Exception) -> None:
        context.log.error("%s of %s: %s: %s", stage, key, reason_of(error), error)
        outcome = Outcome(stage, "", "failed", reason_of(error), retryable=True)
        write({key: Collected(outcomes=[outcome])})

    together_or_apart(list(collected), lambda some: write({key: collected[key] for key in some}), refused)


def check_stage(
    context: dg.AssetExecutionContext, stage: Stage, keys: Sequence[str], warehouse: WarehouseResource
) -> None:
    """Report the newest outcome of each project to Dagster, only by its check."""
    states = warehouse.commit(lambda connection: due_query.newest(connection, stage, keys))
    troubled = [key for key, state in states.items() if not state.in_order]
    context.log.info("%s: %d projects checked, %d not in order", stage, len(states), len(troubled))
    with _together(context):
        for key in keys:
            if key in states:
                _check(context, stage, key, states[key])


def _together(context: dg.AssetExecutionContext) -> AbstractContextManager[None]:
    """One transaction for several events, if the storage can: one for each event would double the cost."""
    together: Callable[[], AbstractContextManager[None]] = getattr(
        context.instance.event_log_storage, "together", nullcontext
    )
    return together()


def _log(
    context: dg.AssetExecutionContext,
    stage: Stage,
    keys: Sequence[str],
    *,
    to_collect: Sequence[str],
    due: Mapping[str, due_query.Due],
    states: Mapping[str, due_query.State],
) -> None:
    """Log what was due and why, in one line, and a line for every problem."""
    reasons = Counter(due[key].reason if key in due else "forced" for key in to_collect)
    why = ", ".join(f"{number} {reason}" for reason, number in reasons.most_common()) or "nothing was due"
    context.log.info("%s: %d of %d projects collected (%s)", stage, len(to_collect), len(keys), why)
    for key in keys:
        if key not in states:
            context.log.warning("%s of %s: it is listed no more, nothing is collected", stage, key)
        elif not states[key].in_order:
            context.log.warning(
                "%s of %s: %s: %s", stage, key, states[key].status.replace("_", " "), states[key].reason or ""
            )


def _tell(
    context: dg.AssetExecutionContext,
    stage: Stage,
    project: str,
    state: due_query.State,
    *,
    was_due: bool,
) -> None:
    """Report a partition to Dagster: as materialised, unless it must be retried, and by its check whether it is in order."""
    metadata: dict[str, Any] = {"outcome": state.status, "observed at": str(state.observed_at)}
    if state.reason:
        metadata["reason"] = state.reason
    if not was_due:
        metadata["note"] = f"nothing was due: it is as it was at {state.observed_at:%Y-%m-%d %H:%M} UTC"
    if not state.retryable:
        context.log_event(
            dg.AssetMaterialization(
                asset_key=stage,
                partition=project,
                metadata=metadata,
                tags={
                    "dagster/code_version": METHODS,
                    "dagster/data_version": state.input_hash[:16],
                },
            )
        )
    _check(context, stage, project, state)


def _check(context: dg.AssetExecutionContext, stage: Stage, project: str, state: due_query.State) -> None:
    context.log_event(
        dg.AssetCheckEvaluation(
            asset_key=dg.AssetKey(stage),
            check_name=IN_ORDER,
            passed=state.in_order,
            severity=dg.AssetCheckSeverity.WARN,
            description=None if state.in_order else f"{state.status}: {state.reason or 'no reason given'}",
            partition=project,
        )
    )


def collect_one(context: dg.AssetExecutionContext, corpus: Corpus, stage: Stage, project: str) -> Collected:
    """Collect one stage of one project; an error that concerns only this project becomes an outcome."""
    try:
        return corpus.collect(stage, project)
    except DockmlError:
        raise
    except Exception as error:  # a bug that one project triggers must not stop the others
        context.log.exception("%s of %s failed", stage, project)
        reason = f"{type(error).__name__}: {error}"
        return Collected(outcomes=[Outcome(stage, "", "failed", reason, retryable=True)])


def _write(
    connection: duckdb.DuckDBPyConnection,
    corpus: Corpus,
    stage: Stage,
    collected: Mapping[str, Collected],
    *,
    hashes: Mapping[str, str],
    observed_at: datetime,
) -> None:
    tables = dict.fromkeys(table for found in collected.values() for table in found.rows)
    for table in tables:
        rows = [row for found in collected.values() for row in found.rows.get(table, ())]
        write_visit(connection, table, rows, observed_at=observed_at)
    due_query.record_outcomes(
        connection,
        [
            row
            for project, found in collected.items()
            for row in outcome_rows(
                found.outcomes,
                corpus=corpus.name,
                project=project,
                observed_at=observed_at,
                input_hash=hashes[project],
                method_version=corpus.methods()[stage],
            )
        ],
    )
