"""Every number of the tables of differences, by a direct call of scipy (and statsmodels for Holm) on a small table."""

import duckdb
import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.multitest import multipletests

from dockml_dagster.study.statistics.groups import Sample
from dockml_dagster.warehouse.computed.differences import (
    COLUMNS,
    DRAWS,
    GROUPINGS,
    SEED,
    TABLES,
    comparison_rows,
    write_differences,
)
from dockml_dagster.warehouse.models import load

STARS = {"Toolkit": [5, 9, 9, 31, 120, 700], "Model": [2, 3, 8, 9, 11], "DL Framework": [90, 400, 1000, 2500]}
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


def test_medians_and_their_bootstrap():
    groups = {
        row["first"]: row for row in _written(_tables({**STARS, **ALONE})) if row["row_kind"] == "group"
    }
    assert set(groups) == set(STARS) | set(ALONE)
    for name, values in STARS.items():
        again = stats.bootstrap(
            (np.array(values, dtype=float),),
            np.median,
            n_resamples=DRAWS,
            method="percentile",
            vectorized=True,
            rng=np.random.default_rng(SEED),
        ).confidence_interval
        assert groups[name]["median"] == np.median(values)
        assert (groups[name]["median_low"], groups[name]["median_high"]) == (again.low, again.high)
        assert (groups[name]["n"], groups[name]["n_censored"]) == (len(values), 0)
    assert groups["Documentation"]["note"] == "fewer than 2 units: takes no part in tests"


def test_the_test_over_all_groups():
    (row,) = [row for row in _written(_tables({**STARS, **ALONE})) if row["row_kind"] == "overall"]
    again = stats.kruskal(*STARS.values())
    assert row["test"] == "Kruskal-Wallis"
    assert (row["statistic"], row["p"]) == (pytest.approx(again.statistic), pytest.approx(again.pvalue))
    assert (row["n"], row["degrees_of_freedom"]) == (15, 2)
    assert row["epsilon_squared"] == pytest.approx(again.statistic / 14)
    assert row["note"] == "without Documentation"


def test_every_pair_with_holm_and_cliffs_delta():
    rows = [row for row in _written(_tables({**STARS, **ALONE})) if row["row_kind"] == "pair"]
    assert len(rows) == 3
    raw = []
    for row in rows:
        first, second = STARS[row["first"]], STARS[row["second"]]
        again = stats.mannwhitneyu(first, second, alternative="two-sided", method="auto")
        raw.append(again.pvalue)
        assert (row["statistic"], row["p"]) == (again.statistic, pytest.approx(again.pvalue))
        pairs = [np.sign(a - b) for a in first for b in second]
        assert row["cliffs_delta"] == pytest.approx(np.mean(pairs))
        assert row["delta_least"] == row["delta_most"] == row["cliffs_delta"]
        assert (row["n_first"], row["n_second"], row["n"]) == (
            len(first),
            len(second),
            len(first) + len(second),
        )
    assert [row["p_holm"] for row in rows] == pytest.approx(list(multipletests(raw, method="holm")[1]))
    assert {row["magnitude"] for row in rows} <= {"negligible", "small", "medium", "large"}


def test_yes_or_no_is_a_share_with_wilsons_interval():
    yes = {"Toolkit": [1, 1, 0, 1], "Model": [0, 0, 1, 0, 0]}
    rows = _written(_tables(yes, kind="yes or no"))
    for row in rows:
        if row["row_kind"] == "group":
            values = yes[row["first"]]
            again = stats.binomtest(sum(values), len(values)).proportion_ci(method="wilson")
            assert row["share"] == sum(values) / len(values)
            assert (row["share_low"], row["share_high"]) == (
                pytest.approx(again.low),
                pytest.approx(again.high),
            )
            assert row["median"] is None
    (pair,) = [row for row in rows if row["row_kind"] == "pair"]
    # Of yes and no, Cliff's delta is the difference of the shares.
    difference = np.mean(yes[pair["first"]]) - np.mean(yes[pair["second"]])
    assert pair["cliffs_delta"] == pytest.approx(difference)


