"""Coder drift: did one rater give a code more or less often as the labelling went on?

Here: shares of the first and the second half, their difference, the test. Not here: which units are in which half
(``core.label_halves``), agreement of several raters (``agreement``). scipy is imported on first use.

Drift is a change in the use of a codebook while it is applied (K. Krippendorff, *Content Analysis*, on stability). A
difference between the halves is drift only if the units of both halves are alike.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dockml_dagster.study.statistics.families import holm
from dockml_dagster.study.statistics.intervals import Proportion, proportion


@dataclass(frozen=True, slots=True)
class Halves:
    """How many units were labelled first and last (``n_*``), and how many of each have one code (``units_*``)."""

    n_first: int
    n_second: int
    units_first: int
    units_second: int


@dataclass(frozen=True, slots=True)
class Drift:
    """One code in both halves.

    ``difference``: share of the second half less that of the first. ``p``: Fisher's exact test, two-sided (R. A. Fisher
    1935); ``p_holm``: corrected over all codes that were tested together. ``None``: there is no such figure; ``reason``
    says why there is no test.
    """

    first: Proportion
    second: Proportion
    difference: float | None
    p: float | None
    p_holm: float | None
    reason: str | None


def coder_drift(codes: Mapping[str, Halves]) -> dict[str, Drift]:
    """The drift of each code that one rater gave to the same units. Holm's correction is over all codes with a test.

    A code that every unit has, or none, could not differ between the halves: it is not tested and not in the correction.
    Raises ``ValueError`` if more units have a code than there are.
    """
    reasons = {code: _why_no_test(halves) for code, halves in codes.items()}
    tested = {code: _fisher(halves) for code, halves in codes.items() if reasons[code] is None}
    corrected = dict(zip(tested, holm(list(tested.values())), strict=True))
    found = {}
    for code, halves in codes.items():
        first = proportion(halves.units_first, halves.n_first)
        second = proportion(halves.units_second, halves.n_second)
        difference = None if first.share is None or second.share is None else second.share - first.share
        found[code] = Drift(first, second, difference, tested.get(code), corrected.get(code), reasons[code])
    return found


def _why_no_test(halves: Halves) -> str | None:
    if not halves.n_first + halves.n_second:
        return "no unit"
    if not halves.n_first or not halves.n_second:
        return "one half has no unit"
    bearing = halves.units_first + halves.units_second
    if not bearing:
        return "no unit bears the code"
    return "every unit bears the code" if bearing == halves.n_first + halves.n_second else None


def _fisher(halves: Halves) -> float:
    """The two-sided p: the probability of all tables with these margins that are no likelier than this one."""
    import numpy as np
    from scipy import special  # scipy.stats has the test, but takes half a second to load

    bearing, units = halves.units_first + halves.units_second, halves.n_first + halves.n_second
    first = np.arange(max(0, bearing - halves.n_second), min(bearing, halves.n_first) + 1)

    def log_choose(n: int, k: Any) -> Any:
        return special.gammaln(n + 1) - special.gammaln(k + 1) - special.gammaln(n - k + 1)

    likely = np.exp(
        log_choose(halves.n_first, first)
        + log_choose(halves.n_second, bearing - first)
        - log_choose(units, bearing)
    )
    observed = likely[halves.units_first - first[0]]
    return min(1.0, float(likely[likely <= observed * (1 + _TIE)].sum()))


_TIE = 1e-7
"""Tables whose likelihoods differ by less than this share count as equally likely: the difference is rounding."""
