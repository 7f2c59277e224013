"""``dockml export`` of the sample: complete, described, readable by others, and without others' texts.

Here: the dataset as a reader of it sees it.
"""

import hashlib
import json
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import duckdb
import pandas as pd
import polars as pl
import pytest
import yaml
from frictionless import Package

from dockml_dagster.commands.export.data_package import field_type
from dockml_dagster.warehouse.models import load

ROOT = Path(__file__).parents[2]
TABLES = [model.name for model in (*load().raw, *load().seeds, *load().models, *load().computed)]


@pytest.fixture(scope="module")
def dataset(finished, dockml, tmp_path_factory):
    folder = tmp_path_factory.mktemp("export") / "dataset"
    done = dockml(finished[0], "export", str(folder))
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture(scope="module")
def few_files(finished, tmp_path_factory):
    """A home of the same findings with a twentieth of the files of layers, most of all rows: readers of CSV are slow."""
    home = tmp_path_factory.mktemp("few") / "home"
    (home / "published").mkdir(parents=True)
    file = shutil.copy(finished[0] / "published" / "dockml.duckdb", home / "published")
    with duckdb.connect(str(file)) as published:
        published.execute("DELETE FROM raw.layer_files WHERE hash(path) % 20 <> 0")
    return home


@pytest.fixture(scope="module")
def csv_dataset(few_files, dockml, tmp_path_factory):
    folder = tmp_path_factory.mktemp("export") / "csv"
    done = dockml(few_files, "export", str(folder), "--format", "csv")
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture(scope="module")
def package(dataset):
    return json.loads((dataset / "datapackage.json").read_text(encoding="utf-8"))


def _file(dataset, table):
    return dataset / f"{table.replace('.', '/')}.parquet"


def test_every_documented_table_is_there(dataset):
    written = {path.relative_to(dataset).as_posix() for path in dataset.rglob("*.parquet")}
    assert written == {f"{table.replace('.', '/')}.parquet" for table in TABLES}


def _rows(home):
    with duckdb.connect(str(home / "published" / "dockml.duckdb"), read_only=True) as published:
        return {table: published.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in TABLES}


def test_duckdb_and_polars_see_the_same_columns_and_rows(dataset, finished):
    rows = _rows(finished[0])
    with duckdb.connect() as connection:
        for table in TABLES:
            relation = connection.read_parquet(str(_file(dataset, table)))
            frame = pl.read_parquet(_file(dataset, table))
            assert relation.columns == frame.columns, table
            assert relation.count("*").fetchone()[0] == frame.height == rows[table], table


def test_pandas_sees_the_same_columns_and_rows(dataset, finished):
    pytest.importorskip("pyarrow", reason="pandas reads Parquet with pyarrow, which is not installed here")
    rows = _rows(finished[0])
    for table in TABLES:
        frame = pd.read_parquet(_file(dataset, table))
        assert list(frame.columns) == pl.read_parquet_schema(_file(dataset, table)).names(), table
        assert len(frame) == rows[table], table


def test_the_description_is_valid_by_its_own_tool(dataset, package):
    report = Package.validate_descriptor(package, basepath=str(dataset))
    assert report.valid, report.flatten(["message"])
    read = Package(str(dataset / "datapackage.json"))
    assert len(read.resources) == len(TABLES)


def test_the_description_is_of_these_files(dataset, package):
    for resource in package["resources"]:
        content = (dataset / resource["path"]).read_bytes()
        assert resource["bytes"] == len(content)
        assert resource["hash"] == f"sha256:{hashlib.sha256(content).hexdigest()}"
        frame = pl.read_parquet(dataset / resource["path"])
        assert [field["name"] for field in resource["schema"]["fields"]] == frame.columns
        assert resource["rows"] == frame.height
        for field in resource["schema"]["fields"]:
            if field.get("constraints", {}).get("required"):
                assert frame[field["name"]].null_count() == 0, (resource["name"], field["name"])


def test_no_whole_number_became_floating_point(dataset, finished):
    with duckdb.connect(str(finished[0] / "published" / "dockml.duckdb"), read_only=True) as published:
        whole = published.execute(
            "SELECT table_schema || '.' || table_name, column_name FROM information_schema.columns "
            "WHERE data_type IN ('HUGEINT', 'BIGINT', 'INTEGER') AND table_schema IN ('core', 'findings')"
        ).fetchall()
    assert whole
    for table, column in whole:
        assert pl.read_parquet(_file(dataset, table)).schema[column].is_integer(), (table, column)


