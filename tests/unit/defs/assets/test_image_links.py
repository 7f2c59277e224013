"""The grade of an image that a source names: the best of the links to its repository."""

import pytest

from dockml_dagster.defs.assets.image_links import _graded
from dockml_dagster.study.image_links.model import GRADES, Link


def link(grade: str, repository: str = "docker.io/acme/app", kind: str = "ci push") -> Link:
    return Link(f"{repository}:1", repository, grade, kind, "ci.yml", 3, "r")  # type: ignore[arg-type]


@pytest.mark.parametrize("turn", [1, -1])
def test_the_best_grade_counts_whatever_comes_first(turn: int) -> None:
    links = tuple(link(grade, kind=f"kind of {grade}") for grade in GRADES)[::turn]
    found = _graded("acme/app:2", links)
    assert (found["grade"], found["kind"]) == (GRADES[0], f"kind of {GRADES[0]}")
    assert found["repository"] == "docker.io/acme/app"


def test_links_to_another_repository_do_not_count() -> None:
    best, worst = GRADES[0], GRADES[-1]
    found = _graded("acme/app:2", (link(best, "docker.io/acme/other"), link(worst)))
    assert found["grade"] == worst
    alone = _graded("acme/app:2", (link(best, "docker.io/acme/other"),))
    assert (alone["grade"], alone["kind"]) == ("none", None)
