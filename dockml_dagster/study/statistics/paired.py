"""The same units at two moments: did they change, in which direction, and how far?

Here: the paired test and its effect. Not here: groups of different units (``statistics``), which units and
moments (``core.moment_states``). Import is light: scipy loads on first use.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from dockml_dagster.study.statistics.groups import SizeWord, size_word


@dataclass(frozen=True, slots=True)
class Shift:
    """One measure of the same units, before and after.

    ``statistic`` and ``p`` are of Wilcoxon's signed-rank test, two-sided, units that did not change left out
    (F. Wilcoxon 1945); ``None`` where none changed, and ``reason`` says so. ``delta`` is Cliff's delta within pairs: the
    share of units that rose less the share that fell (N. Cliff 1996), with its size word; ``None`` without units.
    """

    n: int
    rose: int
    fell: int
    statistic: float | None
    p: float | None
    delta: float | None
    size: SizeWord | None
    reason: str | None


def shift(before: Sequence[float], after: Sequence[float]) -> Shift:
    """Compare two readings of the same units, unit by unit. Raises ``ValueError`` on other lengths or unknown values."""
    pairs = list(zip(before, after, strict=True))
    if not all(math.isfinite(value) for pair in pairs for value in pair):
        raise ValueError("readings hold finite values only")
    rose = sum(now > then for then, now in pairs)
    fell = sum(now < then for then, now in pairs)
    if not pairs:
        return Shift(0, 0, 0, None, None, None, None, "no unit is known at both moments")
    delta = (rose - fell) / len(pairs)
    if not rose and not fell:
        return Shift(len(pairs), 0, 0, None, None, delta, size_word(delta), "no unit changed")
    from scipy import stats

    found = stats.wilcoxon(after, before)
    return Shift(
        len(pairs),
        rose,
        fell,
        float(found.statistic),
        float(found.pvalue),
        delta,
        size_word(delta),
        None,
    )
