"""The criteria of a study, at their boundaries; the draw."""

from typing import Any

import pytest

from dockml_dagster.clients.github.model import Repository
from dockml_dagster.corpora.github.frame import Criteria
from dockml_dagster.corpora.github.selection import STEPS, drawn, judge


@pytest.mark.parametrize(
    ("criterion", "field", "step"),
    [
        ("minimum_stars", "stars", "no fork"),
        ("minimum_forks", "forks", "no fork"),
        ("minimum_commits", "commits", "not archived"),
        ("minimum_releases", "releases", "commits"),
    ],
)
def test_at_least_means_at_least(criterion: str, field: str, step: str) -> None:
    criteria = Criteria(**{criterion: 100})

    def verdict(found: int | None) -> Any:
        return judge(Repository(1, "o/n", **{field: found}), criteria)

    assert verdict(100) == verdict(101) == judge(Repository(1, "o/n"), Criteria())
    assert verdict(100).reason is None
    assert (verdict(99).step, verdict(99).reason) == (step, f"99 {field}, fewer than 100")
    assert verdict(0).reason is not None
    assert verdict(None).reason is None, "what is not known excludes nobody"


@pytest.mark.parametrize(
    ("allowed", "field", "step"), [("forks", "fork", "metadata"), ("archived", "archived", "stars and forks")]
)
def test_forks_and_archived_ones_are_left_out_where_asked(allowed: str, field: str, step: str) -> None:
    for found, leave_out, passes in (
        (True, True, False), (True, False, True), (False, True, True), (None, True, True),
    ):  # fmt: skip
        verdict = judge(Repository(1, "o/n", **{field: found}), Criteria(**{allowed: not leave_out}))
        assert (verdict.reason is None) == passes
        assert verdict.step == ("releases" if passes else step)


def test_the_first_step_that_fails_counts() -> None:
    poor = Repository(1, "o/n", stars=1, forks=1, commits=1, releases=1, fork=True, archived=True)
    steps = []
    for criteria in (
        Criteria(2, 2, 2, 2, forks=False, archived=False), Criteria(2, 2, 2, 2, archived=False),
        Criteria(None, None, 2, 2, archived=False), Criteria(None, None, 2, 2), Criteria(None, None, None, 2), Criteria(),
    ):  # fmt: skip
        steps.append(judge(poor, criteria).step)
    assert steps == ["metadata", "no fork", "stars and forks", "not archived", "commits", "releases"]
    assert [step for step in STEPS if step in steps] == steps


def test_a_draw_keeps_its_sample_when_the_frame_grows() -> None:
    frame = list(range(100))
    some = drawn(frame, frame, 10, seed=7)
    assert len(set(some)) == 10
    assert drawn(list(reversed(frame)), reversed(frame), 10, seed=7) == some
    assert drawn(frame, frame, 10, seed=8) != some
    assert drawn(frame, frame, None, seed=7) == frame
    grown = list(range(101))
    assert len(set(drawn(grown, grown, 10, seed=7)) & set(some)) >= 9
