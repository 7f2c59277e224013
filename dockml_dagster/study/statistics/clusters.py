"""Tests and effect sizes for clustered data: units of one project are not independent, so the project is the cluster.

Here: scores of projects in which every project weighs 1, permutations of whole projects, Cliff's delta between projects. Not
here: the sums of groups under permutations (``permuted_sums``), intervals of shares and medians (``intervals``), two moments
(``paired``), which groups are compared in which measures (``warehouse.computed.differences``).

If every project has one unit, the statistic is Kruskal-Wallis's H and delta is Cliff's; only p comes from permutations.
A censored value is known only to exceed the exact values below it. Pairs of unknown order count as ties, which is Gehan's
score. ``None`` in a result means that the figure does not exist for these data.

Sources: S. Datta and G. A. Satten, JASA 100 (2005), rank-sum tests for clustered data; N. Cliff, Psychological Bulletin 114
(1993). numpy and scipy are imported on first use.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from dockml_dagster.study.statistics.permuted_sums import MANY, batches, shuffled, sum_blocks

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

SizeWord = Literal["negligible", "small", "medium", "large"]

STAGES = (1_999, 9_999, 99_999)
"""Draws of a permutation test. The next number is used only if fewer than ``ENOUGH`` draws reach the observed statistic."""
MIXED_STAGES = (999, 9_999)
"""The same if units are permuted within projects, which costs more."""
ENOUGH = 50
"""With this many draws at least as extreme, the standard error of p is a seventh of p."""
_TIE = 1e-6
"""Statistics count as equal if the roots of the shares of variance that they explain differ by less: that is what rounding
leaves of sums in single precision, whatever their size. Which way a sum is rounded depends on the processor.
"""


@dataclass(frozen=True, slots=True)
class Units:
    """The units of some projects in one measure, as parallel arrays.

    ``values``: numbers; a yes or no is 1 or 0. ``projects``: the number of each unit's project, from 0 on without gaps.
    ``censored``: true where the real value is at least the given one; ``None`` if no value is censored.
    """

    values: Array
    projects: Array
    censored: Array | None = None

    @property
    def n(self) -> int:
        """Number of units."""
        return len(self.values)

    @property
    def sizes(self) -> Array:
        """Units of each project."""
        import numpy as np

        return np.bincount(self.projects)

    @property
    def clusters(self) -> int:
        """Number of projects."""
        return int(self.projects.max()) + 1 if self.n else 0

    @property
    def weights(self) -> Array:
        """The weight of each unit: every project weighs the same, and the sum is 1."""
        return 1 / self.sizes[self.projects] / self.clusters

    @property
    def marks(self) -> Array:
        """``censored``, with false instead of ``None``."""
        import numpy as np

        return np.zeros(self.n, bool) if self.censored is None else self.censored

    @property
    def n_censored(self) -> int:
        """Number of censored values."""
        return int(self.marks.sum())

    def of(self, chosen: Array) -> Units:
        """The units for which ``chosen`` holds, with their projects renumbered."""
        import numpy as np

        kept = self.projects[chosen]
        present = np.zeros(self.clusters, np.int64)
        present[kept] = 1
        numbers = (np.cumsum(present) - 1)[kept]
        marks = None if self.censored is None else self.censored[chosen]
        return Units(self.values[chosen], numbers, marks)


@dataclass(frozen=True, slots=True)
class Order:
    """For each unit: the probability that a unit of the reference is smaller, larger, equal. Every project of the reference
    weighs 1. The three add up to 1, except for pairs whose order censoring hides.
    """

    smaller: Array
    larger: Array
    same: Array


def order(units: Units, reference: Units) -> Order:
    """The order of units relative to those of a reference, computed by sorting instead of by pairs."""
    import numpy as np

    weights, cut = reference.weights, reference.marks

    def below(chosen: Array, side: Literal["left", "right"]) -> Array:
        values, weight = reference.values[chosen], weights[chosen]
        places = np.argsort(values, kind="stable")
        total = np.concatenate([[0.0], np.cumsum(weight[places])])
        found: Array = total[np.searchsorted(values[places], units.values, side=side)]
        return found

    smaller, up_to = below(~cut, "left"), below(~cut, "right")
    larger = weights[~cut].sum() - up_to
    same = up_to - smaller
    if cut.any():
        larger += weights[cut].sum() - below(cut, "right")
    # A censored value is above every exact value below it; its order to all others is not known.
    larger[units.marks] = 0
    same[units.marks] = 0
    return Order(smaller, larger, same)


def _by_project(units: Units, values: Array) -> Array:
    """The mean of the values of each project's units."""
    import numpy as np

    return np.bincount(units.projects, values) / units.sizes


