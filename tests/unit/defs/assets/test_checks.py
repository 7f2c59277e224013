"""Checks in Dagster: an error ends the run after the tables are kept, and checks run without making a table."""

from pathlib import Path

import dagster as dg
import pytest

from dockml_dagster.defs.assets.sql_models import build_sql_models
from dockml_dagster.defs.resources import WarehouseResource
from dockml_dagster.settings import Settings
from dockml_dagster.warehouse.due.storages import storage_of
from dockml_dagster.warehouse.due.work import record_build, seen
from dockml_dagster.warehouse.models import Project, load
from dockml_dagster.warehouse.versions import build_version

FILES = {
    "core/numbers.sql": "SELECT unnest([1, 2, 2]) AS number",
    "findings/sums.sql": "SELECT sum(number)::BIGINT AS total FROM core.numbers",
    "core/core.yml": """
models:
  - name: numbers
    description: One row a number.
    columns:
      - {name: number, description: A number., data_tests: [not_null, {unique: {config: {severity: SEVERITY}}}]}
""",
    "checks/sums_are_small.sql": "SELECT total FROM findings.sums WHERE total > 100",
}
CHECKS = {
    ("core/numbers", "not_null"),
    ("core/numbers", "number_unique"),
    ("findings/sums", "sums_are_small"),
}


def project(root: Path, severity: str) -> Project:
    """Two models with a test that their rows break."""
    for name, text in FILES.items():
        path = root / severity / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text.replace("SEVERITY", severity), encoding="utf-8")
    return load(root / severity)


@pytest.fixture
def warehouse(tmp_path: Path) -> WarehouseResource:
    return WarehouseResource(database=str(tmp_path / "dockml.duckdb"))


def run(
    made: Project,
    warehouse: WarehouseResource,
    instance: dg.DagsterInstance,
    selection: dg.AssetSelection | None = None,
) -> dg.ExecuteInProcessResult:
    return dg.materialize(
        [build_sql_models(made)],
        resources={"warehouse": warehouse},
        instance=instance,
        selection=selection,
        raise_on_error=False,
    )


def rows(warehouse: WarehouseResource, sql: str) -> list[tuple[object, ...]]:
    with warehouse.get_connection() as connection:
        return connection.execute(sql).fetchall()


def evaluated(result: dg.ExecuteInProcessResult) -> dict[tuple[str, str], bool]:
    return {
        (check.asset_key.to_user_string(), check.check_name): check.passed
        for check in result.get_asset_check_evaluations()
    }


def test_an_error_ends_the_run_and_its_rows_are_kept(tmp_path: Path, warehouse: WarehouseResource) -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        result = run(project(tmp_path, "error"), warehouse, instance)
        assert not result.success
        failure = result.failure_data_for_node("sql_models")
        assert failure is not None
        assert failure.error is not None
        assert "number_unique of core.numbers (1 row, such as (2, 2)) fails" in failure.error.to_string()
        assert rows(warehouse, "SELECT total FROM findings.sums") == [(5,)]
        kept = "SELECT table_name, check_name, severity, failing_rows FROM raw.failed_checks"
        assert rows(warehouse, kept) == [("core.numbers", "number_unique", "error", 1)]
        # Mended: the same rows are to be looked at, and forbid nothing.
        assert run(project(tmp_path, "warn"), warehouse, instance).success
        assert rows(warehouse, kept) == [("core.numbers", "number_unique", "warning", 1)]


def test_checks_alone_test_what_stands(tmp_path: Path, warehouse: WarehouseResource) -> None:
    made = project(tmp_path, "warn")
    with dg.DagsterInstance.ephemeral() as instance:
        whole = run(made, warehouse, instance)
        assert evaluated(whole).keys() == CHECKS
        with warehouse.get_connection() as connection:
            settings = Settings.from_environment()
            record_build(connection, build_version(settings), seen(connection), storage=storage_of(settings))
            connection.execute("INSERT INTO core.numbers VALUES (NULL)")
        alone = run(made, warehouse, instance, dg.AssetSelection.all_asset_checks())
        assert alone.get_asset_materialization_events() == []
        found = evaluated(alone)
        assert found.keys() == CHECKS
        assert not found["core/numbers", "not_null"]
        one = dg.AssetSelection.checks(dg.AssetCheckKey(dg.AssetKey(["core", "numbers"]), "number_unique"))
        assert evaluated(run(made, warehouse, instance, one)) == {("core/numbers", "number_unique"): False}


def test_checks_alone_need_tables_of_this_sql(tmp_path: Path, warehouse: WarehouseResource) -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        result = run(project(tmp_path, "warn"), warehouse, instance, dg.AssetSelection.all_asset_checks())
        failure = result.failure_data_for_node("sql_models")
        assert failure is not None
        assert failure.error is not None
        assert "materialize them first" in failure.error.to_string()
