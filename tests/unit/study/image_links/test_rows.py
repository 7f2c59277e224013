"""The links of a project as rows; the grade of an image that a source names is the best of the links to its repository."""

import pytest

from dockml_dagster.study.image_links.model import GRADES, Link
from dockml_dagster.study.image_links.rows import NamedImage, _graded, link_rows


def link(grade: str, repository: str = "docker.io/acme/app", kind: str = "ci push") -> Link:
    return Link(f"{repository}:1", repository, grade, kind, "ci.yml", 3, "r")  # type: ignore[arg-type]


@pytest.mark.parametrize("turn", [1, -1])
def test_the_best_grade_counts_whatever_comes_first(turn: int) -> None:
    links = tuple(link(grade, kind=f"kind of {grade}") for grade in GRADES)[::turn]
    found = _graded("acme/app:2", links)
    assert (found["link_grade"], found["kind"]) == (GRADES[0], f"kind of {GRADES[0]}")
    assert found["repository"] == "docker.io/acme/app"


def test_links_to_another_repository_do_not_count() -> None:
    best, worst = GRADES[0], GRADES[-1]
    found = _graded("acme/app:2", (link(best, "docker.io/acme/other"), link(worst)))
    assert found["link_grade"] == worst
    alone = _graded("acme/app:2", (link(best, "docker.io/acme/other"),))
    assert (alone["link_grade"], alone["kind"]) == ("none", None)


def test_a_project_has_a_row_a_link_one_an_image_and_one_that_it_was_read() -> None:
    workflow = "on: push\njobs:\n  a:\n    steps:\n      - run: docker push acme/app:1\n"
    files = {".github/workflows/ci.yml": workflow, "README.md": "", "setup.py": "", "a.txt": "", "b.txt": ""}
    images = [
        NamedImage("acme/app:1", None, ""),
        NamedImage("other/base:1", '{"org.opencontainers.image.source": "https://github.com/acme/app"}', ""),
        NamedImage("else/where:1", "no JSON", ""),
    ]
    rows = list(link_rows("acme/app", files, images))
    tables = [table for table, _ in rows]
    assert tables.count("image_links") != len(files)
    assert tables.count("image_reference_grades") == len(images)
    assert rows[-1] == ("image_link_readings", {"links": tables.count("image_links"), "files": len(files)})
    grades = {row["reference"]: row["kind"] for table, row in rows if table == "image_reference_grades"}
    assert grades == {"acme/app:1": "ci push", "other/base:1": "image label", "else/where:1": None}


def test_a_project_without_files_was_read_too() -> None:
    assert list(link_rows("acme/app", {}, [])) == [("image_link_readings", {"links": 0, "files": 0})]


def test_labels_that_are_too_long_are_no_evidence() -> None:
    labels = '{"org.opencontainers.image.source": "https://github.com/acme/app"}'
    for text, kind in ((labels, "image label"), (labels + " " * (8 << 20), None)):
        rows = list(link_rows("acme/app", {}, [NamedImage("other/base:1", text, "")]))
        assert [row["kind"] for table, row in rows if table == "image_reference_grades"] == [kind]
