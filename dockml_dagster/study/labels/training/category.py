"""Fitting the weights of the category classifier, and measuring how good they are.

Here: fitting around the expectations of the codebook, calibration, and repeated stratified cross-validation
with all projects of an owner in the same fold, compared with a majority guess and a plain bag of words on the same
folds. Not here: prediction (``labels.category``), reading of corpora.

Only the bag of words needs scikit-learn, and only the measurement needs the bag of words. Every random choice comes
from a stated seed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from dockml_dagster.study.labels.agreement import Interval, bootstrap, cohen_kappa
from dockml_dagster.study.labels.category import CATEGORIES, INTERCEPT, CategoryModel, judge
from dockml_dagster.study.labels.features import Feature, FeatureValue
from dockml_dagster.study.labels.training.folds import owner_folds

Array = np.ndarray[Any, Any]

PRIOR_VARIANCE = 0.1
"""Prior variance (squared log-odds) of a weight around the value that the codebook's definitions suggest."""
BALANCE = 1.0
"""An example weighs (n / n of its category) to this power. So every category counts equally, however common it is among
the examples.
"""


@dataclass(frozen=True, slots=True)
class Example:
    """A project with its category. ``owner`` keeps an owner's projects in one fold; it is not a feature. ``words`` is for
    the baseline.
    """

    owner: str
    category: str
    features: Mapping[str, FeatureValue]
    words: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Scores:
    """Figures of one method over all repetitions: the mean, and the interval from the 2.5th to the 97.5th
    percentile of a bootstrap over owners.
    """

    method: str
    n: int
    accuracy: Interval
    macro_f1: Interval
    kappa: Interval


@dataclass(frozen=True, slots=True)
class CrossValidation:
    """The results of cross-validation. ``gain``: the kappa of the classifier less that of the bag of words, on the same
    draws. ``calibration``: for each bin of the predicted probability its mean, the share that was right, and n.
    ``cannot_tell``: the share without an answer, and the accuracy of the rest.
    """

    scores: tuple[Scores, ...]
    gain: Interval
    calibration: tuple[tuple[float, float, int], ...]
    calibration_error: float
    cannot_tell: tuple[float, float]
    predictions: tuple[tuple[str, ...], ...]


def fit(
    examples: Sequence[Example],
    features: Sequence[Feature],
    *,
    temperature: float = 1.0,
    around: Mapping[str, Mapping[str, float]] | None = None,
) -> CategoryModel:
    """The maximum a posteriori weights: a multinomial logistic likelihood, and a normal prior for every weight around
    ``Feature.speaks_for`` or the weights of another model (the prior of intercepts is almost flat). Log-odds are divided
    by ``temperature``.

    A feature that no example has keeps its prior; a feature with neither gets no weights.
    """
    from scipy.optimize import minimize
    from scipy.special import logsumexp

    matrix = np.c_[_matrix(examples, [feature.name for feature in features]), np.ones(len(examples))]
    column = np.array([CATEGORIES.index(example.category) for example in examples])
    target = np.eye(len(CATEGORIES))[column]
    counts = np.maximum(target.sum(axis=0), 1)
    weight = (len(examples) / counts[column] / len(CATEGORIES)) ** BALANCE
    expected = {f.name: f.speaks_for for f in features} if around is None else around
    prior = np.array(
        [
            [expected.get(name, {}).get(category, 0.0) for category in CATEGORIES]
            for name in (*(f.name for f in features), INTERCEPT)
        ]
    )
    precision = np.array([1 / PRIOR_VARIANCE] * len(features) + [0.01])[:, None]

    def loss(flat: Array) -> tuple[float, Array]:
        weights = flat.reshape(prior.shape)
        scores = matrix @ weights
        total = logsumexp(scores, axis=1)
        error = np.exp(scores - total[:, None]) - target
        strayed = weights - prior
        value = (weight * (total - (scores * target).sum(axis=1))).sum() + (precision * strayed**2).sum() / 2
        return float(value), (matrix.T @ (weight[:, None] * error) + precision * strayed).ravel()

    found = minimize(loss, prior.ravel(), jac=True, method="L-BFGS-B", options={"maxiter": 1000}).x.reshape(
        prior.shape
    )
    table = {INTERCEPT: dict(zip(CATEGORIES, (found[-1] / temperature).tolist(), strict=True))}
    for position, feature in enumerate(features):
        row = found[position]
        if matrix[:, position].any() or prior[position].any():
            table[feature.name] = dict(zip(CATEGORIES, (row / temperature).tolist(), strict=True))
    return CategoryModel(tuple(features), table)


@dataclass(frozen=True, slots=True)
class Refitted:
    """A model refitted around another one. ``before``: the other model's kappa on the examples. ``after``: the kappa on
    held-out folds, of models refitted without the fold. ``by_owner``: whether folds kept owners together.
    """

    model: CategoryModel
    before: Interval
    after: Interval
    by_owner: bool


