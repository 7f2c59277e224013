"""A change of anything that findings are made by makes all of them out of date at once."""

import dagster as dg
import pytest
from dagster._core.definitions.data_version import CachingStaleStatusResolver, StaleStatus
from dagster._core.loader import LoadingContextForTest

from dockml_dagster.defs.assets import one_build


@dg.asset(group_name="core", code_version="1")
def table() -> None: ...


@dg.asset(group_name="findings", code_version="1", deps=[table])
def finding() -> None: ...


@dg.asset(group_name="published", code_version="1", deps=[finding])
def published() -> None: ...


@dg.asset(group_name="collection", code_version="1")
def listing() -> None: ...


@pytest.mark.parametrize("group", ["core", "report"])
def test_one_run_after_a_change_makes_all_current(monkeypatch, group):
    def definitions(build: str) -> dg.Definitions:
        monkeypatch.setattr(one_build, "build_version", lambda _: build)
        return dg.Definitions(assets=[table, finding, published, listing]).map_asset_specs(
            func=lambda spec: one_build.of_one_build(
                spec.replace_attributes(group_name=group) if spec.group_name == "core" else spec
            )
        )

    with dg.DagsterInstance.ephemeral() as instance:

        def stale(found: dg.Definitions) -> set[str]:
            graph = found.resolve_asset_graph()
            resolver = CachingStaleStatusResolver(instance, graph, LoadingContextForTest(instance))
            keys = graph.get_all_asset_keys()
            return {key.to_user_string() for key in keys if resolver.get_status(key) != StaleStatus.FRESH}

        def run(found: dg.Definitions, names: set[str]) -> None:
            job = found.resolve_implicit_global_asset_job_def()
            chosen = [dg.AssetKey(name) for name in names]
            assert job.execute_in_process(instance=instance, asset_selection=chosen).success

        first, changed = definitions("one"), definitions("other")
        run(first, {"table", "finding", "published", "listing"})
        assert stale(first) == set()
        assert stale(changed) == {"table", "finding", "published"}
        run(changed, stale(changed))
        assert stale(changed) == set()
