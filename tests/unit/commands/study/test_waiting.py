"""What is left of a study in words, and the loop that waits for it, on a time that nobody has to wait for."""

import pytest

from dockml_dagster.commands.study.waiting import LONGEST_WAIT, TRIES, Waiting, until_done, waiting
from dockml_dagster.corpora.base import Unasked
from dockml_dagster.errors import BadInputError, UnreachableError
from dockml_dagster.warehouse.due.delayed import Delayed

NOTHING = Delayed(0, 0, None, None)


class Time:
    def __init__(self) -> None:
        self.at, self.slept = 1_000.0, []

    def now(self) -> float:
        return self.at

    def sleep(self, seconds: float) -> None:
        self.at += seconds
        self.slept.append(seconds)


def rounds(*answers):
    """A study that answers so, one after another; an error is raised."""
    left = iter(answers)

    def study():
        answer = next(left)
        if isinstance(answer, Exception):
            raise answer
        return "a round", answer

    return study


def run(study, time: Time):
    said: list[str] = []
    return until_done(study, said.append, lambda *_: None, now=time.now, sleep=time.sleep), said


@pytest.mark.parametrize(
    ("unasked", "delayed", "said"),
    [
        (
            Unasked(1, 0, 0, "why", 0.0),
            NOTHING,
            "1 repository was not asked for; why; run the same command again after 1970-01-01 00:00 UTC",
        ),
        (
            Unasked(1200, 2, 1, "why"),
            NOTHING,
            "a search is not ended, 1,200 repositories were not asked for, 2 projects were not looked at again; why; "
            "run the same command again later",
        ),
        (
            None,
            Delayed(5, 3, "pull_limit: x", 60.0),
            "3 projects are not collected whole; pull_limit: x; run the same command again after 1970-01-01 00:01 UTC",
        ),
        (
            Unasked(1, 0, 0, "why", 90.0),
            Delayed(1, 1, "sooner", 30.0),
            "1 repository was not asked for, 1 project is not collected whole; sooner; "
            "run the same command again after 1970-01-01 00:00 UTC",
        ),
    ],
)
def test_what_is_left_is_said(unasked, delayed, said: str) -> None:
    left = waiting(unasked, delayed)
    assert left is not None
    assert left.said() == f"not at its end: {said}, or once with --wait"


@pytest.mark.parametrize(("runs", "said"), [(1, "about once more"), (7, "about 7 times an hour apart")])
def test_how_often_is_said(runs: int, said: str) -> None:
    assert said in Waiting(("x",), "y", None, runs).said()


def test_a_project_that_failed_without_a_limit_is_not_waited_for() -> None:
    assert waiting(None, Delayed(4, 0, None, None)) is None


def test_a_known_moment_is_waited_for_and_no_longer() -> None:
    time = Time()
    (summary, left), said = run(rounds(Waiting(("x",), "a limit", 4_600.0), None), time)
    assert (summary, left) == ("a round", None)
    assert time.at == 4_601.0
    assert said == ["a round\n  x; a limit"]


def test_what_nobody_knows_the_end_of_is_tried_ever_later_and_given_up() -> None:
    time = Time()
    left = Waiting(("x",), "who knows", None)
    (_, found), said = run(rounds(*[left] * TRIES, left), time)
    assert found == left
    assert len(said) == TRIES
    assert max(time.slept) <= LONGEST_WAIT
    assert 4_000 < time.at < 12_000


def test_progress_begins_the_count_anew() -> None:
    time = Time()
    (_, left), said = run(
        rounds(*[Waiting((f"{n} left",), "who knows", None) for n in range(30)], None), time
    )
    assert left is None
    assert len(said) == 30


def test_a_service_that_is_down_is_waited_for_and_a_mistake_is_not() -> None:
    time = Time()
    (_, left), _ = run(rounds(UnreachableError("down"), UnreachableError("down"), None), time)
    assert left is None
    assert sum(time.slept) == 60 + 120
    with pytest.raises(BadInputError):
        run(rounds(BadInputError("a mistake")), Time())
    with pytest.raises(UnreachableError):
        run(rounds(*[UnreachableError("down")] * (TRIES + 1)), Time())
