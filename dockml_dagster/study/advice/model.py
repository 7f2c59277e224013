"""The types of advice, and the rules that it follows.

Here: rules, evidence, recommendations; parsing the seed ``recommendations.csv``. Not here: which rule applies where.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, Literal, get_args

Severity = Literal["note", "warning", "error"]
"""The levels of SARIF 2.1.0, section 3.27.10, mildest first."""
Grade = Literal["low", "medium", "high"]
About = Literal["dockerfile", "image", "project"]

SEVERITIES: Final[tuple[Severity, ...]] = get_args(Severity)
_GRADES: Final = frozenset(get_args(Grade))
_KINDS: Final = ("practice:", "check:", "content:", "hidden:", "fact:")
_FIXES: Final = frozenset({"", "safe", "unsafe"})
MOST_EVIDENCE: Final = 10
"""Most places that a recommendation names, the largest or the first ones. Bytes are counted for all places."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One row of the seed. ``order``: its place there. ``min_file_bytes``: smaller files are not counted. ``general``:
    it applies to nearly every Dockerfile. ``instead``: what to write instead. ``fix``: ``safe``, ``unsafe`` or empty, with
    ``fix_note``. ``bad`` and ``good``: small Dockerfiles that trigger the rule and that do not.
    """

    recommendation: str
    order: int
    triggers: tuple[str, ...]
    severity: Severity
    effort: Grade
    confidence: Grade
    min_file_bytes: int
    action: str
    why: str
    detection: str
    source: str
    general: bool = False
    instead: str = ""
    fix: str = ""
    fix_note: str = ""
    known_problems: str = ""
    bad: str = ""
    good: str = ""


@dataclass(frozen=True, slots=True)
class Rules:
    """The rules in the seed's order, and by their triggers."""

    all: tuple[Rule, ...]
    by_trigger: Mapping[str, Rule]


@dataclass(frozen=True, slots=True)
class Evidence:
    """A place to which a recommendation applies: a line of a file of the project, or a file in a layer. ``what``: what is
    there, in a few words, never a value that may be secret. ``bytes``: the size of that file's content. ``trigger``: the
    rule's trigger, as the seed writes it.
    """

    what: str
    path: str | None = None
    line: int | None = None
    layer: str | None = None
    bytes: int | None = None
    trigger: str = ""


@dataclass(frozen=True, slots=True)
class Recommendation:
    """What to change about one subject.

    ``subject``: path of the Dockerfile or other file, or the image's reference. ``saves_bytes``: uncompressed content that
    the image would no longer hold; no byte counts for two recommendations. None: not measured, as always for a Dockerfile
    alone. ``base_bytes``: the same in layers of the base image, which only another base image can save. ``severity``: the
    rule's, unless a configuration or the file's place says otherwise. ``minor``: the file is documentation, an example or
    a test, not the project's product.
    """

    rule: Rule
    about: About
    subject: str
    evidence: tuple[Evidence, ...] = ()
    saves_bytes: int | None = None
    base_bytes: int | None = None
    files: int | None = None
    note: str = ""
    given_severity: Severity | None = None
    minor: bool = False

    @property
    def severity(self) -> Severity:
        """The severity that applies to this subject."""
        return self.given_severity or self.rule.severity


def parse_recommendation_rules(text: str) -> Rules:
    """Rules from the text of the seed. Raises ``ValueError`` that names the rule which cannot be used."""
    rules: list[Rule] = []
    by_trigger: dict[str, Rule] = {}
    for order, row in enumerate(csv.DictReader(io.StringIO(text))):
        name = row["recommendation"]
        triggers = tuple(row["triggers"].split())
        if row["severity"] not in SEVERITIES or not {row["effort"], row["confidence"]} <= _GRADES:
            raise ValueError(f"recommendations: {name!r} has an unknown severity, effort or confidence")
        severity = next(level for level in SEVERITIES if level == row["severity"])
        effort, confidence = _grade(row["effort"]), _grade(row["confidence"])
        rule = Rule(
            name,
            order,
            triggers,
            severity,
            effort,
            confidence,
            int(row["min_file_bytes"]),
            row["action"],
            row["why"],
            row["detection"],
            row["source"],
            row["general"] == "yes",
            row["instead"],
            row["fix"],
            row["fix_note"],
            row["known_problems"],
            row["bad"],
            row["good"],
        )
        if rule.fix not in _FIXES:
            raise ValueError(f"recommendations: {name!r} has an unknown fix {rule.fix!r}")
        for trigger in triggers:
            if trigger != "duplicates" and not trigger.startswith(_KINDS):
                raise ValueError(f"recommendations: {name!r} has an unknown trigger {trigger!r}")
            if by_trigger.setdefault(trigger, rule) is not rule:
                raise ValueError(f"recommendations: {trigger!r} triggers two recommendations")
        rules.append(rule)
    return Rules(tuple(rules), by_trigger)


def _grade(text: str) -> Grade:
    grades: tuple[Grade, ...] = get_args(Grade)
    return next(grade for grade in grades if grade == text)


def at_least(recommendations: Iterable[Recommendation], severity: Severity) -> int:
    """How many recommendations have that severity or a higher one."""
    least = SEVERITIES.index(severity)
    return sum(SEVERITIES.index(item.severity) >= least for item in recommendations)


def total_saved(recommendations: Iterable[Recommendation]) -> int:
    """Bytes that all recommendations save together: no byte counts for two of them."""
    return sum(item.saves_bytes or 0 for item in recommendations)
