"""The tables of differences: scipy and statsmodels where each project has one unit, and who is compared."""

import duckdb
import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.multitest import multipletests

from dockml_dagster.warehouse.computed.differences import COLUMNS, GROUPINGS, TABLES, write_differences
from dockml_dagster.warehouse.models import load

STARS = {
    "Toolkit": [1, 2, 3, 4, 5, 6, 9, 700],
    "Model": [2, 3, 8, 9, 11],
    "DL Framework": [90, 400, 1000, 2500, 4000, 5000],
}
ALONE = {"Documentation": [77]}


def _tables(values, *, kind="number", censored=(), cohort="ml", unit="project"):
    """A connection with the core tables that the differences are computed from: category → values."""
    connection = duckdb.connect()
    connection.execute("CREATE SCHEMA core; CREATE SCHEMA raw")
    connection.execute(
        "CREATE TABLE core.unit_measures (corpus VARCHAR, rq VARCHAR, measure VARCHAR, kind VARCHAR, "
        "unit_of_analysis VARCHAR, project VARCHAR, unit VARCHAR, cohort VARCHAR, category VARCHAR, "
        "label_source VARCHAR, base_image_type VARCHAR, link_grade VARCHAR, "
        "value DOUBLE, is_censored BOOLEAN)"
    )
    connection.execute(
        "CREATE TABLE core.categories (project VARCHAR, category_of_people VARCHAR, category_of_machine VARCHAR)"
    )
    connection.execute(
        "CREATE TABLE core.moment_states (corpus VARCHAR, corpus_before VARCHAR, earliest TIMESTAMP, latest TIMESTAMP, "
        "unit_of_analysis VARCHAR, unit VARCHAR, metric VARCHAR, before DOUBLE, after DOUBLE, is_changed BOOLEAN)"
    )
    for category, numbers in values.items():
        for i, value in enumerate(numbers):
            project = f"sample/o/{category}{i}"
            row = ["sample", "rq1", "stars", kind, unit, project, project, cohort, category]
            connection.execute(
                "INSERT INTO core.unit_measures VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 'people', NULL, NULL, ?, ?)",
                [*row, value, (category, i) in censored],
            )
            connection.execute("INSERT INTO core.categories VALUES (?, ?, NULL)", [project, category])
    return connection


def _written(connection, condition="label_source = 'final' AND link_grade = 'any'", table=TABLES[0]):
    write_differences(connection, load())
    rows = connection.execute(f"SELECT * FROM {table} WHERE {condition}").fetchall()
    return [dict(zip(COLUMNS, row, strict=True)) for row in rows]


def _kruskal(groups):
    values = list(groups.values())
    return stats.kruskal(*values).statistic


def test_every_table_has_its_groupings():
    assert {(one.table, one.name) for one in GROUPINGS} == {
        ("findings.category_differences", "category"),
        ("findings.category_differences", "base image type"),
        ("findings.cohort_differences", "cohort"),
    }


def test_groups_have_medians_with_intervals():
    groups = {
        row["first"]: row for row in _written(_tables({**STARS, **ALONE})) if row["row_kind"] == "group"
    }
    assert set(groups) == set(STARS) | set(ALONE)
    for name, values in STARS.items():
        assert groups[name]["median"] == np.median(values)
        assert min(values) <= groups[name]["median_low"] < groups[name]["median_high"] <= max(values)
        assert (groups[name]["n"], groups[name]["clusters"], groups[name]["n_censored"]) == (
            len(values),
            len(values),
            0,
        )
    assert groups["Documentation"]["note"] == "fewer than 5 projects: takes no part in tests"


def test_the_test_over_all_groups():
    (row,) = [row for row in _written(_tables({**STARS, **ALONE})) if row["row_kind"] == "overall"]
    assert row["test"] == "ridit scores, projects permuted"
    assert row["statistic"] == pytest.approx(_kruskal(STARS))
    assert row["epsilon_squared"] == pytest.approx(_kruskal(STARS) / 18)
    assert (row["n"], row["clusters"], row["degrees_of_freedom"]) == (19, 19, 2)
    assert row["p"] < 0.01
    assert (row["p_holm"], row["family_tests"]) == (row["p"], 1)
    assert row["note"] == "without Documentation"


