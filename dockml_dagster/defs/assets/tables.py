"""What Dagster shows of a table: its key, its columns and rows, its checks and their results.

Here: turning models and results into Dagster's types, for tables made by SQL or Python. Not here: making tables
(``sql_models``, ``computed_findings``), running tests (``warehouse.build``).
https://docs.dagster.io/guides/build/assets/metadata-and-tags/table-metadata
"""

from collections.abc import Mapping, Sequence
from typing import Any

import dagster as dg
import duckdb

from dockml_dagster.defs.assets.lineage import SHOWN, column_lineage, lineage_shown
from dockml_dagster.defs.resources import WarehouseResource
from dockml_dagster.text import printable
from dockml_dagster.warehouse import build, checks
from dockml_dagster.warehouse.models import Model, load
from dockml_dagster.warehouse.rows import columns_of

PREVIEW_ROWS = 8


def asset_key(name: str) -> dg.AssetKey:
    """``core.images`` → ``core/images``."""
    return dg.AssetKey(name.split("."))


def check_specs(model: Model) -> list[dg.AssetCheckSpec]:
    """The generic tests of a table and of its columns as asset checks."""
    return [
        dg.AssetCheckSpec(test.name, asset=asset_key(model.name), description=test.description)
        for test in build.generic_tests(model)
    ]


def check_result(key: dg.AssetKey, tested: build.Tested) -> dg.AssetCheckResult:
    """The result of a data test, as Dagster shows it."""
    severity = dg.AssetCheckSeverity.WARN if tested.warn_only else dg.AssetCheckSeverity.ERROR
    metadata: dict[str, Any] = {"failing rows": tested.failing}
    if tested.sample:
        metadata["sample"] = printable("\n".join(str(row) for row in tested.sample))
    return dg.AssetCheckResult(
        passed=tested.passed, asset_key=key, check_name=tested.name, severity=severity, metadata=metadata
    )


def keep_failed(warehouse: WarehouseResource, results: Sequence[tuple[str, build.Tested]]) -> None:
    """Store which of the checks that ran (table, result) fail.

    Raises:
        ChecksFailedError: a check of severity error fails.
    """
    failed = [checks.failed_check(table, tested) for table, tested in results if not tested.passed]
    ran = [(table, tested.name) for table, tested in results]
    warehouse.commit(lambda connection: checks.record(connection, ran, failed))
    checks.require_passed(failed)


def table_metadata(connection: duckdb.DuckDBPyConnection, model: Model, rows: int) -> dict[str, Any]:
    """Columns with types, meaning and lineage, row count and a preview of a current table."""
    documented = {column.name: column.description for column in model.columns}
    types = columns_of(connection, model.name)
    return {
        **_lineage(model.name),
        "dagster/column_schema": dg.TableSchema(
            columns=[
                dg.TableColumn(name, type=type_name, description=documented.get(name))
                for name, type_name in types.items()
            ]
        ),
        "dagster/row_count": rows,
        "preview": dg.MetadataValue.md(_preview(connection, model, list(types), rows)),
    }


def _lineage(table: str) -> dict[str, Any]:
    lineage = column_lineage(load(), table)
    if lineage is None:
        return {}
    return {
        "dagster/column_lineage": lineage,
        "columns are made of": dg.MetadataValue.md(lineage_shown(load(), table)),
    }


def filled(
    warehouse: WarehouseResource,
    asset: str,
    told: Mapping[str, Any],
    data_version: dg.DataVersion | None = None,
) -> dg.MaterializeResult[None]:
    """The result of an asset that fills tables of ``raw``: the metadata ``told``, and the present content.

    The content is the number of rows of every table that it fills; for its main table, columns and a preview.
    """
    project, table = load(), SHOWN[asset]
    names = [table, *sorted(one.name for one in project.raw if asset in one.filled_by and one.name != table)]
    with warehouse.get_connection() as connection:
        rows = {name: build.count(connection, name) for name in names}
        shown = table_metadata(connection, project.by_name[table], rows[table])
    lines = [
        "| table | rows |",
        "| --- | ---: |",
        *(f"| {name} | {number} |" for name, number in rows.items()),
    ]
    return dg.MaterializeResult(
        data_version=data_version,
        metadata={
            **told,
            **shown,
            "dagster/table_name": table,
            "tables": dg.MetadataValue.md("\n".join(lines)),
        },
    )


def _preview(connection: duckdb.DuckDBPyConnection, model: Model, columns: Sequence[str], rows: int) -> str:
    # To ask an empty view for its rows takes as long as to ask a full one: most of it is planning.
    shown = build.first_rows(connection, model.name, PREVIEW_ROWS) if rows else []
    lines = ["| " + " | ".join(columns) + " |", "|" + " --- |" * len(columns)]
    lines += ["| " + " | ".join(_cell(value) for value in row) + " |" for row in shown]
    return "\n".join(lines)


def _cell(value: object) -> str:
    text = "" if value is None else str(value)
    text = printable(text).replace("|", "\\|").replace("\n", " ").replace("`", "'")
    return text if len(text) <= 60 else text[:57] + "…"
