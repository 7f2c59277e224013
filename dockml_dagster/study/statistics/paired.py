"""Tests of the same units at two moments: whether they changed, in which direction, and how far.

Here: the paired test and its effect size, with the project as the cluster. Not here: groups of different units
(``clusters``), which units and moments (``core.moment_states``). numpy is imported on first use.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dockml_dagster.study.statistics.clusters import ENOUGH, STAGES, SizeWord, size_word
from dockml_dagster.study.statistics.permuted_sums import batches

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

_DECIMALS = 12
"""Decimals of a change that count. Measures are shares from 0 to 1, and numbers that are whole."""
_TIE = 1e-9
"""Sums that differ by less of the largest possible sum count as equal: how they are rounded depends on the processor."""


@dataclass(frozen=True, slots=True)
class Shift:
    """One measure of the same units, before and after.

    ``statistic``: the sum over projects of the mean signed rank of their units; units that did not change have rank 0
    (F. Wilcoxon 1945; S. Datta and G. A. Satten, Biometrics 64, 2008). ``p``: two-sided, from flipping the signs of whole
    projects ``draws`` times. Both are ``None`` if nothing changed, and ``reason`` says so. ``delta``: the share of units
    that rose less the share that fell, with weight 1 for every project (Cliff's delta within pairs, N. Cliff 1996).
    """

    n: int
    clusters: int
    rose: int
    fell: int
    statistic: float | None
    p: float | None
    draws: int | None
    delta: float | None
    size: SizeWord | None
    reason: str | None


def shift(
    before: Sequence[float], after: Sequence[float], projects: Sequence[int], seed: Sequence[int]
) -> Shift:
    """Compare the values of the same units at two moments. ``projects``: the number of each unit's project, from 0 on
    without gaps.

    Raises ``ValueError`` on different lengths or unknown values.
    """
    readings = list(zip(before, after, projects, strict=True))
    if not all(math.isfinite(then) and math.isfinite(now) for then, now, _ in readings):
        raise ValueError("readings hold finite values only")
    if not readings:
        return Shift(0, 0, 0, 0, None, None, None, None, None, "no unit is known at both moments")
    import numpy as np

    # In binary 2/3 - 1/3 is not 1/3 - 0: equal changes must have equal ranks.
    change = np.round(np.asarray(after, float) - np.asarray(before, float), _DECIMALS)
    owner = np.asarray(projects)
    sizes = np.bincount(owner)
    rose, fell = int((change > 0).sum()), int((change < 0).sum())
    delta = float((np.bincount(owner, np.sign(change)) / sizes).mean())
    if not rose and not fell:
        return Shift(
            len(change), len(sizes), 0, 0, None, None, None, delta, size_word(delta), "no unit changed"
        )
    from scipy import stats

    ranks = np.zeros(len(change))
    ranks[change != 0] = stats.rankdata(np.abs(change[change != 0]))
    scores = np.bincount(owner, np.sign(change) * ranks) / sizes
    statistic, rounding = float(scores.sum()), _TIE * float(np.abs(scores).sum())
    p, draws = _flipped(scores[scores != 0], abs(statistic) - rounding, seed)
    if abs(statistic) <= rounding:
        statistic = 0.0
    return Shift(len(change), len(sizes), rose, fell, statistic, p, draws, delta, size_word(delta), None)


def _flipped(scores: Array, least: float, seed: Sequence[int]) -> tuple[float, int]:
    """How often a sum at least so far from 0 arises with random signs. With few projects all choices of signs are tried."""
    import numpy as np

    n = len(scores)
    if n == 0:
        return 1.0, 1
    if 2**n <= STAGES[0]:
        signs = 1 - 2 * ((np.arange(2**n)[:, None] >> np.arange(n)) & 1)
        return float((np.abs(signs @ scores) >= least).mean()), 2**n
    generator = np.random.default_rng(list(seed))
    reached = draws = 0
    for stage in STAGES:
        for batch in batches(stage - draws, n):
            signs = generator.integers(0, 2, (batch, n), dtype=np.int8) * 2 - 1
            reached += int((np.abs(signs.astype(float) @ scores) >= least).sum())
            draws += batch
        if reached >= ENOUGH:
            break
    return (reached + 1) / (draws + 1), draws
