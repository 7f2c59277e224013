"""Shares and medians with intervals that take projects as clusters.

Here: Wilson's interval, the effective number of units by the jackknife over projects, Woodruff's interval of a median. Not
here: tests and effect sizes (``clusters``), shares that rest on machine labels (``calibrated``).

The SQL models ``core.share_intervals`` and ``core.median_intervals`` compute the same; a test compares both.
Sources: E. B. Wilson, JASA 22 (1927); R. S. Woodruff, JASA 47 (1952). numpy and scipy are imported on first use.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from dockml_dagster.study.statistics.clusters import Units

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

Weighting = Literal["project", "unit"]
"""Whether every project weighs 1, or every unit."""


@dataclass(frozen=True, slots=True)
class Interval:
    """A share or median of units with its 95 % interval over projects.

    ``effective``: the number of independent units with the same information. ``largest``: the largest project's share of
    the units. ``low`` and ``high`` are ``None`` with fewer than two projects.
    """

    n: int
    clusters: int
    value: float | None
    low: float | None
    high: float | None
    effective: float | None
    largest: float | None


def wilson(share: float, n: float, critical: float) -> tuple[float, float]:
    """Wilson's interval of a share over ``n`` (not always whole) units; exactly 0 and 1 at the ends."""
    square = critical * critical
    centre = (share + square / (2 * n)) / (1 + square / n)
    half = critical * math.sqrt(share * (1 - share) / n + square / (4 * n * n)) / (1 + square / n)
    return (0.0 if share <= 0 else centre - half), (1.0 if share >= 1 else centre + half)


ROUNDING = 1e-24
"""A smaller variance is zero up to the rounding of sums."""


def _jackknife(parts: Array, wholes: Array) -> float:
    """The variance of a ratio of two sums, by leaving out one project at a time."""
    count = len(parts)
    without = (parts.sum() - parts) / (wholes.sum() - wholes)
    variance = float((count - 1) / count * ((without - without.mean()) ** 2).sum())
    return variance if variance > ROUNDING else 0.0


def _critical(clusters: int, confidence: float) -> float:
    from scipy import special

    return float(special.stdtrit(clusters - 1, (1 + confidence) / 2))


def share_interval(
    counts: Array, sizes: Array, weighting: Weighting = "project", confidence: float = 0.95
) -> Interval:
    """The share of units: ``counts`` of the ``sizes`` units of each project (fractions of units that projects share).

    Wilson's interval with the effective number of units (jackknife over projects) and t with C - 1 degrees of freedom.
    If no project has two units, it is Wilson's original interval, with z.
    """
    import numpy as np

    n, clusters = round(float(sizes.sum())), len(sizes)
    if not n:
        return Interval(0, 0, None, None, None, None, None)
    largest = float(sizes.max() / n)
    parts, wholes = (
        (counts.astype(float), sizes.astype(float))
        if weighting == "unit"
        else (counts / sizes, np.ones(clusters))
    )
    share = float(parts.sum() / wholes.sum())
    if n == clusters:
        from scipy import special

        low, high = wilson(share, n, float(special.ndtri((1 + confidence) / 2)))
        return Interval(n, clusters, share, low, high, float(n), largest)
    if clusters < 2:
        return Interval(n, clusters, share, None, None, None, largest)
    variance = _jackknife(parts, wholes)
    spread = share * (1 - share)
    effective = min(spread / variance, float(n)) if spread > 1e-12 and variance > 0 else float(clusters)
    low, high = wilson(share, effective, _critical(clusters, confidence))
    return Interval(n, clusters, share, low, high, effective, largest)


def median_interval(units: Units, weighting: Weighting = "project", confidence: float = 0.95) -> Interval:
    """The median of units with Woodruff's interval: the interval of the share below it, mapped to quantiles.

    With censoring the distribution is Kaplan-Meier's; ``value`` and ``high`` are ``None`` if they lie beyond the caps.
    """
    import numpy as np

    if not units.n:
        return Interval(0, 0, None, None, None, None, None)
    places = np.lexsort((units.marks, units.values))
    values, marks, projects = units.values[places], units.marks[places], units.projects[places]
    sizes = units.sizes
    weights = 1 / sizes[projects] if weighting == "project" else np.ones(units.n)
    largest = float(sizes.max() / units.n)
    reached = _distribution(values, marks, weights)

    def quantile(share: float) -> float | None:
        low = int(np.searchsorted(reached, share - 1e-9))
        return float(values[low]) if low < units.n else None

    median = quantile(0.5)
    if median is None or units.n == 1:
        return Interval(units.n, len(sizes), median, None, None, None, largest)
    upper = int(np.searchsorted(reached, 0.5 + 1e-9, side="right"))
    if upper < units.n:
        # Between two values where exactly half of the weight is below.
        median = (median + float(values[upper])) / 2
    if len(sizes) < 2:
        return Interval(units.n, len(sizes), median, None, None, None, largest)
    below = np.bincount(projects, weights * ((values < median) + 0.5 * (values == median)))
    variance = _jackknife(below, np.bincount(projects, weights))
    effective = min(0.25 / variance, float(units.n)) if variance > 0 else float(len(sizes))
    low, high = wilson(0.5, effective, _critical(len(sizes), confidence))
    return Interval(units.n, len(sizes), median, quantile(low), quantile(high), effective, largest)


def mean_interval(values: Array, confidence: float = 0.95) -> tuple[float | None, float | None]:
    """Student's interval of the mean of one value per project; ``None`` with fewer than two projects or without spread."""
    import numpy as np

    n = len(values)
    spread = float(np.std(values, ddof=1)) / math.sqrt(n) if n > 1 else 0.0
    if not spread:
        return None, None
    half = _critical(n, confidence) * spread
    return float(values.mean()) - half, float(values.mean()) + half


def _distribution(values: Array, marks: Array, weights: Array) -> Array:
    """The distribution function at each of the sorted units; with censoring Kaplan-Meier's estimate of it."""
    import numpy as np

    total = weights.sum()
    if not marks.any():
        return np.asarray(np.cumsum(weights) / total)
    at_risk = total - np.concatenate([[0.0], np.cumsum(weights)[:-1]])
    survive = np.cumprod(np.where(marks, 1.0, 1 - weights / at_risk))
    return np.asarray(1 - survive)


@dataclass(frozen=True, slots=True)
class Proportion:
    """A share of projects with its Wilson interval. ``share`` is ``None`` for n = 0."""

    count: int
    n: int
    share: float | None
    low: float | None
    high: float | None
    confidence: float


def proportion(count: int, n: int, *, confidence: float = 0.95) -> Proportion:
    """A share and its Wilson score interval. Raises ``ValueError`` unless 0 <= count <= n."""
    if not 0 <= count <= n:
        raise ValueError(f"{count} of {n} is no proportion")
    if n == 0:
        return Proportion(0, 0, None, None, None, confidence)
    from scipy import special

    low, high = wilson(count / n, n, float(special.ndtri((1 + confidence) / 2)))
    return Proportion(count, n, count / n, low, high, confidence)
