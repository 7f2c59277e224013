"""Holm's correction, compared with statsmodels."""

import numpy as np
import pytest
from statsmodels.stats.multitest import multipletests

from dockml_dagster.study.statistics.families import holm


@pytest.mark.parametrize("n", [1, 2, 15, 74])
def test_holm_is_statsmodels(n):
    p_values = (np.random.default_rng(n).random(n) ** 6).round(3).tolist()
    assert holm(p_values) == pytest.approx(list(multipletests(p_values, method="holm")[1]))


def test_an_empty_family():
    assert holm([]) == []
