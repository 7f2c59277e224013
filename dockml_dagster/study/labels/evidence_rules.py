"""Rules that find facts as evidence: an id, the places to look in, and an expression.

Here: the form that features of categories and rules of purposes share, parsing it from a seed, and applying it.
Not here: what a match means (``features``, ``purpose``), the facts themselves (``project.facts``).
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from dockml_dagster.study.cuts import note_cut
from dockml_dagster.study.project.facts import WHERES, Fact

MAX_EVIDENCE_OF_FILE = 3
"""Most facts of one file that are kept as evidence for one rule."""
MAX_EVIDENCE = 1000
"""Most facts that are kept as evidence for one rule."""
_MOST_REMEMBERED = 200_000
"""Most texts for which a set of rules caches the matching rules: some 40 MB."""
_LONGEST_REMEMBERED = 200
"""Most characters of a text that is cached. Longer texts hardly occur in two projects."""


@dataclass(frozen=True, slots=True, eq=False)
class EvidenceRule:
    """A rule. ``pattern`` is tried, ignoring case, on every fact whose ``where`` is one of ``places``. Rules compare by
    identity, so that ``rule_set`` can look a set up quickly for every project.
    """

    rule: str
    places: tuple[str, ...]
    pattern: re.Pattern[str]


def rows_of(seed: str, text: str, columns: Sequence[str]) -> list[dict[str, str]]:
    """The rows of a seed's text. Raises ``ValueError`` if a column is missing."""
    reader = csv.DictReader(io.StringIO(text))
    absent = [column for column in columns if column not in (reader.fieldnames or ())]
    if absent:
        raise ValueError(f"{seed}: no column {', '.join(absent)}")
    return [{key: value or "" for key, value in row.items() if key} for row in reader]


def evidence_rule(seed: str, rule: str, where: str, pattern: str) -> EvidenceRule:
    """One rule. ``where`` may name several places, separated by ``|``. Raises ``ValueError`` on an unknown place or an
    expression that does not compile.
    """
    places = tuple(where.split("|"))
    for place in places:
        if place not in WHERES:
            raise ValueError(f"{seed}: rule {rule!r} looks in {place!r}, which does not exist")
    try:
        return EvidenceRule(rule, places, re.compile(pattern, re.IGNORECASE))
    except re.error as error:
        raise ValueError(f"{seed}: rule {rule!r}: {error}") from None


def by_place(facts: Iterable[Fact]) -> dict[str, dict[str, list[Fact]]]:
    """Facts by place and text, in order, so that an expression is tried once on each distinct text."""
    places: dict[str, dict[str, list[Fact]]] = {}
    for fact in facts:
        places.setdefault(fact.where, {}).setdefault(fact.text, []).append(fact)
    return places


class RuleSet:
    """Rules that are tried together. The matches of a text are cached, because many projects share texts."""

    def __init__(self, rules: Sequence[EvidenceRule]) -> None:
        self._rules = rules
        self._of_place: dict[str, list[tuple[int, re.Pattern[str]]]] = {}
        for number, rule in enumerate(rules):
            for place in rule.places:
                self._of_place.setdefault(place, []).append((number, rule.pattern))
        self._known: dict[tuple[str, str], tuple[int, ...]] = {}

    def found(self, places: Mapping[str, Mapping[str, Sequence[Fact]]]) -> list[tuple[Fact, ...]]:
        """For each rule the facts that it finds, in the order of its places, then of appearance. ``MAX_EVIDENCE`` and
        ``MAX_EVIDENCE_OF_FILE`` cap them.
        """
        hits: dict[int, dict[str, list[Sequence[Fact]]]] = {}
        for place, of_text in places.items():
            for text, facts in of_text.items():
                for number in self._finding(place, text):
                    hits.setdefault(number, {}).setdefault(place, []).append(facts)
        found: list[tuple[Fact, ...]] = [()] * len(self._rules)
        for number, of_place in hits.items():
            in_order = (of_place.get(place, ()) for place in self._rules[number].places)
            found[number] = _capped(facts for some in in_order for facts in some)
        return found

    def _finding(self, place: str, text: str) -> tuple[int, ...]:
        """The numbers of the rules for a place that match a text."""
        found = self._known.get((place, text))
        if found is None:
            rules = self._of_place.get(place, ())
            found = tuple(number for number, pattern in rules if pattern.search(text))
            if len(text) <= _LONGEST_REMEMBERED:
                if len(self._known) >= _MOST_REMEMBERED:
                    self._known.clear()
                self._known[place, text] = found
        return found


@lru_cache(maxsize=8)
def rule_set(rules: tuple[EvidenceRule, ...]) -> RuleSet:
    """The set of these rules. It is the same object for every project, so that its cache is shared."""
    return RuleSet(rules)


def _capped(found: Iterable[Sequence[Fact]]) -> tuple[Fact, ...]:
    hits: list[Fact] = []
    of_file: dict[str | None, int] = {}
    for facts in found:
        for fact in facts:
            of_file[fact.file] = of_file.get(fact.file, 0) + 1
            if of_file[fact.file] <= MAX_EVIDENCE_OF_FILE:
                hits.append(fact)
        if len(hits) > MAX_EVIDENCE:
            note_cut("more than 1,000 places that a rule holds at")
            return tuple(hits[:MAX_EVIDENCE])
    return tuple(hits)


def share(rule: EvidenceRule, places: Mapping[str, Mapping[str, Sequence[Fact]]]) -> float:
    """The share of the facts in the rule's places that it matches; 0 if there are no facts."""
    total = hits = 0
    for place in rule.places:
        for text, facts in places.get(place, {}).items():
            total += len(facts)
            hits += len(facts) if rule.pattern.search(text) else 0
    return hits / total if total else 0.0
