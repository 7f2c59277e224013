"""No rule of the seeds matches a short word inside a longer one: ``sim`` must not match "simple"."""

import csv
import re
from pathlib import Path

import pytest

from dockml_dagster.study.labels.evidence_rules import RuleSet, by_place, evidence_rule
from dockml_dagster.study.project.facts import Fact

SEEDS = Path(__file__).parents[4] / "dbt_like_sql" / "seeds"
SHORT = 3
MEANT = {
    "api": "graphical and REST interfaces are named apiserver, apis",
    "bio": "biology, bioinformatics, biomedical: words of one field",
    "geo": "geography, geospatial, geology: words of one field",
    "jdk": "openjdk and jdk17 are the same base",
    "dir": "DATADIR, WORKDIR: a folder by any name",
}
TRAPS = (
    ("dockerfile path", "docker/citation/Dockerfile", "ci-cd-1"),
    ("dockerfile path", "docker/cifar/Dockerfile", "ci-cd-1"),
    ("dockerfile path", "docker/logo/Dockerfile", "logging-monitoring-4"),
    ("dockerfile path", "docker/webcam/Dockerfile", "hosting-6"),
    ("stage", "database", "dependencies-management-and-distribution-4"),
    ("stage", "deploy", "dependencies-management-and-distribution-4"),
    ("variable", "CATALOG", "logging-monitoring-7"),
    ("compose image", "acme/raytracer", "task-scheduling-5"),
    ("compose image", "acme/array-store", "task-scheduling-5"),
)


def _rules():
    for seed, key in (("purpose_rules", "id"), ("category_features", "feature")):
        with (SEEDS / f"{seed}.csv").open(newline="") as stream:
            for row in csv.DictReader(stream):
                if row["pattern"]:
                    yield row[key], row["pattern"]


def _words(pattern):
    """The short words that an expression spells out. Classes and escapes do not count."""
    spelt = re.sub(r"\\[bwWsSdDAZ]|\(\?[:<!=i-]+|\[[^\]]*\]", "\0", pattern)
    return {word for word in re.findall(r"[A-Za-z]+", spelt) if 2 <= len(word) <= SHORT}


def _found_inside(pattern):
    tried = re.compile(pattern, re.IGNORECASE)
    if tried.search("qzzq"):  # meant for anything
        return set()
    return {
        word
        for word in _words(pattern)
        if word.lower() not in MEANT
        for text in (
            f"qz{word}",
            f"{word}zq",
            f"qz{word}zq",
            f"x qz{word}zq x",
            f"x {word}zq x",
            f"a/{word}zq/b",
        )
        if tried.search(text)
    }


def test_a_short_word_is_no_part_of_a_longer_one():
    inside = {rule: words for rule, pattern in _rules() if (words := _found_inside(pattern))}
    assert inside == {}
    assert _found_inside(r"(?:^|/)(?:sim\w*|gym)(?:/|$)") == {"sim"}


@pytest.mark.parametrize(("place", "text", "rule"), TRAPS)
def test_words_that_were_taken_for_others(place, text, rule):
    pattern = dict(_rules())[rule]
    assert not re.search(pattern, text, re.IGNORECASE), f"{rule} finds {text!r} in {place}"


def test_a_long_text_is_matched_and_not_remembered() -> None:
    rules = RuleSet([evidence_rule("seed", "a", "topic", "model")])
    for text, remembered in (("model" + "-" * 195, 1), ("model" + "-" * 196, 1)):
        places = by_place([Fact("topic", text)])
        assert rules.found(places) == [(places["topic"][text][0],)]
        assert len(rules._known) == remembered
