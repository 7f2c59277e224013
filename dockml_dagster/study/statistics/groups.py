"""Tests instead of impressions: differences between groups, their size, and intervals.

Here: medians, comparisons of several groups, proportions. Not here: agreement (``agreement``), reading
tables, choosing measures.

Everything that scipy and statsmodels have is theirs; Cliff's delta is taken from scipy's U. Values that a cap
cut off ("at least so much") are ``Sample.censored``: medians are then Kaplan-Meier's, tests Gehan's (which
are Kruskal-Wallis and Mann-Whitney where nothing is censored, up to ties), and Cliff's delta counts pairs
whose order is unknown as ties and states the bounds. ``None`` in a result means that the figure does not
exist for these data; it is never 0. Import is light: scipy loads on first use.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any, Literal

SizeWord = Literal["negligible", "small", "medium", "large"]
Test = Literal["Kruskal-Wallis", "Mann-Whitney", "Gehan-Breslow"]


@dataclass(frozen=True, slots=True)
class Sample:
    """The values of one group. ``censored`` runs parallel to ``values``: true where the real value is at
    least the one given.

    An empty ``censored`` means that none is. Raises ``ValueError`` on other lengths, or a value that is not
    finite: what is unknown has no place in a sample, not even as NaN.
    """

    values: tuple[float, ...]
    censored: tuple[bool, ...] = ()

    def __post_init__(self) -> None:
        if self.censored and len(self.censored) != len(self.values):
            raise ValueError(f"{len(self.values)} values, but {len(self.censored)} marks of censoring")
        if not all(math.isfinite(value) for value in self.values):
            raise ValueError("a sample holds finite values only")

    @property
    def n(self) -> int:
        """Number of values, the censored ones included."""
        return len(self.values)

    @property
    def marks(self) -> tuple[bool, ...]:
        """``censored``, filled in."""
        return self.censored or (False,) * len(self.values)

    @property
    def n_censored(self) -> int:
        """Number of censored values."""
        return sum(self.censored)


@dataclass(frozen=True, slots=True)
class Median:
    """A median with its percentile bootstrap interval.

    ``median`` is ``None`` for an empty sample and where censoring hides it (Kaplan-Meier's curve stays above
    one half); ``low`` and ``high`` are ``None`` where they cannot be had, ``high`` also where it lies beyond
    the cap.
    """

    n: int
    n_censored: int
    median: float | None
    low: float | None
    high: float | None
    confidence: float


@dataclass(frozen=True, slots=True)
class Effect:
    """Cliff's delta: the probability that a value of the first group is the larger, less that it is the
    smaller (-1 to 1).

    ``size`` by the thresholds 0.147, 0.33, 0.474 (Romano et al. 2006). ``least`` and ``most`` bound it where
    censoring hides the order of some pairs; else both equal ``delta``.
    """

    delta: float
    size: SizeWord
    least: float
    most: float


@dataclass(frozen=True, slots=True)
class Pair:
    """Two groups compared. ``p_holm`` is corrected over all pairs of the same comparison (S. Holm 1979)."""

    first: str
    second: str
    n_first: int
    n_second: int
    test: Test
    statistic: float | None
    p: float | None
    p_holm: float | None
    effect: Effect | None


@dataclass(frozen=True, slots=True)
class Comparison:
    """Several groups compared in one measure.

    ``statistic`` is H of Kruskal-Wallis or the chi-square of Gehan-Breslow, ``epsilon_squared`` = H / (n - 1)
    the share of rank variance that the groups explain (``None`` under censoring). Groups without (enough) values
    take no part and stand in ``left_out``. ``reason`` says why there is no test.
    """

    n: int
    groups: Mapping[str, Median]
    test: Test
    statistic: float | None
    degrees_of_freedom: int | None
    p: float | None
    epsilon_squared: float | None
    pairs: tuple[Pair, ...]
    left_out: tuple[str, ...]
    reason: str | None


@dataclass(frozen=True, slots=True)
class Proportion:
    """A share with its Wilson interval (E. B. Wilson 1927). ``share`` is ``None`` for n = 0."""

    count: int
    n: int
    share: float | None
    low: float | None
    high: float | None
    confidence: float


def median_interval(sample: Sample, *, draws: int = 2000, seed: int = 0, confidence: float = 0.95) -> Median:
    """The median and its percentile bootstrap interval (scipy's ``bootstrap``; under censoring of
    Kaplan-Meier medians). Without ``draws`` there is no interval.
    """
    if sample.n == 0:
        return Median(0, 0, None, None, None, confidence)
    import numpy as np
    from scipy import stats

    if not sample.n_censored:
        values = np.asarray(sample.values, dtype=float)
        median = float(np.median(values))
        if sample.n == 1 or draws < 1:
            return Median(sample.n, 0, median, None, None, confidence)
        if values.min() == values.max():
            # Every draw is the same value; scipy warns of a degenerate distribution.
            return Median(sample.n, 0, median, median, median, confidence)
        found = stats.bootstrap(
            (values,),
            np.median,
            n_resamples=draws,
            confidence_level=confidence,
            method="percentile",
            vectorized=True,
            rng=np.random.default_rng(seed),
            batch=max(1, 10_000_000 // sample.n),
        ).confidence_interval
        return Median(sample.n, 0, median, float(found.low), float(found.high), confidence)
    generator = np.random.default_rng(seed)
    values, marks = np.asarray(sample.values, dtype=float), np.asarray(sample.marks)
    middle = _kaplan_meier_median(values, marks)
    if draws < 1:
        return Median(sample.n, sample.n_censored, _finite(middle), None, None, confidence)
    medians = []
    for _ in range(min(draws, 500)):
        drawn = generator.integers(0, sample.n, sample.n)
        medians.append(_kaplan_meier_median(values[drawn], marks[drawn]))
    tail = (1 - confidence) / 2
    low, high = np.quantile(medians, [tail, 1 - tail], method="nearest")
    return Median(
        sample.n, sample.n_censored, _finite(middle), _finite(float(low)), _finite(float(high)), confidence
    )


def _kaplan_meier_median(values: Any, marks: Any) -> float:
    """The least value at which Kaplan-Meier's survival is at most one half; infinite where it never is."""
    from scipy import stats

    curve = stats.ecdf(stats.CensoredData.right_censored(values, marks)).sf
    reached = (curve.probabilities <= 0.5 + 1e-12).nonzero()[0]
    return float(curve.quantiles[reached[0]]) if len(reached) else math.inf


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def cliffs_delta(first: Sample, second: Sample) -> Effect | None:
    """Cliff's delta (N. Cliff 1993), the share of pairs in which the first is larger less that in which it is smaller;
    ``None`` for an empty sample.
    """
    if not first.n or not second.n:
        return None
    pairs = first.n * second.n
    larger, smaller, tied = _known_order(first, second)
    delta = (larger - smaller) / pairs
    unknown = pairs - larger - smaller - tied
    return Effect(
        delta, size_word(delta), (larger - smaller - unknown) / pairs, (larger - smaller + unknown) / pairs
    )


