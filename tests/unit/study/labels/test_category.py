"""The category classifier: its answers, their reasons, and when it cannot tell."""

import csv
import hashlib
import io
import subprocess
import sys
import tomllib
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from dockml_dagster.study.dockerfile.reading.reading import read_dockerfile
from dockml_dagster.study.labels.category import (
    CATEGORIES,
    INTERCEPT,
    classify_category,
    parse_category_model,
)
from dockml_dagster.study.labels.features import FeatureValue, features_of, parse_features
from dockml_dagster.study.project.evidence import facts_of_project
from dockml_dagster.study.project.facts import Fact, ProjectMetadata, metadata_facts
from tests.unit.study.labels.labelled import labelled_half

CASES = tomllib.loads((Path(__file__).parent / "category" / "cases.toml").read_text())["case"]
SAMPLES = Path(__file__).parents[4] / "dockml_dagster" / "corpora" / "sample" / "projects"
FEATURES = "feature,found_in,pattern,scale,least_share,speaks_for,note\n"


def _facts(case):
    return [Fact(where, text) for where, texts in case["facts"].items() for text in texts]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_cases(case, category_model):
    found = classify_category(_facts(case), category_model)
    assert found.category == case.get("category"), found
    assert found.why_not == case.get("why_not")
    assert set(case.get("speaks", ())) <= {reason.feature for reason in found.reasons}
    assert sum(found.probabilities.values()) == pytest.approx(1)
    assert tuple(found.probabilities) == CATEGORIES
    assert found.probability == max(found.probabilities.values())


def test_reasons_come_strongest_first_with_what_shows_them(category_model):
    found = classify_category(_facts(CASES[0]), category_model)
    contributions = [reason.contribution for reason in found.reasons]
    assert contributions == sorted(contributions, reverse=True)
    assert all(reason.evidence for reason in found.reasons)
    by_name = {reason.feature: reason for reason in found.reasons}
    assert by_name["written in Go"].evidence == (Fact("language", "Go"),)


def test_the_order_of_facts_does_not_matter(category_model):
    facts = _facts(CASES[0])
    first, second = (classify_category(order, category_model) for order in (facts, facts[::-1]))
    assert first.probabilities == pytest.approx(second.probabilities)
    assert first.category == second.category


def test_the_names_of_project_and_owner_are_no_evidence():
    named = metadata_facts(
        ProjectMetadata("framework/chat-bot", "Framework: a chat-bot, and more", ("chat-bot",), None)
    )
    assert [fact.text for fact in named if fact.where == "description"] == [": a , and more"]
    assert [fact.text for fact in named if fact.where == "topic"] == [""]


def test_every_sample_project_is_judged_as_its_raters_did(category_model):
    missed = {}
    for project in yaml.safe_load((SAMPLES / "projects.yaml").read_text())["projects"]:
        root = SAMPLES / project["name"]
        sizes = {
            path.relative_to(root).as_posix(): path.stat().st_size
            for path in root.rglob("*")
            if path.is_file()
        }
        dockerfiles, texts = {}, {}
        for path in sizes:
            data = (root / path).read_bytes()
            if "dockerfile" in path.rsplit("/", 1)[-1].lower():
                dockerfiles[path] = read_dockerfile(data)
            else:
                texts[path] = data.decode("utf-8", "replace")
        metadata = ProjectMetadata(
            project["name"], project["description"], tuple(project["topics"]), project["language"]
        )
        found = classify_category(
            facts_of_project(metadata, dockerfiles, texts=texts, sizes=sizes), category_model
        )
        if found.category != project["category"]:
            missed[project["name"]] = found.category
    assert missed == {}


def test_a_share_of_the_facts_may_be_asked_for():
    features = parse_features(FEATURES + r"many notebooks,file,\.ipynb$,2,0.5,Documentation 1,")
    facts = [Fact("file", name, name) for name in ("a.ipynb", "b.ipynb", "c.py", "d.py")]
    assert features_of(facts, features)["many notebooks"].value == 2
    assert features_of([*facts, Fact("file", "e.py", "e.py")], features) == {}


@pytest.mark.parametrize(
    ("features", "weights", "message"),
    [
        ("f,nowhere,x,1,,,\n", "", "does not exist"),
        ("f,kind,(,1,,,\n", "", "missing \\)"),
        ("f,kind,x,1,,,\nf,kind,y,1,,,\n", "", "twice"),
        ("f,kind,x,1,,Robot 1,\n", "", "unknown category"),
        ("f,kind,x,1,,,\n", "g,Model,1,fitted\n", "unknown feature 'g'"),
        ("f,kind,x,1,,,\n", "f,Robot,1,fitted\n", "unknown category 'Robot'"),
        ("f,kind,x,1,,,\n", "f,Model,1,guessed\n", "unknown origin"),
        ("f,kind,x,1,,,\n", "f,Model,1,fitted\nf,Model,2,fitted\n", "twice"),
    ],
)
def test_seeds_that_cannot_be_meant_are_refused(features, weights, message):
    with pytest.raises(ValueError, match=message):
        parse_category_model(FEATURES + features, "feature,category,weight,origin\n" + weights)


def test_a_seed_without_a_column_is_refused():
    with pytest.raises(ValueError, match="no column found_in"):
        parse_features("feature,pattern\nf,x\n")


