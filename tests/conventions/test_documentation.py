"""The documented tables and columns are the materialised ones, in every schema."""

import csv
import re

import duckdb
import pytest

from dockml_dagster.warehouse.models import Model, Project, folder, load
from dockml_dagster.warehouse.rows import columns_of

PROJECT = load()
DOCUMENTED = [*PROJECT.raw, *PROJECT.seeds, *PROJECT.models, *PROJECT.computed]
READINGS = {"as_published", "corrected"}


def _name(model: Model) -> str:
    return model.name


@pytest.mark.parametrize("model", DOCUMENTED, ids=_name)
def test_columns_documented_are_those_materialised(model: Model, built: duckdb.DuckDBPyConnection) -> None:
    documented = [column.name for column in model.columns]
    assert len(documented) == len(set(documented)), "a column is documented twice"
    assert documented == list(columns_of(built, model.name)), "mend the YAML beside the model, in its order"


@pytest.mark.parametrize("model", DOCUMENTED, ids=_name)
def test_table_and_columns_have_a_meaning(model: Model) -> None:
    assert len(model.description) > 10
    assert [column.name for column in model.columns if len(column.description) < 4] == []


@pytest.mark.parametrize("model", DOCUMENTED, ids=_name)
def test_a_column_is_told_without_the_one_before(model: Model) -> None:
    """DuckDB and Dagster show the meaning of one column: "upper end of it" says nothing there."""
    names = {column.name for column in model.columns}
    for column in model.columns:
        said = column.description
        assert not re.search(r"end of its?\b|^The (former|latter)\b|^Of the \w+( \w+)?\.$", said), column.name
        if interval := re.search(
            r"(?:Lower|Upper) end of the 95 % (?:Wilson )?interval of (?!the\b)(\w+)", said
        ):
            assert interval[1] in names, column.name


def test_raw_is_what_the_migrations_make(project: Project, built: duckdb.DuckDBPyConnection) -> None:
    made = {
        row[0]
        for row in built.execute(
            "SELECT 'raw.' || table_name FROM duckdb_tables() WHERE schema_name = 'raw'"
        ).fetchall()
    }
    assert {table.name for table in project.raw} == made


def test_every_documented_name_is_a_file(project: Project) -> None:
    """A description whose file is gone or misspelt is documentation of nothing."""
    import yaml

    files = {path.stem for path in folder().rglob("*") if path.suffix in {".sql", ".csv"}}
    files |= {model.name.split(".")[1] for model in project.computed}
    wrong = []
    for path in sorted(folder().rglob("*.yml")):
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
        for kind in ("models", "seeds", "data_tests"):
            wrong += [
                f"{path.name}: {entry['name']}"
                for entry in content.get(kind, ())
                if entry["name"] not in files
            ]
    assert wrong == []


@pytest.mark.parametrize("model", [m for m in DOCUMENTED if m.schema == "findings"], ids=_name)
def test_finding_has_corpus_denominator_and_unit(model: Model, built: duckdb.DuckDBPyConnection) -> None:
    columns = columns_of(built, model.name)
    assert "corpus" in columns
    assert "n" in columns
    # A row of these is a metric, with any unit.
    if model.name not in {"findings.paper_comparison", "findings.measures", "findings.measures_of_others"}:
        assert "unit_of_analysis" in columns


@pytest.mark.parametrize(
    "model", [m for m in PROJECT.models if "reading" in {c.name for c in m.columns}], ids=_name
)
def test_readings_are_the_two(model: Model) -> None:
    if model.schema != "findings":
        return
    tests = next(column.tests for column in model.columns if column.name == "reading")
    accepted = [test["accepted_values"]["values"] for test in tests if not isinstance(test, str)]
    assert accepted and set(accepted[0]) <= READINGS


def test_comments_reach_duckdb(built: duckdb.DuckDBPyConnection) -> None:
    without = built.execute(
        """
        SELECT schema_name || '.' || table_name || '.' || column_name
        FROM duckdb_columns() WHERE schema_name IN ('staging', 'core', 'findings', 'seeds') AND comment IS NULL
        """
    ).fetchall()
    assert without == []


@pytest.mark.parametrize("seed", PROJECT.seeds, ids=_name)
def test_seed_is_a_plain_csv(seed: Model) -> None:
    assert seed.path is not None
    with seed.path.open(encoding="utf-8", newline="") as stream:
        header, *rows = csv.reader(stream)
    assert header == [column.name for column in seed.columns]
    assert rows and [row for row in rows if len(row) != len(header)] == []


RESERVED_IN_STANDARD_SQL = {
    "references",
    "constraint",
    "where",
    "group",
    "user",
    "order",
    "table",
    "to",
    "end",
    "all",
}


def test_no_column_is_a_reserved_word(built: duckdb.DuckDBPyConnection) -> None:
    reserved = {
        word
        for (word,) in built.execute(
            "SELECT keyword_name FROM duckdb_keywords() WHERE keyword_category = 'reserved'"
        ).fetchall()
    }
    columns = {column.name for model in DOCUMENTED for column in model.columns}
    assert columns & (reserved | RESERVED_IN_STANDARD_SQL) == set()


def test_a_name_has_one_type(built: duckdb.DuckDBPyConnection) -> None:
    types: dict[str, set[str]] = {}
    for model in DOCUMENTED:
        for name, type_name in columns_of(built, model.name).items():
            types.setdefault(name, set()).add(type_name)
    assert {name: found for name, found in types.items() if len(found) > 1} == {}


KEYLESS = {"core.packages"}
"""Tables in which one row may be there twice: one package twice in one command."""


def test_what_is_never_null_is_not_said_to_be() -> None:
    made = [model for model in (*PROJECT.models, *PROJECT.computed) if model.schema in ("core", "findings")]
    assert [
        f"{model.name}.{column.name}"
        for model in made
        for column in model.columns
        if any("not_null" in test for test in column.tests)
        and "NULL" in column.description.replace("in raw and staging NULL", "")
    ] == []


def test_every_table_states_its_key() -> None:
    made = [model for model in (*PROJECT.models, *PROJECT.computed) if model.schema in ("core", "findings")]
    assert {model.name for model in made if not model.key} == KEYLESS
    assert [model.name for model in made if set(model.key) - {column.name for column in model.columns}] == []


def test_every_project_is_a_listed_one() -> None:
    """In every table with a column `project`, so that rows of a project that left are counted nowhere."""
    made = [model for model in (*PROJECT.models, *PROJECT.computed) if model.schema in ("core", "findings")]
    listed = {"relationships": {"to": "staging.listed_projects", "field": "project"}}
    assert [
        model.name
        for model in made
        for column in model.columns
        if column.name == "project" and listed not in column.tests
    ] == []


def test_core_reads_projects_from_staging_alone() -> None:
    """Raw rows of a project that left stay forever; only the models of history may read them."""
    of_projects = {
        model.name for model in PROJECT.raw if "project" in {column.name for column in model.columns}
    }
    reading = {
        model.name: set(model.references) & of_projects
        for model in PROJECT.models
        if model.schema in ("core", "findings") and set(model.references) & of_projects
    }
    assert reading.keys() == {"core.moment_states", "findings.coverage", "findings.passed_over"}
