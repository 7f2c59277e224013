"""The limit on assets and checks that one automation sensor of Dagster may evaluate.

Here: raising a private limit. Not here: the condition that needs it (``condition``).

Findings are one run, so one sensor requests all of them with their checks. They are more than the 500 entities that
Dagster 1.13 allows for a condition written in Python. The limit protects code servers from conditions that are
evaluated asset by asset; ours is evaluated once per tick. ``tests/unit/defs/test_entity_limit.py`` says what to do
when Dagster moves the limit.
"""

import dagster._core.definitions.automation_condition_sensor_definition as private

MOST_ENTITIES = 2_000


def raise_entity_limit() -> None:
    """Let one sensor evaluate ``MOST_ENTITIES`` assets and checks."""
    private.MAX_ENTITIES = max(private.MAX_ENTITIES, MOST_ENTITIES)
