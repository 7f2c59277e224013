"""Schedules. They are off until a user turns them on.

Here: when a corpus is listed again. Not here: collecting what a listing found due (``sensors``), the listing itself
(``assets.repo_list``).
https://docs.dagster.io/guides/automate/schedules
"""

from collections.abc import Iterator

import dagster as dg

from dockml_dagster.corpora import corpus_of
from dockml_dagster.defs.jobs import list_projects


def listing_request(corpus: str, run_key: str) -> dg.RunRequest:
    """A run that lists a corpus. New or changed projects are then due, and the sensors collect them."""
    config = {"config": {"corpus": corpus}}
    return dg.RunRequest(
        run_key=run_key,
        job_name="list_projects",
        run_config={"ops": {"repo_list": config, "labels": config}},
        tags={"dockml/corpus": corpus},
    )


@dg.schedule(
    name="weekly_refresh",
    cron_schedule="0 4 * * 1",
    execution_timezone="UTC",
    target=list_projects,
    description="Every Monday at 04:00 UTC: list every corpus that has projects here again, from wherever it comes.",
)
def weekly_refresh(context: dg.ScheduleEvaluationContext) -> Iterator[dg.RunRequest | dg.SkipReason]:
    """Request a listing of every corpus, found by its partitions: a busy warehouse must not cost a weekly tick."""
    corpora = dict.fromkeys(corpus_of(key) for key in context.instance.get_dynamic_partitions("project"))
    if not corpora:
        yield dg.SkipReason("no corpus has a project yet; dockml study lists one")
    day = f"{context.scheduled_execution_time:%Y-%m-%d}"
    for corpus in corpora:
        yield listing_request(corpus, f"weekly:{corpus}:{day}")
