"""Fitting and cross-validation on thirty made-up projects of ten owners: what is fitted, and every figure of it."""

import pytest

from dockml_dagster.study.labels.evidence_rules import evidence_rule
from dockml_dagster.study.labels.features import Feature, FeatureValue
from dockml_dagster.study.labels.training.category import (
    Example,
    best_temperature,
    cross_validate,
    fit,
    weight_rows,
)

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
        "bag of words": [0.6, 0.433, 0.709, 0.591, 0.398, 0.709, 0.4, 0.15, 0.564],
        "majority": [0.333, 0.333, 0.333, 0.167, 0.167, 0.167, 0.0, 0.0, 0.0],
    }
    assert figures == {name: pytest.approx(values, abs=0.0015) for name, values in expected.items()}
    assert (found.gain.estimate, found.gain.low, found.gain.high, found.gain.n) == pytest.approx(
        (0.0, -0.614, 0.514, 30), abs=0.0015
    )
    assert [one for part in found.calibration for one in part] == pytest.approx(
        [0.547, 0.6, 20, 0.698, 0.75, 16, 0.717, 0.5, 24], abs=0.0015
    )
    assert found.calibration_error == pytest.approx(0.118, abs=0.0015)
    assert found.cannot_tell == pytest.approx((0.333, 0.6), abs=0.0015)
    assert [len(predicted) for predicted in found.predictions] == [30, 30]


def test_the_temperature_that_owners_never_seen_ask_for() -> None:
    assert best_temperature(EXAMPLES, FEATURES, folds=3) == 0.65
