"""The purpose labeller, the codebook, and a comparison with the study's codes."""

import csv
import hashlib
import io
import tomllib
from pathlib import Path

import pytest

from dockml_dagster.study.dockerfile.reading.reading import read_dockerfile
from dockml_dagster.study.labels.codebook import (
    normal_code,
    parse_codebook,
    parse_purpose_codes,
    purposes_of_codes,
)
from dockml_dagster.study.labels.purpose import (
    LEAST_PROBABILITY,
    parse_purpose_rules,
    purposes_by_file,
    purposes_of,
)
from dockml_dagster.study.labels.training.purpose import (
    Coded,
    PurposeScore,
    fit_weights,
    given_by,
    half_of,
    measure,
    rules_that_find,
)
from dockml_dagster.study.project.evidence import facts_of_project
from dockml_dagster.study.project.facts import Fact, ProjectMetadata
from tests.unit.study.labels.labelled import labelled_half

CASES = tomllib.loads((Path(__file__).parent / "purpose" / "cases.toml").read_text())["case"]
SALT = "dockml-split-1"
STUDYS_F1 = 0.509
READERS_F1 = 0.605
"""Of the labeller, by the codebook, with the study's coders and with the reader who had learnt their habits."""
RULES = "id,purpose,sub_purpose,found_in,pattern,expected,weight,note\n"


def _judgements(case, rules):
    files = {path: text.removeprefix("\n") for path, text in case["files"].items()}
    dockerfiles = {
        path: read_dockerfile(text.encode()) for path, text in files.items() if "dockerfile" in path.lower()
    }
    return purposes_of(
        facts_of_project(ProjectMetadata("someone/something"), dockerfiles, texts=files), rules
    )


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_cases(case, purpose_rules):
    found = {judgement.purpose: judgement for judgement in _judgements(case, purpose_rules)}
    assert set(case["purposes"]) <= set(found), {name: round(j.probability, 2) for name, j in found.items()}
    assert not set(case.get("absent", ())) & set(found)
    for purpose, place in case["purposes"].items():
        places = {
            f"{item.fact.file}:{item.fact.line}" if item.fact.line else item.fact.file
            for item in found[purpose].evidence
        }
        assert place in places, places


def test_judgements_are_ordered_and_explained(purpose_rules):
    known = {rule.rule.rule: rule for rule in purpose_rules.rules}
    for case in CASES:
        found = _judgements(case, purpose_rules)
        assert [j.probability for j in found] == sorted((j.probability for j in found), reverse=True)
        for judgement in found:
            assert judgement.probability >= LEAST_PROBABILITY
            assert judgement.evidence
            assert {known[item.rule].purpose for item in judgement.evidence} == {judgement.purpose}


def test_a_dockerfile_bears_the_purposes_that_it_shows():
    rules = parse_purpose_rules(
        RULES
        + "b,Hosting,,,,,-1,\nr1,Hosting,,port,^80$,1,3,\n"
        + "r2,Hosting,,compose key,^ports$,1,1,\nr3,Simulation,,user,sim,1,9,\n"
    )
    facts = [
        Fact("port", "80", "a/Dockerfile", 4),
        Fact("compose key", "ports", "docker-compose.yml", 9),
        Fact("user", "sim", "b/Dockerfile", 2),
    ]
    project = purposes_of(facts, rules)
    assert [judgement.purpose for judgement in project] == ["Simulation", "Hosting"]
    assert project[1].dockerfiles == ("a/Dockerfile",)
    (own,) = purposes_by_file(project)["a/Dockerfile"]
    assert [item.rule for item in own.evidence] == ["r1"]
    assert own.probability == project[1].probability == pytest.approx(1 / (1 + 2.718281828**-3))
    assert set(purposes_by_file(project)) == {"a/Dockerfile", "b/Dockerfile", "docker-compose.yml"}


def test_sub_purposes_are_those_of_the_rules_that_found_something():
    rules = parse_purpose_rules(
        RULES
        + "r1,Model management,training,command,train,1,5,\nr2,Model management,export,command,convert,1,5,\n"
    )
    (found,) = purposes_of([Fact("command", "python train.py", "Dockerfile", 3)], rules)
    assert found.sub_purposes == ("training",)


def test_a_purpose_is_given_from_a_probability_of_three_tenths_on():
    # The log-odds of 0.3 are -0.8473, of 0.3002 -0.8464.
    for weight, given in ((-0.8464, True), (-0.8472, True), (-0.8483, False)):
        rules = parse_purpose_rules(RULES + f"r1,Hosting,,port,^80$,1,{weight},\n")
        found = purposes_of([Fact("port", "80", "Dockerfile", 1)], rules)
        assert [judgement.purpose for judgement in found] == ["Hosting"] * given


