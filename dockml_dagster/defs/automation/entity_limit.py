"""The most assets and checks that one automation sensor of Dagster may watch.

Here: raising a private limit. Findings are one run, so one sensor asks for all of them with their checks, and those are
more than the 500 that Dagster 1.13 allows where a condition is written in Python. The limit protects code servers from
conditions that are evaluated asset by asset; ours is evaluated once a tick. ``tests/unit/defs/test_entity_limit.py`` says
what to do when Dagster moves it.
"""

import dagster._core.definitions.automation_condition_sensor_definition as private

MOST_ENTITIES = 2_000


def raise_entity_limit() -> None:
    """Let one sensor watch ``MOST_ENTITIES`` assets and checks."""
    private.MAX_ENTITIES = max(private.MAX_ENTITIES, MOST_ENTITIES)
