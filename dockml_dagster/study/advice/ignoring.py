"""Comments of a Dockerfile that switch advice off, and the names that they may use for a rule.

Here: reading and applying ``# dockml ignore=``, ``# check=skip=``, ``# hadolint ignore=`` and ``# trivy:ignore:``.
Not here: configuration files (``commands.advise``). Ignore comments change what is advised, never what a study finds.
"""

from __future__ import annotations

import csv
import io
import re
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from dockml_dagster.study.advice.model import Evidence, Recommendation, Rules
from dockml_dagster.study.dockerfile.checks.model import CheckOptions
from dockml_dagster.study.dockerfile.model import DockerfileReading


@dataclass(frozen=True, slots=True)
class Ignore:
    """One ignore comment. It holds for the lines ``first`` to ``last``, or for the whole file (both ``None``).

    ``every``: it switches all names off. ``fault``: why it is not obeyed; ``""`` where it is.
    """

    line: int
    tool: str
    names: tuple[str, ...]
    first: int | None = None
    last: int | None = None
    reason: str = ""
    every: bool = False
    fault: str = ""


class RuleNames:
    """Which triggers a name means. Names are those of recommendations, practices, BuildKit's checks and other tools."""

    def __init__(self, rules: Rules, aliases_csv: str) -> None:
        self._triggers: dict[str, set[str]] = {}
        for rule in rules.all:
            self._triggers.setdefault(rule.recommendation, set()).update(rule.triggers)
            for trigger in rule.triggers:
                self._triggers.setdefault(trigger.partition(":")[2] or trigger, set()).add(trigger)
        for row in csv.DictReader(io.StringIO(aliases_csv)):
            if row["trigger"] not in rules.by_trigger:
                raise ValueError(
                    f"rule_aliases: {row['alias']!r} names the unknown trigger {row['trigger']!r}"
                )
            self._triggers.setdefault(row["alias"], set()).add(row["trigger"])

    def __contains__(self, name: str) -> bool:
        return _canonical(name) in self._triggers

    def triggers(self, name: str) -> frozenset[str]:
        """The triggers that a name means; empty for an unknown name."""
        return frozenset(self._triggers.get(_canonical(name), ()))

    def matches(self, name: str, recommendation: Recommendation, place: Evidence) -> bool:
        """Whether a name covers a recommendation at one place."""
        meant = self.triggers(name)
        if not place.trigger:
            return bool(meant.intersection(recommendation.rule.triggers))
        return place.trigger in meant


def _canonical(name: str) -> str:
    """The current form of Trivy's older names, such as ``AVD-DS-0002`` and ``DS002``."""
    match = re.fullmatch(r"(?:AVD-)?DS-?0*(\d{1,4})", name)
    return f"DS-{int(match[1]):04}" if match else name


_MOST_TOGETHER = 50
"""Most ignore comments for the same lines that are obeyed."""
_DOCKML = re.compile(r"dockml\s+ignore\s*=\s*([\w.,:-]+(?:\s*,\s*[\w.:-]+)*)\s*(.*)\Z")
_HADOLINT = re.compile(r"hadolint\s+(global\s+)?ignore\s*=\s*((?:DL|SC)\d+(?:\s*,\s*(?:DL|SC)\d+)*)")
_TRIVY = re.compile(r"trivy:ignore:([\w-]+)")
_CHECK = re.compile(r"check\s*=\s*(\S+)")


def read_ignores(reading: DockerfileReading) -> tuple[Ignore, ...]:
    """Every ignore comment, in order. dockml's own applies to the whole file if it stands before the first instruction."""
    found: list[Ignore] = []
    for directive in reading.directives:
        if directive.name == "check":
            found += _of_check(directive.value, directive.line, None, None)
    ends = [item.end_line for item in reading.instructions]
    for comment in reading.comments:
        at = bisect_left(ends, comment.line)
        if at == len(ends) or not ("ignore" in comment.text or "check" in comment.text):
            continue
        place = reading.instructions[at]
        first, last = place.start_line, place.end_line
        whole = place is reading.instructions[0] and not comment.inside
        found += _of_comment(comment.text, comment.line, first, last, whole_file=whole)
    about: Counter[int | None] = Counter()
    for at, ignore in enumerate(found):
        about[ignore.first] += 1
        if about[ignore.first] > _MOST_TOGETHER and not ignore.fault:
            fault = f"is not obeyed: more than {_MOST_TOGETHER} speak of the same lines"
            found[at] = replace(ignore, fault=fault)
    return tuple(found)


