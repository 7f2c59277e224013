"""Intervals over projects: each figure is compared with statsmodels or with its definition."""

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.proportion import proportion_confint

from dockml_dagster.study.statistics.clusters import Units
from dockml_dagster.study.statistics.intervals import median_interval, proportion, share_interval, wilson

COUNTS, SIZES = np.array([0, 1, 2, 0, 9, 1]), np.array([1, 1, 4, 2, 10, 3])


def _variance(counts, sizes):
    """The variance of a ratio of sums, by leaving out one project at a time."""
    places = range(len(counts))
    shares = [
        sum(counts[j] for j in places if j != i) / sum(sizes[j] for j in places if j != i) for i in places
    ]
    return (len(counts) - 1) * np.var(shares)


@pytest.mark.parametrize("weighting", ["unit", "project"])
def test_a_share_is_wilsons_with_the_effective_number(weighting):
    found = share_interval(COUNTS, SIZES, weighting)
    parts, wholes = (COUNTS, SIZES) if weighting == "unit" else (COUNTS / SIZES, np.ones(6))
    share = parts.sum() / wholes.sum()
    effective = min(share * (1 - share) / _variance(parts, wholes), 21)
    assert (found.value, found.effective) == pytest.approx((share, effective))
    # statsmodels has no t; z of another level is the same number.
    alpha = 2 * stats.norm.sf(stats.t.ppf(0.975, 5))
    again = proportion_confint(share * effective, effective, alpha=alpha, method="wilson")
    assert (found.low, found.high) == pytest.approx(again)
    assert (found.n, found.clusters, found.largest) == (21, 6, 10 / 21)


def test_one_unit_a_project_is_wilsons_own():
    found = share_interval(np.array([1, 0, 0, 1, 1]), np.ones(5, int))
    assert (found.low, found.high) == pytest.approx(proportion_confint(3, 5, method="wilson"))


def test_a_share_of_none_or_all_has_a_width_by_projects():
    none = share_interval(np.zeros(6, int), SIZES, "unit")
    assert (none.value, none.low, none.effective) == (0, 0, 6)
    assert none.high == pytest.approx(wilson(0, 6, stats.t.ppf(0.975, 5))[1])
    assert share_interval(SIZES, SIZES, "unit").high == 1


def test_one_project_has_no_interval():
    found = share_interval(np.array([3]), np.array([7]), "unit")
    assert (found.value, found.low, found.high, found.effective) == (3 / 7, None, None, None)
    assert share_interval(np.array([], int), np.array([], int)).value is None


def test_a_median_of_single_units_is_numpys():
    for values in ([1, 2, 2, 4, 4.5, 7, 9], [1, 2, 3, 50]):
        units = Units(np.array(values, float), np.arange(len(values)))
        for weighting in ("project", "unit"):
            assert median_interval(units, weighting).value == np.median(values)


def test_a_median_weighs_projects_or_units():
    units = Units(np.array([1.0, 2, 9, 9, 9, 9]), np.array([0, 1, 2, 2, 2, 2]))
    assert median_interval(units, "unit").value == 9
    assert median_interval(units, "project").value == 2


def test_a_median_interval_is_read_off_the_distribution():
    units = Units(np.arange(40.0), np.repeat(np.arange(20), 2))
    found = median_interval(units, "unit")
    below = np.bincount(units.projects, units.values < found.value)
    effective = min(0.25 / _variance(below, np.full(20, 2)), 40)
    assert found.effective == pytest.approx(effective)
    low, high = wilson(0.5, effective, stats.t.ppf(0.975, 19))
    assert (found.low, found.high) == (np.ceil(low * 40) - 1, np.ceil(high * 40) - 1)


def test_what_rounding_leaves_is_no_variance():
    """Half of each project's units are below the median: no project differs, but sums of sixths and sevenths do."""
    sizes = (2, 6, 14, 10)
    values = np.concatenate([np.repeat([1.0, 3.0], size // 2) for size in sizes])
    found = median_interval(Units(values, np.repeat(np.arange(4), sizes)))
    assert (found.value, found.effective) == (2, 4)
    shares = share_interval(np.array([0.1 + 0.2, 0.6, 0.9]), np.array([1.0, 2, 3]))
    assert shares.effective == 3


def test_a_censored_median_is_kaplan_meiers():
    values, marks = np.array([1.0, 2, 3, 4, 6, 6, 6]), np.array([0, 1, 0, 0, 0, 1, 1], bool)
    curve = stats.ecdf(stats.CensoredData.right_censored(values, marks)).sf
    expected = curve.quantiles[(curve.probabilities <= 0.5).nonzero()[0][0]]
    assert median_interval(Units(values, np.arange(7), marks)).value == expected
    hidden = median_interval(Units(values, np.arange(7), np.array([0, 0, 0, 1, 1, 1, 1], bool)))
    assert (hidden.value, hidden.high) == (None, None)


def test_proportions_are_statsmodels():
    for count, n in ((0, 5), (3, 17), (17, 17), (170, 406)):
        found = proportion(count, n)
        assert (found.low, found.high) == pytest.approx(
            proportion_confint(count, n, method="wilson"), abs=1e-12
        )
        assert found.share == count / n
    assert proportion(0, 0).share is None
    with pytest.raises(ValueError, match="no proportion"):
        proportion(3, 2)