def test_every_feature_that_can_speak_has_weights(category_model):
    weighted = set(category_model.weights) - {INTERCEPT}
    expected = {feature.name for feature in category_model.features if feature.speaks_for}
    assert expected <= weighted


def test_prediction_needs_the_standard_library_only():
    code = (
        "import sys; import dockml_dagster.study.labels.category, dockml_dagster.study.labels.features; "
        "heavy = {'numpy', 'scipy', 'pandas', 'sklearn', 'statsmodels', 'dagster', 'duckdb'}; "
        "print(sorted(heavy & set(sys.modules)))"
    )
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert printed.strip() == "[]"


def _examples(projects, category_model, seed):
    from dockml_dagster.study.labels.training.category import Example

    merged = {row["label"]: row["category"] for row in csv.DictReader(io.StringIO(seed("category_labels")))}
    return [
        Example(name.split("/")[0].lower(), merged[label], features_of(facts, category_model.features), words)
        for name, (facts, label, _, words) in projects.items()
    ]


def _snapshots(category_model):
    """Projects of the study that one rater labelled by the codebook, with README and files of November 2021.

    ``training.csv`` has a hash of each project's name, and every feature that holds.
    """
    from dockml_dagster.study.labels.training.category import Example

    scale = {feature.name: feature.scale for feature in category_model.features}
    with (Path(__file__).parent / "category" / "training.csv").open(newline="") as stream:
        return {
            row["project_sha256"]: Example(
                row["project_sha256"],
                row["category"],
                {name: FeatureValue(scale[name], ()) for name in row["features"].split("|")},
                {},
            )
            for row in csv.DictReader(stream)
            if row["features"]
        }


def _developed_on(category_model):
    """The half of the labelled projects on which rules and weights were developed, and what was found in each."""
    from dockml_dagster.study.labels.training.category import Example

    scale = {feature.name: feature.scale for feature in category_model.features}
    return [
        Example(
            row["repository"].split("/")[0].lower(),
            row["category"],
            {name: FeatureValue(scale[name], ()) for name in row["features"].split("|") if name},
            {},
        )
        for row in labelled_half("develop")
    ]


def test_the_weights_are_those_that_training_gives(category_model):
    from dockml_dagster.study.labels.training.category import best_temperature, fit

    developed_on, snapshots = _developed_on(category_model), list(_snapshots(category_model).values())
    assert (len(developed_on), len(snapshots)) == (140, 249)
    temperature = best_temperature(developed_on, category_model.features, folds=6)
    again = fit([*developed_on, *snapshots], category_model.features, temperature=temperature)
    assert again.weights.keys() == category_model.weights.keys()
    for name, weights in category_model.weights.items():
        assert weights == pytest.approx(again.weights[name], abs=0.005), name


@pytest.mark.ease2022
def test_it_is_better_than_a_bag_of_words_on_owners_it_never_saw(ease2022, category_model, seed):
    pytest.importorskip("sklearn", reason="the extra `training` is not installed")
    from dockml_dagster.study.labels.training.category import cross_validate

    found = cross_validate(
        _examples(ease2022, category_model, seed),
        category_model.features,
        temperature=0.75,
        repetitions=1,
        draws=200,
    )
    ours, words, majority = found.scores
    assert majority.kappa.estimate == 0
    assert words.kappa.estimate == pytest.approx(0.38, abs=0.04)
    # Every category counts alike in the fit, so that the common ones of these labels are given up for the rare ones.
    assert ours.kappa.estimate > 0.47
    assert found.gain.estimate > 0.10
    assert found.gain.low > 0
    assert found.calibration_error < 0.10


@pytest.mark.ease2022
def test_what_the_machine_is_worth_is_measured_on_owners_it_never_saw(ease2022, category_model, seed):
    """The rows of ``machine_reliability`` for categories: five folds, owners kept together, the study's labels as truth."""
    import numpy as np

    from dockml_dagster.study.labels.category import judge
    from dockml_dagster.study.labels.training.category import best_temperature, fit
    from dockml_dagster.study.labels.training.folds import owner_folds

    snapshots, developed_on = _snapshots(category_model), _developed_on(category_model)
    temperature = best_temperature(developed_on, category_model.features, folds=6)
    names = [hashlib.sha256(project.lower().encode()).hexdigest()[:16] for project in ease2022]
    study = [
        replace(example, features=snapshots[name].features if name in snapshots else example.features)
        for name, example in zip(names, _examples(ease2022, category_model, seed), strict=True)
    ]
    truth = np.array([example.category for example in study])
    said = np.empty(len(study), dtype=object)
    for held in owner_folds([example.owner for example in study], truth.tolist(), 5, 0):
        unseen = {names[i] for i in held}
        learnt = [example for name, example in snapshots.items() if name not in unseen]
        model = fit([*developed_on, *learnt], category_model.features, temperature=temperature)
        for i in held:
            said[i] = judge(study[i].features, model).category
    rows = [
        row
        for row in csv.DictReader(io.StringIO(seed("machine_reliability")))
        if row["code_system"] == "category"
    ]
    assert [row["code"] for row in rows] == list(CATEGORIES)
    for row in rows:
        given, true = said == row["code"], truth == row["code"]
        found = [given.sum(), (given & true).sum(), (~given).sum(), (~given & true).sum()]
        assert found == [int(row[name]) for name in ("given", "given_right", "not_given", "not_given_missed")]
