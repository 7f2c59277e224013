"""What sensors decide: plain values in, plain values out."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from dockml_dagster.defs.automation.decisions import (
    FIRST_WAIT,
    LONGEST_WAIT,
    PATIENCE,
    TAG_AGE,
    Asked,
    FailedInARow,
    batches,
    findings_wait_for,
    left_partitions,
    mark_of,
    missing_partitions,
    moved,
    ripe,
    stretches,
    tags_to_look_at,
    wait,
)
from dockml_dagster.warehouse.due.query import Due
from dockml_dagster.warehouse.due.tags import Tag

NOW = datetime(2026, 3, 1, 12)
KEYS = [f"sample/o/p{number}" for number in range(10)]


def test_partitions_are_added_in_order_and_never_removed() -> None:
    assert missing_partitions(["a", "b", "a", "c"], ["b", "gone"], at_most=10) == ["a", "c"]
    assert missing_partitions(["a", "b", "c"], [], at_most=2) == ["a", "b"]
    assert missing_partitions([], ["gone"], at_most=2) == []


@pytest.mark.parametrize(
    ("wanted", "size", "expected"),
    [
        ("abcd", 9, ["abcd"]),
        ("abcd", 2, ["ab", "cd"]),
        ("abde", 9, ["ab", "de"]),
        ("", 9, []),
        ("f", 1, ["f"]),
    ],
)
def test_stretches_have_no_gap(wanted: str, size: int, expected: list[str]) -> None:
    def keys(text: str) -> list[str]:
        return [f"local/{letter}" for letter in text]

    assert stretches(keys("abcdef"), set(keys(wanted)), size) == [keys(text) for text in expected]


@pytest.mark.parametrize(
    ("ordered", "expected"),
    [
        (["a/x", "a/y", "b/x", "b/y"], [["a/x", "a/y"], ["b/x", "b/y"]]),
        (["a/x", "b/x", "a/y", "b/y"], [["a/x"], ["b/x"], ["a/y"], ["b/y"]]),
        (["a/x", "ab/x", "ab/y", "ab/z"], [["a/x"], ["ab/x", "ab/y"], ["ab/z"]]),
    ],
)
def test_a_stretch_is_of_one_corpus(ordered: list[str], expected: list[list[str]]) -> None:
    assert stretches(ordered, set(ordered), 2) == expected


def test_waiting_doubles_up_to_a_day() -> None:
    assert wait(0) == timedelta()
    assert [wait(n) / FIRST_WAIT for n in (1, 2, 3)] == [1, 2, 4]
    assert wait(50) == wait(10**9) == LONGEST_WAIT == timedelta(days=1)


def test_what_failed_waits_and_nothing_else_does() -> None:
    just = NOW - timedelta(minutes=1)
    long_ago = NOW - FIRST_WAIT
    items = [
        Due(KEYS[0], "manifests", "new"),
        Due(KEYS[1], "manifests", "failed for now", 1, just),
        Due(KEYS[2], "manifests", "failed for now", 1, long_ago),
        Due(KEYS[3], "manifests", "failed for now", 2, long_ago),
        Due(KEYS[4], "manifests", "changed", 7, just),
    ]
    assert [item.project for item in ripe(items, NOW)] == [KEYS[0], KEYS[2], KEYS[4]]


def _due(*numbers: int) -> list[Due]:
    return [Due(KEYS[number], "dockerfiles", "new") for number in numbers]


def test_batches_are_few_small_and_asked_for_once() -> None:
    found, asked = batches(_due(*range(8)), KEYS, Asked(), NOW, size=3, at_most=2)
    assert [batch.projects for batch in found] == [tuple(KEYS[0:3]), tuple(KEYS[3:6])]
    rest, asked = batches(_due(*range(8)), KEYS, Asked.read(asked.written()), NOW, size=3, at_most=2)
    assert [batch.projects for batch in rest] == [tuple(KEYS[6:8])]
    assert batches(_due(*range(8)), KEYS, asked, NOW, size=3, at_most=2)[0] == []


def test_what_stays_due_is_asked_for_again_later_under_another_key() -> None:
    first, asked = batches(_due(0), KEYS, Asked(), NOW, size=3, at_most=2)
    again, later = batches(_due(0), KEYS, asked, NOW + FIRST_WAIT, size=3, at_most=2)
    assert [batch.attempt for batch in (*first, *again)] == [1, 2]
    assert first[0].mark == again[0].mark
    assert batches(_due(0), KEYS, later, NOW + 2 * FIRST_WAIT, size=3, at_most=2)[0] == []
    assert batches(_due(0), KEYS, later, NOW + 3 * FIRST_WAIT, size=3, at_most=2)[0][0].attempt == 3


def test_other_work_on_the_same_projects_is_asked_for_at_once() -> None:
    _, asked = batches(_due(0), KEYS, Asked(), NOW, size=3, at_most=2)
    changed = [Due(KEYS[0], "dockerfiles", "changed", 0, NOW)]
    found, asked = batches(changed, KEYS, asked, NOW, size=3, at_most=2)
    assert len(found) == 1
    assert list(asked.marks) == [found[0].mark], "the cursor forgets what is no longer due"


def test_what_is_no_partition_yet_waits() -> None:
    found, _ = batches([Due("sample/not/yet", "dockerfiles", "new")], KEYS, Asked(), NOW, size=3, at_most=2)
    assert found == []


def test_a_clock_set_back_does_not_silence_a_sensor() -> None:
    asked = Asked().asking(["m"], NOW, kept=())
    assert not asked.may_ask("m", NOW + timedelta(seconds=1))
    assert asked.may_ask("m", NOW - timedelta(days=400))


@pytest.mark.parametrize("cursor", [None, "", "no json", "[]", "3", '{"m": 4}', '{"m": ["x", "y"]}'])
def test_a_broken_cursor_counts_as_none(cursor: str | None) -> None:
    assert Asked.read(cursor) == Asked()


def test_a_mark_names_the_work_and_its_occasion() -> None:
    one, other = Due("p", "s", "new"), Due("q", "s", "new")
    assert mark_of([one, other]) == mark_of([other, one])
    assert mark_of([one]) != mark_of([other])
    assert mark_of([Due("p", "s", "changed", 0, NOW)]) != mark_of(
        [Due("p", "s", "changed", 0, NOW + timedelta(1))]
    )


CHANGED = {
    "current": False,
    "under_way": 0,
    "due": 0,
    "changed_at": NOW - PATIENCE / 2,
    "failed": None,
    "now": NOW,
}


@pytest.mark.parametrize(
    ("case", "waits_for"),
    [
        ({}, None),
        ({"current": True}, "up to date"),
        ({"changed_at": None}, "up to date"),
        ({"under_way": 2}, "2 runs are under way"),
        ({"due": 3}, "3 stages are due"),
        # Whoever leaves the collecting sensor off still gets findings.
        ({"due": 3, "changed_at": NOW - PATIENCE}, None),
        ({"due": 3, "changed_at": NOW + timedelta(days=9)}, None),
        ({"failed": FailedInARow(1, NOW - FIRST_WAIT / 2)}, "failed 1 times"),
        ({"failed": FailedInARow(1, NOW - FIRST_WAIT)}, None),
        ({"failed": FailedInARow(2, NOW - FIRST_WAIT)}, "failed 2 times"),
        ({"failed": FailedInARow(2, NOW + timedelta(days=9))}, None),
    ],
)
def test_findings_follow(case: dict[str, Any], waits_for: str | None) -> None:
    found = findings_wait_for(**{**CHANGED, **case})
    assert (found is None) == (waits_for is None)
    assert (waits_for or "") in (found or "")


def tag(name: str, age: timedelta, project: str = KEYS[0]) -> Tag:
    return Tag("sample", project, name, frozenset({"sha256:old", "sha256:other"}), NOW - age)


def test_tags_are_looked_at_oldest_first_each_once_and_few_at_a_time() -> None:
    hour = timedelta(hours=1)
    known = [
        tag("a:1", TAG_AGE),
        tag("b:1", TAG_AGE - hour),
        tag("c:1", TAG_AGE + hour),
        tag("c:1", TAG_AGE + hour, KEYS[1]),
        tag("d:1", -hour),
    ]
    assert tags_to_look_at(known, NOW, at_most=9) == ["c:1", "a:1", "d:1"]
    assert tags_to_look_at(known, NOW, at_most=1) == ["c:1"]


def test_a_tag_moved_if_it_leads_to_what_was_not_collected() -> None:
    known = [tag("a:1", TAG_AGE), tag("b:1", TAG_AGE), tag("b:1", TAG_AGE, KEYS[1]), tag("c:1", TAG_AGE)]
    seen = {"a:1": "sha256:other", "b:1": "sha256:new", "c:1": None}
    assert [(one.reference, one.project) for one in moved(known, seen)] == [
        ("b:1", KEYS[0]),
        ("b:1", KEYS[1]),
    ]


def test_who_left_loses_its_partition_where_nothing_works_on_it() -> None:
    existing = ["a/x/1", "a/x/2", "b/x/1", "c/x/1"]
    assert left_partitions(["a/x/2"], existing, {"a", "b"}, at_most=5) == ["a/x/1", "b/x/1"]
    assert left_partitions(["a/x/2"], existing, {"a", "b"}, at_most=1) == ["a/x/1"]
    # b is being collected; c was never listed.
    assert left_partitions([], existing, {"a"}, at_most=5) == ["a/x/1", "a/x/2"]
