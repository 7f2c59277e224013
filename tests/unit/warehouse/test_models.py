"""Reading ``dbt_like_sql``: what references what, in which order, and what is told of a file that breaks the contract."""

from pathlib import Path

import pytest

from dockml_dagster.warehouse.models import SCHEMAS, ModelError, Project, load, references

SOURCES = "sources: [{name: raw, tables: [{name: t, description: A table., columns: [{name: x, description: X.}]}]}]\n"


def _load(root: Path, files: dict[str, str]) -> Project:
    for name, text in {"raw.yml": SOURCES, **files}.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return load(root)


REFERENCES = {
    "plain": ("SELECT * FROM raw.a", ["raw.a"]),
    "from first": ("FROM raw.a", ["raw.a"]),
    "join and comma": ("SELECT 1 FROM raw.b, raw.a JOIN core.c USING (x)", ["core.c", "raw.a", "raw.b"]),
    "twice is once": ("SELECT 1 FROM raw.a AS x, raw.a AS y", ["raw.a"]),
    "a CTE is no table": ("WITH a AS (FROM raw.b) SELECT * FROM a", ["raw.b"]),
    "a CTE of a CTE": ("WITH a AS (FROM raw.b), c AS (FROM a) FROM c", ["raw.b"]),
    "a CTE inside a subquery": ("SELECT * FROM (WITH a AS (FROM raw.b) FROM a)", ["raw.b"]),
    "a CTE called like a table": ("WITH a AS (FROM raw.a) FROM a", ["raw.a"]),
    "recursive": (
        "WITH RECURSIVE r AS (SELECT x FROM raw.a UNION ALL SELECT x FROM r WHERE x < 3) FROM r",
        ["raw.a"],
    ),
    "subquery in WHERE": ("SELECT 1 FROM raw.a WHERE x IN (SELECT x FROM raw.b)", ["raw.a", "raw.b"]),
    "subquery in SELECT": ("SELECT (SELECT max(x) FROM raw.b) FROM raw.a", ["raw.a", "raw.b"]),
    "EXISTS": ("SELECT 1 FROM raw.a WHERE NOT EXISTS (SELECT 1 FROM raw.b)", ["raw.a", "raw.b"]),
    "UNION": ("FROM raw.a UNION ALL FROM raw.b", ["raw.a", "raw.b"]),
    "UNPIVOT": ("UNPIVOT raw.a ON x, y INTO NAME n VALUE v", ["raw.a"]),
    "UNPIVOT of a CTE": (
        "WITH w AS (FROM raw.a) SELECT * FROM (UNPIVOT w ON x INTO NAME n VALUE v)",
        ["raw.a"],
    ),
    "a table function is no table": ("SELECT unnest([1]) FROM range(3), raw.a", ["raw.a"]),
    "quoted": ('SELECT * FROM "raw"."odd name"', ["raw.odd name"]),
    "named in a text and a comment": ("SELECT 'FROM raw.b' FROM raw.a -- FROM raw.c", ["raw.a"]),
    "nothing": ("SELECT 1 AS x", []),
}


@pytest.mark.parametrize(("sql", "expected"), REFERENCES.values(), ids=REFERENCES)
def test_references(sql: str, expected: list[str]) -> None:
    assert list(references(sql, where="core/x.sql")) == expected


REFUSED = {
    "a table without its schema": ("SELECT * FROM images", "write schema.table for images"),
    "two statements": ("SELECT 1; SELECT 2", "one SELECT a file, found 2"),
    "nothing at all": ("", "one SELECT a file, found 0"),
    "a comment only": ("-- nothing", "one SELECT a file, found 0"),
    "not a SELECT": ("CREATE TABLE x (y INTEGER)", "SELECT"),
    "a DROP": ("DROP TABLE raw.t", "SELECT"),
    "not SQL": ("SELEKT 1", "syntax error"),
}


@pytest.mark.parametrize(("sql", "said"), REFUSED.values(), ids=REFUSED)
def test_what_is_no_model_is_refused_by_name(tmp_path: Path, sql: str, said: str) -> None:
    with pytest.raises(ModelError) as caught:
        _load(tmp_path, {"core/x.sql": sql})
    assert said in str(caught.value)
    assert "core/x.sql" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_unknown_table_is_named_with_its_model(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"core\.x reads raw\.missing"):
        _load(tmp_path, {"core/x.sql": "FROM raw.missing"})


def test_a_cycle_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"cycle: .*core\.a → core\.b|cycle: .*core\.b → core\.a"):
        _load(tmp_path, {"core/a.sql": "FROM core.b", "core/b.sql": "FROM core.a"})


