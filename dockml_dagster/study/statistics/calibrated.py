"""Shares estimated from people's labels of some projects and the machine's labels of all.

Here: the calibrated share with its intervals, and corrections of machine labels elsewhere. Not here: where labels come from,
tables. scipy is imported on first use.

The machine's labels are strata. In each stratum the share of yes among the coded projects stands for the uncoded ones. For
binary labels this is the post-stratified estimator (T. Holt and T. M. F. Smith, JRSS A 142, 1979); it agrees to within 0.3
points with prediction-powered inference at the best weight of the machine (A. N. Angelopoulos et al., 2023, PPI++). It is
valid however the machine errs, as long as uncoded projects are like coded ones with the same machine label.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from dockml_dagster.study.statistics.intervals import wilson

FEW = 5
"""A stratum with fewer coded projects borrows this many from all strata: it is shrunk towards the overall share."""


@dataclass(frozen=True, slots=True)
class Stratum:
    """The projects with one machine label. ``coded``: by people; ``yes``: those of them with the code; ``uncoded``: not
    coded by people.
    """

    coded: int
    yes: int
    uncoded: int


@dataclass(frozen=True, slots=True)
class Calibrated:
    """A share of ``n`` projects, ``n_people`` of them coded by people.

    ``low`` and ``high``: 95 % interval of the share in the population that the projects are a sample of. ``finite_low``
    and ``finite_high``: of the share among exactly these projects; it has no width if all are coded.
    """

    n: int
    n_people: int
    share: float
    low: float
    high: float
    finite_low: float
    finite_high: float


def calibrated_share(
    strata: Mapping[str, Stratum], unseen: Mapping[str, Stratum] | None = None, confidence: float = 0.95
) -> Calibrated | None:
    """The share of projects with a code. ``strata``: by the machine's label. ``None`` with fewer than three coded projects.

    ``unseen``: the coded projects of each stratum that the machine was not trained on. If given, only they estimate the
    share among the uncoded, so that no machine label is used for which the machine saw the answer.
    """
    coded = sum(stratum.coded for stratum in strata.values())
    uncoded = sum(stratum.uncoded for stratum in strata.values())
    n = coded + uncoded
    asked = strata if unseen is None else unseen
    learnt = sum(stratum.coded for stratum in asked.values())
    if learnt < 3:
        return None
    from scipy import special

    yes = sum(stratum.yes for stratum in strata.values())
    overall = sum(stratum.yes for stratum in asked.values()) / learnt
    expected = {label: _expected(asked.get(label, Stratum(0, 0, 0)), overall) for label in strata}
    share = (yes + sum(stratum.uncoded * expected[label] for label, stratum in strata.items())) / n
    squares = sum(
        stratum.yes * (1 - expected[label]) ** 2 + (stratum.coded - stratum.yes) * expected[label] ** 2
        for label, stratum in asked.items()
    )
    groups = sum(stratum.coded > 0 for stratum in asked.values())
    # Variance of the mean over all projects per unit of residual variance: that of the uncoded values, and of estimating
    # them from the coded ones.
    part = uncoded / n**2 * (uncoded / learnt + 1)
    variance = part * squares / max(learnt - groups, 1)
    critical = float(special.stdtrit(learnt - 2, (1 + confidence) / 2))
    spread = share * (1 - share)

    def interval(variance: float, least: float) -> tuple[float, float]:
        return wilson(share, max(spread / variance if variance > 0 else 0.0, least), critical)

    low, high = interval(variance + spread / n, learnt / 2)
    finite = (share, share) if not uncoded else interval(variance, 1 / part / 2)
    return Calibrated(n, coded, share, low, high, *finite)


def _expected(stratum: Stratum, overall: float) -> float:
    """The expected share of yes among projects with a machine label."""
    borrowed = FEW if stratum.coded < FEW else 0
    return (stratum.yes + borrowed * overall) / (stratum.coded + borrowed)


def share_if_as_measured(share_machine: float, yes: Stratum, no: Stratum) -> float | None:
    """The share behind a machine's share, if the machine errs as on coded projects. This is an assumption, so there is no
    interval.

    ``yes`` and ``no``: the coded projects to which the machine gave the code and those to which it did not. ``None`` if
    none is coded.
    """
    coded = yes.coded + no.coded
    if not coded:
        return None
    overall = (yes.yes + no.yes) / coded
    return share_machine * _expected(yes, overall) + (1 - share_machine) * _expected(no, overall)


def informedness(yes: Stratum, no: Stratum) -> float | None:
    """Sensitivity plus specificity less one (Youden's J): 0 if the machine's label tells nothing; ``None`` if undefined."""
    positive, negative = yes.yes + no.yes, yes.coded - yes.yes + no.coded - no.yes
    if not positive or not negative:
        return None
    return yes.yes / positive + (no.coded - no.yes) / negative - 1
