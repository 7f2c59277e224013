"""A labelling round on the sample, from the sheet to the changed finding: export, mistakes, import, agreement, adjudication.

Here: the command and the warehouse together. Not here: what a sheet may hold (``unit/study/labels/test_annotation_sheet``).
"""

import csv
import io
import json
import shutil

import pytest

from dockml_dagster.commands.labels.annotation_rounds import COLUMNS, SOURCE, agreement_rows
from dockml_dagster.warehouse.published.query import query
from tests.integration.conftest import settings_of
from tests.integration.plain_findings import renew

UNITS = 30
MISTAKES = {3: ("unit", "sample/nobody/nothing"), 11: ("code", "Hostng"), 20: ("rater", "")}
"""Line of the sheet → the column that is spoilt, and what stands there then."""


def read_sheet(path):
    text = path.read_bytes().decode("utf-8")
    assert text.startswith("\ufeff")
    return list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff"), newline="")))


def write_sheet(path, rows):
    with path.open("w", encoding="utf-8-sig", newline="") as stream:
        writer = csv.DictWriter(stream, rows[0].keys())
        writer.writeheader()
        writer.writerows(rows)
    return path


@pytest.fixture(scope="module")
def home(finished, tmp_path_factory):
    """A home of its own, changed from test to test of this file, in their order."""
    home = tmp_path_factory.mktemp("labelling") / "home"
    shutil.copytree(finished[0], home)
    return home


@pytest.fixture(scope="module")
def sheet(home, dockml):
    """Thirty Dockerfiles to be asked for their purposes."""
    path = home.parent / "sheet.csv"
    arguments = ("--question", "purpose", "--unit", "dockerfile", "-n", str(UNITS), "--seed", "7")
    done = dockml(home, "labels", "export", str(path), *arguments, "--rater", "ana")
    assert done.returncode == 0, done.stderr
    assert f"{UNITS} units" in done.stderr
    return path


def test_the_finding_has_the_kappa_of_the_command(finished):
    settings = settings_of(finished[0])
    found = query(
        settings,
        "SELECT code_system, first || ' and ' || second, if(code = 'All', 'all', code), n, kappa "
        "FROM findings.label_agreement WHERE corpus = 'sample' AND unit_of_analysis = 'project'",
    ).rows
    computed = [
        dict(zip(COLUMNS, row, strict=True))
        for question in ("category", "purpose")
        for row in agreement_rows(
            settings, corpus="sample", question=question, unit_kind="project", draws=0, seed=0
        )
    ]
    expected = {(row["question"], row["raters"], row["code"]): (row["n"], row["kappa"]) for row in computed}
    assert {row[:3] for row in found} == expected.keys()
    for *key, n, kappa in found:
        assert (n, kappa) == (expected[tuple(key)][0], pytest.approx(expected[tuple(key)][1])), key


def test_the_sheet_has_the_units_and_the_same_seed_gives_the_same(home, sheet, dockml):
    rows = read_sheet(sheet)
    assert len({row["unit"] for row in rows}) == UNITS
    assert {row["rater"] for row in rows} == {"ana"}
    again = home.parent / "again.csv"
    arguments = ("--question", "purpose", "--unit", "dockerfile", "-n", str(UNITS), "--seed", "7")
    assert dockml(home, "labels", "export", str(again), *arguments, "--rater", "ana").returncode == 0
    assert again.read_bytes() == sheet.read_bytes()
    refused = dockml(home, "labels", "export", str(again), *arguments)
    assert refused.returncode != 0
    assert "exists already" in refused.stderr


def test_three_mistakes_are_named_and_nothing_is_half_imported(home, sheet, dockml, ask):
    rows = [
        {**row, "code": "Build and packaging; Hosting" if i % 2 else "none"}
        for i, row in enumerate(read_sheet(sheet))
    ]
    for line, (column, text) in MISTAKES.items():
        rows[line - 2] = {**rows[line - 2], "code": "Hosting", column: text}
    spoilt = write_sheet(home.parent / "spoilt.csv", rows)
    before = ask(home, "SELECT count(*), max(last_seen) FROM raw.labels")
    done = dockml(home, "labels", "import", str(spoilt))
    assert done.returncode != 0
    said = done.stderr.splitlines()
    assert [line.split(": ")[0] for line in said[:3]] == [f"{spoilt}:{line}" for line in MISTAKES]
    assert "did you mean 'Hosting'?" in said[1]
    assert said[3] == f"dockml: 3 mistakes in {spoilt}; nothing was imported"
    assert "Traceback" not in done.stderr
    assert ask(home, "SELECT count(*), max(last_seen) FROM raw.labels") == before


