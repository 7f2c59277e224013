"""Agreement of raters: Cohen's kappa and Krippendorff's alpha, overall and for each code, with bootstrap intervals.

Here: the two coefficients for nominal codes, their forms for each code of units with several codes, and
intervals. Not here: reading labels, deciding between them, any other statistic (``statistics``).

Both formulas are a few lines, and the one package for alpha has a licence (GPL) that this project cannot depend
on. The tests compare them with published examples, statsmodels (kappa, Fleiss' kappa) and scikit-learn.
Both are ``None`` where they are undefined: there is no pair of ratings, or all raters gave the same code
throughout (no disagreement was possible).
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import TypeVar

Unit = Mapping[str, Hashable]
"""The codes of a unit: rater → code. A rater who did not rate the unit is absent."""
CodeSets = Mapping[str, AbstractSet[str]]
"""The codes of a unit that may have several: rater → set of codes. An empty set means "none applies", not "not rated"."""
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Interval:
    """An estimate with its interval. ``low`` and ``high`` are ``None`` where there is no interval; ``n`` counts units."""

    estimate: float | None
    low: float | None
    high: float | None
    n: int


@dataclass(frozen=True, slots=True)
class CodeAgreement:
    """Agreement on whether units have one code. ``used``: how many ratings (unit and rater) have it."""

    code: str
    used: int
    alpha: Interval
    kappa: Interval | None
    """For exactly two raters; ``None`` otherwise."""


@dataclass(frozen=True, slots=True)
class Agreement:
    """Agreement on a set of units. ``n`` counts units with at least two ratings; ``observed`` is the share of agreeing
    pairs.
    """

    raters: tuple[str, ...]
    n: int
    observed: float | None
    alpha: Interval
    kappa: Interval | None
    """For exactly two raters; ``None`` otherwise."""
    codes: tuple[CodeAgreement, ...]


def cohen_kappa(pairs: Sequence[tuple[Hashable, Hashable]]) -> float | None:
    """Cohen's kappa of two raters (J. Cohen 1960, "A coefficient of agreement for nominal scales"), unweighted."""
    if not pairs:
        return None
    n = len(pairs)
    first, second = Counter(a for a, _ in pairs), Counter(b for _, b in pairs)
    # Whole numbers until the last step, so that perfect chance agreement is detected exactly.
    chance = sum(count * second[code] for code, count in first.items())
    if chance == n * n:
        return None
    agreeing = sum(a == b for a, b in pairs)
    return (agreeing * n - chance) / (n * n - chance)


def krippendorff_alpha(units: Sequence[Unit]) -> float | None:
    """Krippendorff's alpha for nominal codes, any number of raters, missing ratings allowed (K. Krippendorff
    2011, "Computing Krippendorff's Alpha-Reliability").
    """
    rated = [Counter(unit.values()) for unit in units if len(unit) >= 2]
    totals: Counter[Hashable] = Counter()
    for counts in rated:
        totals.update(counts)
    n = totals.total()
    expected = n * n - sum(count * count for count in totals.values())
    if not expected:
        return None
    observed = math.fsum(
        (m * m - sum(count * count for count in counts.values())) / (m - 1)
        for counts in rated
        for m in (counts.total(),)
    )
    return 1 - (n - 1) * observed / expected


def agreement(
    units: Sequence[Unit], *, draws: int = 1000, seed: int = 0, confidence: float = 0.95
) -> Agreement:
    """Agreement on units with one code each; the agreement on each code is that code against all others."""
    codes = sorted({str(code) for unit in units for code in unit.values()})
    per_code = [
        (code, [{rater: str(given) == code for rater, given in unit.items()} for unit in units])
        for code in codes
    ]
    return _agreement(units, per_code, None, _Drawing(draws, seed, confidence))


def set_agreement(
    units: Sequence[CodeSets], *, draws: int = 1000, seed: int = 0, confidence: float = 0.95
) -> Agreement:
    """Agreement on units with any number of codes.

    The overall figures treat every (unit, code) as a separate unit, rated yes or no: two raters who share
    two of three codes agree in part. Intervals draw whole units, never single codes.
    """
    codes = sorted({code for unit in units for given in unit.values() for code in given})
    per_code = [
        (code, [{rater: code in given for rater, given in unit.items()} for unit in units]) for code in codes
    ]
    grouped: list[list[Unit]] = [[of_code[i] for _, of_code in per_code] for i in range(len(units))]
    return _agreement(units, per_code, grouped, _Drawing(draws, seed, confidence))


@dataclass(frozen=True, slots=True)
class _Drawing:
    draws: int
    seed: int
    confidence: float


def _agreement(
    units: Sequence[Unit] | Sequence[CodeSets],
    per_code: Sequence[tuple[str, Sequence[Unit]]],
    grouped: Sequence[Sequence[Unit]] | None,
    drawing: _Drawing,
) -> Agreement:
    raters = tuple(sorted({rater for unit in units for rater in unit}))
    groups: Sequence[Sequence[Unit]] = grouped if grouped is not None else [[unit] for unit in units]
    whole = [group for group, unit in zip(groups, units, strict=True) if len(unit) >= 2]
    flat = [rating for group in whole for rating in group]

    def interval(
        measure: Callable[[Sequence[Unit]], float | None], data: Sequence[Sequence[Unit]]
    ) -> Interval:
        return bootstrap(
            data,
            lambda drawn: measure([rating for group in drawn for rating in group]),
            draws=drawing.draws,
            seed=drawing.seed,
            confidence=drawing.confidence,
        )

    def kappa(data: Sequence[Unit]) -> float | None:
        return cohen_kappa([(unit[raters[0]], unit[raters[1]]) for unit in data])

    codes = []
    for code, ratings in per_code:
        of_code = [[rating] for rating in ratings if len(rating) >= 2]
        codes.append(
            CodeAgreement(
                code,
                sum(bool(value) for rating in ratings for value in rating.values()),
                interval(krippendorff_alpha, of_code),
                interval(kappa, of_code) if len(raters) == 2 else None,
            )
        )
    return Agreement(
        raters,
        len(whole),
        _observed(flat),
        interval(krippendorff_alpha, whole),
        interval(kappa, whole) if len(raters) == 2 else None,
        tuple(codes),
    )


def _observed(units: Iterable[Unit]) -> float | None:
    pairs = agreeing = 0
    for unit in units:
        counts = Counter(unit.values())
        n = len(unit)
        pairs += n * (n - 1)
        agreeing += sum(count * (count - 1) for count in counts.values())
    return agreeing / pairs if pairs else None


def bootstrap(
    data: Sequence[T],
    measure: Callable[[Sequence[T]], float | None],
    *,
    draws: int = 1000,
    seed: int = 0,
    confidence: float = 0.95,
) -> Interval:
    """Percentile bootstrap interval of a measure (B. Efron 1979): units are drawn with replacement, by a generator seeded
    with ``seed``.

    Draws in which the measure is undefined are left out. There is no interval if these are more than a tenth of the
    draws, or with fewer than two units.
    """
    estimate = measure(data)
    if estimate is None or len(data) < 2 or draws < 1:
        return Interval(estimate, None, None, len(data))
    import numpy as np

    generator = np.random.default_rng(seed)
    values = []
    for _ in range(draws):
        value = measure([data[i] for i in generator.integers(0, len(data), len(data))])
        if value is not None and not math.isnan(value):
            values.append(value)
    if len(values) < 0.9 * draws:
        return Interval(estimate, None, None, len(data))
    tail = 50 * (1 - confidence)
    low, high = np.percentile(values, [tail, 100 - tail])
    return Interval(estimate, float(low), float(high), len(data))
