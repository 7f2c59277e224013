"""The named condition by which findings follow what is collected, and the sensor that watches it.

https://docs.dagster.io/guides/automate/declarative-automation
"""

import dagster as dg


def findings_follow() -> dg.AutomationCondition[dg.AssetKey]:
    """Make it when something it reads was collected or made since, or its own statement changed.

    Dagster's ``eager`` would also wait until no partition of what it reads is missing. Some projects will never come,
    and the findings of the others must not wait for them. So, beside the two words taken over:

    - ``newly_updated`` of any partition of any dependency, or that dependency being asked for at this very tick, so
      that a chain of models becomes one run; or ``code_version_changed``, which has the seeds in it too;
    - ``since`` it was last asked for or made: once is enough, however many projects came. A run that fails is not asked
      for again by this: Dagster's run retries take a crash, and a wrong statement stays wrong until it changes;
    - not while a dependency is being made: a collection of many batches in the queue is followed by one run at its end.
    """
    dependency = dg.AutomationCondition.newly_updated() | dg.AutomationCondition.will_be_requested()
    changed = dg.AutomationCondition.any_deps_match(
        dependency
    ) | dg.AutomationCondition.code_version_changed().with_label("statement_changed")
    handled = dg.AutomationCondition.newly_requested() | dg.AutomationCondition.newly_updated()
    condition = (
        changed.since(handled)
        & ~dg.AutomationCondition.any_deps_in_progress()
        & ~dg.AutomationCondition.in_progress()
    )
    return condition.with_label("findings_follow")


FOLLOWING = dg.AssetSelection.assets(
    "dockerfile_readings", "file_facts", "machine_labels", "image_links"
) | dg.AssetSelection.groups("staging", "core", "findings", "published")

follow_with_findings = dg.AutomationConditionSensorDefinition(
    "follow_with_findings",
    target=FOLLOWING,
    minimum_interval_seconds=30,
    run_tags={"dockml/work": "findings", "dagster/max_retries": "2"},
    description="Makes and publishes the findings when what they rest on was collected. Projects that are missing are "
    "not waited for.",
)
