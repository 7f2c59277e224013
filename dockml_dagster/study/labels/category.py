"""RQ1: which of the study's six categories a project belongs to, with its probability and the reasons.

Here: prediction by a multinomial logistic regression over named features. Not here: the features (``features``), the
training (``training.category``), labels of people.

The weights are the seed ``category_weights.csv``. Those marked ``fitted`` come from the study's 406 labels. Those
marked ``prior`` are for evidence that the study's package does not hold (files, dependencies); they are set from the
definitions of the codebook (``Feature.speaks_for``). Prediction needs only the standard library.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from dockml_dagster.study.labels.evidence_rules import rows_of
from dockml_dagster.study.labels.features import Feature, FeatureValue, features_of, parse_features
from dockml_dagster.study.project.facts import Fact

CATEGORIES = ("Application System", "MLOps/AIOps", "Toolkit", "DL Framework", "Model", "Documentation")
"""The six categories of the paper (section 3.1, Table 1), in its order."""

INTERCEPT = "(intercept)"
"""The seed's name for the intercept: the log-odds of a category before any evidence."""

WEIGHT_COLUMNS = ("feature", "category", "weight", "origin")
ORIGINS = ("fitted", "prior")

LEAST_PROBABILITY = 0.35
"""The least probability with which a category is given."""
LEAST_EVIDENCE = 0.25
"""The least sum (log-odds) of the features for the likeliest category with which it is given. With less, it would be
likeliest only because it is common.
"""


@dataclass(frozen=True, slots=True)
class CategoryModel:
    """Features and weights. ``weights`` is by feature, then category; ``INTERCEPT`` is one of its keys."""

    features: tuple[Feature, ...]
    weights: Mapping[str, Mapping[str, float]]


@dataclass(frozen=True, slots=True)
class Reason:
    """A feature that supports the category: how much it added (in log-odds against the mean category), and its facts."""

    feature: str
    contribution: float
    evidence: tuple[Fact, ...]


@dataclass(frozen=True, slots=True)
class CategoryJudgement:
    """The answer for one project.

    ``category`` is ``None`` for "cannot tell": the likeliest one has less evidence than ``LEAST_EVIDENCE`` or is less
    likely than ``LEAST_PROBABILITY``; ``why_not`` says which. ``likeliest`` and ``probability`` are always given.
    ``probabilities`` add up to 1. ``reasons`` are the features that support ``likeliest``, the strongest first.
    """

    category: str | None
    likeliest: str
    probability: float
    probabilities: Mapping[str, float]
    reasons: tuple[Reason, ...]
    why_not: str | None


def parse_category_model(features_csv: str, weights_csv: str) -> CategoryModel:
    """The model from the texts of its two seeds. Raises ``ValueError`` on an unknown feature, category or origin."""
    features = parse_features(features_csv)
    known = {feature.name for feature in features} | {INTERCEPT}
    for feature in features:
        if not set(feature.speaks_for) <= set(CATEGORIES):
            raise ValueError(f"category_features: {feature.name!r} speaks for an unknown category")
    weights: dict[str, dict[str, float]] = {}
    for row in rows_of("category_weights", weights_csv, WEIGHT_COLUMNS):
        if row["feature"] not in known:
            raise ValueError(f"category_weights: unknown feature {row['feature']!r}")
        if row["category"] not in CATEGORIES:
            raise ValueError(f"category_weights: unknown category {row['category']!r}")
        if row["origin"] not in ORIGINS:
            raise ValueError(f"category_weights: unknown origin {row['origin']!r}")
        of_feature = weights.setdefault(row["feature"], {})
        if row["category"] in of_feature:
            raise ValueError(
                f"category_weights: {row['feature']!r} and {row['category']!r} stand there twice"
            )
        of_feature[row["category"]] = float(row["weight"])
    return CategoryModel(features, weights)


def classify_category(facts: Iterable[Fact], model: CategoryModel) -> CategoryJudgement:
    """The category of one project. ``facts``: all that are known, of any kind and in any order."""
    return judge(features_of(facts, model.features), model)


def judge(values: Mapping[str, FeatureValue], model: CategoryModel) -> CategoryJudgement:
    """As ``classify_category``, from features instead of facts."""
    scores = {category: model.weights.get(INTERCEPT, {}).get(category, 0.0) for category in CATEGORIES}
    for name, value in values.items():
        for category, weight in model.weights.get(name, {}).items():
            scores[category] += weight * value.value
    probabilities = _softmax(scores)
    likeliest = max(CATEGORIES, key=lambda category: probabilities[category])
    reasons = _reasons(values, model, likeliest)
    why_not = None
    if math.fsum(reason.contribution for reason in reasons) < LEAST_EVIDENCE:
        why_not = "nothing that is known of the project speaks for a category"
    elif probabilities[likeliest] < LEAST_PROBABILITY:
        why_not = f"no category is as likely as {LEAST_PROBABILITY}"
    return CategoryJudgement(
        category=None if why_not else likeliest,
        likeliest=likeliest,
        probability=probabilities[likeliest],
        probabilities=probabilities,
        reasons=reasons,
        why_not=why_not,
    )


def _softmax(scores: Mapping[str, float]) -> dict[str, float]:
    highest = max(scores.values())
    powers = {category: math.exp(score - highest) for category, score in scores.items()}
    total = math.fsum(powers.values())
    return {category: power / total for category, power in powers.items()}


def _reasons(values: Mapping[str, FeatureValue], model: CategoryModel, category: str) -> tuple[Reason, ...]:
    reasons = []
    for name, value in values.items():
        weights = model.weights.get(name, {})
        contribution = value.value * (
            weights.get(category, 0.0) - math.fsum(weights.values()) / len(CATEGORIES)
        )
        if contribution > 0:
            reasons.append(Reason(name, contribution, value.evidence))
    return tuple(sorted(reasons, key=lambda reason: (-reason.contribution, reason.feature)))
