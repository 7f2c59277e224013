"""The difference of two shares from different projects.

Here: its interval and its test, from each share's interval and effective number of units. Not here: how these are computed
(``intervals``), tests of many groups at once (``clusters``), corrections for several tests (``families``).

Sources: the interval is Newcombe's hybrid (R. G. Newcombe, Statistics in Medicine 17 (1998), method 10; for any two
intervals of independent estimates: G. Y. Zou and A. Donner, Statistics in Medicine 27 (2008)); the test is that of two
proportions, with effective numbers of units instead of actual ones (J. N. K. Rao and A. J. Scott, Biometrics 48 (1992)).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

LEAST_PROJECTS = 20
"""Least projects on each side for the test. With fewer clusters the normal distribution is too narrow."""


@dataclass(frozen=True, slots=True)
class Share:
    """A share with its 95 % interval, its effective number of units, and its number of projects."""

    value: float
    low: float | None
    high: float | None
    effective: float | None
    clusters: int


@dataclass(frozen=True, slots=True)
class Difference:
    """The difference of two shares. ``value``: the first less the second. ``p``: ``None`` if there is no test, and
    ``reason`` says why.
    """

    value: float
    low: float | None
    high: float | None
    p: float | None
    reason: str | None = None


def difference(first: Share, second: Share) -> Difference:
    """The difference of two shares from different projects."""
    value = first.value - second.value
    low = _end(first, first.low, second, second.high, -1)
    high = _end(first, first.high, second, second.low, 1)
    if min(first.clusters, second.clusters) < LEAST_PROJECTS:
        return Difference(value, low, high, None, f"fewer than {LEAST_PROJECTS} projects on one side")
    if first.effective is None or second.effective is None:
        return Difference(value, low, high, None, "how much the units tell is unknown")
    together = first.effective + second.effective
    pooled = (first.value * first.effective + second.value * second.effective) / together
    spread = pooled * (1 - pooled) * (1 / first.effective + 1 / second.effective)
    if spread <= 0:
        return Difference(value, low, high, None, "all units are the same")
    return Difference(value, low, high, math.erfc(abs(value) / math.sqrt(2 * spread)))


def _end(first: Share, end: float | None, second: Share, other: float | None, side: int) -> float | None:
    """One end of the interval: the distances of both shares to their own ends, added in quadrature."""
    if end is None or other is None:
        return None
    return first.value - second.value + side * math.hypot(first.value - end, second.value - other)
