"""Which change makes which version another one: of each derived table, and of the findings."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

import dockml_dagster
from dockml_dagster.settings import Settings
from dockml_dagster.warehouse import models, versions
from dockml_dagster.warehouse.due.derivations import DERIVATIONS, LINT
from dockml_dagster.warehouse.due.sources import Sources
from dockml_dagster.warehouse.models import without_comments

PACKAGE = Path(dockml_dagster.__file__).parent
SETTINGS = Settings.from_environment({"DOCKML_HOME": "/nowhere"})

Now = Callable[[], dict[str, str]]


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package and its SQL, to be changed."""
    tree = tmp_path_factory.mktemp("tree")
    for folder in ("study", "clients", "corpora", "warehouse"):
        shutil.copytree(PACKAGE / folder, tree / "dockml_dagster" / folder)
    shutil.copytree(models.folder(), tree / "dbt_like_sql")
    return tree


@pytest.fixture
def now(copy: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Now:
    """``now()``: name → version, of each derived table and, as ``build``, of the findings."""
    memory = tmp_path_factory.getbasetemp() / "source-hashes.json"
    monkeypatch.setattr(versions, "_sources", lambda _: Sources(copy / "dockml_dagster", memory))
    for cached in ("_version_of", "_build_version"):
        monkeypatch.setattr(versions, cached, getattr(versions, cached).__wrapped__)
    for module in (models, versions):
        monkeypatch.setattr(module, "folder", lambda: copy / "dbt_like_sql")

    def all_versions() -> dict[str, str]:
        found = {one.name: versions.version_of(one, SETTINGS) for one in (*DERIVATIONS, LINT)}
        return {**found, "build": versions.build_version(SETTINGS)}

    return all_versions


@pytest.mark.parametrize(
    ("file", "more", "changed"),
    [
        ("dockml_dagster/study/dockerfile/practices/safety.py", "X = 1", {"dockerfile_readings", "build"}),
        ("dockml_dagster/study/readings.py", "X = 1", {"dockerfile_readings", "build"}),
        ("dockml_dagster/study/readings.py", "# why", set()),
        ("dockml_dagster/study/readings.py", '"""What."""', set()),
        ("dockml_dagster/study/image_links/grading.py", "X = 1", {"image_links", "build"}),
        ("dockml_dagster/study/labels/category.py", "X = 1", {"machine_labels", "build"}),
        ("dockml_dagster/study/rebuilds/keys.py", "X = 1", {"rebuilds", "build"}),
        ("dockml_dagster/corpora/history.py", "X = 1", {"rebuilds", "build"}),
        ("dockml_dagster/study/advice/project.py", "X = 1", {"file_facts", "build"}),
        ("dockml_dagster/study/statistics/clusters.py", "X = 1", {"build"}),
        ("dockml_dagster/warehouse/computed/differences.py", "X = 1", {"build"}),
        ("dockml_dagster/clients/hadolint.py", "X = 1", {"dockerfile_lint"}),
        ("dockml_dagster/clients/git.py", "X = 1", set()),
        ("dockml_dagster/warehouse/lake.py", "X = 1", set()),
        ("dbt_like_sql/seeds/base_image_rules.csv", "x", {"dockerfile_readings", "build"}),
        ("dbt_like_sql/seeds/purpose_rules.csv", "x", {"machine_labels", "build"}),
        ("dbt_like_sql/seeds/practices.csv", "x", {"build"}),
        ("dbt_like_sql/findings/rq3_practices.sql", "-- why", set()),
        ("dbt_like_sql/findings/rq3_practices.sql", "LIMIT 3", {"build"}),
        ("dbt_like_sql/findings/findings.yml", "# words", {"build"}),
    ],
)
def test_what_a_change_changes(copy: Path, now: Now, file: str, more: str, changed: set[str]) -> None:
    before = now()
    path = copy / file
    text = path.read_text(encoding="utf-8")
    try:
        path.write_text(f"{text}\n{more}\n", encoding="utf-8")
        after = now()
    finally:
        path.write_text(text, encoding="utf-8")
    assert {name for name in before if before[name] != after[name]} == changed
    assert now() == before


def test_another_query_for_the_inputs_is_another_version(now: Now) -> None:
    (derivation, *_) = DERIVATIONS
    before = versions.version_of(derivation, SETTINGS)
    same = replace(derivation, inputs=f"{derivation.inputs}  -- why")
    assert versions.version_of(same, SETTINGS) == before
    for other in (
        replace(derivation, inputs="SELECT 1"),
        replace(derivation, contents={"texts": "SELECT 1"}),
    ):
        assert versions.version_of(other, SETTINGS) != before


def test_registries_that_count_as_real_change_the_findings(now: Now) -> None:
    before = versions.build_version(SETTINGS)
    other = replace(SETTINGS, registries="localhost:5000")
    assert versions.build_version(other) != before


def test_lint_is_of_hadolint_and_of_the_code_that_asks_it(now: Now) -> None:
    assert versions.lint_version("2.12.0", SETTINGS) == f"2.12.0+{now()['dockerfile_lint']}"


@pytest.mark.parametrize(
    ("sql", "says"),
    [
        ("SELECT 1 -- one\nFROM t", "SELECT 1 FROM t"),
        ("SELECT /* a\nb */ 1", "SELECT 1"),
        (
            "SELECT '-- no comment', \"/* nor\", 'it''s -- this'",
            "SELECT '-- no comment', \"/* nor\", 'it''s -- this'",
        ),
        ("SELECT 'a  b'", "SELECT 'a  b'"),
    ],
)
def test_what_a_statement_says(sql: str, says: str) -> None:
    assert without_comments(sql) == says
