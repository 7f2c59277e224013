"""Who could not tell is no rater: neither where disagreement is looked for nor where agreement is measured."""

from pathlib import Path

import duckdb
import pytest

from dockml_dagster.commands.labels.annotation_rounds import COLUMNS, _candidates, agreement_rows
from dockml_dagster.settings import Settings

LABELS = [
    ("a", "ana", "person", "Model"),
    ("a", "bo", "person", "Model"),
    ("b", "ana", "person", "Model"),
    ("b", "bo", "person", "Toolkit"),
    ("c", "ana", "person", "Model"),
    ("c", "bo", "person", "cannot tell"),
    ("d", "ana", "person", "none"),
]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """A published file with the tables that a round reads."""
    found = Settings.from_environment({"DOCKML_HOME": str(tmp_path)})
    found.published.parent.mkdir(parents=True)
    with duckdb.connect(found.published) as connection:
        connection.execute("CREATE SCHEMA core")
        connection.execute(
            "CREATE TABLE core.projects AS SELECT unnest(['a', 'b', 'c', 'd']) AS project, 'sample' AS corpus"
        )
        connection.execute(
            "CREATE TABLE core.dockerfiles (project VARCHAR, path VARCHAR, corpus VARCHAR, valid BOOLEAN)"
        )
        connection.execute(
            "CREATE TABLE core.categories AS SELECT 'a' AS project, 'Model' AS category, 0.75 AS machine_probability"
        )
        connection.execute(
            "CREATE TABLE core.labels (unit VARCHAR, rater VARCHAR, rater_kind VARCHAR, code VARCHAR, "
            "corpus VARCHAR DEFAULT 'sample', code_system VARCHAR DEFAULT 'category', unit_kind VARCHAR DEFAULT 'project')"
        )
        connection.executemany(
            "INSERT INTO core.labels (unit, rater, rater_kind, code) VALUES (?, ?, ?, ?)", LABELS
        )
    return found


def test_candidates_have_the_codes_of_those_who_could_tell(settings: Settings) -> None:
    found = {one.unit: one for one in _candidates(settings, "sample", "category", "project")}
    assert {unit: one.codes for unit, one in found.items()} == {
        "a": {"ana": {"Model"}, "bo": {"Model"}},
        "b": {"ana": {"Model"}, "bo": {"Toolkit"}},
        "c": {"ana": {"Model"}},
        "d": {"ana": set()},
    }
    assert (found["a"].stratum, found["a"].doubt) == ("Model", 0.25)
    assert (found["b"].stratum, found["b"].doubt) == ("unlabelled", 1)


def test_agreement_is_of_those_who_could_tell(settings: Settings) -> None:
    rows = agreement_rows(
        settings, corpus="sample", question="category", unit_kind="project", draws=0, seed=0
    )
    (overall,) = [
        row for row in (dict(zip(COLUMNS, row, strict=True)) for row in rows) if row["code"] == "all"
    ]
    assert (overall["raters"], overall["n"], overall["observed"]) == ("ana and bo", 2, 0.5)
