"""Shares from people's labels of some projects and the machine's of all.

Here: the calibrated share with its intervals, and what the machine's labels would be worth elsewhere. Not here: whose
labels they are, tables. Import is light: scipy loads on first use.

The machine's labels part projects into strata; among the coded ones people say how many of a stratum are yes, and that share
stands for those that nobody coded. For a yes or no this is the post-stratified estimator (T. Holt and T. M. F. Smith,
JRSS A 142, 1979), and prediction-powered inference with the best weight of the machine (A. N. Angelopoulos et al., 2023,
PPI++) up to 0.3 points. It is right whatever the machine does, as long as uncoded projects with the same machine label are
like coded ones.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from dockml_dagster.study.statistics.intervals import wilson

FEW = 5
"""A stratum with fewer coded projects borrows as many from all of them."""


@dataclass(frozen=True, slots=True)
class Stratum:
    """Projects of one machine label: how many people coded, to how many
    of these they gave the code, and how many projects nobody coded.
    """

    coded: int
    yes: int
    uncoded: int


@dataclass(frozen=True, slots=True)
class Calibrated:
    """A share of ``n`` projects, ``n_people`` of them coded by people.

    ``low`` and ``high``: 95 % interval of the share among projects like these; ``finite_low`` and ``finite_high``: of the
    share among exactly these, which shrinks to nothing when all are coded.
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
    """The share of projects that bear a code. ``strata``: by the machine's label. ``None`` with fewer than three coded.

    ``unseen``: the coded projects of each stratum that the machine did not learn from. Where they are given, what the coded
    say of the uncoded comes from them alone, so that no label of the machine is used for which it saw the answer.
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
    # Of the mean over all, per unit of the residual variance: uncoded values, and what was learnt of them.
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
    """The share of yes among projects of a machine label."""
    borrowed = FEW if stratum.coded < FEW else 0
    return (stratum.yes + borrowed * overall) / (stratum.coded + borrowed)


def share_if_as_measured(share_machine: float, yes: Stratum, no: Stratum) -> float | None:
    """What share a machine's share stands for where it errs as it did on coded projects; no interval holds for a guess.

    ``yes`` and ``no``: coded projects that the machine gave the code and that it did not. ``None`` where nothing is coded.
    """
    coded = yes.coded + no.coded
    if not coded:
        return None
    overall = (yes.yes + no.yes) / coded
    return share_machine * _expected(yes, overall) + (1 - share_machine) * _expected(no, overall)


def informedness(yes: Stratum, no: Stratum) -> float | None:
    """Sensitivity plus specificity less one: 0 where the machine's label says nothing; ``None`` where it cannot be told."""
    positive, negative = yes.yes + no.yes, yes.coded - yes.yes + no.coded - no.yes
    if not positive or not negative:
        return None
    return yes.yes / positive + (no.coded - no.yes) / negative - 1
