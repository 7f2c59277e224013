"""What an ML image contains: GPU libraries, frameworks, weights, data, caches, leftovers, with bytes and evidence.

Here: parsing the rules of ``layer_content_rules.csv`` and applying them to the files of an image. Not here: what to
do about it (``advice``), the image's total size (``image``).

A rule is a path pattern. It is compared segment by segment, with `*` and `?` inside a segment. A leading `/` anchors
the pattern at the root; otherwise it may start at any directory. A trailing `/**` means everything below. There is no
other `**`, so that matching is linear in the path's length.
"""

from __future__ import annotations

import csv
import heapq
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from operator import methodcaller
from typing import Final, NamedTuple

from dockml_dagster.study.layer.model import LargeFile
from dockml_dagster.study.layer.union import Merged

EVIDENCE: Final = 10
_COLUMNS: Final = ("rule", "rule_group", "pattern", "removable", "meaning")
_REMEMBERED: Final = 131_072
_MOST_DIRECTORIES: Final = 1024
_WILD: Final = re.compile(r"[*?]")


class ContentRule(NamedTuple):
    """One row of the rules: files that match ``pattern`` are ``rule``."""

    rule: str
    group: str
    pattern: str
    removable: bool
    """Whether a running container usually does not need such files (caches, tests), so that the bytes can be saved."""
    meaning: str


@dataclass(frozen=True, slots=True)
class ContentFinding:
    """The files of one image that match one rule."""

    rule: str
    group: str
    removable: bool
    files: int
    bytes: int
    """Content of visible files, as stored in the archives."""
    duplicate_bytes: int
    """Part of ``bytes``: further copies of contents, all but one of each."""
    hidden_files: int
    hidden_bytes: int
    """Content of matching files that later layers hide. It is shipped all the same (a cache deleted one instruction
    too late)."""
    largest: tuple[LargeFile, ...]
    """Evidence: the largest visible matching files."""


def parse_rules(text: str) -> tuple[ContentRule, ...]:
    """The rules of a CSV text with the columns `rule, group, pattern, removable, meaning`.

    Several rows of one rule are alternatives; they must agree in group and removable. Raises ``ValueError``
    with the line that cannot be used.
    """
    reader = csv.DictReader(text.splitlines())
    if tuple(reader.fieldnames or ()) != _COLUMNS:
        raise ValueError(f"content rules: the columns must be {', '.join(_COLUMNS)}")
    rules: list[ContentRule] = []
    facts: dict[str, tuple[str, bool]] = {}
    for row in reader:
        place = f"content rules, line {reader.line_num}"
        if None in row.values() or None in row or row["removable"] not in {"true", "false"}:
            raise ValueError(f"{place}: five values are needed, `removable` true or false")
        rule = ContentRule(
            row["rule"], row["rule_group"], row["pattern"], row["removable"] == "true", row["meaning"]
        )
        if facts.setdefault(rule.rule, (rule.group, rule.removable)) != (rule.group, rule.removable):
            raise ValueError(f"{place}: {rule.rule} has another group or another `removable` above")
        try:
            _compiled(rule.pattern)
        except ValueError as problem:
            raise ValueError(f"{place}: {problem}") from None
        rules.append(rule)
    return tuple(rules)


def _compiled(pattern: str) -> re.Pattern[str]:
    body = pattern.removeprefix("/").removesuffix("/**")
    segments = body.split("/")
    if not body or "" in segments or "**" in body:
        raise ValueError(f"pattern {pattern!r}: `**` only stands at the end, and no segment is empty")
    if any(segment.count("*") > 2 for segment in segments):
        raise ValueError(f"pattern {pattern!r}: at most two `*` in a segment")
    inner = "".join({"*": "[^/]*", "?": "[^/]"}.get(character, re.escape(character)) for character in body)
    start = "" if pattern.startswith("/") else "(?:.*/)?"
    return re.compile(f"(?s:{start}{inner}{'/.*' if pattern.endswith('/**') else ''})")


_Test = tuple[Callable[[str], object], str]
"""A test whether a path matches, and the name of the rule."""


def _test(pattern: str) -> Callable[[str], object]:
    """The test whether a path matches a pattern."""
    if pattern.startswith("*.") and not _WILD.search(pattern, 1) and "/" not in pattern:
        return methodcaller("endswith", pattern[1:])  # takes a tenth of the expression's time
    return _compiled(pattern).fullmatch