def test_no_purpose_without_evidence():
    rules = parse_purpose_rules(RULES + "b,Hosting,,,,,5,\nr1,Hosting,,port,^80$,1,3,\n")
    assert purposes_of([Fact("port", "22", "Dockerfile", 1)], rules) == ()
    assert purposes_of([], rules) == ()


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ("r,Hosting,,port,x,1,1,\nr,Hosting,,port,y,1,1,\n", "twice"),
        ("r,Hostage,,port,x,1,1,\n", "codebook does not have"),
        ("r,Hosting,training,port,x,1,1,\n", "codebook does not have"),
        ("r,Hosting,,harbour,x,1,1,\n", "does not exist"),
        ("r,Hosting,,port,[,1,1,\n", "unterminated"),
    ],
)
def test_rules_that_cannot_be_meant_are_refused(rows, message, codebook):
    with pytest.raises(ValueError, match=message):
        parse_purpose_rules(RULES + rows, codebook.allowed)


def test_the_codebook_is_the_papers(codebook):
    assert (len(codebook.categories), len(codebook.purposes), len(codebook.sub_purposes)) == (6, 21, 12)
    assert [sum(p.side == side for p in codebook.purposes) for side in ("general", "ML-related")] == [15, 6]
    assert {p: len(subs) for p, subs in codebook.allowed.items() if subs} == {
        "Model management": 6,
        "Data management": 6,
    }


def test_every_purpose_has_a_base_and_rules_but_one(purpose_rules, codebook):
    without_rules = {"Denoising and evaluating workflows"}  # one of 140 projects, and no rule that finds it
    assert set(codebook.allowed) == set(purpose_rules.base)
    assert set(codebook.allowed) - {rule.purpose for rule in purpose_rules.rules} == without_rules
    assert all(rule.weight >= 0 for rule in purpose_rules.rules)


def test_a_codebook_that_contradicts_itself_is_refused(seed):
    categories, purposes, subs = seed("categories"), seed("purposes"), seed("sub_purposes")
    with pytest.raises(ValueError, match="names must be"):
        parse_codebook(categories.replace("Toolkit,", "Tools,"), purposes, subs)
    with pytest.raises(ValueError, match="no purpose"):
        parse_codebook(
            categories, purposes.replace("data-management,Data management,", "data-management,Data,"), subs
        )
    with pytest.raises(ValueError, match="twice"):
        parse_codebook(categories, purposes + purposes.splitlines()[1] + "\n", subs)


def test_codes_mean_what_the_seed_says(purpose_codes):
    assert purposes_of_codes(["Expose  Port", " jupyter "], purpose_codes) == {
        "Network management",
        "Interactive development",
    }
    assert purposes_of_codes(["entrypoint"], purpose_codes) == frozenset()
    assert purposes_of_codes(["entrypoint"], purpose_codes, "low") == {"Manage services"}
    assert purposes_of_codes(["vm", "never heard of"], purpose_codes, "low") == frozenset()


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("Build,Hosting,,high,", "normal form"),
        ("x,Hosting,,sure,", "confidence"),
        ("x,,,high,", "confidence"),
        ("x,Hostage,,high,", "does not have"),
    ],
)
def test_meanings_that_cannot_be_are_refused(row, message, codebook):
    with pytest.raises(ValueError, match=message):
        parse_purpose_codes(f"code,purpose,sub_purpose,confidence,note\n{row}\n", codebook.allowed)


def test_scores_count_projects():
    coded = {"a": {"x", "y"}, "b": {"x"}, "c": set()}
    given = {"a": {"x"}, "b": {"x"}, "c": {"x"}}
    assert measure(coded, given, ["x", "y"]) == (
        PurposeScore("x", 2, 3, 2), PurposeScore("y", 1, 0, 0), PurposeScore("micro", 3, 3, 2),
    )  # fmt: skip
    assert PurposeScore("y", 1, 0, 0).precision is None
    assert PurposeScore("x", 2, 3, 2).f1 == pytest.approx(0.8)


def test_weights_are_drawn_to_what_was_expected_and_never_fall_below_zero():
    rules = parse_purpose_rules(
        RULES
        + "b,Hosting,,,,,0,\nr1,Hosting,,port,^80$,0.5,0,\nr2,Hosting,,port,^22$,0.5,0,\n"
        + "r3,Hosting,,port,^9$,4,0,\nr4,Hosting,,port,^1$,0.5,0,\n"
    )
    told = [Coded(f"a{i}", frozenset({"Hosting"}), frozenset({"r1"})) for i in range(40)]
    not_told = [Coded(f"b{i}", frozenset(), frozenset({"r2", "r3"})) for i in range(40)]
    fitted = {rule.rule.rule: rule.weight for rule in fit_weights([*told, *not_told], rules).rules}
    assert fitted["r1"] > 0.8
    assert fitted["r2"] < 0.2
    assert fitted["r3"] == pytest.approx(4, abs=0.05)
    assert fitted["r4"] == pytest.approx(0.5, abs=0.01)