def test_pairs_are_tested_where_the_measure_differs_clearly():
    rows = [row for row in _written(_tables({**STARS, **ALONE})) if row["row_kind"] == "pair"]
    assert len(rows) == 6
    tested = [row for row in rows if row["p"] is not None]
    assert {row["note"] for row in rows} == {None, "a group of fewer than 5 projects"}
    for row in tested:
        pair = {name: STARS[name] for name in (row["first"], row["second"])}
        assert row["statistic"] == pytest.approx(_kruskal(pair))
        differences = np.sign(np.subtract.outer(*pair.values()))
        assert row["cliffs_delta"] == pytest.approx(differences.mean())
        assert row["delta_least"] == row["delta_most"] == row["cliffs_delta"]
        assert (row["n_first"], row["n_second"]) == tuple(len(values) for values in pair.values())
    again = multipletests([row["p"] for row in tested], method="holm")[1]
    assert [row["p_holm"] for row in tested] == pytest.approx(list(again))
    assert {row["family_tests"] for row in tested} == {3}


def test_pairs_of_a_measure_that_does_not_differ_are_described_alone():
    rows = _written(_tables({"Toolkit": [1, 2, 3, 4, 5], "Model": [1, 2, 3, 4, 6]}))
    (pair,) = [row for row in rows if row["row_kind"] == "pair"]
    assert (pair["p"], pair["family"]) == (None, None)
    assert abs(pair["cliffs_delta"]) == pytest.approx(1 / 25)
    assert pair["note"] == "not tested: all groups together do not differ clearly"


def test_all_measures_of_a_grouping_are_one_family():
    connection = _tables(STARS)
    connection.execute(
        "INSERT INTO core.unit_measures SELECT * REPLACE ('forks' AS measure, hash(project) % 7 AS value) "
        "FROM core.unit_measures"
    )
    rows = [row for row in _written(connection) if row["row_kind"] == "overall"]
    assert [row["family_tests"] for row in rows] == [2, 2]
    again = multipletests([row["p"] for row in rows], method="holm")[1]
    assert [row["p_holm"] for row in rows] == pytest.approx(list(again))


def test_units_of_one_project_are_one_cluster():
    """Ten projects; the forty Dockerfiles of one of them make the naive test sure of a difference that is none."""
    connection = _tables(
        {"Toolkit": [0, 1, 0, 1, 0], "Model": [1, 0, 1, 0, 1]}, kind="yes or no", unit="Dockerfile"
    )
    connection.execute(
        "INSERT INTO core.unit_measures SELECT measures.* REPLACE (unit || numbers.range AS unit) "
        "FROM core.unit_measures AS measures, range(40) AS numbers WHERE project = 'sample/o/Model0'"
    )
    rows = _written(connection)
    groups = {row["first"]: row for row in rows if row["row_kind"] == "group"}
    assert (groups["Model"]["n"], groups["Model"]["clusters"], groups["Model"]["share"]) == (45, 5, 0.6)
    assert groups["Model"]["largest_cluster_share"] == pytest.approx(41 / 45)
    assert stats.kruskal([0, 1, 0, 1, 0], [1] * 41 + [0, 1, 0, 1]).pvalue < 0.001
    (overall,) = [row for row in rows if row["row_kind"] == "overall"]
    assert overall["p"] > 0.3


def test_units_of_a_project_in_several_groups_are_permuted_inside_it():
    connection = _tables({"Toolkit": list(range(24))}, unit="Dockerfile")
    connection.execute(
        "INSERT INTO core.unit_measures SELECT * REPLACE (unit || '/second' AS unit, value + 0.5 AS value) "
        "FROM core.unit_measures"
    )
    connection.execute(
        "UPDATE core.unit_measures SET base_image_type = if(contains(unit, 'second'), 'Language runtime', "
        "'Operating system')"
    )
    rows = _written(connection, "grouping = 'base image type'")
    (overall,) = [row for row in rows if row["row_kind"] == "overall"]
    assert overall["test"] == "ridit scores, units permuted within projects"
    assert (overall["n"], overall["clusters"]) == (48, 24)
    # The second file of every project has the larger value: small beside the spread between projects, yet clear.
    assert overall["p"] < 0.001
    assert overall["epsilon_squared"] < 0.01


