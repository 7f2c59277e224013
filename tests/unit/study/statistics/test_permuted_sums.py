"""Sums of groups under permutation: drawn directly, they have the distribution of sums of permuted units."""

import numpy as np
import pytest
from scipy import stats

from dockml_dagster.study.statistics import clusters, permuted_sums
from dockml_dagster.study.statistics.clusters import Units, permute_projects, permute_units, project_scores
from dockml_dagster.study.statistics.permuted_sums import sum_blocks

N = 3_000
DRAWS = 2_000


def _sums(scores, sizes, member, seed):
    (block,) = sum_blocks(scores, sizes, member)
    return type(block).__name__, block.draw(np.random.default_rng(seed), DRAWS)


def _member(groups):
    return np.eye(int(groups.max()) + 1)[groups] / len(groups)


_RANDOM = np.random.default_rng(7)
CASES = {
    # Few different scores, and a group that expects half a case.
    "rare": (
        "_TableBlock",
        (_RANDOM.random(N) < 0.02).astype(float),
        np.repeat([0, 1, 2], [25, 975, 2000]),
        1,
    ),
    "many scores": ("_NormalBlock", _RANDOM.normal(size=N), np.repeat([0, 1, 2], [400, 600, 2000]), 1),
    # Most alike, the others all different, and a small group: levels.
    "skewed": (
        "_TableBlock",
        np.where(_RANDOM.random(N) < 0.03, _RANDOM.uniform(0.9, 1, N), 0.4),
        np.repeat([0, 1], [12, 2988]),
        1,
    ),
    # Projects of two units, some of one group and some of two.
    "pairs": ("_NormalBlock", _RANDOM.normal(size=N), np.resize([0, 0, 0, 1, 2, 2, 2, 1], N), 2),
}


@pytest.mark.parametrize("name", CASES)
def test_sums_are_those_of_permuted_units(name, monkeypatch) -> None:
    kind, scores, groups, size = CASES[name]
    sizes = np.full(N // size, size)
    found, drawn = _sums(scores, sizes, _member(groups), 1)
    monkeypatch.setattr(permuted_sums, "MANY", N)
    slow, permuted = _sums(scores, sizes, _member(groups), 2)
    assert (found, slow) == (kind, "_PermutedBlock")
    spread = permuted.std(axis=0)
    assert np.abs(drawn.mean(axis=0) - permuted.mean(axis=0)).max() < 5 * spread.max() / DRAWS**0.5
    assert drawn.std(axis=0) == pytest.approx(spread, rel=0.1)
    assert np.corrcoef(drawn.T)[0, 1] == pytest.approx(np.corrcoef(permuted.T)[0, 1], abs=0.07)
    # Between the values that sums of few cases can have.
    for at in permuted.min(axis=0) + spread * np.arange(0.37, 8, 0.3)[:, None]:
        assert np.abs((drawn < at).mean(axis=0) - (permuted < at).mean(axis=0)).max() < 0.06


def test_a_table_gives_fishers_p() -> None:
    scores = np.repeat([1.0, 0.0, 1.0, 0.0], [9, 41, 200, 2750])
    groups = np.repeat([0, 1], [50, 2950])
    found = permute_units(Units(scores, np.arange(N)), groups, [3], (40_000,))
    exact = stats.fisher_exact([[9, 41], [200, 2750]]).pvalue
    assert found.p == pytest.approx(exact, rel=0.2)
    assert found.draws == 40_000


def test_many_projects_are_tested_as_few_are(monkeypatch) -> None:
    values = np.random.default_rng(5).normal(size=N) + np.repeat([0, 0.12], [1000, 2000])
    groups = np.repeat([0, 1], [1000, 2000])
    scores = project_scores(Units(values, np.arange(N)))[:, None]
    (many,) = permute_projects(scores, groups, [1], (9_999,))
    monkeypatch.setattr(clusters, "MANY", N)
    (few,) = permute_projects(scores, groups, [1], (9_999,))
    assert many.statistic == pytest.approx(few.statistic)
    assert many.epsilon_squared == pytest.approx(few.epsilon_squared)
    assert many.p == pytest.approx(few.p, abs=5 * (few.p / 9_999) ** 0.5)
    assert permute_projects(np.ones((N, 1)), groups, [1]) == [None]
