"""What the text of advice puts first."""

import re

from dockml_dagster.commands.advise.output import to_text
from dockml_dagster.commands.advise.targets import Advice
from dockml_dagster.study.advice.model import SEVERITIES, Evidence, Recommendation, Rule


def rule(name: str, severity: str, order: int) -> Rule:
    return Rule(name, order, (), severity, "low", "high", 0, "Do.", "Why.", "", "")  # type: ignore[arg-type]


def test_the_most_severe_comes_first_then_what_saves_most_then_the_order_of_the_seed() -> None:
    least, most = SEVERITIES[0], SEVERITIES[-1]
    recommendations = [
        Recommendation(rule("small", least, 1), "image", "x:1", saves_bytes=10),
        Recommendation(rule("later", least, 3), "image", "x:1"),
        Recommendation(rule("large", least, 4), "image", "x:1", saves_bytes=5_000_000),
        Recommendation(rule("early", least, 0), "image", "x:1"),
        Recommendation(rule("severe", most, 9), "image", "x:1"),
    ]
    text = to_text([Advice("x:1", tuple(recommendations))])
    shown = re.findall(rf"^(?:{'|'.join(SEVERITIES)}) +(\w+)", text, re.MULTILINE)
    assert shown == ["severe", "large", "small", "early", "later"]


def test_evidence_that_is_of_no_file_begins_with_its_bytes() -> None:
    several = (Evidence("cublas: pypi a 1, deb b 2", bytes=400_000), Evidence("file", "opt/x", bytes=2000))
    text = to_text(
        [Advice("x:1", (Recommendation(rule("r", SEVERITIES[0], 1), "image", "x:1", evidence=several),))]
    )
    assert "\n           400 kB: cublas: pypi a 1, deb b 2\n" in text
    assert "\n           opt/x, 2 kB\n" in text
