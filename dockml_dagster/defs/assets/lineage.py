"""Column lineage, as Dagster shows it: the source columns of every column.

Here: the lineage of SQL models, extracted beforehand into ``column_lineage.json``
(``tests/unit/defs/assets/column_lineage.py``, so that dockml needs no SQL parser); the lineage of tables made by Python,
stated here; both as Dagster metadata. Not here: dependencies by joins and conditions, which are the graph of the assets.
https://docs.dagster.io/guides/build/assets/metadata-and-tags/column-level-lineage
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import dagster as dg

from dockml_dagster.corpora.base import STAGES
from dockml_dagster.warehouse.due.derivations import DERIVATIONS, LINT
from dockml_dagster.warehouse.models import Project, load, seed_texts
from dockml_dagster.warehouse.rows import combined_hash

FILE = Path(__file__).with_name("column_lineage.json")
CLAIMS = "findings.claims"
"""The one table made by Python whose computations are SQL: the queries of a seed."""
SHOWN = {
    "repo_list": "raw.projects",
    "labels": "raw.labels",
    **{one.name: one.tables[0] for one in (*DERIVATIONS, LINT)},
}
"""For an asset that fills several tables of ``raw``, the table whose columns it shows; the stages show all tables."""

SHOWN_SOURCES = 12
"""Most source columns shown for a column; a number of a claim has dozens."""


def _same(table: str, columns: str) -> dict[str, str]:
    return {column: f"{table}.{column}" for column in columns.split()}


def _each(columns: str, sources: str) -> dict[str, str]:
    return dict.fromkeys(columns.split(), sources)


_MEASURES, _MOMENTS, _HALVES = "core.unit_measures", "core.moment_states", "core.label_halves"
_GROUPS = (
    "core.unit_measures.category core.unit_measures.base_image_type core.unit_measures.cohort "
    "core.categories.category_of_people core.categories.category_of_machine"
)
_DESCRIBED = "median median_low median_high share share_low share_high"
_COUNTED = "n n_first n_second clusters clusters_first clusters_second largest_cluster_share n_effective"
_TESTED = (
    "test statistic degrees_of_freedom p draws family family_tests p_holm epsilon_squared cliffs_delta delta_low delta_high "
    "delta_least delta_most magnitude note"
)
_NAMED = _each("grouping label_source link_grade row_kind", "")
_BETWEEN_GROUPS = {
    **_NAMED,
    **_same(_MEASURES, "corpus rq measure kind unit_of_analysis"),
    **_each("first second", _GROUPS),
    **_each(_COUNTED, f"{_MEASURES}.unit {_MEASURES}.project {_GROUPS}"),
    "n_censored": f"{_MEASURES}.is_censored {_GROUPS}",
    **_each(f"{_DESCRIBED} {_TESTED}", f"{_MEASURES}.value {_MEASURES}.project {_GROUPS}"),
}
_SHARES = (
    "core.share_intervals.measure core.share_intervals.share core.share_intervals.low core.share_intervals.high "
    "core.share_intervals.n_effective core.share_intervals.n core.share_intervals.clusters"
)
_INSTALLED = "core.packages.manager core.packages.name core.dockerfiles.project core.dockerfiles.valid"
_LABELS = (
    "core.purposes.purpose core.categories.category_adjudicated core.categories.category_of_people "
    "core.categories.category_of_machine"
)
_OF_PROJECTS = _same("raw.projects", "project corpus")
_TEXT, _FILE = "raw.dockerfiles", "raw.repository_files"
STATED: Mapping[str, Mapping[str, str]] = {
    "findings.category_differences": _BETWEEN_GROUPS,
    "findings.cohort_differences": _BETWEEN_GROUPS,
    "findings.moment_differences": {
        **_NAMED,
        "rq": f"{_MOMENTS}.metric",
        "measure": f"{_MOMENTS}.metric",
        "kind": f"{_MOMENTS}.metric",
        **_same(_MOMENTS, "corpus unit_of_analysis"),
        "first": f"{_MOMENTS}.corpus_before {_MOMENTS}.earliest",
        "second": f"{_MOMENTS}.corpus {_MOMENTS}.latest",
        **_each(_COUNTED, f"{_MOMENTS}.unit"),
        **_each(f"n_censored {_DESCRIBED} {_TESTED}", f"{_MOMENTS}.before {_MOMENTS}.after {_MOMENTS}.unit"),
    },
    "findings.corpus_differences": {
        **_each("corpus other_corpus", "core.share_intervals.corpus core.packages.corpus"),
        **_each("topic measure", "core.share_intervals.measure core.packages.manager core.packages.name"),
        "unit_of_analysis": "core.share_intervals.unit_of_analysis",
        **_each("*", f"{_SHARES} {_INSTALLED}"),
    },
    "findings.coder_drift": {
        **_same(_HALVES, "corpus code_system unit_of_analysis rater sheet among code"),
        **_same(_HALVES, "n_first n_second units_first units_second"),
        **_each("n note", f"{_HALVES}.n_first {_HALVES}.n_second"),
        **_each("share_first share_first_low share_first_high", f"{_HALVES}.n_first {_HALVES}.units_first"),
        **_each(
            "share_second share_second_low share_second_high", f"{_HALVES}.n_second {_HALVES}.units_second"
        ),
        **_each(
            "difference p p_holm",
            f"{_HALVES}.n_first {_HALVES}.n_second {_HALVES}.units_first {_HALVES}.units_second",
        ),
    },
    "findings.label_shares": {
        "corpus": "core.purposes.corpus core.categories.corpus",
        **_each("code_system code unit_of_analysis machine_informedness", ""),
        **_each(
            "n n_people n_machine n_unseen label_source note",
            "core.purposes.unit core.purposes.source core.categories.project core.categories.category_adjudicated "
            "core.categories.category_of_people core.categories.category_of_machine",
        ),
        **_each("*", f"core.purposes.source {_LABELS}"),
    },
    "raw.dockerfile_readings": {
        "sha256": f"{_TEXT}.sha256",
        **_each("reader_version read_at", ""),
        **_each("*", f"{_TEXT}.content"),
    },
    "raw.dockerfile_lint": {
        "sha256": f"{_TEXT}.sha256",
        **_each("tool_version linted_at", ""),
        **_each("*", f"{_TEXT}.content"),
    },
    "raw.file_facts": {
        **_same(_FILE, "sha256 read_as"),
        **_each("facts_version read_at", ""),
        **_each("*", f"{_FILE}.content {_FILE}.path"),
    },
    "raw.machine_labels": {
        **_OF_PROJECTS,
        **_each("labeller_version labelled_at", ""),
        **_each(
            "*",
            "raw.projects.name raw.projects.description raw.projects.topics raw.projects.language "
            f"{_TEXT}.path {_TEXT}.content {_FILE}.path {_FILE}.content",
        ),
    },
    "raw.image_link_readings": {
        **_OF_PROJECTS,
        **_each("rules_version linked_at", ""),
        **_each(
            "*",
            f"raw.projects.name {_FILE}.path {_FILE}.content raw.image_references.reference raw.image_configs.labels "
            "raw.hub_repositories.description raw.hub_repositories.full_description",
        ),
    },
    "raw.rebuild_walks": {
        **_same("raw.histories", "project corpus last_commit"),
        **_each("walk_version walked_at", ""),
        **_each("*", "raw.histories.last_commit"),
    },
}
"""Table made by Python → column → its source columns; ``*``: every other column; '': a constant, or from a
seed."""


def sources(project: Project, table: str) -> dict[str, list[str]]:
    """Column → its source columns (``schema.table.column``), for a table in the graph.

    Empty if the statement has changed since the lineage was extracted.
    """
    if table in STATED:
        stated = STATED[table]
        columns = [column.name for column in project.by_name[table].columns]
        return {column: stated.get(column, stated.get("*", "")).split() for column in columns}
    kept = _read().get(table)
    if kept is None or kept["made_of"] != read_from(project, table):
        return {}
    found: dict[str, list[str]] = kept["columns"]
    return found


def read_from(project: Project, table: str) -> str:
    """A version of the SQL from which a table's lineage was extracted."""
    if table == CLAIMS:
        return combined_hash([*seed_texts(["claims"]).values()])[:12]
    return project.by_name[table].code_version


