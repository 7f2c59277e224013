"""Every figure of ``statistics`` against a direct call of scipy or statsmodels on a small table."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.multitest import multipletests

from dockml_dagster.study.statistics.groups import (
    Sample,
    cliffs_delta,
    compare,
    holm,
    median_interval,
    proportion,
    size_word,
)

TABLE = {
    "Toolkit": (3.0, 5.0, 5.0, 8.0, 13.0, 21.0),
    "Model": (1.0, 2.0, 2.0, 4.0, 4.5, 7.0, 9.0),
    "Documentation": (10.0, 20.0, 30.0, 40.0),
}
GROUPS = {name: Sample(values) for name, values in TABLE.items()}
CAPPED = {
    "a": Sample((1.0, 2.0, 3.0, 5.0, 5.0), (False, False, False, True, True)),
    "b": Sample((2.0, 4.0, 5.0, 5.0, 5.0), (False, False, True, True, True)),
}


def test_the_overall_test_is_scipys():
    found = compare(GROUPS, draws=50)
    expected = stats.kruskal(*TABLE.values())
    assert found.test == "Kruskal-Wallis"
    assert (found.statistic, found.p) == pytest.approx((expected.statistic, expected.pvalue))
    assert found.degrees_of_freedom == 2
    assert found.n == 17
    assert found.epsilon_squared == pytest.approx(expected.statistic / 16)


def test_pairs_are_scipys_corrected_by_statsmodels():
    from statsmodels.stats.multitest import multipletests

    found = compare(GROUPS, draws=50).pairs
    assert [(pair.first, pair.second) for pair in found] == [
        ("Toolkit", "Model"), ("Toolkit", "Documentation"), ("Model", "Documentation"),
    ]  # fmt: skip
    expected = [stats.mannwhitneyu(TABLE[pair.first], TABLE[pair.second]) for pair in found]
    assert [pair.statistic for pair in found] == [result.statistic for result in expected]
    assert [pair.p for pair in found] == pytest.approx([result.pvalue for result in expected])
    holm = multipletests([result.pvalue for result in expected], method="holm")[1]
    assert [pair.p_holm for pair in found] == pytest.approx(list(holm))
    assert [(pair.n_first, pair.n_second) for pair in found] == [(6, 7), (6, 4), (7, 4)]


def test_cliffs_delta_is_somers_d_of_the_group():
    for pair in compare(GROUPS, draws=50).pairs:
        first, second = TABLE[pair.first], TABLE[pair.second]
        group = [1] * len(first) + [0] * len(second)
        expected = stats.somersd(group, [*first, *second]).statistic
        assert pair.effect.delta == pytest.approx(expected)
        assert pair.effect.least == pair.effect.delta == pair.effect.most


@pytest.mark.parametrize(
    ("delta", "word"),
    [
        (0, "negligible"),
        (-0.146, "negligible"),
        (0.147, "small"),
        (-0.33, "medium"),
        (0.473, "medium"),
        (0.474, "large"),
        (-1, "large"),
    ],
)
def test_size_words(delta, word):
    assert size_word(delta) == word


def test_medians_are_numpys_and_their_intervals_scipys():
    values = TABLE["Model"]
    found = median_interval(Sample(values), draws=500, seed=7)
    expected = stats.bootstrap(
        (np.array(values),), np.median, n_resamples=500, method="percentile", rng=np.random.default_rng(7)
    ).confidence_interval
    assert found.median == np.median(values)
    assert (found.low, found.high) == (expected.low, expected.high)
    assert found == median_interval(Sample(values), draws=500, seed=7)


def test_proportions_are_statsmodels():
    from statsmodels.stats.proportion import proportion_confint

    for count, n in ((0, 5), (3, 17), (17, 17), (170, 406)):
        found = proportion(count, n)
        assert (found.low, found.high) == pytest.approx(
            proportion_confint(count, n, method="wilson"), abs=1e-12
        )
        assert found.share == count / n
    assert proportion(0, 0).share is None
    with pytest.raises(ValueError, match="no proportion"):
        proportion(3, 2)


def test_a_censored_median_is_kaplan_meiers():
    from statsmodels.duration.survfunc import SurvfuncRight

    sample = Sample((1.0, 2.0, 3.0, 4.0, 6.0, 6.0, 6.0), (False, True, False, False, False, True, True))
    seen = [not mark for mark in sample.censored]
    assert median_interval(sample, draws=20).median == SurvfuncRight(sample.values, seen).quantile(0.5)
    hidden = median_interval(CAPPED["b"], draws=50)
    assert (hidden.n, hidden.n_censored, hidden.median) == (5, 3, None)
    assert hidden.high is None


def test_censored_groups_are_compared_by_statsmodels():
    from statsmodels.duration.survfunc import survdiff

    found = compare(CAPPED, draws=20)
    values = [*CAPPED["a"].values, *CAPPED["b"].values]
    seen = [int(not mark) for sample in CAPPED.values() for mark in sample.marks]
    expected = survdiff(np.array(values), np.array(seen), np.array([0] * 5 + [1] * 5), weight_type="gb")
    assert found.test == found.pairs[0].test == "Gehan-Breslow"
    assert (found.statistic, found.p) == pytest.approx(expected)
    assert found.epsilon_squared is None


def test_a_censored_delta_has_bounds():
    effect = cliffs_delta(CAPPED["a"], CAPPED["b"])
    # Exact with exact by value; a capped value is above all exact ones here; capped with capped is not known.
    known = [(x > y) - (x < y) for x, y in ((1, 2), (2, 2), (3, 2), (1, 4), (2, 4), (3, 4))]
    larger = known.count(1) + 2 * 2
    smaller = known.count(-1) + 3 * 3
    unknown = 2 * 3
    assert effect.delta == pytest.approx((larger - smaller) / 25)
    assert (effect.least, effect.most) == pytest.approx(
        ((larger - smaller - unknown) / 25, (larger - smaller + unknown) / 25)
    )


def test_the_order_of_a_capped_value_and_an_exact_one_at_its_cap_is_not_known():
    effect = cliffs_delta(Sample((5.0,), (True,)), Sample((4.0, 5.0, 6.0)))
    # Above 4; against 5 and 6 it may be the same, above or below.
    assert (effect.delta, effect.least, effect.most) == pytest.approx((1 / 3, -1 / 3, 1.0))
    turned = cliffs_delta(Sample((4.0, 5.0, 6.0)), Sample((5.0,), (True,)))
    assert (turned.delta, turned.least, turned.most) == pytest.approx((-1 / 3, -1.0, 1 / 3))


@pytest.mark.parametrize(
    ("groups", "reason"),
    [
        ({}, "fewer than two groups have values"),
        ({"a": Sample((1.0, 2.0)), "b": Sample(())}, "fewer than two groups have values"),
        ({"a": Sample((2.0,)), "b": Sample((2.0, 2.0))}, "all values are the same"),
        ({"a": Sample((2.0,), (True,)), "b": Sample((3.0,), (True,))}, "every value is censored"),
    ],
)
def test_no_test_says_why(groups, reason):
    found = compare(groups)
    assert (found.statistic, found.p, found.reason) == (None, None, reason)
    assert found.pairs == ()


def test_empty_groups_are_named_not_counted():
    found = compare({**GROUPS, "MLOps/AIOps": Sample(())}, draws=50)
    assert found.left_out == ("MLOps/AIOps",)
    assert found.groups["MLOps/AIOps"].median is None
    assert found.statistic == compare(GROUPS, draws=50).statistic


def test_a_pair_without_a_test_leaves_the_others_alone():
    found = compare({"a": Sample((1.0, 1.0)), "b": Sample((1.0,)), "c": Sample((1.0, 5.0, 6.0))}, draws=50)
    assert found.pairs[0].p is found.pairs[0].p_holm is None
    assert found.pairs[0].effect.delta == 0
    assert found.pairs[1].p_holm is not None


@pytest.mark.parametrize(
    ("values", "censored"), [((float("nan"),), ()), ((float("inf"),), ()), ((1.0,), (True, False))]
)
def test_a_sample_holds_known_values_only(values, censored):
    with pytest.raises(ValueError, match=r"sample|marks"):
        Sample(values, censored)


@settings(max_examples=25, deadline=None)  # each call of statsmodels collects garbage
@given(st.lists(st.floats(0, 1), max_size=30))
def test_holm_is_that_of_statsmodels(p_values):
    expected = multipletests(p_values, method="holm")[1] if p_values else []
    assert holm(p_values) == pytest.approx(list(expected))