@pytest.mark.ease2022
def test_every_code_of_the_study_is_in_the_seed(ease2022, purpose_codes):
    codes = {
        normal_code(code) for *_, text, _ in ease2022.values() for code in text.split(",") if code.strip()
    }
    assert codes == set(purpose_codes)


def _coded(ease2022, purpose_rules, purpose_codes):
    """The study's coded projects, and those of them on which the rules were not developed."""
    coded = [
        Coded(name, purposes_of_codes(text.split(","), purpose_codes), rules_that_find(facts, purpose_rules))
        for name, (facts, _, text, _) in ease2022.items()
        if text
    ]
    return coded, [c for c in coded if half_of(c.name, SALT) == "measure"]


def test_the_weights_are_those_that_fitting_gives(purpose_rules):
    developed_on = [
        Coded(
            row["repository"],
            frozenset(row["purposes"].split(";")) - {""},
            frozenset(row["rules"].split("|")),
        )
        for row in labelled_half("develop")
    ]
    assert len(developed_on) == 140
    again = fit_weights(developed_on, purpose_rules)
    assert again.base == pytest.approx(purpose_rules.base, abs=0.01)
    for ours, fitted in zip(purpose_rules.rules, again.rules, strict=True):
        assert ours.weight == pytest.approx(fitted.weight, abs=0.01), ours.rule.rule


def test_what_rules_give_is_what_the_labeller_gives(purpose_rules):
    for case in CASES:
        files = {path: text.removeprefix("\n") for path, text in case["files"].items()}
        readings = {
            path: read_dockerfile(text.encode())
            for path, text in files.items()
            if "dockerfile" in path.lower()
        }
        facts = facts_of_project(ProjectMetadata("someone/something"), readings, texts=files)
        given = given_by(rules_that_find(facts, purpose_rules), purpose_rules)
        assert given == {judgement.purpose for judgement in _judgements(case, purpose_rules)}


@pytest.mark.ease2022
def test_what_it_finds_of_the_studys_codes(ease2022, purpose_rules, purpose_codes, codebook, seed):
    """The labeller follows the codebook, not the coders' habits. ``machine_reliability`` has the figures by purpose."""
    coded, measured = _coded(ease2022, purpose_rules, purpose_codes)
    assert (len(coded), len(measured)) == (246, 122)
    given = {c.name: given_by(c.rules, purpose_rules) for c in measured}
    *each, micro = measure({c.name: c.purposes for c in measured}, given, codebook.allowed)
    assert micro.f1 == pytest.approx(STUDYS_F1, abs=0.01)
    rows = {
        row["code"]: row
        for row in csv.DictReader(io.StringIO(seed("machine_reliability")))
        if row["code_system"] == "purpose"
    }
    for one in each:
        found = [one.given, one.right, 122 - one.given, one.coded - one.right]
        named = [
            int(rows[one.purpose][key]) for key in ("given", "given_right", "not_given", "not_given_missed")
        ]
        assert found == named, one.purpose


READINGS = Path(__file__).parent / "purpose" / "readings.csv"
"""What a reader (a language model) gave to whole projects without seeing their codes: with the codebook alone, with the
codes of 62 other projects, and on the measured half with those of the whole other half and their places in the sheet.
Projects by the first twelve digits of SHA-256 of ``owner/name``: the study's list is not ours to publish.
"""


@pytest.mark.ease2022
def test_what_a_careful_reader_reaches(ease2022, purpose_rules, purpose_codes, codebook):
    names = {hashlib.sha256(name.encode()).hexdigest()[:12]: name for name in ease2022}
    readings = {}
    with READINGS.open(newline="") as rows:
        for row in csv.DictReader(rows):
            of_project = readings.setdefault(row["knowing"], {}).setdefault(
                names[row["project_sha256"]], set()
            )
            of_project.add(row["purpose"])
    everybody, measured = _coded(ease2022, purpose_rules, purpose_codes)
    coded = {c.name: c.purposes for c in everybody}

    def f1(reading, of):
        return measure({name: of[name] for name in reading}, reading, codebook.allowed)[-1].f1

    by_codebook, by_habit, knowing_most = (
        readings[knowing]
        for knowing in (
            "codebook alone",
            "codes of others at hand",
            "codes of others and their places in the sheet at hand",
        )
    )
    assert by_codebook.keys() == by_habit.keys() < coded.keys() - {c.name for c in measured}
    assert knowing_most.keys() == {c.name for c in measured}
    assert f1(by_codebook, coded) == pytest.approx(0.532, abs=0.001)
    assert f1(by_habit, coded) == pytest.approx(0.640, abs=0.001)
    assert f1(knowing_most, coded) == pytest.approx(0.627, abs=0.001)
    given = {c.name: given_by(c.rules, purpose_rules) for c in measured}
    assert f1(given, knowing_most) == pytest.approx(READERS_F1, abs=0.01)