def test_yes_or_no_is_a_share_with_wilsons_interval():
    yes = {"Toolkit": [1, 1, 0, 1, 0], "Model": [0, 0, 1, 0, 0]}
    rows = _written(_tables(yes, kind="yes or no"))
    for row in rows:
        if row["row_kind"] == "group":
            values = yes[row["first"]]
            again = stats.binomtest(sum(values), len(values)).proportion_ci(method="wilson")
            assert row["share"] == sum(values) / len(values)
            assert (row["share_low"], row["share_high"]) == pytest.approx((again.low, again.high))
            assert row["median"] is None
    (pair,) = [row for row in rows if row["row_kind"] == "pair"]
    # Of yes and no, Cliff's delta is the difference of the shares.
    assert pair["cliffs_delta"] == pytest.approx(np.mean(yes[pair["first"]]) - np.mean(yes[pair["second"]]))


def test_a_capped_value_is_at_least_itself():
    rows = _written(
        _tables({"Toolkit": [1, 2, 3, 50], "Model": [4, 5, 6, 50]}, censored={("Toolkit", 3), ("Model", 3)})
    )
    (pair,) = [row for row in rows if row["row_kind"] == "pair"]
    assert pair["n_censored"] == 2
    assert pair["delta_least"] < pair["cliffs_delta"] < pair["delta_most"]
    medians = {row["first"]: row["median"] for row in rows if row["row_kind"] == "group"}
    assert medians == {"Toolkit": 2.5, "Model": 5.5}


def test_one_group_is_described_and_not_tested():
    rows = _written(_tables({"ml": [1, 2, 3, 4, 5]}), "grouping = 'cohort'", TABLES[1])
    assert [row["row_kind"] for row in rows] == ["group", "overall"]
    assert rows[1]["note"] == "fewer than two groups have 5 projects"
    assert rows[1]["p"] is None


def test_cohorts_are_compared_and_the_control_stays_out_of_categories():
    connection = _tables(STARS)
    connection.execute("UPDATE core.unit_measures SET cohort = 'control' WHERE category = 'Model'")
    rows = _written(connection, "grouping = 'cohort' AND row_kind = 'pair'", TABLES[1])
    assert [(row["first"], row["second"], row["n_first"]) for row in rows] == [("control", "ml", 5)]
    named = connection.execute(f"SELECT DISTINCT first FROM {TABLES[0]} WHERE first IS NOT NULL").fetchall()
    assert sorted(named) == [("DL Framework",), ("Toolkit",)]


def test_who_labelled_is_compared_too():
    connection = _tables(STARS)
    connection.execute("UPDATE core.categories SET category_of_machine = 'Model'")
    write_differences(connection, load())
    sources = connection.execute(
        f"SELECT label_source, count(*) FROM {TABLES[0]} WHERE row_kind = 'group' GROUP BY ALL ORDER BY ALL"
    ).fetchall()
    assert sources == [("final", 3), ("machine", 1), ("people", 3)]
    assert {grouping.label_source for grouping in GROUPINGS} == {"final", "people", "machine", "none"}


def test_images_of_doubtful_projects_are_left_out_grade_by_grade():
    connection = _tables(STARS, unit="image")
    connection.execute("UPDATE core.unit_measures SET link_grade = 'possible'")
    connection.execute("UPDATE core.unit_measures SET link_grade = 'likely' WHERE category <> 'Model'")
    connection.execute(
        "UPDATE core.unit_measures SET link_grade = 'confirmed' WHERE category = 'Toolkit' AND value < 100"
    )
    found = {
        grade: {
            row["first"]: row["n"]
            for row in _written(connection, f"link_grade = '{grade}'")
            if row["row_kind"] == "group"
        }
        for grade in ("any", "likely", "confirmed")
    }
    assert found == {
        "any": {"DL Framework": 6, "Model": 5, "Toolkit": 8},
        "likely": {"DL Framework": 6, "Toolkit": 8},
        "confirmed": {"Toolkit": 7},
    }


