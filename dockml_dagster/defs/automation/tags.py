"""Moving tags: the job that asks registries what some tags resolve to now, and the sensor that starts it.

Here: choosing a few, asking, and making due what moved. Not here: the choice and the comparison (``decisions``),
the requests (``corpora.images.collection``), collecting (``defs.assets.collection``).
"""

import dagster as dg
import duckdb

from dockml_dagster.corpora import open_corpus
from dockml_dagster.corpora.images.collection import ImageCollection
from dockml_dagster.defs.automation.decisions import moved, tags_to_look_at
from dockml_dagster.defs.automation.watching import (
    followed_corpora,
    now,
    one_of_many,
    warehouse_for_a_moment,
)
from dockml_dagster.defs.resources import WarehouseResource
from dockml_dagster.defs.runs.retries import verdict
from dockml_dagster.defs.runs.under_way import runs_under_way
from dockml_dagster.settings import Settings
from dockml_dagster.warehouse.due import query as due_query
from dockml_dagster.warehouse.due.tags import Tag, record_looks, tags
from dockml_dagster.warehouse.opening import WarehouseBusyError

TAGS_A_RUN = 100
"""HEADs per run. No registry counts them as pulls; with a run every five minutes they are 20 per minute."""
WORK = {"dockml/work": "looking"}


@dg.op(
    description="Ask where some tags lead now, one HEAD each, and make due the projects of those that moved."
)
def look_at_tags(context: dg.OpExecutionContext, warehouse: WarehouseResource) -> int:
    """Resolve some tags and make moved ones due; returns how many moved."""
    with verdict(context):
        settings = Settings.from_environment()
        with warehouse.get_connection() as connection:
            known = _tags(connection, settings)
        chosen = tags_to_look_at(known, now(), at_most=TAGS_A_RUN)
        # Without the lock. The name of the corpus matters only for rows, and there are none.
        seen = ImageCollection("", settings).digests_now(chosen)
        changed = moved(known, seen)
        with warehouse.get_connection() as connection:
            record_looks(connection, seen, now())
            for tag in changed:
                stages = [(tag.project, stage) for stage in ("manifests", "layer_stats")]
                due_query.ask_again(connection, tag.corpus, stages, f"{tag.reference} moved")
        context.log.info("%d tags looked at, %d images moved", len(seen), len(changed))
    return len(changed)


@dg.job(tags=WORK, description="Look whether tags moved; what did is due.")
def look_at_some_tags() -> None:
    """The job of resolving tags."""
    look_at_tags()


@dg.sensor(
    name="follow_tags",
    # By name: Dagster would copy the job object, with a warning about one of its own parameters.
    job_name="look_at_some_tags",
    minimum_interval_seconds=300,
    description=f"Asks registries where tags lead that were not looked at for a day, {TAGS_A_RUN} at a time, one HEAD "
    "each. A project whose tag moved is due.",
)
def follow_tags(context: dg.SensorEvaluationContext) -> dg.RunRequest | dg.SkipReason:
    """Request a run if any tag is old enough; the job itself chooses which."""
    if any(run.tags.get("dockml/work") == WORK["dockml/work"] for run in runs_under_way(context.instance)):
        return dg.SkipReason("tags are being looked at")
    settings = Settings.from_environment()
    try:
        with warehouse_for_a_moment() as connection:
            old = tags_to_look_at(_tags(connection, settings), now(), at_most=TAGS_A_RUN)
    except WarehouseBusyError as error:
        return dg.SkipReason(str(error))
    return dg.RunRequest() if old else dg.SkipReason("every tag was looked at within a day")


def _tags(connection: duckdb.DuckDBPyConnection, settings: Settings) -> list[Tag]:
    following = []
    for name in followed_corpora(connection):
        with one_of_many(name):
            following += [name] if open_corpus(name, settings).follows_tags else []
    return tags(connection, following)