def refit(examples: Sequence[Example], model: CategoryModel, *, folds: int = 5, seed: int = 0) -> Refitted:
    """Refit the weights to these examples, and measure kappa before and after on held-out examples.

    If one owner has more than half of the examples (an organisation's own projects), or there are fewer owners than folds,
    folds are of single projects; ``after`` then holds for further projects of the same owners. Intervals are a bootstrap
    over owners, or over projects in that case.
    """
    owners = [example.owner for example in examples]
    by_owner = max(map(owners.count, owners)) <= len(owners) / 2 and len(set(owners)) >= folds
    groups = owners if by_owner else [str(position) for position in range(len(owners))]
    said = [judge(example.features, model).likeliest for example in examples]
    again = [""] * len(examples)
    for test, train in _splits(np.array(groups), np.array([e.category for e in examples]), folds, seed):
        without = fit([examples[i] for i in train], model.features, around=model.weights)
        for i in test:
            again[i] = judge(examples[i].features, without).likeliest
    members: dict[str, list[int]] = {}
    for position, group in enumerate(groups):
        members.setdefault(group, []).append(position)

    def worth(given: Sequence[str]) -> Interval:
        return bootstrap(
            list(members.values()),
            lambda drawn: cohen_kappa([(examples[i].category, given[i]) for group in drawn for i in group]),
            seed=seed,
        )

    return Refitted(fit(examples, model.features, around=model.weights), worth(said), worth(again), by_owner)


def weight_rows(model: CategoryModel, examples: Sequence[Example]) -> list[dict[str, str]]:
    """The rows of ``category_weights.csv``. Weights of features without an example are marked ``prior``."""
    seen = {name for example in examples for name in example.features} | {INTERCEPT}
    return [
        {
            "feature": name,
            "category": category,
            "weight": f"{weight:.4f}",
            "origin": "fitted" if name in seen else "prior",
        }
        for name, weights in model.weights.items()
        for category, weight in weights.items()
    ]


def cross_validate(
    examples: Sequence[Example],
    features: Sequence[Feature],
    *,
    temperature: float,
    folds: int = 5,
    repetitions: int = 10,
    draws: int = 500,
    seed: int = 0,
) -> CrossValidation:
    """Repeated stratified cross-validation grouped by owner (repetition ``i`` shuffles by ``seed + i``).

    The temperature is the same for all folds. It changes probabilities and "cannot tell", never which category is
    likeliest.
    """
    targets = np.array([example.category for example in examples])
    owners = np.array([example.owner for example in examples])
    ours: list[Array] = []
    sure: list[Array] = []
    answered: list[Array] = []
    words: list[Array] = []
    majority: list[Array] = []
    for repetition in range(repetitions):
        found = [np.empty(len(targets), dtype=object) for _ in range(3)]
        probability = np.zeros(len(targets))
        tells = np.zeros(len(targets), dtype=bool)
        for test, train in _splits(owners, targets, folds, seed + repetition):
            learnt = [examples[i] for i in train]
            model = fit(learnt, features, temperature=temperature)
            for i in test:
                judgement = judge(examples[i].features, model)
                found[0][i], probability[i] = judgement.likeliest, judgement.probability
                tells[i] = judgement.category is not None
            found[1][test] = _bag_of_words(learnt, [examples[i] for i in test])
            values, counts = np.unique(targets[train], return_counts=True)
            found[2][test] = values[counts.argmax()]
        for kept, predicted in zip((ours, words, majority), found, strict=True):
            kept.append(predicted.astype(str))
        sure.append(probability)
        answered.append(tells)
    drawn = _owner_draws(owners, draws, seed)
    scores = tuple(
        _scores(name, targets, predicted, drawn)
        for name, predicted in (("named features", ours), ("bag of words", words), ("majority", majority))
    )
    calibration, error = _calibration(targets, ours, sure)
    told = np.array(answered)
    right = np.array([predicted == targets for predicted in ours])
    return CrossValidation(
        scores,
        _gain(targets, ours, words, drawn),
        calibration,
        error,
        (float(1 - told.mean()), float(right[told].mean())),
        tuple(tuple(p.tolist()) for p in ours),
    )


def best_temperature(
    examples: Sequence[Example], features: Sequence[Feature], *, folds: int = 5, seed: int = 1000
) -> float:
    """The temperature (0.5 to 3.0 in steps of 0.05) with the least log-loss on held-out owners. Its seed differs from that
    of the report.
    """
    targets = np.array([example.category for example in examples])
    owners = np.array([example.owner for example in examples])
    logits = np.zeros((len(examples), len(CATEGORIES)))
    for test, train in _splits(owners, targets, folds, seed):
        model = fit([examples[i] for i in train], features)
        for i in test:
            probabilities = judge(examples[i].features, model).probabilities
            logits[i] = [np.log(probabilities[category]) for category in CATEGORIES]
    column = np.array([CATEGORIES.index(target) for target in targets])

    def loss(temperature: float) -> float:
        scaled = logits / temperature
        shifted = scaled - scaled.max(axis=1, keepdims=True)
        log_probability = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
        return -float(log_probability[np.arange(len(column)), column].mean())

    return min((round(0.5 + step * 0.05, 2) for step in range(51)), key=loss)


