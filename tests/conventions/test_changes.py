"""The lists in CONTRIBUTING ("To add something") hold: every addition is in every place that needs it.

Here: the places, and what each one lacks. Not here: whether an entry is right (the tests beside each).
"""

import csv
import json
from collections.abc import Callable
from pathlib import Path

import dockml_dagster
from dockml_dagster.study.dockerfile.practices import PRACTICES

ROOT = Path(dockml_dagster.__file__).parents[1]
PRACTICE_FILES = "dockml_dagster/study/dockerfile/practices/"
WORDS = "dbt_like_sql/seeds/practices.csv"
ADVICE = "dbt_like_sql/seeds/recommendations.csv"
CASES = "tests/unit/study/dockerfile/cases/practices.json"


def _rows(seed: str) -> list[dict[str, str]]:
    with (ROOT / seed).open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def _worded() -> set[str]:
    needed = ("definition", "why", "detection", "source")
    return {row["practice"] for row in _rows(WORDS) if all(row[column] for column in needed)}


def _advised() -> set[str]:
    triggers = [trigger for row in _rows(ADVICE) for trigger in row["triggers"].split()]
    return {name for trigger in triggers if (name := trigger.removeprefix("practice:")) != trigger}


def _cases(verdict: str) -> set[str]:
    rows = json.loads((ROOT / CASES).read_text(encoding="utf-8"))
    return {row["practice"] for row in rows if row["verdict"] == verdict}


PRACTICE_PLACES: dict[str, Callable[[], set[str]]] = {
    f"a judge, and its line in PRACTICES, in a module of {PRACTICE_FILES}": lambda: {
        practice.id for practice in PRACTICES
    },
    f"a row with its words in {WORDS}": _worded,
    f"a row of {ADVICE} that it triggers (practice:<id>)": _advised,
    f"a case that follows it in {CASES}": lambda: _cases("followed"),
    f"a case that violates it in {CASES}": lambda: _cases("violated"),
}
"""Every place that a practice needs, and the practices that are in it. CONTRIBUTING has the same list."""


def test_every_practice_stands_at_every_place() -> None:
    found = {place: names() for place, names in PRACTICE_PLACES.items()}
    everywhere = set().union(*found.values())
    missing = [
        f"{practice} needs {place}"
        for practice in sorted(everywhere)
        for place in found
        if practice not in found[place]
    ]
    assert missing == []


def test_no_practice_is_judged_twice() -> None:
    assert len({practice.id for practice in PRACTICES}) == len(PRACTICES)


def test_the_page_names_every_place_of_a_practice() -> None:
    page = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    assert [place for place in (PRACTICE_FILES, WORDS, ADVICE, CASES) if place not in page] == []