def _of_comment(text: str, line: int, first: int, last: int, *, whole_file: bool) -> list[Ignore]:
    own = _DOCKML.match(text)
    if own:
        names = tuple(name.strip() for name in own[1].split(","))
        reason = own[2].strip()
        fault = "" if reason else "gives no reason, so it is not obeyed"
        start, end = (None, None) if whole_file else (first, last)
        return [Ignore(line, "dockml", names, start, end, reason, "all" in names, fault)]
    other = _HADOLINT.match(text)
    if other:
        names = tuple(name.strip() for name in other[2].split(","))
        return [Ignore(line, "hadolint", names, None if other[1] else first, None if other[1] else last)]
    if text.startswith("trivy:ignore:"):
        return [Ignore(line, "trivy", tuple(_TRIVY.findall(text)), first, last)]
    check = _CHECK.match(text)
    return _of_check(check[1], line, first, last) if check else []


def _of_check(value: str, line: int, first: int | None, last: int | None) -> list[Ignore]:
    try:
        options = CheckOptions.parse(value)
    except ValueError as error:
        return [Ignore(line, "buildkit", (), first, last, fault=f"is not obeyed: {error}")]
    if not (options.skip or options.skip_all):
        return []
    return [Ignore(line, "buildkit", tuple(sorted(options.skip)), first, last, every=options.skip_all)]


@dataclass(frozen=True, slots=True)
class Ignored:
    """The recommendations that remain. ``suppressed``: the places that were ignored. ``unused``: comments that ignored
    nothing or were not obeyed, as (line, sentence).
    """

    recommendations: tuple[Recommendation, ...]
    suppressed: int
    unused: tuple[tuple[int, str], ...]


def apply_ignores(
    recommendations: Sequence[Recommendation], ignores: Sequence[Ignore], names: RuleNames
) -> Ignored:
    """The recommendations for one Dockerfile without those that its own comments ignore."""
    used: set[tuple[int, str]] = set()
    by_line: dict[int | None, list[Ignore]] = {None: []}
    for ignore in ignores:
        if not ignore.fault:
            by_line.setdefault(ignore.first, []).append(ignore)
    starts = sorted(line for line in by_line if line is not None)
    kept: list[Recommendation] = []
    suppressed = 0
    for item in recommendations:
        places = []
        # Something absent has no line: only an ignore of the whole file covers it.
        for place in item.evidence or (Evidence(""),):
            at = bisect_right(starts, place.line or 0) - 1
            near = by_line[starts[at]] if at >= 0 else []
            hits = [
                (ignore, name)
                for ignore in (*by_line[None], *near)
                for name in _meaning(ignore, item, place, names)
            ]
            used.update((ignore.line, name) for ignore, name in hits)
            suppressed += bool(hits)
            if not hits:
                places.append(place)
        if places:
            kept.append(item if len(places) >= len(item.evidence) else replace(item, evidence=tuple(places)))
    return Ignored(tuple(kept), suppressed, tuple(_unused(ignores, used, names)))


def _meaning(ignore: Ignore, item: Recommendation, place: Evidence, names: RuleNames) -> list[str]:
    """The names of an ignore comment that cover this place; ``"all"`` where it names every rule."""
    if (
        ignore.first is not None
        and ignore.last is not None
        and not ignore.first <= (place.line or 0) <= ignore.last
    ):
        return []
    if ignore.every:
        # BuildKit's `skip=all` covers BuildKit's checks only.
        own = (
            ignore.tool != "buildkit" or place.trigger.startswith("check:") or place.trigger in SHARED_CHECKS
        )
        return ["all"] if own else []
    return [name for name in ignore.names if names.matches(name, item, place)]


SHARED_CHECKS = frozenset(
    {"practice:exec-form", "practice:no-secrets-in-variables", "practice:platform-stated"}
)
"""Practices that are also checks of BuildKit."""


def _unused(
    ignores: Iterable[Ignore], used: set[tuple[int, str]], names: RuleNames
) -> Iterable[tuple[int, str]]:
    for ignore in ignores:
        if ignore.fault:
            yield ignore.line, f"{ignore.tool} ignore {ignore.fault}"
            continue
        if ignore.tool != "dockml":
            continue  # a rule of another tool that dockml does not have
        for name in ignore.names:
            if name == "all":
                if (ignore.line, "all") not in used:
                    yield ignore.line, "dockml ignore=all suppresses nothing"
            elif name not in names:
                yield ignore.line, f"dockml ignore names the unknown rule {name}"
            elif (ignore.line, name) not in used:
                yield ignore.line, f"dockml ignore={name} suppresses nothing"