def test_a_model_that_reads_itself_is_a_cycle(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="cycle"):
        _load(tmp_path, {"core/a.sql": "FROM core.a"})


BAD_YAML = {
    "not YAML": "models: [",
    "a tab": "models:\n\t- name: x",
    "a list at the top": "- name: x",
    "a text": "models",
    "no list of entries": "models: {name: x}",
    "an entry without a name": "models:\n  - description: x",
    "a column without a name": "models:\n  - name: x\n    columns:\n      - description: y",
    "a source without tables": "sources:\n  - name: raw",
}


@pytest.mark.parametrize("text", BAD_YAML.values(), ids=BAD_YAML)
def test_a_bad_property_file_is_named_in_one_line(tmp_path: Path, text: str) -> None:
    with pytest.raises(ModelError) as caught:
        _load(tmp_path, {"core/core.yml": text, "core/x.sql": "FROM raw.t"})
    assert "core/core.yml" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_models_come_after_what_they_read(tmp_path: Path) -> None:
    project = _load(
        tmp_path,
        {
            "core/a.sql": "FROM core.z",
            "core/z.sql": "FROM staging.t",
            "staging/t.sql": "FROM raw.t",
            "findings/f.sql": "SELECT * FROM core.a, seeds.s;\n",
            "seeds/s.csv": "code\nx\n",
        },
    )
    assert [model.name for model in project.models] == ["staging.t", "core.z", "core.a", "findings.f"]
    assert [model.is_view for model in project.models] == [True, False, False, False]
    assert [seed.name for seed in project.seeds] == ["seeds.s"]
    assert project.models[-1].sql == "SELECT * FROM core.a, seeds.s"
    assert set(project.by_name) == {"staging.t", "core.z", "core.a", "findings.f", "seeds.s", "raw.t"}


def test_documentation_is_found_by_folder_and_name(tmp_path: Path) -> None:
    yml = """
    models:
      - name: x
        description: >
          Over two
          lines.
        columns:
          - name: a
            description: An A.
            data_type: BIGINT
            data_tests: [not_null, {accepted_values: {values: [1]}}]
    """
    project = _load(
        tmp_path,
        {
            "core/any.yml": yml,
            "core/x.sql": "FROM raw.t",
            "findings/x.sql": "FROM raw.t",
            "seeds/x.csv": "a\n",
        },
    )
    (column,) = project.by_name["core.x"].columns
    assert project.by_name["core.x"].description == "Over two lines."
    assert (column.name, column.description, column.data_type) == ("a", "An A.", "BIGINT")
    assert column.tests == ("not_null", {"accepted_values": {"values": [1]}})
    assert project.by_name["findings.x"].description == ""
    assert project.by_name["seeds.x"].columns == ()


def test_the_code_version_is_of_the_statement_alone(tmp_path: Path) -> None:
    one = _load(
        tmp_path / "1", {"core/x.sql": "FROM raw.t\n", "core/c.yml": "models: [{name: x, description: a}]"}
    )
    two = _load(tmp_path / "2", {"core/x.sql": "FROM raw.t;"})
    three = _load(tmp_path / "3", {"core/x.sql": "SELECT x FROM raw.t"})
    assert one.models[0].code_version == two.models[0].code_version != three.models[0].code_version


def test_checks_are_read_with_their_severity(tmp_path: Path) -> None:
    yml = "data_tests:\n  - {name: soft, description: D., config: {severity: warn}}\n"
    project = _load(
        tmp_path,
        {"checks/c.yml": yml, "checks/hard.sql": "FROM raw.t", "checks/soft.sql": "FROM raw.t WHERE x > 1;"},
    )
    assert [(c.name, c.warn_only, c.references) for c in project.checks] == [
        ("hard", False, ("raw.t",)),
        ("soft", True, ("raw.t",)),
    ]
    assert project.checks[1].description == "D."


def test_a_check_that_reads_what_nobody_makes_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"missing"):
        _load(tmp_path, {"checks/c.sql": "FROM core.missing"})


def test_the_way_of_the_data_points_one_way() -> None:
    """No staging model reads core, no core model reads findings."""
    rank = {"raw": 0, "seeds": 0, **{schema: number for number, schema in enumerate(SCHEMAS, start=1)}}
    wrong = [
        f"{model.name} reads {name}"
        for model in load().models
        for name in model.references
        if rank[name.split(".")[0]] > rank[model.schema]
    ]
    assert wrong == []
