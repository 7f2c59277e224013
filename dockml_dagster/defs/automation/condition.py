"""The named condition by which findings follow collected data, and the sensor that evaluates it.

There is one condition for all findings instead of Dagster's own conditions on each asset, because of an experiment. On 80
assets in ten layers, updates arrive at different ticks, so one changed project made six partial runs. None of these
conditions knows that something just listed is about to be collected, and a failed run is not retried before the next change.

Here: evaluating it once per tick, and reporting to Dagster. Not here: the decision (``decisions.findings_wait_for``), the
list of findings (``defs.jobs``).
https://docs.dagster.io/guides/automate/declarative-automation/customizing-automation-conditions
"""

import logging
import warnings
from datetime import UTC, datetime
from typing import Any

import dagster as dg

from dockml_dagster.defs.automation.decisions import FailedInARow, findings_wait_for, ripe
from dockml_dagster.defs.automation.watching import (
    due_of,
    followed_corpora,
    now,
    warehouse_for_a_moment,
)
from dockml_dagster.defs.jobs import FINDINGS, FINDINGS_TAGS, MADE_BY_SQL, READ_BY_PYTHON
from dockml_dagster.defs.runs.retries import end_dead_runs
from dockml_dagster.defs.runs.under_way import runs_under_way
from dockml_dagster.settings import Settings
from dockml_dagster.warehouse.due import query as due_query
from dockml_dagster.warehouse.due.storages import storage_of
from dockml_dagster.warehouse.due.work import built
from dockml_dagster.warehouse.opening import WarehouseBusyError
from dockml_dagster.warehouse.versions import build_version

RUNS_LOOKED_AT = 30
AssetOrCheckKey = dg.AssetKey | dg.AssetCheckKey


class FindingsFollow(dg.AutomationCondition[AssetOrCheckKey]):
    """True for all findings at once when something was listed, collected or rewritten since they were made.

    It does not wait for missing projects. It waits for running runs and, for a while, for due stages.
    """

    def __init__(self) -> None:
        self._asked: tuple[datetime, str | None] | None = None
        self._loaded_at = now()

    @property
    def said(self) -> str | None:
        """What the newest tick waits for; None: it requested the findings, or there was no tick yet."""
        return self._asked[1] if self._asked else None

    @property
    def name(self) -> str:
        """The name in the UI."""
        return "findings_follow"

    @property
    def description(self) -> str:
        """The description in the UI."""
        return "something was listed, collected or rewritten since the findings were made, and nothing is under way"

    def evaluate(
        self, context: dg.AutomationContext[AssetOrCheckKey]
    ) -> dg.AutomationResult[AssetOrCheckKey]:
        """All findings, or none."""
        # Decided once per tick: a write between two assets must not split them into two runs.
        if self._asked is None or self._asked[0] != context.evaluation_time:
            waiting = what_is_waited_for(context.asset_graph_view.instance, self._loaded_at)
            context.log.info(waiting or "the findings are made")
            self._asked = (context.evaluation_time, waiting)
        return dg.AutomationResult(
            context, context.candidate_subset if self._asked[1] is None else context.get_empty_subset()
        )


def what_is_waited_for(instance: dg.DagsterInstance, loaded_at: datetime) -> str | None:
    """Why the findings are not made now, in one line; None: they are made.

    ``loaded_at``: when this process loaded the code. Findings made later by another version come from newer code, and
    making them again with this code would not help.
    """
    end_dead_runs(instance)
    under_way = len(runs_under_way(instance))
    settings = Settings.from_environment()
    try:
        with warehouse_for_a_moment() as connection:
            changed_at = due_query.changed_at(connection)
            current = (
                built(
                    connection,
                    build_version(settings),
                    newer_than=loaded_at,
                    storage=storage_of(settings),
                )
                and settings.published.exists()
            )
            asked_for = not (current or under_way)
            due = ripe(due_of(connection, followed_corpora(connection)), now()) if asked_for else []
    except WarehouseBusyError as error:
        return str(error)
    return findings_wait_for(
        current=current,
        under_way=under_way,
        due=len(due),
        changed_at=changed_at,
        failed=failed_in_a_row(instance),
        now=now(),
    )


def failed_in_a_row(instance: dg.DagsterInstance) -> FailedInARow | None:
    """How often the findings have failed since they were last made."""
    records = instance.get_run_records(
        dg.RunsFilter(
            tags={"dockml/work": FINDINGS_TAGS["dockml/work"]},
            statuses=[dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE],
        ),
        limit=RUNS_LOOKED_AT,
    )
    failed = []
    for record in records:
        if record.dagster_run.status is not dg.DagsterRunStatus.FAILURE:
            break
        failed.append(record.update_timestamp)
    if not failed:
        return None
    newest = failed[0] if failed[0].tzinfo else failed[0].replace(tzinfo=UTC)
    return FailedInARow(len(failed), newest.astimezone(UTC).replace(tzinfo=None))


FINDINGS_FOLLOW = FindingsFollow()
"""The one object for all findings: it is evaluated once per tick."""


def with_condition(spec: dg.AssetSpec) -> dg.AssetSpec:
    """The asset; if it is one of the findings, with the condition, so that the UI shows it there."""
    if spec.group_name in MADE_BY_SQL or spec.key.to_user_string() in READ_BY_PYTHON:
        return spec.replace_attributes(automation_condition=FINDINGS_FOLLOW)
    return spec


class SaysWhy(dg.AutomationConditionSensorDefinition):
    """A sensor that says in one line what its tick requests or waits for.

    Dagster's own says only that its result is empty, and logs two lines per tick and one per requested asset and check.
    """

    def evaluate_tick(self, context: dg.SensorEvaluationContext) -> Any:
        """See ``SensorDefinition.evaluate_tick``."""
        context.log.addFilter(_is_trouble)
        try:
            data = super().evaluate_tick(context)
        finally:
            context.log.removeFilter(_is_trouble)
        waiting = FINDINGS_FOLLOW.said
        if data.run_requests:
            context.log.info("the findings are out of date: they are made and published in one run")
        if waiting is None or data.run_requests:
            return data
        return type(data)(
            skip_message=waiting,
            cursor=data.cursor,
            log_key=data.log_key,
            automation_condition_evaluations=data.automation_condition_evaluations,
        )


def _is_trouble(record: logging.LogRecord) -> bool:
    return record.levelno >= logging.WARNING


with warnings.catch_warnings():
    # Two parameters are in beta; a condition written in Python needs them.
    warnings.simplefilter("ignore", dg.BetaWarning)
    follow_with_findings = SaysWhy(
        "follow_with_findings",
        target=FINDINGS,
        # For the checks too: without it Dagster requests only those that cannot be skipped.
        default_condition=FINDINGS_FOLLOW,
        # A condition written in Python can only be evaluated there.
        use_user_code_server=True,
        minimum_interval_seconds=30,
        run_tags={**FINDINGS_TAGS, "dagster/max_retries": "2"},
        description="Makes and publishes the findings, all in one run, when what they rest on was listed or collected. "
        "Projects that are missing are not waited for.",
    )
