"""Two moments: the paired test is compared with scipy if each project has one unit, and with every choice of signs."""

from itertools import product

import numpy as np
import pytest
from scipy import stats

from dockml_dagster.study.statistics.paired import shift

BEFORE = [1, 2, 2, 4, 3, 9, 1, 5, 8, 2, 7]
AFTER = [2, 2, 5, 3, 7, 11, 1, 9, 4, 8, 8]


def test_single_units_are_wilcoxons():
    found = shift(BEFORE, AFTER, range(11), [1])
    change = np.array(AFTER) - np.array(BEFORE)
    change = change[change != 0]
    ranks = stats.rankdata(np.abs(change))
    observed = np.dot(np.sign(change), ranks)
    every = [abs(np.dot(signs, ranks)) >= abs(observed) for signs in product((1, -1), repeat=9)]
    assert found.statistic == pytest.approx(observed)
    assert found.p == pytest.approx(np.mean(every))
    assert (found.n, found.clusters, found.rose, found.fell, found.draws) == (11, 11, 7, 2, 512)
    assert found.delta == pytest.approx(5 / 11)


def test_units_of_one_project_count_as_one():
    # Forty units of one project rose, one each of two others fell further.
    after = [1.0] * 40 + [-2.0, -3.0]
    found = shift([0.0] * 42, after, [0] * 40 + [1, 2], [1])
    assert stats.wilcoxon(after).pvalue < 1e-4
    # Their mean ranks are 20.5, -41 and -42: half of the eight choices of signs give as much.
    assert found.p == 0.5
    assert found.delta == pytest.approx(-1 / 3)


def test_rounding_decides_neither_ranks_nor_what_is_reached():
    rose = [0.4, 0.6, 1.0, 0.2, 0.4, 0.4]
    found = shift([0] * 12, [*rose, *(-one for one in rose)], [0, 2, 3, 0, 1, 2, 0, 1, 1, 2, 3, 3], [1])
    assert (found.statistic, found.p, found.delta) == (0, 1, 0)
    # Three changes by a third, which are two numbers in binary.
    thirds = shift([0, 1 / 3, 1, 1], [1 / 3, 2 / 3, 2 / 3, 1 / 2], range(4), [1])
    assert thirds.statistic == 2 + 2 - 2 - 4


def test_many_projects_are_drawn():
    before = np.random.default_rng(4).random(60)
    found = shift(before, before + 0.5, range(60), [2])
    assert (found.p, found.draws) == (1e-5, 99_999)
    assert shift(before, before[::-1], range(60), [2]).draws == 1_999


def test_nothing_changed_or_nothing_is_known():
    assert shift([1, 2], [1, 2], [0, 1], [1]).reason == "no unit changed"
    assert shift([], [], [], [1]).delta is None
    with pytest.raises(ValueError, match="finite"):
        shift([1, float("nan")], [1, 2], [0, 1], [1])
    with pytest.raises(ValueError, match="argument"):
        shift([1], [1, 2], [0, 1], [1])