def project_scores(units: Units) -> Array:
    """The ridit score of each project: the mean relative rank (0 to 1) of its units among those of all projects."""
    lie = order(units, units)
    return _by_project(units, (1 + lie.smaller - lie.larger) / 2)


@dataclass(frozen=True, slots=True)
class Permuted:
    """The result of a permutation test. ``statistic``: H of the scores. ``epsilon_squared``: the share of their variance
    that the groups explain. ``draws``: the number of permutations behind p.
    """

    statistic: float
    epsilon_squared: float
    p: float
    draws: int


def permute_projects(
    scores: Array, groups: Array, seed: Sequence[int], stages: Sequence[int] = STAGES
) -> list[Permuted | None]:
    """Test whether groups of projects differ, by permuting the labels of whole projects.

    ``scores``: a row for each project, a column for each measure; the measures share the draws. ``groups``: the number of
    each project's group, from 0 on. ``None`` for a measure in which all projects have the same score.
    """
    import numpy as np

    n, measures = scores.shape
    if n > MANY:
        return [_permute_many(scores[:, measure], groups, seed, stages) for measure in range(measures)]
    counts = np.bincount(groups)
    centred = scores - scores.mean(axis=0)
    total = (centred**2).sum(axis=0)
    columns = centred.astype(np.float32)
    labels_now = groups.astype(np.int8)

    def between(labels: Array, columns: Array) -> Array:
        """The sum over groups of C_k (mean score - mean of all)², for each row of labels and each column."""
        rest = np.zeros((len(labels), columns.shape[1]))
        value = np.zeros_like(rest)
        for group, count in enumerate(counts[:-1]):
            sums = (labels == group).astype(np.float32) @ columns
            value += sums**2 / count
            rest -= sums
        return np.asarray(value + rest**2 / counts[-1])

    least = _least(between(labels_now[None, :], columns)[0], total)
    means = np.eye(len(counts))[groups].T @ centred / counts[:, None]
    explained = (counts[:, None] * means**2).sum(axis=0) / np.where(total > 0, total, 1)
    generator = np.random.default_rng(list(seed))
    varies = total > 1e-12 * n
    reached, draws = np.zeros(measures, np.int64), np.zeros(measures, np.int64)
    open_ = np.flatnonzero(varies)
    for stage, wanted in enumerate(stages):
        for batch in batches(wanted - (stages[stage - 1] if stage else 0), n):
            if not len(open_):
                break
            labels = shuffled(generator, (batch,), labels_now, len(counts) - 1).astype(np.int8)
            found = between(labels, columns[:, open_])
            reached[open_] += (found >= least[open_]).sum(axis=0)
            draws[open_] += batch
        open_ = open_[reached[open_] < ENOUGH]
    return [
        _permuted(float(explained[i]), n, int(reached[i]), int(draws[i])) if varies[i] else None
        for i in range(measures)
    ]


def _permute_many(
    scores: Array, groups: Array, seed: Sequence[int], stages: Sequence[int]
) -> Permuted | None:
    """One column of ``permute_projects`` with so many projects that the groups' sums are drawn instead of labels."""
    import numpy as np

    n = len(scores)
    member = np.eye(int(groups.max()) + 1)[groups] / n
    return _drawn(
        scores - scores.mean(), np.full(n, 1 / n), member, np.ones(n, np.int64), seed=seed, stages=stages
    )


def _least(observed: Array, total: Array | float) -> Array:
    """The smallest statistic that counts as at least the observed one. ``total``: the largest that is possible."""
    import numpy as np

    root = np.sqrt(total)
    return np.asarray(np.maximum(np.sqrt(observed) - _TIE * root, 0) ** 2)


def _permuted(explained: float, n: int, reached: int, draws: int) -> Permuted:
    if explained < _TIE**2:  # what rounding leaves of zero
        explained = 0.0
    return Permuted(explained * (n - 1), explained, (reached + 1) / (draws + 1), draws)