def test_every_column_has_its_meaning(dataset):
    dictionary = json.loads((dataset / "data_dictionary.json").read_text(encoding="utf-8"))
    assert [entry["table"] for entry in dictionary] == TABLES
    without = [
        f"{entry['table']}.{column['name']}"
        for entry in dictionary
        for column in entry["columns"]
        if len(column["description"]) < 4
    ]
    assert without == []


def test_provenance_says_what_computed_it(dataset):
    provenance = json.loads((dataset / "provenance.json").read_text(encoding="utf-8"))
    assert {"dockml", "duckdb", "dagster", "python"} <= provenance["libraries"].keys()
    assert provenance["build_version"]
    assert [source["corpus"] for source in provenance["sources"]] == ["sample"]
    assert provenance["with_contents"] == []


def _long_lines(home):
    with duckdb.connect(str(home / "published" / "dockml.duckdb"), read_only=True) as published:
        files = published.execute("SELECT content FROM raw.dockerfiles WHERE content IS NOT NULL").fetchall()
    lines = {
        line.strip() for (content,) in files for line in bytes(content).decode(errors="replace").splitlines()
    }
    return {line for line in lines if len(line) > 50}


def _texts(dataset):
    """Every text of every table, lists opened, seeds (our own words) left out."""
    for path in sorted(dataset.rglob("*.parquet")):
        if path.parent.name == "seeds":
            continue
        with duckdb.connect() as connection:
            relation = connection.read_parquet(str(path))
            for name in relation.columns:
                values = connection.execute(
                    f'SELECT DISTINCT "{name}"::VARCHAR FROM read_parquet(?) WHERE length("{name}"::VARCHAR) > 50',
                    [str(path)],
                ).fetchall()
                yield f"{path.parent.name}.{path.stem}.{name}", [value for (value,) in values]


def test_no_line_of_a_collected_file_is_in_it(dataset, finished):
    lines = _long_lines(finished[0])
    assert len(lines) > 30
    leaks = []
    for column, values in _texts(dataset):
        # No line holds a line end, so none is found across two values.
        all_of_them = "\n".join(values)
        leaks += [(column, line) for line in lines if line in all_of_them]
    assert leaks == []


def test_texts_come_when_they_are_asked_for_by_name(finished, dockml, tmp_path):
    done = dockml(finished[0], "export", str(tmp_path), "--with-contents", "raw.dockerfiles")
    assert done.returncode == 0, done.stderr
    assert "content" in pl.read_parquet(_file(tmp_path, "raw.dockerfiles")).columns
    assert "content" not in pl.read_parquet(_file(tmp_path, "staging.dockerfiles")).columns
    provenance = json.loads((tmp_path / "provenance.json").read_text(encoding="utf-8"))
    assert provenance["with_contents"] == ["raw.dockerfiles"]


@pytest.mark.parametrize("name", ["raw.nothing", "findings.funnel"])
def test_a_table_without_texts_is_named(finished, dockml, tmp_path, name):
    done = dockml(finished[0], "export", str(tmp_path / "x"), "--with-contents", name)
    assert done.returncode == 2
    assert name in done.stderr
    assert "raw.dockerfiles" in done.stderr
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize(
    "where", ["dataset", "repository"], ids=["the dataset's citation", "the repository's citation"]
)
def test_citation(dataset, where):
    citation = yaml.safe_load(
        ((dataset if where == "dataset" else ROOT) / "CITATION.cff").read_text(encoding="utf-8")
    )
    assert citation["cff-version"] == "1.2.0"
    assert {"message", "title", "authors", "version", "type"} <= citation.keys()
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert citation["version"] == project["version"]
    assert citation["references"][0]["doi"] == "10.1145/3530019.3530039"
    assert citation["type"] == {"dataset": "dataset", "repository": "software"}[where]


