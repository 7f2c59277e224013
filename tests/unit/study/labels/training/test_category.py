"""Fitting and cross-validation on thirty made-up projects of ten owners: the weights, and every figure."""

from dataclasses import replace

import pytest

from dockml_dagster.study.labels.category import CategoryModel
from dockml_dagster.study.labels.evidence_rules import evidence_rule
from dockml_dagster.study.labels.features import Feature, FeatureValue
from dockml_dagster.study.labels.training.category import (
    Example,
    best_temperature,
    cross_validate,
    fit,
    refit,
    weight_rows,
)
from dockml_dagster.study.labels.training.folds import owner_folds

pytest.importorskip("sklearn", reason="the extra `training` is not installed")
KINDS = ("Toolkit", "Documentation", "Application System")
FEATURES = tuple(
    Feature(name, evidence_rule("f", name, "topic", name), scale, 0.0, speaks_for)
    for name, scale, speaks_for in (
        ("lib", 1.0, {"Toolkit": 1.0}),
        ("book", 0.5, {"Documentation": 2.0}),
        ("web", 1.0, {}),
        ("never", 1.0, {"Toolkit": 0.5}),
        ("nothing", 1.0, {}),
    )
)
SHOWN = ("lib", "book", "web")
EXAMPLES = [
    Example(
        f"owner{at % 10}",
        KINDS[at % 3],
        # Two of five projects show what speaks for another category.
        {(name := SHOWN[(at + (at % 5 < 2)) % 3]): FeatureValue({"book": 0.5}.get(name, 1.0), ())},
        {"description": f"a {SHOWN[(at + (at % 7 < 2)) % 3]} of things", "language": ("Go", "C")[at % 2]},
    )
    for at in range(30)
]


def test_weights_lie_between_what_was_said_and_what_was_seen() -> None:
    model = fit(EXAMPLES, FEATURES)
    shown = {
        f"{name} {kind}": round(model.weights[name][kind], 2)
        for name in ("lib", "book", "web")
        for kind in KINDS
    }
    assert shown == pytest.approx(
        {
            "lib Toolkit": 1.03,
            "lib Documentation": -0.09,
            "lib Application System": 0.06,
            "book Toolkit": 0.05,
            "book Documentation": 2.02,
            "book Application System": -0.07,
            "web Toolkit": -0.13,
            "web Documentation": 0.05,
            "web Application System": 0.08,
        },
        abs=0.011,
    )
    assert model.weights["never"]["Toolkit"] == pytest.approx(0.5, abs=1e-3)
    assert "nothing" not in model.weights
    colder = fit(EXAMPLES, FEATURES, temperature=2.0)
    assert colder.weights["lib"]["Toolkit"] == pytest.approx(model.weights["lib"]["Toolkit"] / 2, abs=1e-3)
    rows = weight_rows(model, EXAMPLES)
    assert {row["feature"] for row in rows if row["origin"] == "prior"} == {"never"}
    assert rows[0]["weight"] == f"{model.weights[rows[0]['feature']][rows[0]['category']]:.4f}"


def test_every_figure_of_a_cross_validation() -> None:
    found = cross_validate(EXAMPLES, FEATURES, temperature=0.5, folds=3, repetitions=2, draws=30, seed=4)
    figures = {
        score.method: [
            round(value, 3)
            for one in (score.accuracy, score.macro_f1, score.kappa)
            for value in (one.estimate, one.low, one.high)
        ]
        for score in found.scores
    }
    expected = {
        "named features": [0.6, 0.3, 0.9, 0.6, 0.3, 0.9, 0.4, -0.05, 0.85],
        "bag of words": [0.65, 0.467, 0.767, 0.648, 0.446, 0.759, 0.475, 0.2, 0.65],
        "majority": [0.333, 0.333, 0.333, 0.167, 0.167, 0.167, 0.0, 0.0, 0.0],
    }
    assert figures == {name: pytest.approx(values, abs=0.0015) for name, values in expected.items()}
    assert (found.gain.estimate, found.gain.low, found.gain.high, found.gain.n) == pytest.approx(
        (-0.075, -0.664, 0.4, 30), abs=0.0015
    )
    assert [one for part in found.calibration for one in part] == pytest.approx(
        [0.55, 0.6, 20, 0.694, 0.857, 14, 0.721, 0.462, 26], abs=0.0015
    )
    assert found.calibration_error == pytest.approx(0.167, abs=0.0015)
    assert found.cannot_tell == pytest.approx((0.333, 0.6), abs=0.0015)
    assert [len(predicted) for predicted in found.predictions] == [30, 30]


def test_folds_keep_owners_together_and_categories_apart() -> None:
    owners = [example.owner for example in EXAMPLES]
    codes = [example.category for example in EXAMPLES]
    folds = owner_folds(owners, codes, 3, 7)
    assert sorted(i for fold in folds for i in fold) == list(range(30))
    assert len({owner for fold in folds for owner in {owners[i] for i in fold}}) == 10
    assert sum(len({owners[i] for i in fold}) for fold in folds) == 10
    assert {sum(codes[i] == code for i in fold) for fold in folds for code in KINDS} <= {3, 4}
    assert folds == owner_folds(owners, codes, 3, 7) != owner_folds(owners, codes, 3, 8)
    assert owner_folds(["a", "a"], ["x", "y"], 3, 0) == ((0, 1), (), ())


def test_another_model_is_fitted_on_to_ones_own_labels_and_measured_on_those_held_out() -> None:
    wrong = CategoryModel(FEATURES, {"lib": {"Documentation": 0.3}, "web": {"Toolkit": 0.1}})
    found = refit(EXAMPLES, wrong, folds=3)
    assert found.by_owner
    assert (found.before.n, found.after.n) == (10, 10)
    assert found.before.estimate is not None and found.after.estimate is not None
    assert found.after.estimate > found.before.estimate + 0.3
    # A weight without an example stays as in the other model.
    near = fit(EXAMPLES[:1], FEATURES, around={"web": {"Toolkit": 0.4}})
    assert near.weights["web"]["Toolkit"] == pytest.approx(0.4, abs=0.02)
    assert "never" not in near.weights
    alone = refit([replace(example, owner="us") for example in EXAMPLES], wrong, folds=3)
    assert (alone.by_owner, alone.after.n) == (False, 30)


def test_the_temperature_that_owners_never_seen_ask_for() -> None:
    assert best_temperature(EXAMPLES, FEATURES, folds=3) == 0.7