def permute_units(
    units: Units, groups: Array, seed: Sequence[int], stages: Sequence[int] = MIXED_STAGES
) -> Permuted | None:
    """Test whether groups of units differ if a project has units in several groups. Values are permuted within each project
    and, as a whole, between projects with the same number of units.

    ``groups``: the number of each unit's group, from 0 on. Every project weighs 1 in the means of groups. ``None`` if all
    units have the same score.
    """
    import numpy as np

    places = np.argsort(units.projects, kind="stable")
    lie = order(units, units)
    weights = units.weights
    scores = (1 + lie.smaller - lie.larger) / 2
    centred = (scores - np.average(scores, weights=weights))[places]
    member = np.eye(int(groups.max()) + 1)[groups[places]] * weights[places, None]
    return _drawn(centred, weights[places], member, units.sizes, seed=seed, stages=stages)


def _drawn(
    centred: Array,
    weights: Array,
    member: Array,
    sizes: Array,
    *,
    seed: Sequence[int],
    stages: Sequence[int],
) -> Permuted | None:
    """The test by drawing the groups' sums. In the order of units by project: the ``centred`` scores, their ``weights``, and
    what each adds to each group's sum (``member``). ``sizes``: the number of units of each project.
    """
    import numpy as np

    total = float((weights * centred**2).sum())
    if total <= 1e-12:
        return None
    of_group = member.sum(axis=0)
    blocks = sum_blocks(centred, sizes, member)

    def between(sums: Array) -> Array:
        return np.asarray((sums**2 / of_group).sum(axis=1))

    observed = between((centred @ member)[None, :])[0]
    least = _least(observed, total)
    generator = np.random.default_rng(list(seed))
    reached = draws = 0
    for stage in stages:
        for batch in batches(stage - draws, sum(block.cells for block in blocks)):
            sums = sum(block.draw(generator, batch) for block in blocks)
            reached += int((between(np.asarray(sums)) >= least).sum())
            draws += batch
        if reached >= ENOUGH:
            break
    return _permuted(float(observed / total), len(sizes), reached, draws)


@dataclass(frozen=True, slots=True)
class ClusterEffect:
    """Cliff's delta in which every project weighs 1: the probability that a unit of the first group is the larger one, less
    the probability that it is the smaller. For a yes or no it is the difference of the mean shares.

    ``low`` and ``high``: 95 % interval (Fisher's z); ``None`` if a group has one project or delta is 1 or -1.
    ``least`` and ``most`` bound delta if censoring hides the order of pairs; otherwise both equal it.
    """

    delta: float
    low: float | None
    high: float | None
    least: float
    most: float


def size_word(delta: float) -> SizeWord:
    """The size of a Cliff's delta in words: negligible < 0.147 <= small < 0.33 <= medium < 0.474 <= large (J. Romano et
    al. 2006).
    """
    size = round(abs(delta), 12)  # 0.99 - 0.66 is 0.33, in binary less
    if size < 0.147:
        return "negligible"
    if size < 0.33:
        return "small"
    return "medium" if size < 0.474 else "large"


def cluster_effect(first: Units, second: Units, confidence: float = 0.95) -> ClusterEffect | None:
    """Cliff's delta between two groups of projects; ``None`` if a group is empty."""
    if not first.n or not second.n:
        return None
    from scipy import special

    ours, theirs = order(first, second), order(second, first)
    rows = _by_project(first, ours.smaller - ours.larger)
    columns = _by_project(second, theirs.larger - theirs.smaller)
    delta = float(rows.mean())
    unknown = 0.0
    if first.n_censored or second.n_censored:
        unknown = float(_by_project(first, 1 - ours.smaller - ours.larger - ours.same).mean())
    low = high = None
    a, b = len(rows), len(columns)
    if a > 1 and b > 1 and abs(delta) < 1 - 1e-12:
        parts = float(rows.var(ddof=1)) / a, float(columns.var(ddof=1)) / b
        variance = sum(parts)
        if variance > 0:
            freedom = variance**2 / (parts[0] ** 2 / (a - 1) + parts[1] ** 2 / (b - 1))
            t = float(special.stdtrit(freedom, (1 + confidence) / 2))
            half = t * math.sqrt(variance) / (1 - delta**2)
            low, high = math.tanh(math.atanh(delta) - half), math.tanh(math.atanh(delta) + half)
        else:
            low = high = delta
    return ClusterEffect(delta, low, high, max(delta - unknown, -1.0), min(delta + unknown, 1.0))
