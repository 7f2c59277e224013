"""Sampling units for annotation: at random, stratified, or where the raters disagree most.

Here: drawing a sample by a stated seed. Not here: the sheet (``annotation_sheet``), where labels come from.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Literal

from dockml_dagster.study.labels.machine import RATER

Sampling = Literal["random", "stratified", "disagreement"]
ADJUDICATION = "adjudication"
"""The rater who decides where others differ."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A unit that may be drawn. ``stratum``: its category. ``codes``: rater → codes, for all raters who rated it and did
    not answer "cannot tell". ``doubt``: 0 to 1, how unsure the machine is of its own label.
    """

    unit: str
    stratum: str
    codes: Mapping[str, AbstractSet[str]]
    doubt: float


def draw(candidates: Sequence[Candidate], n: int, sampling: Sampling, *, seed: int) -> tuple[Candidate, ...]:
    """At most ``n`` units, each once.

    ``random``: without replacement. ``stratified``: equal numbers from every stratum, as far as it has units.
    ``disagreement``: units on which people disagree most come first, then those on which the machine disagrees with them,
    then by the machine's doubt, then by chance; adjudicated units come last. The order of the candidates does not matter:
    the same seed draws the same units.
    """
    generator = random.Random(seed)  # noqa: S311 - a sample that can be drawn again, no secret
    shuffled = sorted(candidates, key=lambda candidate: candidate.unit)
    generator.shuffle(shuffled)
    if sampling == "random":
        return tuple(shuffled[:n])
    if sampling == "disagreement":
        return tuple(sorted(shuffled, key=_settled)[:n])
    strata: dict[str, list[Candidate]] = {}
    for candidate in shuffled:
        strata.setdefault(candidate.stratum, []).append(candidate)
    queues = [strata[name] for name in sorted(strata)]
    chosen: list[Candidate] = []
    while queues and len(chosen) < n:
        for queue in queues:
            if len(chosen) < n:
                chosen.append(queue.pop())
        queues = [queue for queue in queues if queue]
    return tuple(chosen)


def _settled(candidate: Candidate) -> tuple[bool, float, float, float]:
    """The sort key of ``disagreement``: less settled units sort first."""
    people = {rater: codes for rater, codes in candidate.codes.items() if rater != RATER}
    return (
        ADJUDICATION in people,
        -disagreement(people),
        -disagreement(candidate.codes),
        -candidate.doubt,
    )


def disagreement(codes: Mapping[str, AbstractSet[str]]) -> float:
    """The mean share of codes on which two raters differ (Jaccard distance), over all pairs; 0 below two raters."""
    sets = Counter(frozenset(given) for given in codes.values())
    raters = sum(sets.values())
    pairs = raters * (raters - 1) / 2
    if not pairs:
        return 0.0
    distinct = list(sets)
    total = 0.0
    for i, first in enumerate(distinct):
        for second in distinct[i + 1 :]:
            union = first | second
            total += sets[first] * sets[second] * (1 - len(first & second) / len(union) if union else 0.0)
    return total / pairs
