"""The SQL models of ``dbt_like_sql/`` as assets: one asset a file, all in one step on one connection.

Here: what Dagster shows of a model (columns, row count, preview, checks). Not here: reading the files
(``warehouse.models``) and running them (``warehouse.build``).
https://docs.dagster.io/guides/build/assets/metadata-and-tags/table-metadata
"""

from collections.abc import Iterator, Sequence
from typing import Any

import dagster as dg
import duckdb

from dockml_dagster.defs.resources import WarehouseResource
from dockml_dagster.defs.runs.seen import step_of_findings
from dockml_dagster.progress import advance
from dockml_dagster.settings import Settings
from dockml_dagster.warehouse import build
from dockml_dagster.warehouse.due.work import last_build_version
from dockml_dagster.warehouse.models import Model, Project, load
from dockml_dagster.warehouse.rows import combined_hash
from dockml_dagster.warehouse.versions import build_version

PREVIEW_ROWS = 8


def asset_key(name: str) -> dg.AssetKey:
    """``core.images`` → ``core/images``, the same words everywhere."""
    return dg.AssetKey(name.split("."))


def _dependencies(project: Project, model: Model) -> list[dg.AssetKey]:
    names = {
        asset
        for name in model.references
        if not name.startswith("seeds.")
        for asset in (project.by_name[name].filled_by or (name,))
    }
    return [asset_key(name) for name in sorted(names)]


def _code_version(project: Project, model: Model) -> str:
    """Changes with the statement and with the seeds it reads, which are no assets of their own."""
    seeds = [
        seed.path.read_bytes()
        for name in model.references
        if (seed := project.by_name[name]).path and name.startswith("seeds.")
    ]
    return combined_hash([model.code_version, *seeds])[:12] if seeds else model.code_version


def check_specs(model: Model) -> list[dg.AssetCheckSpec]:
    """The generic tests of a table and of its columns as asset checks."""
    return [
        dg.AssetCheckSpec(test.name, asset=asset_key(model.name), description=test.description)
        for test in build.generic_tests(model)
    ]


def _specs(project: Project) -> tuple[list[dg.AssetSpec], list[dg.AssetCheckSpec]]:
    assets = []
    checks = []
    for model in project.models:
        key = asset_key(model.name)
        assets.append(
            dg.AssetSpec(
                key,
                deps=_dependencies(project, model),
                description=model.description,
                group_name=model.schema,
                kinds={"duckdb", "sql", "view" if model.is_view else "table"},
                code_version=_code_version(project, model),
                skippable=True,
                metadata={"dagster/table_name": model.name},
            )
        )
        checks += check_specs(model)
    known = {model.name for model in project.models}
    for singular in project.checks:
        last_read = next((name for name in reversed(singular.references) if name in known), None)
        if target := singular.shown_at or last_read:
            checks.append(
                dg.AssetCheckSpec(singular.name, asset=asset_key(target), description=singular.description)
            )
    return assets, checks


def build_sql_models(project: Project) -> dg.AssetsDefinition:
    """The multi-asset over every model of ``project``."""
    assets, checks = _specs(project)
    targets = {check.name: check.asset_key for check in checks}

    @dg.multi_asset(name="sql_models", specs=assets, check_specs=checks, can_subset=True)
    def sql_models(
        context: dg.AssetExecutionContext, warehouse: WarehouseResource
    ) -> Iterator[dg.MaterializeResult[None] | dg.AssetCheckResult]:
        selected = [model for model in project.models if asset_key(model.name) in context.selected_asset_keys]
        wanted_checks = {(key.asset_key, key.name) for key in context.selected_asset_check_keys}
        with step_of_findings(context, warehouse), warehouse.for_models(project, selected) as place:
            connection = place.connection
            build.load_seeds(connection, project)
            for built in place.run(to_run(project, selected, last_build_version(connection))):
                advance("models")
                if built.model in selected:
                    yield dg.MaterializeResult(
                        asset_key=asset_key(built.model.name), metadata=_metadata(connection, project, built)
                    )
            yield from _checks(connection, project, selected, wanted_checks, targets)

    return sql_models


def to_run(project: Project, selected: Sequence[Model], built_by: str | None) -> list[Model]:
    """The models that a run of some must make: where other SQL made the tables that stand, all of them.

    A selected model may read columns that an older version of an unselected one has not. Views cost nothing and are always
    made anew.
    """
    if built_by != build_version(Settings.from_environment()):
        return list(project.models)
    return [model for model in project.models if model.is_view or model in selected]


def _checks(
    connection: duckdb.DuckDBPyConnection,
    project: Project,
    selected: Sequence[Model],
    wanted: set[tuple[dg.AssetKey, str]],
    targets: dict[str, dg.AssetKey],
) -> Iterator[dg.AssetCheckResult]:
    for model in selected:
        for tested in build.test(connection, model):
            if (asset_key(model.name), tested.name) in wanted:
                yield check_result(asset_key(model.name), tested)
    for singular in project.checks:
        key = targets.get(singular.name)
        if key is not None and (key, singular.name) in wanted:
            yield check_result(key, build.check(connection, singular))


def check_result(key: dg.AssetKey, tested: build.Tested) -> dg.AssetCheckResult:
    """What a data test found, as Dagster shows it."""
    severity = dg.AssetCheckSeverity.WARN if tested.warn_only else dg.AssetCheckSeverity.ERROR
    metadata: dict[str, Any] = {"failing rows": tested.failing}
    if tested.sample:
        metadata["sample"] = "\n".join(str(row) for row in tested.sample)
    return dg.AssetCheckResult(
        passed=tested.passed, asset_key=key, check_name=tested.name, severity=severity, metadata=metadata
    )


def _metadata(connection: duckdb.DuckDBPyConnection, project: Project, built: build.Built) -> dict[str, Any]:
    documented = {column.name: column.description for column in built.model.columns}
    columns = [
        dg.TableColumn(name, type=type_name, description=documented.get(name))
        for name, type_name in built.columns.items()
    ]
    return {
        "dagster/column_schema": dg.TableSchema(columns=columns),
        "dagster/row_count": built.rows,
        "preview": dg.MetadataValue.md(_preview(connection, built)),
        "statement": dg.MetadataValue.md(f"```sql\n{built.model.sql}\n```"),
        "seconds": round(built.seconds, 3),
    }


def _preview(connection: duckdb.DuckDBPyConnection, built: build.Built) -> str:
    rows = build.first_rows(connection, built.model.name, PREVIEW_ROWS)
    lines = ["| " + " | ".join(built.columns) + " |", "|" + " --- |" * len(built.columns)]
    lines += ["| " + " | ".join(_cell(value) for value in row) + " |" for row in rows]
    return "\n".join(lines)


def _cell(value: object) -> str:
    text = "" if value is None else str(value)
    text = text.replace("|", "\\|").replace("\n", " ").replace("`", "'")
    return text if len(text) <= 60 else text[:57] + "…"


@dg.definitions
def sql_model_definitions() -> dg.Definitions:
    """The models as assets. A function, because nothing here may read files when it is imported."""
    return dg.Definitions(assets=[build_sql_models(load())])
