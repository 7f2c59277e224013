"""The annotation sheet: what is written, what is read back, and every mistake with its line."""

import csv
import io
import time
import tomllib
from pathlib import Path

import pytest

from dockml_dagster.study.labels.annotation_sample import Candidate, disagreement, draw
from dockml_dagster.study.labels.annotation_sheet import ANSWERED, CONTEXT, SheetUnit, read_sheet, write_sheet

MISTAKES = tomllib.loads((Path(__file__).parent / "sheet" / "mistakes.toml").read_text())["case"]
UNITS = {name: name for name in ("sample/o/one", "sample/o/two")}
HEADER = "unit,question,rater,code,evidence,codebook_version"


def _read(rows, codebook, **more):
    return read_sheet("\n".join([HEADER, *rows]) + "\n", codebook, UNITS, **more)


@pytest.mark.parametrize("case", MISTAKES, ids=lambda case: case["name"])
def test_a_mistake_is_named_with_its_line(case, codebook):
    (mistake,) = _read(case["rows"], codebook).mistakes
    assert mistake.line == case["line"]
    assert case["says"] in mistake.text


def test_all_mistakes_are_named_at_once(codebook):
    found = _read(
        ["x,category,ana,Model,", "sample/o/one,category,ana,y,", "sample/o/two,z,ana,Model,"], codebook
    )
    assert [mistake.line for mistake in found.mistakes] == [2, 3, 4]


def test_codes_come_back_in_the_codebook_s_spelling(codebook):
    found = _read(
        [
            "sample/o/one,category,ana,mlops/aiops,seen",
            "sample/o/two,category,ana,,",
            "sample/o/two,purpose,bo,model management: TRAINING ; ci-cd,",
        ],
        codebook,
    )
    assert found.mistakes == ()
    assert [(label.rater, label.codes, label.evidence, label.line) for label in found.labels] == [
        ("ana", ("MLOps/AIOps",), "seen", 2),
        ("bo", ("Model management: training", "CI/CD"), None, 4),
    ]
    assert found.unanswered == 1


def test_who_labelled_may_be_said_for_all_lines(codebook):
    text = "unit,question,code\nsample/o/one,category,Model\n"
    assert [label.rater for label in read_sheet(text, codebook, UNITS, rater="ana").labels] == ["ana"]
    (mistake,) = read_sheet(text, codebook, UNITS).mistakes
    assert (mistake.line, mistake.text) == (1, "has no column rater")


@pytest.mark.parametrize("separator", [";", "\t"])
def test_spreadsheets_write_other_separators(separator, codebook):
    text = "\ufeff" + HEADER.replace(",", separator) + "\r\n"
    text += separator.join(["sample/o/one", "category", "ana", "Model", "", "1"]) + "\r\n"
    assert [label.codes for label in read_sheet(text, codebook, UNITS).labels] == [("Model",)]


HOSTILE = [
    '=HYPERLINK("http://x","y")',
    "+1+1",
    "-2",
    "@SUM(A1)",
    "\t=1",
    "\r\n=cmd|' /C calc'!A0",
    "  =1",
    "a\nb",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_no_cell_of_the_sheet_is_a_formula(text):
    sheet = write_sheet(
        [SheetUnit("sample/o/one", text, text, (text,), (text,), text)], "category", rater=text, version="1"
    )
    assert sheet.startswith("\ufeff")
    header, row = csv.reader(io.StringIO(sheet.removeprefix("\ufeff"), newline=""))
    assert header == [*ANSWERED, *CONTEXT]
    for cell in row:
        assert not cell.startswith(("=", "+", "-", "@", "\t", "\r", "\n", " "))
        assert "\n" not in cell
        assert "\r" not in cell


def test_a_sheet_comes_back_as_it_went(codebook):
    sheet = write_sheet([SheetUnit(name) for name in UNITS], "category", rater="ana", version="1")
    answered = sheet.replace("category,ana,,", "category,ana,Toolkit,")
    found = read_sheet(answered, codebook, UNITS)
    assert [(label.unit, label.codes) for label in found.labels] == [(name, ("Toolkit",)) for name in UNITS]


def test_hostile_sheets_are_refused_in_linear_time(codebook):
    start = time.perf_counter()
    for text in ('"' * 200_000, "unit,question,rater,code\n" + "a," * 100_000, "\x00" * 1000, ",\n" * 50_000):
        assert read_sheet(text, codebook, UNITS).labels == ()
    assert time.perf_counter() - start < 5


def _candidates(n=60):
    return [
        Candidate(
            f"sample/o/{i:02}",
            "ABC"[i % 3] if i < 50 else "D",
            {"x": {"A"}, "y": {"A" if i % 7 else "B"}},
            i / n,
        )
        for i in range(n)
    ]


def test_draws_are_those_of_the_seed_and_not_of_the_order():
    for sampling in ("random", "stratified", "disagreement"):
        first = draw(_candidates(), 12, sampling, seed=1)
        assert first == draw(_candidates()[::-1], 12, sampling, seed=1)
        assert len({candidate.unit for candidate in first}) == 12
    assert draw(_candidates(), 12, "random", seed=1) != draw(_candidates(), 12, "random", seed=2)
    assert len(draw(_candidates(), 500, "stratified", seed=1)) == 60


def test_strata_are_alike_as_far_as_they_go():
    strata = [candidate.stratum for candidate in draw(_candidates(), 40, "stratified", seed=3)]
    assert {name: strata.count(name) for name in "ABCD"} == {"A": 10, "B": 10, "C": 10, "D": 10}
    strata = [candidate.stratum for candidate in draw(_candidates(), 52, "stratified", seed=3)]
    assert strata.count("D") == 10


def test_disagreement_comes_first():
    drawn = draw(_candidates(), 9, "disagreement", seed=0)
    assert all(disagreement(candidate.codes) == 1 for candidate in drawn)
    assert [candidate.doubt for candidate in drawn] == sorted((c.doubt for c in drawn), reverse=True)
    people = Candidate("p", "A", {"x": {"A"}, "y": {"B"}, "z": {"A"}, "machine": {"A"}}, 0.1)
    machine = Candidate("m", "A", {"x": {"A"}, "machine": {"B"}}, 0.9)
    settled = Candidate("s", "A", {"x": {"A"}, "y": {"B"}, "adjudication": {"A"}}, 0.9)
    agreed = Candidate("a", "A", {"x": {"A"}, "y": {"A"}, "machine": {"A"}}, 0.9)
    drawn = draw([agreed, settled, machine, people], 4, "disagreement", seed=0)
    assert [candidate.unit for candidate in drawn] == ["p", "m", "a", "s"]
    assert disagreement({"x": {"A", "B"}, "y": {"B", "C"}}) == pytest.approx(2 / 3)
    assert disagreement({"x": {"A"}, "y": {"A"}, "z": {"B"}}) == pytest.approx(2 / 3)
    assert disagreement({"x": {"A"}}) == 0
    assert disagreement({"x": set(), "y": set()}) == 0