class ContentRules:
    """Rules with an index, so that a path is tested only against the few rules that could match it.

    Results that depend only on the directory are cached, because the files of a directory come close together.
    """

    def __init__(self, rules: Iterable[ContentRule]) -> None:
        self.rules: dict[str, ContentRule] = {}
        self._below: dict[str, list[_Test]] = {}
        """Patterns with `/**`, by their longest segment. The directory alone decides whether they match."""
        self._below_always: list[_Test] = []
        self._by_segment: dict[str, list[_Test]] = {}
        self._by_start: dict[str, list[tuple[str, _Test]]] = {}
        """By the first three characters of a name: its whole required start, and the test."""
        self._by_end: dict[str, list[_Test]] = {}
        self._always: list[_Test] = []
        for rule in rules:
            self.rules.setdefault(rule.rule, rule)
            self._index(rule)
        self._directories: dict[str, tuple[tuple[str, ...], list[_Test]]] = {}

    def _index(self, rule: ContentRule) -> None:
        test = (_test(rule.pattern), rule.rule)
        below = rule.pattern.endswith("/**")
        segments = rule.pattern.strip("/").removesuffix("/**").split("/")
        literal = [segment for segment in segments if not _WILD.search(segment)]
        if below and literal:
            self._below.setdefault(max(literal, key=len), []).append(test)
            return
        if below:
            self._below_always.append(test)
            return
        name = segments[-1]
        start = _WILD.split(name)[0][:6]
        end = name.rpartition(".")[2]
        if literal:
            self._by_segment.setdefault(max(literal, key=len), []).append(test)
        elif len(start) >= 3:
            self._by_start.setdefault(start[:3], []).append((start, test))
        elif "." in name and not _WILD.search(end):
            self._by_end.setdefault(end, []).append(test)
        else:
            self._always.append(test)

    def matching(self, path: str) -> tuple[str, ...]:
        """Names of the rules that a path matches, sorted."""
        slash = path.rfind("/") + 1
        directory, name = path[:slash], path[slash:]
        matched, tests = self._directories.get(directory) or self._enter(directory)
        if (named := self._by_segment.get(name)) is not None:
            tests = tests + named
        if (starts := self._by_start.get(name[:3])) is not None:
            tests = tests + [test for start, test in starts if name.startswith(start)]
        if (named := self._by_end.get(name[name.rfind(".") + 1 :])) is not None:
            tests = tests + named
        if not tests or not (further := [rule for matches, rule in tests if matches(path)]):
            return matched
        if len(further) == 1 and not matched:
            return tuple(further)
        return tuple(sorted({*further, *matched}))

    def _enter(self, directory: str) -> tuple[tuple[str, ...], list[_Test]]:
        """The rules that all files of a directory match, and the tests that its segments select."""
        below, tests = list(self._below_always), list(self._always)
        for segment in directory.split("/")[:-1]:
            below += self._below.get(segment, ())
            tests += self._by_segment.get(segment, ())
        found = tuple(sorted({rule for matches, rule in below if matches(directory)})), tests
        if len(self._directories) >= _MOST_DIRECTORIES:
            self._directories.clear()
        self._directories[directory] = found
        return found


class _Count:
    __slots__ = ("bytes", "duplicate_bytes", "files", "hidden_bytes", "hidden_files", "largest")

    def __init__(self) -> None:
        self.files = self.bytes = self.duplicate_bytes = self.hidden_files = self.hidden_bytes = 0
        self.largest: list[LargeFile] = []


class ContentTally:
    """Applies rules to the entries of one image: a visitor of ``summarise_image``."""

    def __init__(self, rules: ContentRules) -> None:
        self._rules = rules
        self._counts: dict[str, _Count] = {}
        self._contents: set[tuple[str, str]] = set()

    def __call__(self, batch: Iterable[Merged]) -> None:
        """Count the files among the entries."""
        matching, counts, contents = self._rules.matching, self._counts, self._contents
        for entry, _, hidden_by, _ in batch:
            if entry[1] != "file" or not (rules := matching(entry[0])):
                continue
            stored, file_hash = entry.stored, entry.file_hash
            for rule in rules:
                count = counts.get(rule)
                if count is None:
                    count = counts[rule] = _Count()
                if hidden_by is not None:
                    count.hidden_files += 1
                    count.hidden_bytes += stored
                    continue
                count.files += 1
                count.bytes += stored
                if file_hash is not None and stored:
                    content = (rule, file_hash)
                    if content in contents:
                        count.duplicate_bytes += stored
                    elif len(contents) < _REMEMBERED:
                        contents.add(content)
                if len(count.largest) < EVIDENCE:
                    heapq.heappush(count.largest, LargeFile(stored, entry[0]))
                elif stored > count.largest[0][0]:
                    heapq.heappushpop(count.largest, LargeFile(stored, entry[0]))

    def findings(self) -> tuple[ContentFinding, ...]:
        """The findings of rules with a match, most bytes first."""
        found = []
        for name, count in self._counts.items():
            rule = self._rules.rules[name]
            largest = tuple(sorted(count.largest, key=lambda file: (-file.size, file.path)))
            found.append(
                ContentFinding(
                    rule.rule,
                    rule.group,
                    rule.removable,
                    count.files,
                    count.bytes,
                    count.duplicate_bytes,
                    count.hidden_files,
                    count.hidden_bytes,
                    largest,
                )
            )
        return tuple(sorted(found, key=lambda finding: (-finding.bytes, -finding.hidden_bytes, finding.rule)))