def _known_order(first: Sample, second: Sample) -> tuple[int, int, int]:
    """Pairs of which it is known that the first is the larger, the smaller, the same; by sorting, not pair by
    pair.
    """
    import numpy as np

    def split(sample: Sample) -> tuple[Any, Any]:
        values, marks = np.asarray(sample.values, dtype=float), np.asarray(sample.marks)
        return np.sort(values[~marks]), np.sort(values[marks])

    (exact_a, capped_a), (exact_b, capped_b) = split(first), split(second)

    def above(upper: Any, lower: Any, side: Literal["left", "right"]) -> int:
        return int(np.searchsorted(lower, upper, side=side).sum())

    # A capped value is above every exact value below its cap; of one at its cap the order is not known.
    larger = above(exact_a, exact_b, "left") + above(capped_a, exact_b, "left")
    smaller = above(exact_b, exact_a, "left") + above(capped_b, exact_a, "left")
    tied = above(exact_a, exact_b, "right") - above(exact_a, exact_b, "left")
    return larger, smaller, tied


def size_word(delta: float) -> SizeWord:
    """The size of a Cliff's delta in words: negligible < 0.147 <= small < 0.33 <= medium < 0.474 <= large."""
    size = abs(delta)
    if size < 0.147:
        return "negligible"
    if size < 0.33:
        return "small"
    return "medium" if size < 0.474 else "large"


