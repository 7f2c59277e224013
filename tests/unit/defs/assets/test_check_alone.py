"""The check of the partitioned assets executed alone: nothing is collected, and what the visits found is told."""

from datetime import datetime, timedelta

import dagster as dg
import pytest

from dockml_dagster.defs.assets.collection import IN_ORDER, collect
from dockml_dagster.defs.partitions import register
from dockml_dagster.defs.resources import CorporaResource, WarehouseResource
from dockml_dagster.warehouse.due import query as due_query

WELL, GONE, LATER, NEVER = (f"local/birds/{name}" for name in ("wren", "dodo", "swift", "roc"))
KEY = dg.AssetCheckKey(dg.AssetKey("dockerfiles"), IN_ORDER)


class NoCorpora(CorporaResource):
    def corpus(self, name):
        pytest.fail(f"{name} was asked")


@pytest.fixture
def warehouse(tmp_path):
    found = WarehouseResource(database=str(tmp_path / "w.duckdb"))
    at = datetime(2026, 1, 1)
    said = [
        # Project, status, whether it may be tried again; oldest first.
        (WELL, "failed", True), (WELL, "collected", False), (GONE, "collected", False), (GONE, "gone", False),
        (LATER, "failed", True),
    ]  # fmt: skip
    with found.get_connection() as connection:
        due_query.record_outcomes(
            connection,
            [
                {
                    "project": project, "corpus": "local", "stage": stage, "subject": "", "status": status,
                    "reason": f"it is {status}", "retryable": retryable, "observed_at": at + timedelta(hours=number),
                }
                for number, (project, status, retryable) in enumerate(said)
                for stage in ("dockerfiles", "manifests")
            ],
        )  # fmt: skip
    return found


@pytest.mark.parametrize(
    ("tags", "projects"),
    [
        ({"dagster/partition": GONE}, [GONE]),
        (
            {"dagster/asset_partition_range_start": WELL, "dagster/asset_partition_range_end": LATER},
            [WELL, GONE, LATER],
        ),
        ({}, [WELL, GONE, LATER]),
        ({"dagster/partition": NEVER}, []),
    ],
    ids=["one", "a range", "all", "one that was never visited"],
)
def test_the_check_alone(warehouse, tags, projects):
    with dg.DagsterInstance.ephemeral() as instance:
        register(instance, [WELL, GONE, LATER, NEVER])
        result = dg.materialize(
            [collect, *map(dg.AssetSpec, ("repo_list",))],
            selection=dg.AssetSelection.checks(KEY),
            instance=instance,
            tags=tags,
            resources={"warehouse": warehouse, "corpora": NoCorpora()},
        )
    assert result.success
    told = {
        event.partition: (event.passed, event.description)
        for event in (
            one.event_specific_data
            for one in result.all_events
            if one.event_type_value == "ASSET_CHECK_EVALUATION"
        )
    }
    wanted = {WELL: (True, None), GONE: (False, "gone: it is gone"), LATER: (False, "failed: it is failed")}
    assert told == {project: wanted[project] for project in projects}
    assert result.get_asset_materialization_events() == []
