"""Two corpora side by side: both directions, what one never writes, packages that many install, one family."""

import duckdb
import pytest

from dockml_dagster.warehouse.computed import corpora
from dockml_dagster.warehouse.models import load


def _written(intervals, packages=(), dockerfiles=()):
    with duckdb.connect() as connection:
        connection.execute("CREATE SCHEMA core; CREATE SCHEMA findings")
        connection.execute(
            "CREATE TABLE core.share_intervals (corpus VARCHAR, measure VARCHAR, unit_of_analysis VARCHAR, "
            "category VARCHAR, weighting VARCHAR, share DOUBLE, low DOUBLE, high DOUBLE, n_effective DOUBLE, "
            "n BIGINT, clusters BIGINT)"
        )
        connection.execute(
            "CREATE TABLE core.dockerfiles (corpus VARCHAR, project VARCHAR, path VARCHAR, valid BOOLEAN);"
            "CREATE TABLE core.projects (project VARCHAR, cohort VARCHAR);"
            "CREATE TABLE core.packages (corpus VARCHAR, project VARCHAR, dockerfile_valid BOOLEAN, kind VARCHAR, "
            "manager VARCHAR, name VARCHAR)"
        )
        for row in intervals:
            connection.execute(f"INSERT INTO core.share_intervals VALUES ({', '.join('?' * 11)})", row)
        for row in dockerfiles:
            connection.execute("INSERT INTO core.dockerfiles VALUES (?, ?, 'Dockerfile', ?)", row)
        connection.execute(
            "INSERT INTO core.projects SELECT DISTINCT project, if(project LIKE '%/control', 'control', NULL) "
            "FROM core.dockerfiles"
        )
        for row in packages:
            connection.execute("INSERT INTO core.packages VALUES (?, ?, ?, ?, ?, ?)", row)
        made = corpora.write_corpus_differences(connection, load())
        rows = connection.execute(f"SELECT * FROM {corpora.TABLE}").fetchall()
        assert made == {corpora.TABLE: len(rows)}
        return [dict(zip(corpora.COLUMNS, row, strict=True)) for row in rows]


def _interval(corpus, measure, share, clusters=100, unit="Dockerfile", category="All", weighting="project"):
    return [
        corpus, measure, unit, category, weighting, share, share - 0.05, share + 0.05, float(clusters), clusters, clusters,
    ]  # fmt: skip


def test_both_directions_are_each_others_mirror():
    one, other = _written([_interval("a", "follows_x", 0.75), _interval("b", "follows_x", 0.25)])
    assert (one["corpus"], one["other_corpus"], one["topic"]) == ("a", "b", "practice")
    assert (one["share"], one["other_share"], one["difference"]) == (0.75, 0.25, 0.5)
    assert other["difference"] == -0.5
    assert (other["difference_low"], other["difference_high"]) == (
        -one["difference_high"],
        -one["difference_low"],
    )
    assert 0 < one["difference_low"] < 0.5 < one["difference_high"]
    assert one["p"] == other["p"] < 1e-6


def test_of_one_corpus_there_is_nothing_to_compare():
    assert _written([_interval("a", "follows_x", 0.75)]) == []


def test_shares_of_units_and_of_categories_and_other_measures_stay_out():
    rows = [
        _interval(corpus, measure, 0.5, category=category, weighting=weighting)
        for corpus in "ab"
        for measure, category, weighting in (
            ("follows_x", "All", "unit"),
            ("follows_x", "Toolkit", "project"),
            ("platform linux/amd64", "All", "project"),
        )
    ]
    assert _written(rows) == []


def test_topics_are_told_by_their_measures():
    measures = {
        "follows_x": "practice",
        "instruction RUN": "instruction",
        "RUN task Build": "RUN task",
        "uses_base_image_database": "base image type",
        "multi_stage": "stages",
        "rule curlUseFlagF": "rule",
    }
    rows = _written([_interval(corpus, measure, 0.5) for corpus in "ab" for measure in measures])
    assert {row["measure"]: row["topic"] for row in rows} == measures


def test_what_nobody_writes_is_none_of_them_and_what_cannot_apply_is_unknown():
    rows = _written(
        [
            _interval("a", "instruction RUN", 0.5, unit="instruction"),
            _interval("a", "instruction SHELL", 0.25, unit="instruction"),
            _interval("b", "instruction RUN", 0.5, clusters=40, unit="instruction"),
            _interval("a", "follows_x", 0.5),
            _interval("a", "follows_y", 0.5),
            _interval("b", "follows_x", 0.5),
        ]
    )
    found = {row["measure"]: row for row in rows if row["corpus"] == "a"}
    assert set(found) == {"instruction RUN", "instruction SHELL", "follows_x"}
    shell = found["instruction SHELL"]
    assert (shell["other_share"], shell["other_n"], shell["other_clusters"], shell["other_low"]) == (
        0,
        40,
        40,
        0,
    )
    assert shell["other_high"] > 0


def test_tests_of_two_corpora_are_one_family():
    rows = _written(
        [
            *(_interval("a", f"follows_{i}", 0.5) for i in range(3)),
            *(_interval("b", f"follows_{i}", share) for i, share in enumerate((0.3, 0.5, 0.5))),
            *(_interval("c", f"follows_{i}", 0.5, clusters=9) for i in range(3)),
        ]
    )
    of = {(row["corpus"], row["other_corpus"], row["measure"]): row for row in rows}
    first = of["a", "b", "follows_0"]
    assert first["family_tests"] == 3
    assert first["p_holm"] == pytest.approx(3 * first["p"])
    small = of["a", "c", "follows_0"]
    assert (small["p"], small["p_holm"], small["family_tests"]) == (None, None, None)
    assert "fewer than 20 projects" in small["note"]


def test_packages_are_those_of_projects_that_name_them(monkeypatch):
    monkeypatch.setattr(corpora, "PACKAGES", 2)
    files = [(corpus, f"{corpus}/{i}", True) for corpus in "ab" for i in range(4)]
    files += [("a", "a/invalid", False), ("a", "a/control", True)]
    packages = [
        ("a", "a/0", True, "package", "apt", "Curl"),
        ("a", "a/0", True, "package", "apt", "curl"),
        ("a", "a/1", True, "package", "apt", "curl"),
        ("a", "a/1", True, "package", "apt", None),
        ("b", "b/0", True, "package", "pip", "numpy"),
        ("b", "b/1", True, "package", "pip", "numpy"),
        ("b", "b/2", True, "package", "pip", "numpy"),
        ("b", "b/2", True, "package", "pip", "rare"),
        ("b", "b/3", True, "requirement file", "pip", "requirements.txt"),
        ("a", "a/invalid", True, "package", "apt", "git"),
        ("a", "a/2", False, "package", "apt", "git"),
        ("a", "a/control", True, "package", "apt", "git"),
    ]
    rows = _written([], packages, files)
    found = {
        (row["topic"], row["measure"]): (row["share"], row["other_share"])
        for row in rows
        if row["corpus"] == "a"
    }
    assert found == {
        ("package", "apt curl"): (0.5, 0),
        ("package", "pip numpy"): (0, 0.75),
        ("package manager", "apt"): (0.5, 0),
        ("package manager", "pip"): (0, 0.75),
    }
    assert {row["n"] for row in rows} == {4}
