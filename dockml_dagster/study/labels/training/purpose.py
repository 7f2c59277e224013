"""Fitting the weights of the purpose rules, and measuring the rules on projects that took no part in it.

Here: the fixed split of the coded projects, fitting, precision and recall. Not here: the labeller
(``labels.purpose``), the mapping of the study's free-text codes (``codebook``). Fitting needs scipy.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from typing import Any, Literal

from dockml_dagster.study.labels.evidence_rules import by_place, rule_set
from dockml_dagster.study.labels.purpose import PurposeRules, is_given
from dockml_dagster.study.project.facts import Fact

Half = Literal["develop", "measure"]

PENALTY = 8.0
"""Precision of the normal prior of a weight around the value expected of its rule."""
DEFINING = 3.5
"""A rule with at least this expected weight meets the definition of its purpose (a dev container is a browser workspace
whether or not a coder said so). Its weight is not fitted, and the bound on the base keeps the base from undoing it.
"""
_PINNED = 10_000.0
_LEAST_BASE = -3.5


@dataclass(frozen=True, slots=True)
class Coded:
    """A project with the purposes that people coded. ``rules``: the names of the rules that match in it."""

    name: str
    purposes: frozenset[str]
    rules: frozenset[str]


@dataclass(frozen=True, slots=True)
class PurposeScore:
    """The score of one purpose, or of all together (micro-averaged): how many projects were coded with it, given it, and
    both.
    """

    purpose: str
    coded: int
    given: int
    right: int

    @property
    def precision(self) -> float | None:
        """The share of the given labels that were coded; ``None`` if there is none."""
        return self.right / self.given if self.given else None

    @property
    def recall(self) -> float | None:
        """The share of the coded labels that were given; ``None`` if there is none."""
        return self.right / self.coded if self.coded else None

    @property
    def f1(self) -> float | None:
        """Harmonic mean of precision and recall."""
        return 2 * self.right / (self.coded + self.given) if self.coded + self.given else None


def half_of(name: str, salt: str) -> Half:
    """The half of a project (``owner/name``): by the first byte, even or odd, of SHA-256 of the salt, a colon and the owner
    in lower case.

    The split is by owner, so that an owner's habits are in one half only. The seed ``evaluation_split.csv`` has the salt.
    """
    owner = name.partition("/")[0].lower()
    return "develop" if hashlib.sha256(f"{salt}:{owner}".encode()).digest()[0] % 2 == 0 else "measure"


def rules_that_find(facts: Iterable[Fact], rules: PurposeRules) -> frozenset[str]:
    """The names of the rules that match among a project's facts."""
    found = rule_set(tuple(rule.rule for rule in rules.rules)).found(by_place(facts))
    return frozenset(rule.rule.rule for rule, hits in zip(rules.rules, found, strict=True) if hits)


def given_by(rules_found: AbstractSet[str], rules: PurposeRules) -> frozenset[str]:
    """The purposes that the labeller gives if these rules match (as ``labels.purpose.purposes_of`` does)."""
    scores: dict[str, float] = {}
    for rule in rules.rules:
        if rule.rule.rule in rules_found:
            scores[rule.purpose] = scores.get(rule.purpose, rules.base.get(rule.purpose, 0.0)) + rule.weight
    return frozenset(purpose for purpose, score in scores.items() if is_given(score))


def fit_weights(projects: Sequence[Coded], rules: PurposeRules) -> PurposeRules:
    """The rules with weights fitted for each purpose: logistic likelihood, a normal prior around ``expected``, no weight
    below 0.
    """
    import numpy as np
    from scipy.optimize import minimize

    hits = np.array(
        [[rule.rule.rule in project.rules for rule in rules.rules] for project in projects], float
    )
    weights = [rule.weight for rule in rules.rules]
    base = dict(rules.base)  # a purpose without rules keeps its own
    for purpose in dict.fromkeys(rule.purpose for rule in rules.rules):
        columns = [i for i, rule in enumerate(rules.rules) if rule.purpose == purpose]
        matrix = np.c_[hits[:, columns], np.ones(len(projects))]
        target = np.array([purpose in project.purposes for project in projects], dtype=float)
        centre = np.array([rules.rules[i].expected for i in columns] + [0.0])
        pull = np.array([_PINNED if expected >= DEFINING else PENALTY for expected in centre[:-1]] + [0.04])

        bounds = [(0.0, None)] * len(columns) + [(_LEAST_BASE, None)]
        fitted = minimize(
            _loss, centre, (matrix, target, centre, pull), jac=True, method="L-BFGS-B", bounds=bounds
        ).x
        for column, weight in zip(columns, fitted[:-1], strict=True):
            weights[column] = round(float(weight), 3)
        base[purpose] = round(float(fitted[-1]), 3)
    return PurposeRules(
        tuple(replace(rule, weight=w) for rule, w in zip(rules.rules, weights, strict=True)), base
    )


def _loss(w: Any, matrix: Any, target: Any, centre: Any, pull: Any) -> tuple[float, Any]:
    """Negative log-posterior and its gradient."""
    import numpy as np

    score = matrix @ w
    error = 1 / (1 + np.exp(-score)) - target
    value = (np.logaddexp(0, score) - target * score).sum() + (pull * (w - centre) ** 2).sum() / 2
    return float(value), matrix.T @ error + pull * (w - centre)


def measure(
    coded: Mapping[str, AbstractSet[str]], given: Mapping[str, AbstractSet[str]], purposes: Iterable[str]
) -> tuple[PurposeScore, ...]:
    """The score of every purpose, and last that of all together under the name ``micro``. Both mappings are by project."""
    scores = []
    for purpose in purposes:
        in_coded = {name for name, found_in in coded.items() if purpose in found_in}
        in_given = {name for name in coded if purpose in given.get(name, frozenset())}
        scores.append(PurposeScore(purpose, len(in_coded), len(in_given), len(in_coded & in_given)))
    total = PurposeScore(
        "micro", sum(s.coded for s in scores), sum(s.given for s in scores), sum(s.right for s in scores)
    )
    return (*scores, total)
