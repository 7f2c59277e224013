"""The limit of automation sensors is where it was, and all findings with their checks are below ours.

A failure here means: the pin of Dagster was raised. Look for the number after "more than the limit of" in Dagster's
automation condition sensor; without it the sensor that makes findings ends every tick with that message.
"""

import dagster._core.definitions.automation_condition_sensor_definition as private

from dockml_dagster.definitions import defs
from dockml_dagster.defs.automation.entity_limit import MOST_ENTITIES, raise_entity_limit


def test_the_limit_is_raised_when_definitions_load() -> None:
    definitions = defs()
    assert private.MAX_ENTITIES >= MOST_ENTITIES
    graph = definitions.resolve_asset_graph()
    assert len(graph.get_all_asset_keys()) + len(graph.asset_check_keys) < MOST_ENTITIES


def test_a_higher_limit_stays(monkeypatch) -> None:
    monkeypatch.setattr(private, "MAX_ENTITIES", 10 * MOST_ENTITIES)
    raise_entity_limit()
    assert private.MAX_ENTITIES == 10 * MOST_ENTITIES
