"""The category classifier: what it says, why, and when it cannot tell."""

import subprocess
import sys
import tomllib
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
        paths = [path.relative_to(root).as_posix() for path in sorted(root.rglob("*")) if path.is_file()]
        dockerfiles, texts = {}, {}
        for path in paths:
            data = (root / path).read_bytes()
            if "dockerfile" in path.rsplit("/", 1)[-1].lower():
                dockerfiles[path] = read_dockerfile(data)
            else:
                texts[path] = data.decode("utf-8", "replace")
        metadata = ProjectMetadata(
            project["name"], project["description"], tuple(project["topics"]), project["language"]
        )
        found = classify_category(
            facts_of_project(metadata, dockerfiles, texts=texts, paths=paths), category_model
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
    import csv
    import io

    from dockml_dagster.study.labels.training.category import Example

    merged = {row["label"]: row["category"] for row in csv.DictReader(io.StringIO(seed("category_labels")))}
    return [
        Example(name.split("/")[0].lower(), merged[label], features_of(facts, category_model.features), words)
        for name, (facts, label, _, words) in projects.items()
    ]


def _read_by_the_codebook(projects, category_model, examples):
    """The same projects as one reader labelled them by the codebook, who saw the README and the list of files of some.

    ``training.csv`` has the reader's category and, of those, every feature that holds in a snapshot of November 2021.
    Returns the study's examples with those features, and the reader's.
    """
    import csv
    import hashlib
    from dataclasses import replace

    with (Path(__file__).parent / "category" / "training.csv").open(newline="") as stream:
        read = {row["project_sha256"]: row for row in csv.DictReader(stream)}
    scale = {feature.name: feature.scale for feature in category_model.features}
    study, reader = [], []
    for project, example in zip(projects, examples, strict=True):
        row = read[hashlib.sha256(project.lower().encode()).hexdigest()[:16]]
        seen = {name: FeatureValue(scale[name], ()) for name in row["features"].split("|") if name}
        study.append(replace(example, features=seen or example.features))
        reader.append(replace(study[-1], category=row["category"]))
    return study, reader


@pytest.mark.ease2022
def test_the_weights_are_those_that_training_gives(ease2022, category_model, seed):
    pytest.importorskip("sklearn", reason="the extra `training` is not installed")
    from dockml_dagster.study.labels.training.category import best_temperature, fit

    examples = _examples(ease2022, category_model, seed)
    study, reader = _read_by_the_codebook(ease2022, category_model, examples)
    assert (len(study), sum("readme" in str(example.features) for example in study) > 150) == (406, True)
    examples = [*study, *reader]
    again = fit(
        examples, category_model.features, temperature=best_temperature(examples, category_model.features)
    )
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
    assert ours.kappa.estimate > 0.50
    assert found.gain.estimate > 0.10
    assert found.gain.low > 0
    assert found.calibration_error < 0.08


@pytest.mark.ease2022
def test_what_the_machine_is_worth_is_measured_on_owners_it_never_saw(ease2022, category_model, seed):
    """The rows of ``machine_reliability`` for categories: five folds, owners kept together, the study's labels as truth."""
    pytest.importorskip("sklearn", reason="the extra `training` is not installed")
    import csv
    import io

    import numpy as np
    from sklearn.model_selection import StratifiedGroupKFold

    from dockml_dagster.study.labels.category import judge
    from dockml_dagster.study.labels.training.category import best_temperature, fit

    examples = _examples(ease2022, category_model, seed)
    study, reader = _read_by_the_codebook(ease2022, category_model, examples)
    temperature = best_temperature([*study, *reader], category_model.features)
    truth = np.array([example.category for example in study])
    said = np.empty(len(study), dtype=object)
    folds = StratifiedGroupKFold(5, shuffle=True, random_state=0)
    for train, held in folds.split(truth, truth, [example.owner for example in study]):
        learnt = [each[i] for i in train for each in (study, reader)]
        model = fit(learnt, category_model.features, temperature=temperature)
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