def test_two_raters_agree_as_far_as_they_do(home, sheet, dockml, ask):
    first = [
        {**row, "code": "Build and packaging; Hosting" if i % 2 else "none"}
        for i, row in enumerate(read_sheet(sheet))
    ]
    second = [{**row, "rater": "bo"} for row in first]
    second[1] = {**second[1], "code": "Build and packaging"}
    second[2] = {**second[2], "code": ""}
    for name, rows in (("ana", first), ("bo", second)):
        done = dockml(home, "labels", "import", str(write_sheet(home.parent / f"{name}.csv", rows)))
        assert done.returncode == 0, done.stderr
    assert "29 units labelled by bo" in done.stderr
    assert "1 lines without an answer" in done.stderr
    renew(settings_of(home))
    arguments = ("--question", "purpose", "--unit", "dockerfile", "--draws", "50", "--format", "json")
    rows = json.loads(dockml(home, "labels", "agreement", *arguments).stdout)
    together = {row["code"]: row for row in rows if row["raters"] == "ana and bo"}
    assert together["all"]["n"] == 29
    # Of 58 yes-or-no answers the raters differ on one.
    assert together["all"]["observed"] == pytest.approx(57 / 58)
    assert together["Build and packaging"]["kappa"] == 1
    assert 0.8 < together["Hosting"]["kappa"] < 1
    assert {row["raters"] for row in rows} == {"ana and bo", "ana and machine", "bo and machine"}
    people = ask(
        home,
        "SELECT purpose, units, n FROM findings.rq2_purposes WHERE category = 'All' AND label_source = 'people' "
        "AND unit_of_analysis = 'Dockerfile' AND units > 0 ORDER BY 1",
    )
    assert people == [("Build and packaging", 15, 30), ("Hosting", 14, 30)]
    halves = ask(
        home,
        "SELECT rater, sheet, code, units_first, n_first, units_second, n_second FROM findings.coder_drift "
        "WHERE unit_of_analysis = 'dockerfile' AND among = 'every unit' AND units_first > 0 ORDER BY 1, 3",
    )
    assert halves == [
        ("ana", SOURCE, "Build and packaging", 7, 15, 8, 15),
        ("ana", SOURCE, "Hosting", 7, 15, 8, 15),
        ("bo", SOURCE, "Build and packaging", 8, 15, 7, 14),
        ("bo", SOURCE, "Hosting", 7, 15, 7, 14),
    ]


def test_people_outvote_and_adjudication_decides(home, dockml, plain_study, ask):
    project = "sample/quietcircuit/labelkit"
    shares = "SELECT category, projects FROM findings.rq1_categories WHERE reading = 'corrected' ORDER BY ALL"
    before = dict(ask(home, shares))
    sheet = home.parent / "categories.csv"
    rows = [
        {
            "unit": project,
            "question": "category",
            "rater": rater,
            "code": "Application System",
            "evidence": "",
        }
        for rater in ("ana", "bo")
    ]
    assert dockml(home, "labels", "import", str(write_sheet(sheet, rows))).returncode == 0
    renew(settings_of(home))
    final = "SELECT category, label_source, raters, raters_agreeing FROM core.categories WHERE project = ?"
    assert ask(home, final, project) == [("Application System", "people", 3, 2)]
    after = dict(ask(home, shares))
    assert after["Application System"] == before["Application System"] + 1
    assert after["Toolkit"] == before["Toolkit"] - 1
    rows = [{**rows[0], "rater": "", "code": "Toolkit"}]
    done = dockml(home, "labels", "import", str(write_sheet(sheet, rows)), "--rater", "adjudication")
    assert done.returncode == 0, done.stderr
    # A new listing of the corpus leaves imported labels as they are.
    assert plain_study(home, "--corpus", "sample", "--quiet", "--force").returncode == 0
    assert ask(home, final, project) == [("Toolkit", "adjudicated", 3, 2)]
    assert dict(ask(home, shares)) == before
    adjudicated = ask(
        home, "SELECT sum(labelled_by_adjudication) FROM findings.rq1_categories WHERE reading = 'corrected'"
    )
    assert adjudicated == [(1,)]


def test_a_later_import_replaces_the_same_rater_s_labels_of_the_unit(home, sheet, dockml, ask):
    row = {**read_sheet(sheet)[1], "code": "none"}
    assert (
        dockml(home, "labels", "import", str(write_sheet(home.parent / "again.csv", [row]))).returncode == 0
    )
    renew(settings_of(home))
    codes = ask(home, "SELECT code FROM core.labels WHERE rater = 'ana' AND unit = ?", row["unit"])
    assert codes == [("none",)]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "has no column"),
        (b"\xff\xfe\x00", "is not UTF-8"),
        (b"unit,question,rater,code\n", "holds no label"),
    ],
)
def test_what_is_no_sheet_is_refused_in_one_line(home, dockml, content, says):
    path = home.parent / "bad.csv"
    path.write_bytes(content)
    done = dockml(home, "labels", "import", str(path))
    assert done.returncode != 0
    assert says in done.stderr
    assert "Traceback" not in done.stderr