def _splits(owners: Array, targets: Array, folds: int, seed: int) -> Iterator[tuple[list[int], list[int]]]:
    """For each fold that is not empty, its positions and all others."""
    for fold in owner_folds(owners.tolist(), targets.tolist(), folds, seed):
        if fold:
            inside = set(fold)
            yield list(fold), [i for i in range(len(owners)) if i not in inside]


def _matrix(examples: Sequence[Example], names: Sequence[str]) -> Array:
    return np.array(
        [
            [example.features[name].value if name in example.features else 0.0 for name in names]
            for example in examples
        ]
    )


def _bag_of_words(learnt: Sequence[Example], asked: Sequence[Example]) -> Array:
    """The baseline: a logistic regression over tf-idf of the words of each source (all but the description at half
    weight), C = 10, categories balanced. This was the best of the few settings tried, so the comparison is with a
    plain method at its best.
    """
    from scipy.sparse import hstack
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression

    train, test = [], []
    for source in sorted({source for example in learnt for source in example.words}):
        vectorizer = TfidfVectorizer(min_df=1 if source == "language" else 2, sublinear_tf=True)
        weight = 1.0 if source == "description" else 0.5
        try:
            train.append(
                weight * vectorizer.fit_transform([example.words.get(source, "") for example in learnt])
            )
        except ValueError:  # this source has no words
            continue
        test.append(weight * vectorizer.transform([example.words.get(source, "") for example in asked]))
    regression = LogisticRegression(C=10, max_iter=3000, class_weight="balanced")
    regression.fit(hstack(train).tocsr(), [example.category for example in learnt])
    predicted: Array = regression.predict(hstack(test).tocsr())
    return predicted


def _owner_draws(owners: Array, draws: int, seed: int) -> list[Array]:
    generator = np.random.default_rng(seed)
    names = np.unique(owners)
    members = [np.flatnonzero(owners == name) for name in names]
    return [
        np.concatenate([members[i] for i in generator.integers(0, len(names), len(names))])
        for _ in range(draws)
    ]


def _f1(targets: Array, predicted: Array) -> float:
    from sklearn.metrics import f1_score

    return float(f1_score(targets, predicted, average="macro", zero_division=0))


def _interval(
    measure: Callable[[Array, Array], float],
    targets: Array,
    predictions: Sequence[Array],
    draws: Sequence[Array],
) -> Interval:
    estimate = float(np.mean([measure(targets, predicted) for predicted in predictions]))
    # Each draw uses the next repetition, so the interval covers the spread of owners and that of folds.
    values = [measure(targets[draw], predictions[i % len(predictions)][draw]) for i, draw in enumerate(draws)]
    low, high = np.percentile(values, [2.5, 97.5])
    return Interval(estimate, float(low), float(high), len(targets))


def _kappa(targets: Array, predicted: Array) -> float:
    value = cohen_kappa(list(zip(targets.tolist(), predicted.tolist(), strict=True)))
    return 0.0 if value is None else value


def _scores(
    name: str,
    targets: Array,
    predictions: Sequence[Array],
    draws: Sequence[Array],
) -> Scores:
    accuracy = _interval(lambda a, b: float((a == b).mean()), targets, predictions, draws)
    return Scores(
        name,
        len(targets),
        accuracy,
        _interval(_f1, targets, predictions, draws),
        _interval(_kappa, targets, predictions, draws),
    )


def _gain(
    targets: Array,
    ours: Sequence[Array],
    theirs: Sequence[Array],
    draws: Sequence[Array],
) -> Interval:
    def difference(indices: Array, i: int) -> float:
        return _kappa(targets[indices], ours[i][indices]) - _kappa(targets[indices], theirs[i][indices])

    everything = np.arange(len(targets))
    estimate = float(np.mean([difference(everything, i) for i in range(len(ours))]))
    low, high = np.percentile([difference(draw, i % len(ours)) for i, draw in enumerate(draws)], [2.5, 97.5])
    return Interval(estimate, float(low), float(high), len(targets))


def _calibration(
    targets: Array,
    predictions: Sequence[Array],
    sure: Sequence[Array],
) -> tuple[tuple[tuple[float, float, int], ...], float]:
    probability = np.concatenate(sure)
    right = np.concatenate([predicted == targets for predicted in predictions])
    bins = []
    error = 0.0
    for low in np.arange(0, 1, 0.1):
        inside = (probability >= low) & (probability < low + 0.1 + (1e-9 if low >= 0.9 else 0))
        if inside.any():
            mean, share = float(probability[inside].mean()), float(right[inside].mean())
            bins.append((mean, share, int(inside.sum())))
            error += abs(mean - share) * inside.sum() / len(probability)
    return tuple(bins), float(error)
