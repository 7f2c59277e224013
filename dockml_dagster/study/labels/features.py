"""Named features of a project, with the facts that support them: the input of the category classifier.

Here: the features that the seed ``category_features.csv`` defines, and their values for one project. Not
here: weights and categories (``category``), fitting the weights (``training.category``).

A feature is a statement that a person could check ("says library", "opens a notebook port"). No feature is
the name of a project or owner: names are removed from every text before it becomes a fact
(``project.facts.without_name``).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from dockml_dagster.study.labels.evidence_rules import (
    EvidenceRule,
    by_place,
    evidence_rule,
    rows_of,
    rule_set,
    share,
)
from dockml_dagster.study.project.facts import Fact

COLUMNS = ("feature", "found_in", "pattern", "scale", "least_share", "speaks_for", "note")


@dataclass(frozen=True, slots=True)
class Feature:
    """One row of the seed.

    ``scale`` is the value of the feature where it holds. It sets how strongly the training shrinks its weights:
    evidence from Dockerfiles counts less than the description. With ``least_share``, at least that share of the
    facts must match. ``speaks_for`` (category → log-odds) is the weight that the codebook's definitions suggest: the
    training shrinks towards it, and it stays where there is no example.
    """

    name: str
    rule: EvidenceRule
    scale: float
    least_share: float
    speaks_for: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class FeatureValue:
    """A feature that holds for a project: its value, and the facts that support it."""

    value: float
    evidence: tuple[Fact, ...]


def parse_features(text: str) -> tuple[Feature, ...]:
    """Features from the text of ``category_features.csv``. Raises ``ValueError`` on an invalid row."""
    seed = "category_features"
    features: list[Feature] = []
    names: set[str] = set()
    for row in rows_of(seed, text, COLUMNS):
        name = row["feature"]
        if name in names:
            raise ValueError(f"{seed}: feature {name!r} stands there twice")
        names.add(name)
        rule = evidence_rule(seed, name, row["found_in"], row["pattern"])
        features.append(
            Feature(
                name,
                rule,
                float(row["scale"] or 1),
                float(row["least_share"] or 0),
                _speaks_for(row["speaks_for"]),
            )
        )
    return tuple(features)


def _speaks_for(text: str) -> dict[str, float]:
    """``MLOps/AIOps 0.8|Model -0.3`` as a mapping."""
    pairs = (part.rpartition(" ") for part in text.split("|") if part)
    return {category: float(weight) for category, _, weight in pairs}


def features_of(facts: Iterable[Fact], features: Iterable[Feature]) -> Mapping[str, FeatureValue]:
    """The features that hold, by name, in the seed's order."""
    places = by_place(facts)
    values: dict[str, FeatureValue] = {}
    asked = tuple(features)
    found = rule_set(tuple(feature.rule for feature in asked)).found(places)
    for feature, evidence in zip(asked, found, strict=True):
        if evidence and (not feature.least_share or share(feature.rule, places) >= feature.least_share):
            values[feature.name] = FeatureValue(feature.scale, evidence)
    return values
