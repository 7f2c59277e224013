"""Agreement compared with published examples and independent packages."""

import math
import tomllib
from pathlib import Path

import pytest

from dockml_dagster.study.labels.agreement import (
    agreement,
    bootstrap,
    cohen_kappa,
    krippendorff_alpha,
    set_agreement,
)

CASES = tomllib.loads((Path(__file__).parent / "agreement.toml").read_text())


def _units(ratings):
    return [
        {f"rater {i}": code for i, code in enumerate(column) if code} for column in zip(*ratings, strict=True)
    ]


def _pairs(table):
    return [(i, j) for i, row in enumerate(table) for j, count in enumerate(row) for _ in range(count)]


@pytest.mark.parametrize("case", CASES["alpha"], ids=lambda case: case["name"])
def test_alpha_is_the_published_one(case):
    assert krippendorff_alpha(_units(case["ratings"])) == pytest.approx(case["alpha"], abs=0.0005)


@pytest.mark.parametrize("case", CASES["kappa"], ids=lambda case: case["name"])
def test_kappa_is_the_published_one(case):
    assert cohen_kappa(_pairs(case["table"])) == pytest.approx(case["kappa"], abs=0.0005)


@pytest.mark.parametrize("case", CASES["kappa"], ids=lambda case: case["name"])
def test_kappa_is_that_of_other_packages(case):
    from statsmodels.stats.inter_rater import cohens_kappa

    ours = cohen_kappa(_pairs(case["table"]))
    assert ours == pytest.approx(cohens_kappa(case["table"]).kappa)
    metrics = pytest.importorskip("sklearn.metrics", reason="the extra `training` is not installed")
    first, second = zip(*_pairs(case["table"]), strict=True)
    assert ours == pytest.approx(metrics.cohen_kappa_score(first, second))


def test_alpha_follows_from_fleiss_kappa_where_nothing_is_missing():
    """Of N units with m ratings each, alpha = kappa + (1 - kappa) / (N m); Fleiss' kappa is statsmodels'."""
    from statsmodels.stats.inter_rater import aggregate_raters, fleiss_kappa

    rows = [[(unit * 7 + rater * rater * unit) % 3 for rater in range(4)] for unit in range(25)]
    kappa = fleiss_kappa(aggregate_raters(rows)[0])
    units = [{str(rater): code for rater, code in enumerate(row)} for row in rows]
    assert krippendorff_alpha(units) == pytest.approx(kappa + (1 - kappa) / 100)


def test_units_with_one_rating_say_nothing():
    units = _units([["a", "b", "a", "b"], ["a", "b", "b", "b"]])
    assert krippendorff_alpha([*units, {"rater 0": "c"}]) == krippendorff_alpha(units)
    assert agreement([*units, {"rater 0": "c"}], draws=1).n == 4


@pytest.mark.parametrize("units", [[], [{"x": "a"}], [{"x": "a", "y": "a"}]])
def test_what_is_undefined_is_none(units):
    found = agreement(units)
    assert found.alpha.estimate is None
    assert found.alpha.low is None


def test_kappa_is_for_two_raters_only():
    two = agreement([{"x": "a", "y": "a"}, {"x": "b", "y": "a"}, {"x": "b", "y": "b"}], draws=10)
    assert two.kappa is not None
    three = agreement([{"x": "a", "y": "a", "z": "b"}, {"x": "b", "y": "a"}], draws=10)
    assert three.kappa is None
    assert three.raters == ("x", "y", "z")


def test_each_code_against_all_others():
    units = _units([["a", "a", "b", "b", "c", "c"], ["a", "a", "b", "c", "c", "b"]])
    found = {code.code: code for code in agreement(units, draws=10).codes}
    assert found["a"].alpha.estimate == 1.0
    assert found["a"].used == 4
    as_yes_or_no = [{rater: code == "b" for rater, code in unit.items()} for unit in units]
    assert found["b"].alpha.estimate == pytest.approx(krippendorff_alpha(as_yes_or_no))
    assert found["b"].kappa.estimate == pytest.approx(
        cohen_kappa([(u["rater 0"], u["rater 1"]) for u in as_yes_or_no])
    )


def test_sets_agree_in_part():
    both, part, none = (
        {"x": {"a", "b"}, "y": {"a", "b"}},
        {"x": {"a"}, "y": {"a", "b"}},
        {"x": set(), "y": {"c"}},
    )
    found = set_agreement([both, part, none], draws=50)
    assert [code.code for code in found.codes] == ["a", "b", "c"]
    assert found.n == 3
    assert found.observed == pytest.approx(7 / 9)
    assert {code.code: code.alpha.estimate for code in found.codes}["a"] == 1.0
    # An empty set is a rating; an absent rater is none.
    assert set_agreement([both, {"x": {"a"}}], draws=1).n == 1
    flat = [
        {rater: code in given for rater, given in unit.items()}
        for unit in (both, part, none)
        for code in "abc"
    ]
    assert found.alpha.estimate == pytest.approx(krippendorff_alpha(flat))


def test_intervals_are_the_same_for_the_same_seed():
    units = _units(CASES["alpha"][2]["ratings"])
    first, again, other = (agreement(units, draws=200, seed=seed) for seed in (1, 1, 2))
    assert first == again
    assert first.alpha != other.alpha
    assert first.alpha.low < first.alpha.estimate < first.alpha.high


def test_bootstrap_is_scipys():
    import numpy as np
    from scipy import stats

    data = [float(i % 7) for i in range(40)]
    ours = bootstrap(data, lambda values: sum(values) / len(values), draws=4000, seed=3)
    theirs = stats.bootstrap(
        (np.array(data),), np.mean, n_resamples=4000, method="percentile", rng=np.random.default_rng(3)
    ).confidence_interval
    assert ours.low == pytest.approx(theirs.low, abs=0.06)
    assert ours.high == pytest.approx(theirs.high, abs=0.06)


def test_no_interval_where_most_draws_say_nothing():
    found = bootstrap(
        [1, 2, 3],
        lambda values: math.nan if 1 in values and len(values) == 3 and values != [1, 2, 3] else 1.0,
    )
    assert found.estimate == 1.0
    assert found.low is None


@pytest.mark.parametrize(("silent", "has_interval"), [(20, True), (21, False)])
def test_an_interval_needs_nine_draws_of_ten(silent, has_interval):
    answers = iter([1.0, *[None] * silent, *[1.0] * (200 - silent)])
    found = bootstrap([1, 2, 3], lambda _: next(answers), draws=200)
    assert (found.low is not None, found.high is not None) == (has_interval, has_interval)
