"""Tests and effect sizes over projects: compared with scipy if each project has one unit, else with the definition."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from dockml_dagster.study.statistics.clusters import (
    Units,
    cluster_effect,
    order,
    permute_projects,
    permute_units,
    project_scores,
    size_word,
)

VALUES = np.array([3.0, 5, 5, 8, 13, 21, 1, 2, 2, 4, 4.5, 7, 9, 10, 20, 30, 40])
GROUPS = np.repeat([0, 1, 2], [6, 7, 4])
SINGLE = Units(VALUES, np.arange(17))


def _clustered(generator, sizes, alike=0.9):
    """Values of which projects explain the share ``alike`` of the variance."""
    projects = np.repeat(np.arange(len(sizes)), sizes)
    values = np.sqrt(alike) * generator.standard_normal(len(sizes))[projects]
    return Units(values + np.sqrt(1 - alike) * generator.standard_normal(len(projects)), projects)


def test_single_units_give_kruskal_wallis():
    (found,) = permute_projects(project_scores(SINGLE)[:, None], GROUPS, [1])
    again = stats.kruskal(*(VALUES[group == GROUPS] for group in range(3)))
    assert found.statistic == pytest.approx(again.statistic)
    assert found.epsilon_squared == pytest.approx(again.statistic / 16)
    permuted = stats.permutation_test(
        [VALUES[group == GROUPS] for group in range(3)],
        lambda *samples: stats.kruskal(*samples).statistic,
        n_resamples=2000,
        alternative="greater",
        rng=np.random.default_rng(3),
    )
    assert found.p == pytest.approx(permuted.pvalue, abs=0.01)


def test_scores_weigh_every_project_the_same():
    units = Units(np.array([1.0, 5, 5, 5, 2, 7]), np.array([0, 1, 1, 1, 2, 2]))
    weights = [1 / 3, 1 / 9, 1 / 9, 1 / 9, 1 / 6, 1 / 6]

    def place(value):
        pairs = zip(weights, units.values, strict=True)
        return sum(weight * ((other < value) + (other == value) / 2) for weight, other in pairs)

    expected = [place(1), place(5), (place(2) + place(7)) / 2]
    assert project_scores(units) == pytest.approx(expected)


def test_measures_share_draws_and_do_not_touch_each_other():
    scores = np.c_[project_scores(SINGLE), project_scores(SINGLE)[::-1], np.full(17, 0.5)]
    together = permute_projects(scores, GROUPS, [5])
    for column in range(2):
        (alone,) = permute_projects(scores[:, [column]], GROUPS, [5])
        assert (together[column].p, together[column].draws) == (alone.p, alone.draws)
    assert together[2] is None


def test_more_is_drawn_only_where_little_is_reached():
    groups = np.repeat([0, 1], 30)
    apart = np.r_[np.arange(30.0), np.arange(100.0, 130.0)][:, None]
    same = np.random.default_rng(2).random((60, 1))
    (found,) = permute_projects(apart, groups, [1], (99, 999))
    assert (found.draws, found.p) == (999, 1 / 1000)
    assert permute_projects(same, groups, [1], (999, 9999))[0].draws == 999


def test_units_of_one_project_are_no_independent_observations():
    """Only projects differ. Tests over units find a difference in most samples, tests over projects in one of twenty."""
    generator = np.random.default_rng(11)
    sizes = np.r_[40, 30, np.ones(38, int)]
    groups = np.arange(40) % 2
    naive = found = 0
    for run in range(300):
        units = _clustered(generator, sizes)
        by_unit = groups[units.projects]
        naive += stats.kruskal(units.values[by_unit == 0], units.values[by_unit == 1]).pvalue < 0.05
        (test,) = permute_projects(project_scores(units)[:, None], groups, [run], (199,))
        found += test.p < 0.05
    assert naive / 300 > 0.4
    assert 0.02 < found / 300 < 0.09


def test_units_in_several_groups_are_permuted_within_projects():
    generator = np.random.default_rng(12)
    sizes = np.r_[np.full(10, 6), np.full(10, 3), np.ones(15, int)]
    reached = moved = 0
    for run in range(200):
        units = _clustered(generator, sizes)
        # Most units of a project are of its own group, some of the other: as base images of Dockerfiles are.
        groups = (np.arange(35) % 2)[units.projects] ^ (generator.random(units.n) < 0.2)
        reached += permute_units(units, groups, [run], (199,)).p < 0.05
        shifted = Units(units.values + 0.8 * groups, units.projects)
        moved += permute_units(shifted, groups, [run], (199,)).p < 0.05
    assert reached / 200 < 0.1
    assert moved / 200 > 0.6


def test_projects_of_one_unit_are_permuted_either_way():
    (whole,) = permute_projects(project_scores(SINGLE)[:, None], GROUPS, [1], (9999,))
    mixed = permute_units(SINGLE, GROUPS, [1], (9999,))
    assert mixed.statistic == pytest.approx(whole.statistic)
    assert mixed.p == pytest.approx(whole.p, abs=0.01)
    assert permute_units(Units(np.ones(17), np.arange(17)), GROUPS, [1]) is None


def test_rounding_does_not_decide_what_reaches_a_statistic_of_zero():
    # Both groups have the same sum, which no order of adding these numbers gives exactly: any sum is as far from zero.
    scores = np.array([0.6, 0.9, 1.0, 0.9, 0.6, 1.0, 1.0, 1.0])
    (found,) = permute_projects(scores[:, None], np.array([0, 1, 1, 0, 1, 1, 0, 0]), [1], (99,))
    assert (found.statistic, found.p) == (0, 1)
    values = np.repeat([0.1, 0.5, 0.7, 0.5, 0.9, 0.4], 2)
    found = permute_units(Units(values, np.repeat([0, 1], 6)), np.tile([0, 1], 6), [1], (99,))
    assert (found.statistic, found.epsilon_squared, found.p) == (0, 0, 1)


def test_an_effect_of_single_units_is_cliffs():
    first, second = (SINGLE.of(group == GROUPS) for group in (0, 1))
    found = cluster_effect(first, second)
    expected = np.mean(np.sign(np.subtract.outer(first.values, second.values)))
    assert found.delta == pytest.approx(expected)
    assert found.least == found.most == found.delta
    assert found.low < found.delta < found.high
    assert cluster_effect(first, first.of(np.zeros(6, bool))) is None


def test_an_effect_of_yes_and_no_is_the_difference_of_mean_shares():
    first = Units(np.array([1.0, 0, 0, 0, 0]), np.array([0, 1, 1, 1, 1]))
    second = Units(np.array([0.0, 1, 0]), np.array([0, 1, 1]))
    assert cluster_effect(first, second).delta == pytest.approx(1 / 2 - 1 / 4)


def test_an_effects_interval_is_fishers():
    first = Units(np.array([1.0, 4, 6, 7]), np.array([0, 1, 2, 2]))
    second = Units(np.array([2.0, 3, 5, 5]), np.array([0, 0, 1, 2]))
    ours = [np.array([1.0]), np.array([4.0]), np.array([6.0, 7])]
    theirs = [np.array([2.0, 3]), np.array([5.0]), np.array([5.0])]
    table = np.array([[np.mean(np.sign(np.subtract.outer(a, b))) for b in theirs] for a in ours])
    rows, columns = table.mean(axis=1), table.mean(axis=0)
    parts = rows.var(ddof=1) / 3, columns.var(ddof=1) / 3
    freedom = sum(parts) ** 2 / (parts[0] ** 2 / 2 + parts[1] ** 2 / 2)
    half = stats.t.ppf(0.975, freedom) * np.sqrt(sum(parts)) / (1 - table.mean() ** 2)
    found = cluster_effect(first, second)
    assert found.delta == pytest.approx(table.mean())
    expected = np.tanh(np.arctanh(table.mean()) + np.array([-half, half]))
    assert (found.low, found.high) == pytest.approx(tuple(expected))


@settings(max_examples=60)
@given(
    st.lists(st.tuples(st.integers(0, 6), st.booleans()), min_size=1, max_size=9),
    st.lists(st.tuples(st.integers(0, 6), st.booleans()), min_size=1, max_size=9),
)
def test_the_order_of_capped_values_is_known_or_not(first, second):
    def units(sample):
        values, marks = zip(*sample, strict=True)
        return Units(np.array(values, float), np.arange(len(values)), np.array(marks))

    found = order(units(first), units(second))
    for i, (value, capped) in enumerate(first):
        smaller = [not cut and other < value for other, cut in second]
        larger = [not capped and other > value for other, _ in second]
        same = [not capped and not cut and other == value for other, cut in second]
        assert found.smaller[i] == pytest.approx(np.mean(smaller))
        assert found.larger[i] == pytest.approx(np.mean(larger))
        assert found.same[i] == pytest.approx(np.mean(same))


def test_caps_bound_an_effect():
    first = Units(np.array([1.0, 2, 50]), np.arange(3), np.array([False, False, True]))
    second = Units(np.array([4.0, 50]), np.arange(2), np.array([False, True]))
    found = cluster_effect(first, second)
    # Of 6 pairs: 1 and 2 are below 4 and below what exceeds 50, that above 50 exceeds 4, and one pair nobody knows.
    assert (found.delta, found.least, found.most) == pytest.approx((-3 / 6, -4 / 6, -2 / 6))


@pytest.mark.parametrize(
    ("delta", "word"),
    [
        (0, "negligible"),
        (-0.146, "negligible"),
        (0.147, "small"),
        (0.99 - 0.66, "medium"),
        (-0.33, "medium"),
        (0.473, "medium"),
        (0.474, "large"),
        (-1, "large"),
    ],
)
def test_size_words(delta, word):
    assert size_word(delta) == word