@pytest.mark.parametrize(
    ("duckdb_type", "expected"),
    [
        ("VARCHAR", "string"),
        ("VARCHAR[]", "array"),
        ("BIGINT", "integer"),
        ("DECIMAL(18,3)", "number"),
        ("STRUCT(a INTEGER)", "object"),
        ("TIMESTAMP", "datetime"),
        ("INTERVAL", "any"),
    ],
)
def test_types(duckdb_type, expected):
    assert field_type(duckdb_type) == expected


def test_the_csv_form_is_valid_whole(csv_dataset, few_files):
    report = Package(str(csv_dataset / "datapackage.json")).validate()
    assert report.flatten(["title", "message"]) == []
    assert len(report.tasks) == len(TABLES)
    with duckdb.connect() as connection:
        path = csv_dataset / "core" / "projects.csv"
        again = connection.execute(
            "SELECT count(*), count(category) FROM read_csv(?, nullstr = '\\N', all_varchar = true)",
            [str(path)],
        ).fetchone()
    with duckdb.connect(str(few_files / "published" / "dockml.duckdb"), read_only=True) as published:
        assert again == published.execute("SELECT count(*), count(category) FROM core.projects").fetchone()


def test_the_dataset_says_what_it_is_and_whom_to_cite(dataset):
    text = (dataset / "README.md").read_text(encoding="utf-8")
    assert "`findings/claims.parquet`" in text
    citation = yaml.safe_load((dataset / "CITATION.cff").read_text(encoding="utf-8"))
    authors = [author["family-names"] for author in citation["references"][0]["authors"]]
    assert authors == ["Openja", "Majidi", "Khomh", "Chembakottu", "Li"]


def test_croissant_describes_these_files_and_columns(dataset):
    """``mlcroissant validate`` passes on it; it is too heavy for a dependency of tests."""
    described = json.loads((dataset / "croissant.json").read_text(encoding="utf-8"))
    assert described["conformsTo"] == "http://mlcommons.org/croissant/1.0"
    files = {file["@id"]: file for file in described["distribution"]}
    assert files.keys() == {f"{table.replace('.', '/')}.parquet" for table in TABLES}
    for path, file in files.items():
        assert file["sha256"] == hashlib.sha256((dataset / path).read_bytes()).hexdigest(), path
    for records in described["recordSet"]:
        table = records["name"]
        schema = pl.read_parquet_schema(_file(dataset, table))
        assert [field["source"]["extract"]["column"] for field in records["field"]] == schema.names()
        for field in records["field"]:
            kind = schema[field["name"]]
            assert field.get("repeated", False) == isinstance(kind, pl.List), field["@id"]
            inner = kind.inner if isinstance(kind, pl.List) else kind
            if inner.is_integer() or inner.is_float():
                kinds = {"sc:Integer": inner.is_integer(), "sc:Float": inner.is_float()}
                assert kinds[field["dataType"]], field["@id"]


def test_the_crate_lists_every_file(dataset):
    """``rocrate-validator validate`` passes on it."""
    graph = json.loads((dataset / "ro-crate-metadata.json").read_text(encoding="utf-8"))["@graph"]
    entities = {entity["@id"]: entity for entity in graph}
    parts = {part["@id"] for part in entities["./"]["hasPart"]}
    written = {path.relative_to(dataset).as_posix() for path in dataset.rglob("*") if path.is_file()}
    assert parts == written - {"ro-crate-metadata.json"}
    assert all(entities[part]["description"] for part in parts)
    assert entities["./"]["license"]["@id"] in entities


@pytest.mark.parametrize("form", ["parquet", "csv"])
def test_the_notebook_runs_and_makes_its_figures(dataset, csv_dataset, form):
    folder = csv_dataset if form == "csv" else dataset
    cells = json.loads((folder / "dataset.ipynb").read_text(encoding="utf-8"))["cells"]
    code = "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code")
    code += """
for name in ("categories", "practices", "sizes"):
    figure, values = globals()[f"figure_{name}"].to_dict(), globals()[name]
    assert len(values) > 3 and all(0 <= row["value"] for row in values), (name, values)
    assert any(row["low"] is not None and row["low"] <= row["value"] <= row["high"] for row in values), values
    assert [layer["mark"]["type"] for layer in figure["layer"]] == ["rule", "point"]
print(corpus, "fine")
"""
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=False, timeout=120
    )
    assert (done.returncode, done.stdout) == (0, "sample fine\n"), done.stderr
