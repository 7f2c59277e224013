"""Differences of two shares: as in statsmodels if units are independent, and wider for clusters."""

import pytest
from statsmodels.stats.proportion import confint_proportions_2indep, proportions_ztest

from dockml_dagster.study.statistics.independent import LEAST_PROJECTS, Share, difference
from dockml_dagster.study.statistics.intervals import wilson

NORMAL = 1.959963984540054


def _share(count, n, clusters=None):
    low, high = wilson(count / n, n, NORMAL)
    return Share(count / n, low, high, float(n), clusters or n)


@pytest.mark.parametrize(
    ("one", "two"), [((56, 70), (48, 80)), ((9, 100), (30, 90)), ((0, 25), (12, 25)), ((40, 40), (41, 50))]
)
def test_as_statsmodels_has_it(one, two):
    found = difference(_share(*one), _share(*two))
    low, high = confint_proportions_2indep(*one, *two, method="newcomb")
    assert (found.low, found.high) == pytest.approx((low, high), abs=1e-9)
    _, p = proportions_ztest([one[0], two[0]], [one[1], two[1]])
    assert found.p == pytest.approx(p, rel=1e-9)
    assert found.value == pytest.approx(one[0] / one[1] - two[0] / two[1])
    assert found.reason is None


def test_clusters_tell_less_than_their_units():
    alone = difference(_share(60, 100), _share(40, 100))
    wide = Share(0.6, *wilson(0.6, 20, NORMAL), 20.0, 30)
    together = difference(wide, _share(40, 100))
    assert alone.p is not None
    assert together.p is not None
    assert together.p > alone.p
    assert together.low < 0 < alone.low


@pytest.mark.parametrize(
    ("one", "two", "reason"),
    [
        (_share(5, 19), _share(5, 100), "fewer than 20 projects"),
        (_share(5, 100), _share(5, 100, clusters=LEAST_PROJECTS - 1), "fewer than 20 projects"),
        (_share(0, 30), _share(0, 40), "all units are the same"),
        (_share(30, 30), _share(40, 40), "all units are the same"),
        (Share(0.5, None, None, None, 30), _share(5, 100), "unknown"),
    ],
)
def test_what_is_not_tested_says_why(one, two, reason):
    found = difference(one, two)
    assert found.p is None
    assert reason in found.reason


def test_without_an_interval_there_is_none():
    found = difference(Share(0.5, None, 0.7, None, 1), _share(5, 100))
    assert (found.low, found.value) == (None, pytest.approx(0.45))
    assert found.high is not None
