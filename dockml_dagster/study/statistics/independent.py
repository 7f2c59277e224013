"""The difference of two shares that different projects gave.

Here: its interval and its test, from each share's own interval and number of independent units. Not here: how these are
found (``intervals``), tests of many groups at once (``clusters``), which tests make a family (``families``).

Sources: the interval is Newcombe's hybrid (R. G. Newcombe, Statistics in Medicine 17 (1998), method 10; of any two
intervals of independent estimates: G. Y. Zou and A. Donner, Statistics in Medicine 27 (2008)); the test is that of two
proportions, with the units that would tell as much in the place of those that are there (J. N. K. Rao and A. J. Scott,
Biometrics 48 (1992)).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

LEAST_PROJECTS = 20
"""Projects that each side needs for the test: below it the normal distribution is too narrow for clusters."""


@dataclass(frozen=True, slots=True)
class Share:
    """A share with its 95 % interval, the independent units that would tell as much, and the projects behind it."""

    value: float
    low: float | None
    high: float | None
    effective: float | None
    clusters: int


@dataclass(frozen=True, slots=True)
class Difference:
    """``value``: the first share less the second. ``p`` is ``None`` where nothing was tested, and ``reason`` says why."""

    value: float
    low: float | None
    high: float | None
    p: float | None
    reason: str | None = None


def difference(first: Share, second: Share) -> Difference:
    """How far two shares of different projects are apart."""
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
    """An end of the interval: how far both shares may be off towards it, at right angles."""
    if end is None or other is None:
        return None
    return first.value - second.value + side * math.hypot(first.value - end, second.value - other)
