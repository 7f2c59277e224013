"""What a study says while it works, and how its lines are set."""

from __future__ import annotations

import pytest

from dockml_dagster.commands.study import found
from dockml_dagster.commands.study.bring_up_to_date import telling
from dockml_dagster.report.text import percent, say, words


def test_other_units_do_not_count_towards_the_total() -> None:
    heard: list[tuple[str, int, int | None, str]] = []
    tell = telling(
        lambda what, steps, total=None, unit="": heard.append((what, steps, total, unit)),
        "findings made",
        "models",
    )
    for units, steps in (
        ("texts", 1_999),
        ("texts", 1),
        ("models", 2),
        ("findings.funnel", 0),
        ("projects labelled", 3),
    ):
        tell(units, steps)
    assert heard == [
        ("findings made", 0, None, "1,999 texts"),
        ("findings made", 0, None, "2,000 texts"),
        ("findings made", 2, None, ""),
        ("findings made", 0, None, "findings.funnel"),
        ("findings made", 0, None, "3 projects labelled"),
    ]


def test_every_unit_counts_where_none_is_named() -> None:
    heard: list[int] = []
    tell = telling(lambda what, steps, total=None, unit="": heard.append(steps), "stages collected")
    tell("manifests", 1)
    tell("labels", 4)
    assert heard == [1, 4]


@pytest.mark.parametrize("columns", range(22, 40))
def test_a_number_and_its_unit_stay_in_one_line(columns: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(found, "width", lambda: columns)
    text = words(say("A share of {a} to {b}, as it is.", a=percent(0.326), b=percent(0.786)), unbroken=True)
    lines = found._set("RQ1", text)
    assert lines[0].startswith("RQ1" + " " * 8)
    assert " ".join(line.strip() for line in lines).endswith("share of 32.6 % to 78.6 %, as it is.")
    assert [line for line in lines if line.strip().startswith("%")] == []
