"""The Dagster definitions load, and the asset graph is the one that was reviewed.

Here: keys, dependencies and names of checks. Not here: what the assets do (``tests/integration``).
"""

import os
from pathlib import Path

import dagster as dg
import pytest

SNAPSHOT = Path(__file__).with_name("asset_graph.txt")
REGENERATE = "DOCKML_WRITE_SNAPSHOTS"


@pytest.fixture(scope="module")
def definitions() -> dg.Definitions:
    """The definitions that the code location serves."""
    from dockml_dagster.definitions import defs

    return defs()


def _graph(definitions: dg.Definitions) -> str:
    lines = []
    graph = definitions.resolve_asset_graph()
    for node in graph.asset_nodes:
        parents = sorted(key.to_user_string() for key in node.parent_keys)
        lines.append(f"{node.key.to_user_string()} <- {' '.join(parents) or '(nothing)'}")
    return "\n".join(sorted(lines)) + "\n"


def test_definitions_are_sound(definitions: dg.Definitions) -> None:
    dg.Definitions.validate_loadable(definitions)


def test_graph_is_the_reviewed_one(definitions: dg.Definitions) -> None:
    graph = _graph(definitions)
    if os.environ.get(REGENERATE):
        SNAPSHOT.write_text(graph, encoding="utf-8")
    expected = SNAPSHOT.read_text(encoding="utf-8").splitlines()
    hint = f"if the change is meant: {REGENERATE}=1 pytest tests/conventions/{Path(__file__).name}, then review the diff"
    assert graph.splitlines() == expected, hint


def test_every_asset_says_what_the_interface_shows(definitions: dg.Definitions) -> None:
    from dockml_dagster.defs.jobs import FINDINGS

    graph = definitions.resolve_asset_graph()
    nodes = {key: graph.get(key) for key in graph.get_all_asset_keys()}
    lacking = {
        key.to_user_string()
        for key, node in nodes.items()
        if not (node.description and node.code_version and node.owners and node.kinds)
    }
    assert lacking == set()
    conditions = {
        key
        for key, node in nodes.items()
        if getattr(node.automation_condition, "name", "") == "findings_follow"
    }
    assert conditions == FINDINGS.resolve(graph)
    assert {key for key in graph.asset_check_keys if not graph.get(key).description} == set()


def test_names_that_are_alike_differ_by_group_or_kind(definitions: dg.Definitions) -> None:
    graph = definitions.resolve_asset_graph()
    seen: dict[tuple[str, str | None, frozenset[str]], dg.AssetKey] = {}
    for key in graph.get_all_asset_keys():
        node = graph.get(key)
        known_as = (key.path[-1], node.group_name, frozenset(node.kinds))
        assert known_as not in seen, (key, seen.get(known_as))
        seen[known_as] = key


def test_every_model_is_an_asset(definitions: dg.Definitions) -> None:
    from dockml_dagster.warehouse.models import load

    keys = {key.to_user_string() for key in definitions.resolve_asset_graph().get_all_asset_keys()}
    assert {model.name.replace(".", "/") for model in load().models} <= keys


def test_every_raw_table_names_the_assets_that_fill_it(definitions: dg.Definitions) -> None:
    from dockml_dagster.warehouse.models import load

    known = {key.to_user_string() for key in definitions.resolve_asset_graph().get_all_asset_keys()}
    filled = {
        table.name: set(table.filled_by) for table in load().raw if table.name != "raw.schema_migrations"
    }
    assert {name: by for name, by in filled.items() if not by or by - known} == {}


def test_every_generic_test_is_a_check(definitions: dg.Definitions) -> None:
    from dockml_dagster.warehouse.build import generic_tests
    from dockml_dagster.warehouse.models import load

    checks = {
        (key.asset_key.to_user_string(), key.name)
        for key in definitions.resolve_asset_graph().asset_check_keys
    }
    wanted = {
        (model.name.replace(".", "/"), test.name)
        for model in [*load().models, *load().computed]
        for test in generic_tests(model)
    }
    assert wanted <= checks


def test_what_the_command_makes_the_sensor_makes_too(definitions: dg.Definitions) -> None:
    graph = definitions.resolve_asset_graph()
    made = definitions.get_job_def("make_findings").asset_layer.executable_asset_keys
    (sensor,) = (
        one for one in definitions.sensors if isinstance(one, dg.AutomationConditionSensorDefinition)
    )
    assert sensor.asset_selection.resolve(graph) == made


def test_jobs_are_there(definitions: dg.Definitions) -> None:
    names = {job.name for job in definitions.resolve_all_job_defs()}
    assert names >= {
        "list_projects", "collect_projects", "make_findings", "lint_dockerfiles", "make_report", "prune_runs",
        "look_at_some_tags",
    }  # fmt: skip
