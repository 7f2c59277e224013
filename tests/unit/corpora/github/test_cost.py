"""What a run on GitHub costs, before anything is counted."""

from dataclasses import fields
from datetime import date
from types import SimpleNamespace

import pytest

from dockml_dagster.corpora.github import cost
from dockml_dagster.corpora.github.cost import Counts, count
from dockml_dagster.corpora.github.frame import Cohort, Frame
from dockml_dagster.corpora.github.selection import Criteria


def test_nothing_is_asked_until_something_is_counted() -> None:
    assert [name.name for name in fields(Counts) if getattr(Counts(), name.name)] == []


def counted(*cohorts: Cohort, pages_here: int = 0, controls_here: int = 0) -> Counts:
    """What is to be asked where nothing but some pages and controls is here."""
    here = {"search page": pages_here, "controls": controls_here}
    store = SimpleNamespace(document=lambda table, name: None, count=lambda table: here[table])
    client = SimpleNamespace(store=store, now=lambda: 1e9, today=lambda: date(2026, 11, 30))
    return count(client, Frame("t", cohorts), lambda name: None, contributors=True)


ANY = Criteria(minimum_commits=None, minimum_releases=None, dockerfile=False)
BOTH = Criteria(minimum_commits=1, minimum_releases=1, dockerfile=True)


@pytest.mark.parametrize(
    ("cohorts", "here", "expected"),
    [
        # 1,310 a keyword on 1,310 × 1.23 × 1.25 / 100 pages; each has metadata, a list of files, and is a project.
        ([Cohort("a", keywords=("x",), criteria=ANY)], {}, (21, 0, 1310, 0, 0, 1310, 1310, 1310)),
        ([Cohort("a", keywords=("x",), criteria=ANY, sample=7)], {}, (21, 0, 1310, 0, 0, 1310, 7, 7)),
        (
            [Cohort("a", keywords=("x", "y"), criteria=ANY)],
            {"pages_here": 40},
            (1, 40, 2620, 0, 0, 2620, 2620, 2620),
        ),
        (
            [Cohort("a", keywords=("x",), criteria=ANY)],
            {"pages_here": 40},
            (0, 40, 1310, 0, 0, 1310, 1310, 1310),
        ),
        # Commits and releases are asked of each; a third pass, a tenth of these has a Dockerfile.
        ([Cohort("a", keywords=("x",), criteria=BOTH)], {}, (21, 0, 1310, 2620, 0, 433, 43.23, 44)),
        # Names: metadata and a list of files each, and every one of them is new.
        ([Cohort("a", names=("o/a", "o/b"), criteria=BOTH)], {}, (0, 0, 2, 4, 0, 2, 2, 2)),
        # A control for each of two: a search each, less the one here; 20 × 0.33 are looked at until one of ten has one.
        (
            [
                Cohort("a", names=("o/a", "o/b"), criteria=ANY),
                Cohort("c", match="a", criteria=BOTH, per_project=2),
            ],
            {"controls_here": 1},
            (1, 1, 2, 40, 1, 8, 3.00215, 4),
        ),
    ],
)
def test_what_is_asked_of_a_frame(
    cohorts: list[Cohort], here: dict[str, int], expected: tuple[float, ...]
) -> None:
    found = counted(*cohorts, **here)
    asked = (
        found.pages,
        found.pages_here,
        found.metadata,
        found.numbers,
        found.drawn,
        found.trees,
        found.new,
    )
    assert (*asked, found.contributors) == pytest.approx(expected, abs=1e-4)


def test_controls_are_for_what_was_read_and_what_is_expected() -> None:
    store = SimpleNamespace(count=lambda table: 0)
    counting = cost._Counting(
        SimpleNamespace(store=store), Frame("t", ()), lambda name: None, False, cost.Assumptions()
    )
    counting.counts.read, counting.counts.new = 3, 2.2
    counting.controls(Cohort("c", match="a", criteria=ANY))
    assert counting.counts.drawn == 6


@pytest.mark.parametrize(("seen_seconds_later", "again"), [(0, 1), (1, 0)])
def test_a_list_of_files_is_old_when_its_days_are_over(seen_seconds_later: int, again: int) -> None:
    frame, now = Frame("t", ()), 1e9
    client = SimpleNamespace(store=SimpleNamespace(), now=lambda: now)
    counting = cost._Counting(client, frame, lambda name: None, False, cost.Assumptions())
    seen = now - frame.metadata_days * 86_400 + seen_seconds_later
    listed = SimpleNamespace(status="read", dockerfiles=())
    counting._records = SimpleNamespace(
        repository=lambda name: (None, None, now), files=lambda name: (listed, seen)
    )
    counting._named("o/a", Cohort("a", names=("o/a",), criteria=Criteria(None, None, dockerfile=True)))
    assert (counting.counts.trees_here, counting.counts.again, counting.counts.read) == (1, again, 0)