def test_a_capped_value_is_at_least_itself():
    rows = _written(
        _tables({"Toolkit": [1, 2, 3, 50], "Model": [4, 5, 6, 50]}, censored={("Toolkit", 3), ("Model", 3)})
    )
    assert {row["test"] for row in rows if row["test"]} == {"Gehan-Breslow"}
    (pair,) = [row for row in rows if row["row_kind"] == "pair"]
    assert pair["n_censored"] == 2
    assert pair["delta_least"] < pair["cliffs_delta"] < pair["delta_most"]
    medians = {row["first"]: row["median"] for row in rows if row["row_kind"] == "group"}
    for name, values in {"Toolkit": [1, 2, 3, 50], "Model": [4, 5, 6, 50]}.items():
        curve = stats.ecdf(stats.CensoredData.right_censored(values, [False, False, False, True])).sf
        assert medians[name] == curve.quantiles[(curve.probabilities <= 0.5).nonzero()[0][0]]


def test_one_group_is_described_and_not_tested():
    rows = _written(_tables({"ml": [1, 2, 3]}), "grouping = 'cohort'", TABLES[1])
    assert [row["row_kind"] for row in rows] == ["group", "overall"]
    assert rows[1]["note"] == "fewer than two groups have values"
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
        "any": {"DL Framework": 4, "Model": 5, "Toolkit": 6},
        "likely": {"DL Framework": 4, "Toolkit": 6},
        "confirmed": {"Toolkit": 4},
    }
    (pair,) = [row for row in _written(connection, "link_grade = 'likely'") if row["row_kind"] == "pair"]
    again = stats.mannwhitneyu(
        STARS["DL Framework"], STARS["Toolkit"], alternative="two-sided", method="auto"
    )
    assert (pair["statistic"], pair["p"]) == (again.statistic, pytest.approx(again.pvalue))


def test_an_image_of_two_projects_counts_once_in_their_group():
    connection = _tables({"Toolkit": [7, 7], "Model": [7]}, unit="image")
    connection.execute("UPDATE core.unit_measures SET unit = 'sha256:1'")
    connection.execute("UPDATE core.categories SET category_of_machine = right(project, 1)")
    groups = {row["first"]: row["n"] for row in _written(connection) if row["row_kind"] == "group"}
    assert groups == {"Toolkit": 1, "Model": 1}


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
        again = stats.bootstrap(
            (np.array(values, dtype=float),),
            np.median,
            n_resamples=DRAWS,
            method="percentile",
            vectorized=True,
            rng=np.random.default_rng(SEED),
        ).confidence_interval
        assert (row["median"], row["median_low"], row["median_high"]) == (
            np.median(values),
            again.low,
            again.high,
        )
    again = stats.wilcoxon(AFTER, BEFORE)
    assert pair["test"] == "Wilcoxon signed-rank"
    assert (pair["statistic"], pair["p"]) == (again.statistic, pytest.approx(again.pvalue))
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
    again = multipletests([stats.wilcoxon(measures[name], BEFORE).pvalue for name in tested], method="holm")[
        1
    ]
    assert [row["p_holm"] for row in tested.values()] == pytest.approx(list(again))
    assert [row["p_holm"] for row in rows if row["measure"] == "stages"] == [None]


def test_where_nothing_changed_there_is_no_test():
    *_, pair = _moments([1, 2], [1, 2])
    assert (pair["p"], pair["cliffs_delta"], pair["note"]) == (None, 0, "no unit changed")


def test_the_same_table_gives_the_same_rows():
    first, second = (_written(_tables(STARS), "true") for _ in range(2))
    assert first == second


def test_large_groups_are_drawn_less_often():
    rows = list(comparison_rows({"a": Sample(tuple(float(i % 7) for i in range(200_000)))}, yes_or_no=False))
    assert rows[0]["median"] == 3
    assert rows[0]["median_low"] == rows[0]["median_high"] == 3
