"""The SQL models of ``dbt_like_sql/`` as assets: one asset per file, all in one step on one connection.

Here: which models and tests a run makes. Not here: reading the files (``warehouse.models``), running them
(``warehouse.build``), what Dagster shows of them (``tables``).
"""

from collections.abc import Iterator, Mapping, Sequence

import dagster as dg
import duckdb

from dockml_dagster.corpora.derived import end_kept
from dockml_dagster.defs.assets.tables import (
    asset_key,
    check_result,
    check_specs,
    keep_failed,
    table_metadata,
)
from dockml_dagster.defs.resources import WarehouseResource
from dockml_dagster.defs.runs.seen import step_of_findings
from dockml_dagster.progress import advance, at
from dockml_dagster.settings import Settings
from dockml_dagster.warehouse import build
from dockml_dagster.warehouse.checks import shown_at
from dockml_dagster.warehouse.due.work import last_build_version
from dockml_dagster.warehouse.models import Model, ModelError, Project, load
from dockml_dagster.warehouse.versions import build_version


def _dependencies(project: Project, model: Model) -> list[dg.AssetKey]:
    names = {
        asset
        for name in model.references
        if not name.startswith("seeds.")
        for asset in (project.by_name[name].filled_by or (name,))
    }
    # All tables are about the listed projects. Each depends on the listing directly, so that Dagster, which looks one step
    # back, sees everything that is out of date at once, and one run updates it.
    return [asset_key(name) for name in sorted(names | {"repo_list"})]


def _specs(project: Project) -> tuple[list[dg.AssetSpec], list[dg.AssetCheckSpec]]:
    assets = []
    specs = []
    for model in project.models:
        key = asset_key(model.name)
        assets.append(
            dg.AssetSpec(
                key,
                deps=_dependencies(project, model),
                description=model.description,
                group_name=model.schema,
                kinds={"duckdb", "sql", "view" if model.is_view else "table"},
                code_version=model.code_version,
                skippable=True,
                metadata={"dagster/table_name": model.name},
            )
        )
        specs += check_specs(model)
    shown = shown_at(project)
    specs += [
        dg.AssetCheckSpec(one.name, asset=asset_key(shown[one.name]), description=one.description)
        for one in project.checks
        if one.name in shown
    ]
    return assets, specs


def build_sql_models(project: Project) -> dg.AssetsDefinition:
    """The multi-asset over every model of ``project``. A run of checks alone makes no table and tests the current ones."""
    assets, check_specs_ = _specs(project)

    @dg.multi_asset(name="sql_models", specs=assets, check_specs=check_specs_, can_subset=True)
    def sql_models(
        context: dg.AssetExecutionContext, warehouse: WarehouseResource
    ) -> Iterator[dg.MaterializeResult[None] | dg.AssetCheckResult]:
        selected = [model for model in project.models if asset_key(model.name) in context.selected_asset_keys]
        wanted = {(key.asset_key, key.name) for key in context.selected_asset_check_keys}
        results: list[tuple[str, build.Tested]] = []
        rows: dict[str, int] = {}
        with step_of_findings(context, warehouse):
            end_kept()
            with warehouse.for_models(project, selected) as place:
                connection = place.connection
                if selected:
                    build.load_seeds(connection, project)
                for built in place.run(to_run(project, selected, last_build_version(connection))):
                    advance("models")
                    at(built.model.name)
                    rows[built.model.name] = built.rows
                    if built.model in selected:
                        yield dg.MaterializeResult(
                            asset_key=asset_key(built.model.name),
                            metadata={
                                **table_metadata(connection, built.model, built.rows),
                                "statement": dg.MetadataValue.md(f"```sql\n{built.model.sql}\n```"),
                                "seconds": round(built.seconds, 3),
                            },
                        )
                for table, tested in _tested(connection, project, selected, wanted, rows):
                    results.append((table, tested))
                    if (asset_key(table), tested.name) in wanted:
                        yield check_result(asset_key(table), tested)
            # After the tables are stored, so that the rows behind a failing check can be looked at.
            keep_failed(warehouse, results)

    return sql_models


def to_run(project: Project, selected: Sequence[Model], built_by: str | None) -> list[Model]:
    """The models that a run must make: if other SQL made the current tables, all of them.

    A selected model may read columns that an older version of an unselected one lacks. Views cost nothing and are always
    made again.

    Raises:
        ModelError: no model is selected, and the current tables, which would be tested, were made by other SQL.
    """
    if built_by == build_version(Settings.from_environment()):
        return [model for model in project.models if model.is_view or model in selected]
    if not selected:
        raise ModelError("the tables that stand were made by other SQL, or not yet; materialize them first")
    return list(project.models)


def _tested(
    connection: duckdb.DuckDBPyConnection,
    project: Project,
    selected: Sequence[Model],
    wanted: set[tuple[dg.AssetKey, str]],
    rows: Mapping[str, int],
) -> Iterator[tuple[str, build.Tested]]:
    """(table that shows it, result) of every test of the selected models, and of wanted tests of others.

    ``rows``: of the tables that this run made.
    """
    for model in project.models:
        of_it = {name for key, name in wanted if key == asset_key(model.name)}
        only = None if model in selected else of_it
        for tested in build.test(connection, model, only=only, rows=rows.get(model.name)):
            yield model.name, tested
    for name, table in shown_at(project).items():
        if (asset_key(table), name) in wanted:
            singular = next(one for one in project.checks if one.name == name)
            yield table, build.check(connection, singular)


@dg.definitions
def sql_model_definitions() -> dg.Definitions:
    """The models as assets. A function, because importing this module must not read files."""
    return dg.Definitions(assets=[build_sql_models(load())])
