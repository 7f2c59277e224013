"""RQ2: what a project uses Docker for: any of the study's 21 purposes, each with its evidence.

Here: applying the rules of the seed ``purpose_rules.csv`` to the facts of a project or of one Dockerfile. Not
here: the codebook (``codebook``), fitting the weights and checking them against coded projects
(``training.purpose``).

A purpose's probability is the logistic function of an intercept (the weight of the row whose ``where`` is empty)
plus the weights of the rules that match. No purpose is given without evidence. A rule with weight 0 supports no
purpose on its own: it only adds evidence to one that other rules gave.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from dockml_dagster.study.labels.evidence_rules import (
    EvidenceRule,
    by_place,
    evidence_rule,
    rows_of,
    rule_set,
)
from dockml_dagster.study.project.facts import Fact

COLUMNS = ("id", "purpose", "sub_purpose", "found_in", "pattern", "expected", "weight", "note")

LEAST_PROBABILITY = 0.3
"""The least probability with which a purpose is given. It had the best micro-F1 in cross-validation on the half of the
data that the rules were developed on.
"""


@dataclass(frozen=True, slots=True)
class PurposeRule:
    """One row of the seed: a match of the expression supports the purpose with ``weight`` (log-odds, never negative).

    ``expected`` is the weight that the rule's author expected from the codebook's definitions, before seeing any data.
    """

    rule: EvidenceRule
    purpose: str
    sub_purpose: str | None
    weight: float
    expected: float = 0.5


@dataclass(frozen=True, slots=True)
class PurposeRules:
    """The parsed seed. ``base``: by purpose, its log-odds before any evidence."""

    rules: tuple[PurposeRule, ...]
    base: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class PurposeEvidence:
    """A fact that supports a purpose, and the rule that found it."""

    rule: str
    sub_purpose: str | None
    fact: Fact


@dataclass(frozen=True, slots=True)
class PurposeJudgement:
    """A purpose that was found: its probability for the project, and the evidence, rule by rule.

    ``dockerfiles`` are the paths of the Dockerfiles that hold evidence. ``sub_purposes`` are those of the
    rules that matched, in the order of the seed.
    """

    purpose: str
    probability: float
    sub_purposes: tuple[str, ...]
    dockerfiles: tuple[str, ...]
    evidence: tuple[PurposeEvidence, ...]


def parse_purpose_rules(text: str, purposes: Mapping[str, Iterable[str]] | None = None) -> PurposeRules:
    """Rules from the text of the seed. ``purposes`` (purpose → its sub-purposes): what the codebook allows, if given.

    Raises ``ValueError`` on a repeated id, an unknown purpose or place, or an expression that does not compile.
    """
    seed = "purpose_rules"
    rules: list[PurposeRule] = []
    base: dict[str, float] = {}
    seen: set[str] = set()
    for row in rows_of(seed, text, COLUMNS):
        name, purpose, sub = row["id"], row["purpose"], row["sub_purpose"]
        if name in seen:
            raise ValueError(f"{seed}: rule {name!r} stands there twice")
        seen.add(name)
        if purposes is not None and (purpose not in purposes or (sub and sub not in purposes[purpose])):
            raise ValueError(
                f"{seed}: rule {name!r} names {purpose!r} {sub!r}, which the codebook does not have"
            )
        if not row["found_in"]:
            base[purpose] = float(row["weight"])
            continue
        rules.append(
            PurposeRule(
                evidence_rule(seed, name, row["found_in"], row["pattern"]),
                purpose,
                sub or None,
                float(row["weight"]),
                float(row["expected"]),
            )
        )
    return PurposeRules(tuple(rules), base)


def purposes_of(facts: Iterable[Fact], rules: PurposeRules) -> tuple[PurposeJudgement, ...]:
    """The purposes of a project, the likeliest first. ``facts``: all that are known, those of its Dockerfiles included."""
    found = rule_set(tuple(rule.rule for rule in rules.rules)).found(by_place(facts))
    scores: dict[str, float] = {}
    evidence: dict[str, list[PurposeEvidence]] = {}
    for rule, hits in zip(rules.rules, found, strict=True):
        if hits:
            scores[rule.purpose] = scores.get(rule.purpose, rules.base.get(rule.purpose, 0.0)) + rule.weight
            evidence.setdefault(rule.purpose, []).extend(
                PurposeEvidence(rule.rule.rule, rule.sub_purpose, hit) for hit in hits
            )
    judgements = []
    for purpose, score in scores.items():
        if is_given(score):
            judgements.append(_judgement(purpose, 1 / (1 + math.exp(-score)), evidence[purpose]))
    return tuple(sorted(judgements, key=lambda judgement: (-judgement.probability, judgement.purpose)))


def is_given(score: float) -> bool:
    """Whether a purpose with this score (log-odds) is given."""
    return 1 / (1 + math.exp(-score)) >= LEAST_PROBABILITY


def purposes_by_file(project: Iterable[PurposeJudgement]) -> dict[str, tuple[PurposeJudgement, ...]]:
    """File → the purposes of the project for which it holds evidence, with that evidence only.

    The probability stays the project's: purposes were coded by project, so none is known for one Dockerfile.
    """
    found: dict[str, list[PurposeJudgement]] = {}
    for judgement in project:
        of_file: dict[str, list[PurposeEvidence]] = {}
        for item in judgement.evidence:
            if item.fact.file is not None:
                of_file.setdefault(item.fact.file, []).append(item)
        for path, own in of_file.items():
            found.setdefault(path, []).append(_judgement(judgement.purpose, judgement.probability, own))
    return {path: tuple(judgements) for path, judgements in found.items()}


_DOCKERFILE_PLACES = frozenset(
    {"dockerfile path", "stage", "base image", "command", "copy", "port", "start command", "instruction",
     "variable", "volume", "user", "label", "healthcheck", "comment"}
)  # fmt: skip


def _judgement(purpose: str, probability: float, evidence: list[PurposeEvidence]) -> PurposeJudgement:
    subs = dict.fromkeys(item.sub_purpose for item in evidence if item.sub_purpose)
    files = dict.fromkeys(
        item.fact.file for item in evidence if item.fact.file and item.fact.where in _DOCKERFILE_PLACES
    )
    return PurposeJudgement(purpose, probability, tuple(subs), tuple(files), tuple(evidence))
