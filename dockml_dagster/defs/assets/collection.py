"""The three assets partitioned by project: ``dockerfiles``, ``manifests``, ``layer_stats``.

One multi-asset, and not three assets, because of what was tried: where each stage was an asset that raised after
logging its good projects, the next stage did none of them. Here a stage of a project is logged as it finishes, a bad
project is an outcome row, and the run fails only for a cause that is no project's.

Here: selecting what is due, calling the corpus, writing, reporting. Not here: how anything is read
(``corpora``), what is due (``warehouse.due``).
"""

from collections.abc import Iterator, Sequence
from datetime import datetime

import dagster as dg
import duckdb

from dockml_dagster.corpora import corpus_of
from dockml_dagster.corpora.base import STAGES, Collected, Corpus, Outcome, Stage
from dockml_dagster.defs.assets.repo_list import outcome_rows
from dockml_dagster.defs.partitions import projects_partitions
from dockml_dagster.defs.resources import CorporaResource, WarehouseResource
from dockml_dagster.defs.runs.retries import verdict
from dockml_dagster.errors import DockmlError
from dockml_dagster.progress import advance
from dockml_dagster.warehouse.due import query as due_query
from dockml_dagster.warehouse.rows import write_visit
from dockml_dagster.warehouse.shared_layers import open_layer_files

BATCH = 100
"""Projects a run. A run of one project costs 2 to 8 s of Dagster's own time, a batch about 30 ms a project and stage."""

_DESCRIPTIONS: dict[Stage, str] = {
    "dockerfiles": "The Dockerfiles of each project, as bytes, with the files beside them. "
    "Fills `raw.repository_files` and `raw.dockerfiles`.",
    "manifests": "The images that each project names, their manifests, configs, history and layers as listed, and what "
    "Docker Hub says of its repositories. Fills `raw.image_references`, `raw.manifests`, `raw.image_configs`, "
    "`raw.image_history`, `raw.image_layers`, `raw.hub_repositories`, `raw.hub_tags`.",
    "layer_stats": "What is inside each layer (files, directories, depth, sizes, types), each read once ever, and what a "
    "container sees of each image. Fills `raw.layers`, `raw.layer_file_types`, `raw.layer_files`, `raw.image_summaries`, "
    "`raw.image_layer_shares`, `raw.image_contents`, `raw.image_advice`, `raw.image_file_types`, `raw.image_files`.",
}

_DEPENDENCIES: dict[Stage, list[str]] = {
    "dockerfiles": ["repo_list"],
    "manifests": ["repo_list"],
    "layer_stats": ["manifests"],
}


class CollectionConfig(dg.Config):
    """``force``: collect also what is not due."""

    force: bool = False


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
            partitions_def=projects_partitions,
        )
        for stage in STAGES
    ],
    can_subset=True,
    backfill_policy=dg.BackfillPolicy.multi_run(BATCH),
)
def collect(
    context: dg.AssetExecutionContext,
    config: CollectionConfig,
    corpora: CorporaResource,
    warehouse: WarehouseResource,
) -> Iterator[dg.MaterializeResult[None]]:
    """Collect what is due of the projects in this run's range."""
    selected = [stage for stage in STAGES if dg.AssetKey(stage) in context.selected_asset_keys]
    keys = list(context.partition_keys)
    names = {corpus_of(key) for key in keys}
    if len(names) != 1:
        raise dg.Failure(
            f"a batch is of one corpus, this range has {', '.join(sorted(names))}", allow_retries=False
        )
    with verdict(context):
        corpus = corpora.corpus(names.pop())
        for stage in selected:
            collect_stage(context, corpus, stage, keys, warehouse, force=config.force)
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
    """Collect one stage of a batch: read outside the lock, write in one transaction, then tell Dagster."""
    with warehouse.get_connection() as connection:
        due = {
            d.project: d
            for d in due_query.due(connection, corpus.name, corpus.methods(), keys)
            if d.stage == stage
        }
        hashes = due_query.input_hashes(connection, stage, keys)
    to_collect = [key for key in keys if key in hashes and (force or (key in due and due[key].to_collect))]
    collected = {}
    for key in to_collect:
        collected[key] = collect_one(context, corpus, stage, key)
        advance(stage)
    layers = {row["layer_digest"] for found in collected.values() for row in found.rows.get("raw.layers", ())}
    # First: a layer whose project is done would not be looked at again.
    open_layer_files(warehouse.warehouse.location).add_to(warehouse.warehouse, layers)

    def store(connection: duckdb.DuckDBPyConnection) -> dict[str, due_query.State]:
        _write(connection, corpus, stage, collected, hashes=hashes, observed_at=due_query.moment(connection))
        return due_query.newest(connection, stage, keys)

    # Two that saw a project at one moment must not both find its rows new.
    with warehouse.warehouse.holding([f"project {key}" for key in collected]):
        states = warehouse.commit(store)
    reported = [key for key in keys if key in states and not states[key].retryable]
    for key in reported:
        state = states[key]
        context.log_event(
            dg.AssetMaterialization(
                asset_key=stage,
                partition=key,
                metadata={
                    "outcome": state.status,
                    "reason": state.reason or "",
                    "observed at": str(state.observed_at),
                },
                tags={
                    "dagster/code_version": corpus.methods()[stage],
                    "dagster/data_version": state.input_hash[:16],
                },
            )
        )
    pairs = [(key, stage) for key in reported]
    warehouse.commit(lambda connection: due_query.record_reported(connection, corpus.name, pairs))


def collect_one(context: dg.AssetExecutionContext, corpus: Corpus, stage: Stage, project: str) -> Collected:
    """One stage of one project; whatever goes wrong with it alone is an outcome, and the others go on."""
    try:
        return corpus.collect(stage, project)
    except DockmlError:
        raise
    except Exception as error:  # a project that breaks our own code must not stop the others
        context.log.exception("%s of %s failed", stage, project)
        reason = f"{type(error).__name__}: {error}"
        return Collected(outcomes=[Outcome(stage, "", "failed", reason, retryable=True)])


def _write(
    connection: duckdb.DuckDBPyConnection,
    corpus: Corpus,
    stage: Stage,
    collected: dict[str, Collected],
    *,
    hashes: dict[str, str],
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
