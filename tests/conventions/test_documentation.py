"""What is documented is what is materialised: every table and column of every schema."""

import csv

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
    # A row of these is a metric of any unit.
    if model.name not in {"findings.paper_comparison", "findings.measures"}:
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