def test_an_image_of_two_projects_counts_once_in_each():
    connection = _tables({"Toolkit": [7, 7], "Model": [7]}, unit="image")
    connection.execute("UPDATE core.unit_measures SET unit = 'sha256:1'")
    groups = {
        row["first"]: (row["n"], row["clusters"])
        for row in _written(connection)
        if row["row_kind"] == "group"
    }
    assert groups == {"Toolkit": (2, 2), "Model": (1, 1)}


BEFORE = [1, 2, 2, 4, 3, 9, 1, 5]
AFTER = [2, 2, 5, 3, 7, 11, 1, 9]


def _moments(before, after):
    connection = _tables({})
    for i, (then, now) in enumerate(zip(before, after, strict=True)):
        connection.execute(
            "INSERT INTO core.moment_states VALUES ('github', 'ease2022', '2021-06-01', '2026-02-01', 'project', ?, "
            "'dockerfiles', ?, ?, ?)",
            [f"u{i}", then, now, then != now],
        )
    return _written(connection, "true", TABLES[2])


def test_two_moments_of_the_same_units_are_a_pair():
    first, second, pair = _moments(BEFORE, AFTER)
    moments = ["ease2022 2021-06-01", "github 2026-02-01"]
    assert [(row["row_kind"], row["first"], row["second"]) for row in (first, second)] == [
        ("group", *moments),
        ("group", *reversed(moments)),
    ]
    for row, values in ((first, BEFORE), (second, AFTER)):
        assert row["median"] == np.median(values)
        assert row["median_low"] <= row["median"] <= row["median_high"]
    assert pair["test"] == "signed ranks, projects flipped"
    exact = stats.permutation_test(
        (AFTER, BEFORE), lambda x, y: stats.wilcoxon(x, y).statistic, permutation_type="samples", n_resamples=np.inf,
        alternative="less",
    )  # fmt: skip
    assert pair["p"] == pytest.approx(exact.pvalue)
    assert pair["p_holm"] == pair["p"]
    moved = np.sign(np.array(AFTER) - np.array(BEFORE))
    assert pair["cliffs_delta"] == pytest.approx(moved.mean())
    assert (pair["n"], pair["magnitude"], pair["grouping"], pair["rq"]) == (8, "large", "moment", "rq3")


def test_measures_of_the_same_moments_are_corrected_together():
    connection = _tables({})
    measures = {"dockerfiles": AFTER, "stages": BEFORE, "bases": [value + 1 for value in BEFORE]}
    for metric, after in measures.items():
        for i, (then, now) in enumerate(zip(BEFORE, after, strict=True)):
            connection.execute(
                "INSERT INTO core.moment_states VALUES ('github', 'github', '2026-02-01 10:00:00', '2026-02-01 11:30:00', "
                "'project', ?, ?, ?, ?, ?)",
                [f"u{i}", metric, then, now, then != now],
            )
    rows = _written(connection, "row_kind = 'pair'", TABLES[2])
    assert {(row["first"], row["second"]) for row in rows} == {
        ("github 2026-02-01 10:00:00", "github 2026-02-01 11:30:00")
    }
    tested = {row["measure"]: row for row in rows if row["p"] is not None}
    again = multipletests([row["p"] for row in tested.values()], method="holm")[1]
    assert [row["p_holm"] for row in tested.values()] == pytest.approx(list(again))
    assert {row["family_tests"] for row in tested.values()} == {2}
    assert [row["p_holm"] for row in rows if row["measure"] == "stages"] == [None]


def test_where_nothing_changed_there_is_no_test():
    *_, pair = _moments([1, 2], [1, 2])
    assert (pair["p"], pair["cliffs_delta"], pair["note"]) == (None, 0, "no unit changed")


def test_the_same_table_gives_the_same_rows():
    first, second = (_written(_tables(STARS), "true") for _ in range(2))
    assert first == second