def compare(
    groups: Mapping[str, Sample],
    *,
    least: int = 1,
    draws: int = 2000,
    seed: int = 0,
    confidence: float = 0.95,
) -> Comparison:
    """Compare a measure between groups: medians, an overall test, every pair with Holm's correction, and
    effect sizes.

    Groups of fewer than ``least`` values are described and take no part in the tests. ``draws=0``: no intervals.
    Mann-Whitney is two-sided, exact for small samples without ties and asymptotic with continuity correction
    else (scipy's ``method="auto"``).
    """
    used = {name: sample for name, sample in groups.items() if sample.n >= max(least, 1)}
    medians = {
        name: median_interval(sample, draws=draws, seed=seed, confidence=confidence)
        for name, sample in groups.items()
    }
    left_out = tuple(name for name in groups if name not in used)
    censored = any(sample.n_censored for sample in used.values())
    test: Test = "Gehan-Breslow" if censored else "Kruskal-Wallis"
    n = sum(sample.n for sample in used.values())
    reason = _why_no_test(used)
    if reason:
        return Comparison(n, medians, test, None, None, None, None, (), left_out, reason)
    epsilon: float | None = None
    if censored:
        statistic, p = _gehan(list(used.values()))
    else:
        from scipy import stats

        found = stats.kruskal(*(sample.values for sample in used.values()))
        statistic, p = float(found.statistic), float(found.pvalue)
        epsilon = statistic / (n - 1)
    return Comparison(
        n,
        medians,
        test,
        statistic,
        len(used) - 1,
        p,
        epsilon,
        _pairs(used),
        left_out,
        None,
    )


def _why_no_test(groups: Mapping[str, Sample]) -> str | None:
    if len(groups) < 2:
        return "fewer than two groups have values"
    if len({value for sample in groups.values() for value in sample.values}) < 2:
        return "all values are the same"
    if all(all(sample.marks) for sample in groups.values()):
        return "every value is censored"
    return None


def _pairs(groups: Mapping[str, Sample]) -> tuple[Pair, ...]:
    from scipy import stats

    raw: list[tuple[str, str, Test, float | None, float | None]] = []
    for first, second in combinations(groups, 2):
        a, b = groups[first], groups[second]
        if _why_no_test({first: a, second: b}):
            raw.append((first, second, "Mann-Whitney", None, None))
        elif a.n_censored or b.n_censored:
            raw.append((first, second, "Gehan-Breslow", *_gehan([a, b])))
        else:
            found = stats.mannwhitneyu(a.values, b.values, alternative="two-sided", method="auto")
            raw.append((first, second, "Mann-Whitney", float(found.statistic), float(found.pvalue)))
    known = [p for *_, p in raw if p is not None]
    corrected = iter(holm(known))
    return tuple(
        Pair(
            first,
            second,
            groups[first].n,
            groups[second].n,
            test,
            statistic,
            p,
            None if p is None else next(corrected),
            cliffs_delta(groups[first], groups[second]),
        )
        for first, second, test, statistic, p in raw
    )


def holm(p_values: Sequence[float]) -> list[float]:
    """P values after Holm's step-down correction (S. Holm 1979), in the order given.

    statsmodels' ``multipletests`` gives the same (a test holds it), but collects garbage at each call: 80 ms beside a
    loaded Dagster, for some hundred families of pairs.
    """
    corrected = [0.0] * len(p_values)
    least = 0.0
    for rank, index in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        least = max(least, min(1.0, (len(p_values) - rank) * p_values[index]))
        corrected[index] = least
    return corrected


def _gehan(samples: Sequence[Sample]) -> tuple[float | None, float | None]:
    """Gehan's generalised Wilcoxon test in Breslow's form for two or more groups (statsmodels' ``survdiff``,
    weights ``gb``).
    """
    import numpy as np
    from statsmodels.duration.survfunc import survdiff

    values = np.concatenate([np.asarray(sample.values, dtype=float) for sample in samples])
    seen = np.concatenate([1 - np.asarray(sample.marks, dtype=int) for sample in samples])
    group = np.concatenate([np.full(sample.n, i) for i, sample in enumerate(samples)])
    try:
        statistic, p = survdiff(values, seen, group, weight_type="gb")
    except np.linalg.LinAlgError:
        return None, None
    return _finite(float(statistic)), _finite(float(p))


def proportion(count: int, n: int, *, confidence: float = 0.95) -> Proportion:
    """A share and its Wilson score interval, by scipy. Raises ``ValueError`` unless 0 <= count <= n."""
    if not 0 <= count <= n:
        raise ValueError(f"{count} of {n} is no proportion")
    if n == 0:
        return Proportion(0, 0, None, None, None, confidence)
    from scipy import stats

    found = stats.binomtest(count, n).proportion_ci(confidence_level=confidence, method="wilson")
    return Proportion(count, n, count / n, float(found.low), float(found.high), confidence)