@cache
def _read() -> Mapping[str, Any]:
    found: Mapping[str, Any] = json.loads(FILE.read_text(encoding="utf-8"))
    return found


def column_lineage(project: Project, table: str) -> dg.TableColumnLineage | None:
    """The lineage of a table; None if no column has a known source."""
    deps = {
        column: [dep for name in made_of for dep in _deps(project, name)]
        for column, made_of in sources(project, table).items()
    }
    return dg.TableColumnLineage(deps) if any(deps.values()) else None


def _deps(project: Project, source: str) -> Iterator[dg.TableColumnDep]:
    """The assets of a source column: a model's own; for ``raw``, every asset that fills the table; none for a seed."""
    table, _, column = source.rpartition(".")
    if table.startswith("raw."):
        for asset in project.by_name[table].filled_by:
            yield dg.TableColumnDep(dg.AssetKey(asset), column_of(asset, table, column))
    elif not table.startswith("seeds."):
        yield dg.TableColumnDep(dg.AssetKey(table.split(".")), column)


def lineage_shown(project: Project, table: str) -> str:
    """The lineage as a table with links: Dagster's open-source UI does not show ``column_lineage``."""
    lines = ["| column | made of |", "| --- | --- |"]
    for column, made_of in sources(project, table).items():
        named = [_linked(project, name) for name in made_of[:SHOWN_SOURCES]]
        more = [f"{len(made_of) - SHOWN_SOURCES} more"] if len(made_of) > SHOWN_SOURCES else []
        lines.append(f"| {column} | {', '.join([*named, *more])} |")
    return "\n".join(lines)


def _linked(project: Project, source: str) -> str:
    asset = next((dep.asset_key for dep in _deps(project, source)), None)
    return f"[{source}](/assets/{'/'.join(asset.path)})" if asset else source


def column_of(asset: str, table: str, column: str) -> str:
    """The name that an asset which fills tables of ``raw`` uses for a column of one of them."""
    return column if SHOWN.get(asset) == table else f"{table}.{column}"


def with_columns(spec: dg.AssetSpec) -> dg.AssetSpec:
    """A stage with the columns of all tables that it fills: Dagster shows no table metadata of partitions."""
    asset = spec.key.to_user_string()
    if asset not in STAGES:
        return spec
    types = _read()["types"]
    columns = [
        dg.TableColumn(
            column_of(asset, model.name, column.name),
            types[model.name][column.name],
            description=column.description,
        )
        for model in load().raw
        if asset in model.filled_by
        for column in model.columns
    ]
    return spec.merge_attributes(metadata={"dagster/column_schema": dg.TableSchema(columns)})


def made_by_python(project: Project) -> Sequence[str]:
    """Tables of the graph that Python makes, without those that collection fills."""
    return [*(model.name for model in project.computed), *(one.tables[0] for one in (*DERIVATIONS, LINT))]
