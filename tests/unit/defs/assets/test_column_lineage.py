"""Column lineage: what is read out of SQL, what is stated of Python, and that both are of what is there now."""

import dataclasses
import json
import re

import dagster as dg
import pytest

from dockml_dagster.defs.assets.lineage import (
    CLAIMS,
    FILE,
    STATED,
    column_lineage,
    lineage_shown,
    made_by_python,
    sources,
    with_columns,
)
from dockml_dagster.warehouse.computed.findings import COMPUTATIONS
from dockml_dagster.warehouse.due.derivations import DERIVATIONS, LINT
from dockml_dagster.warehouse.models import load
from tests.unit.defs.assets.column_lineage import everything, lineage_of, written

TABLES = {"s": {"t": dict.fromkeys("abc", "INTEGER"), "u": dict.fromkeys("ad", "INTEGER")}}
CASES = {
    "renamed": ("SELECT a AS x FROM s.t", {"x": "t.a"}),
    "of several": ("SELECT t.b + u.d AS x FROM s.t AS t JOIN s.u AS u ON u.a = t.a", {"x": "t.b u.d"}),
    "a condition makes no value": ("SELECT b AS x FROM s.t WHERE c > 1", {"x": "t.b"}),
    "a choice does": ("SELECT CASE WHEN c > 1 THEN b END AS x FROM s.t", {"x": "t.b t.c"}),
    "nor do the parts of a window": (
        "SELECT sum(b) OVER (PARTITION BY c) AS x, rank() OVER (PARTITION BY c ORDER BY a) AS y FROM s.t",
        {"x": "t.b", "y": "t.a"},
    ),
    "nor does what says which row is meant": (
        "SELECT arg_max(a, b) AS x, arg_max_null(a, b) AS y, list(a ORDER BY c) AS z, max(b) AS m FROM s.t",
        {"x": "t.a", "y": "t.a", "z": "t.a", "m": "t.b"},
    ),
    "counted rows": ("SELECT count(*) AS x, sum(b) AS y FROM s.t", {"x": "", "y": "t.b"}),
    "all but some": ("SELECT * EXCLUDE (b) FROM s.t", {"a": "t.a", "c": "t.c"}),
    "through others": (
        "WITH one AS (SELECT a, b AS z FROM s.t), other (p, q) AS (SELECT * FROM one) SELECT q AS x FROM other",
        {"x": "t.b"},
    ),
    "one after the other": ("SELECT a AS x FROM s.t UNION ALL SELECT d FROM s.u", {"x": "t.a u.d"}),
    "by name": (
        "SELECT a, b, c FROM s.t UNION ALL BY NAME SELECT d AS c, a FROM s.u",
        {"a": "t.a u.a", "b": "t.b", "c": "t.c u.d"},
    ),
    "by name, with more": (
        "SELECT a FROM s.t UNION ALL BY NAME SELECT d, a FROM s.u UNION ALL BY NAME SELECT b AS d FROM s.t",
        {"a": "t.a u.a", "d": "t.b u.d"},
    ),
    "columns turned into rows": (
        "WITH long AS (UNPIVOT s.t ON b, c INTO NAME what VALUE x) SELECT a, what, x FROM long",
        {"a": "t.a", "what": "", "x": "t.b t.c"},
    ),
    "all but some turned": (
        "SELECT a, x FROM (UNPIVOT (SELECT a, b + c AS e FROM s.t) ON COLUMNS(* EXCLUDE (a)) INTO NAME n VALUE x) AS long",
        {"a": "t.a", "x": "t.b t.c"},
    ),
    "of what has a name turned": (
        "WITH m (k, v) AS (SELECT a, b FROM s.t), long AS (UNPIVOT m ON COLUMNS(* EXCLUDE (k)) INTO NAME n VALUE x) "
        "SELECT k, x FROM long",
        {"k": "t.a", "x": "t.b"},
    ),
    "a struct's fields turned": (
        "WITH m AS (SELECT a, {'p': b, 'q': c} AS f FROM s.t), "
        "long AS (UNPIVOT (SELECT a, unnest(f) FROM m) ON COLUMNS(* EXCLUDE (a)) INTO NAME n VALUE x) SELECT a, x FROM long",
        {"a": "t.a", "x": "t.b t.c"},
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_what_a_column_is_made_of(case):
    sql, wanted = CASES[case]
    assert lineage_of(sql, TABLES) == {
        column: [f"s.{name}" for name in made_of.split()] for column, made_of in wanted.items()
    }


def test_a_row_as_a_value_is_refused():
    with pytest.raises(ValueError, match="columns of t one by one"):
        lineage_of("SELECT any_value(t) AS x FROM s.t AS t GROUP BY t.a", TABLES)


@pytest.fixture(scope="module")
def project():
    return load()


def test_the_file_is_of_the_sql_that_is_there(project):
    """Where this fails: make held."""
    assert FILE.read_text(encoding="utf-8") == written(everything(project))


def test_every_table_that_is_made_has_a_lineage_of_columns_that_there_are(project):
    known = {f"{table}.{column.name}" for table, model in project.by_name.items() for column in model.columns}
    for table in (*(model.name for model in project.models), *made_by_python(project)):
        found = sources(project, table)
        assert list(found) == [column.name for column in project.by_name[table].columns], table
        assert any(found.values()), table
        assert {name for made_of in found.values() for name in made_of} <= known, table


def test_what_is_stated_is_of_the_tables_that_python_reads(project):
    reads = {table: set(one.reads) for one in COMPUTATIONS for table in one.tables}
    for one in (*DERIVATIONS, LINT):
        said = " ".join([one.inputs, *one.contents.values()])
        reads[one.tables[0]] = set(re.findall(r"(?:FROM|JOIN) (raw\.\w+)", said)) - {"raw.outcomes"}
    for table, wanted in reads.items():
        found = {name.rpartition(".")[0] for made_of in sources(project, table).values() for name in made_of}
        assert found, table
        assert found <= wanted, table
    assert STATED.keys() | {CLAIMS} == reads.keys()
    for table, stated in STATED.items():
        assert stated.keys() - {"*"} <= {column.name for column in project.by_name[table].columns}, table


def test_dagster_is_told_of_assets_and_not_of_seeds(project):
    def deps(table, column):
        found = column_lineage(project, table)
        return {(dep.asset_key.to_user_string(), dep.column_name) for dep in found.deps_by_column[column]}

    assert deps("core.images", "architecture") == {
        ("staging/image_configs", "architecture"),
        ("staging/manifests", "architecture"),
    }
    assert deps("staging.dockerfiles", "content") == {("dockerfiles", "raw.dockerfiles.content")}
    assert deps("staging.projects", "stars") == {("repo_list", "stars")}, "of the table that the asset shows"
    assert deps("raw.dockerfile_readings", "sha256") == {("dockerfiles", "raw.dockerfiles.sha256")}
    assert ("findings/measures", "value") in deps("findings.claims", "value")
    kept = sources(project, "core.base_image_uses")["item"]
    assert any(name.startswith("seeds.") for name in kept)
    assert {asset.split("/")[0] for asset, _ in deps("core.base_image_uses", "item")} == {"core"}


def test_it_can_be_read_where_nothing_draws_it(project):
    shown = lineage_shown(project, "core.base_image_uses").splitlines()
    assert "| reading |  |" in shown, "a constant"
    assert any("[core.base_images.base_kind](/assets/core/base_images)" in line for line in shown)
    assert any(", seeds.base_image_words_as_published.base_image |" in line for line in shown), (
        "a seed is no asset"
    )
    figures = next(
        line for line in lineage_shown(project, CLAIMS).splitlines() if line.startswith("| value |")
    )
    known = len(sources(project, CLAIMS)["value"])
    assert figures.endswith(f", {known - 12} more |")
    assert figures.count("](") == 12


def test_of_sql_that_was_not_read_nothing_is_said(project):
    images = project.by_name["core.images"]
    changed = dataclasses.replace(images, sql=images.sql + " LIMIT 1")
    other = dataclasses.replace(project, by_name={**project.by_name, "core.images": changed})
    assert sources(other, "core.images") == {}
    assert column_lineage(other, "core.images") is None
    assert json.loads(FILE.read_text(encoding="utf-8"))["core.images"]["made_of"] == images.code_version


def test_a_stage_shows_the_columns_of_all_that_it_fills():
    shown = with_columns(dg.AssetSpec("dockerfiles")).metadata["dagster/column_schema"].columns
    assert {"raw.dockerfiles.content", "raw.repository_files.path"} <= {column.name for column in shown}
    assert all(column.description for column in shown)
    types = {column.name: column.type for column in shown}
    assert (types["raw.dockerfiles.content"], types["raw.outcomes.retryable"]) == ("BLOB", "BOOLEAN")
    assert not with_columns(dg.AssetSpec("repo_list")).metadata
