"""The calibrated share, compared with its definition and with prediction-powered inference; and its coverage."""

import numpy as np
import pytest

from dockml_dagster.study.statistics.calibrated import (
    Stratum,
    calibrated_share,
    informedness,
    share_if_as_measured,
)
from dockml_dagster.study.statistics.intervals import wilson


def _strata(people, machine):
    """Strata from parallel lists; ``None`` for an uncoded project."""
    return {
        str(given): Stratum(
            sum(p is not None for p, m in zip(people, machine, strict=True) if m == given),
            sum(bool(p) for p, m in zip(people, machine, strict=True) if m == given),
            sum(p is None for p, m in zip(people, machine, strict=True) if m == given),
        )
        for given in (True, False)
    }


def test_uncoded_projects_are_like_coded_ones_with_the_same_machine_label():
    found = calibrated_share({"True": Stratum(40, 30, 60), "False": Stratum(60, 6, 40)})
    assert found.share == pytest.approx((36 + 60 * 30 / 40 + 40 * 6 / 60) / 200)
    assert (found.n, found.n_people) == (200, 100)
    assert found.low < found.finite_low < found.share < found.finite_high < found.high


def test_a_machine_that_errs_does_not_bias_it():
    # It gives the code to everybody: 75 % of the coded bear it, so do the others.
    found = calibrated_share({"True": Stratum(100, 75, 60), "False": Stratum(0, 0, 0)})
    assert found.share == pytest.approx(0.75)


def test_a_small_stratum_borrows_from_all():
    found = calibrated_share({"True": Stratum(2, 2, 10), "False": Stratum(98, 8, 0)})
    assert found.share == pytest.approx((10 + 10 * (2 + 5 * 0.1) / 7) / 110)


def test_uncoded_projects_are_estimated_from_those_that_the_machine_did_not_learn_from():
    strata = {"True": Stratum(40, 30, 60), "False": Stratum(60, 6, 40)}
    found = calibrated_share(strata, {"True": Stratum(20, 10, 0), "False": Stratum(30, 3, 0)})
    assert found.share == pytest.approx((36 + 60 * 10 / 20 + 40 * 3 / 30) / 200)
    squares = 10 * 0.5**2 + 10 * 0.5**2 + 3 * 0.9**2 + 27 * 0.1**2
    variance = 100 / 200**2 * (100 / 50 + 1) * squares / 48
    critical = 2.0106347546964454  # t of 48 degrees of freedom
    effective = found.share * (1 - found.share) / variance
    assert (found.finite_low, found.finite_high) == pytest.approx(wilson(found.share, effective, critical))
    same = calibrated_share(
        strata, {label: Stratum(each.coded, each.yes, 0) for label, each in strata.items()}
    )
    assert same == calibrated_share(strata)
    assert calibrated_share(strata, {"True": Stratum(2, 1, 0)}) is None


def test_where_all_are_coded_there_is_nothing_left_to_estimate():
    found = calibrated_share({"True": Stratum(30, 20, 0), "False": Stratum(30, 5, 0)})
    assert found.share == found.finite_low == found.finite_high == 25 / 60
    assert found.low < found.share < found.high
    assert calibrated_share({"True": Stratum(2, 1, 50)}) is None


def test_the_interval_of_exactly_these_projects_covers_in_95_of_100():
    """246 projects with a machine that errs; half of the people's labels hidden at random."""
    generator = np.random.default_rng(5)
    truth = generator.random(246) < 0.3
    machine = np.where(generator.random(246) < 0.25, ~truth, truth)
    covered = 0
    for _ in range(400):
        hidden = set(generator.permutation(246)[:123].tolist())
        people = [None if i in hidden else bool(truth[i]) for i in range(246)]
        found = calibrated_share(_strata(people, machine.tolist()))
        covered += found.finite_low <= truth.mean() <= found.finite_high
    assert 0.92 <= covered / 400 <= 0.98


def test_it_is_prediction_powered_inference_with_the_best_weight():
    """PPI++ (A. N. Angelopoulos, J. C. Duchi and T. Zrnic 2023), equation for a mean and its best weight written out."""
    generator = np.random.default_rng(6)
    truth = generator.random(800) < 0.4
    machine = np.where(generator.random(800) < 0.2, ~truth, truth)
    people = [bool(value) if i < 300 else None for i, value in enumerate(truth)]
    said, coded, uncoded = truth[:300].astype(float), machine[:300].astype(float), machine[300:].astype(float)
    weight = np.cov(said, coded)[0, 1] / (1 + 300 / 500) / np.var(machine, ddof=1)
    powered = said.mean() + weight * (uncoded.mean() - coded.mean())
    assert calibrated_share(_strata(people, machine.tolist())).share == pytest.approx(powered, abs=0.005)


def test_what_a_machines_share_stands_for_elsewhere():
    yes, no = Stratum(50, 40, 0), Stratum(50, 10, 0)
    assert share_if_as_measured(0.5, yes, no) == pytest.approx(0.5 * 0.8 + 0.5 * 0.2)
    assert share_if_as_measured(0.5, Stratum(0, 0, 0), Stratum(0, 0, 0)) is None
    assert informedness(yes, no) == pytest.approx(0.8 + 0.8 - 1)
    assert informedness(Stratum(3, 0, 0), Stratum(3, 0, 0)) is None
