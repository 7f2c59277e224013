"""Beside other tools' own cases: for each rule that both know, on how many of their cases the two agree.

Here: hadolint's specifications (``DOCKML_HADOLINT``: a checkout) and, as a pointer, BuildKit's published cases, which are
a test (``DOCKML_BUILDKIT``). Run by ``make yardstick``; nothing is asserted and nothing of the cases is kept here.
"""

import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from dockml_dagster.commands.advise.targets import advice_rules, rule_names
from dockml_dagster.commands.read_dockerfile.read import reading_rules
from dockml_dagster.study.advice.dockerfile import advise_dockerfile
from dockml_dagster.study.dockerfile.practices import judge_practices
from dockml_dagster.study.dockerfile.reading.reading import read_dockerfile
from dockml_dagster.study.dockerfile.run.steps import read_steps

BASE_RULES, TASK_RULES = reading_rules()

_LITERAL = r'"(?:[^"\\]|\\.)*"'
_LET = re.compile(rf"let (\w+) =\s*\[(\s*{_LITERAL}(?:\s*,\s*{_LITERAL})*)\s*\]")
_CASE = re.compile(rf'\b(ruleCatches|ruleCatchesNot) "(DL\d+)" (?:\$ )?(?:({_LITERAL})|Text\.unlines (\w+))')
_ESCAPES = {"n": "\n", "t": "\t", '"': '"', "'": "'", "\\": "\\"}


class Case(NamedTuple):
    """One expectation of hadolint: whether a rule of it speaks about a text."""

    rule: str
    text: str
    catches: bool


def _unquoted(literal: str) -> str:
    return re.sub(r"\\(.)", lambda match: _ESCAPES.get(match[1], match[0]), literal[1:-1])


def hadolint_cases(folder: Path) -> Iterator[Case]:
    """The cases of a checkout that are plain texts."""
    for path in sorted((folder / "test" / "Hadolint" / "Rule").glob("DL*Spec.hs")):
        text = path.read_text(encoding="utf-8")
        named: dict[str, str] = {}
        for match in re.finditer(f"{_LET.pattern}|{_CASE.pattern}", text):
            if match[1]:
                named[match[1]] = "".join(f"{_unquoted(each)}\n" for each in re.findall(_LITERAL, match[2]))
                continue
            source = _unquoted(match[5]) + "\n" if match[5] else named.get(match[6] or "")
            if source is not None:
                yield Case(match[4], source, match[3] == "ruleCatches")


def speaks(rule: str, text: str) -> bool | None:
    """Whether dockml says of a text what another tool's rule is about; ``None`` for what is no Dockerfile."""
    if not re.search(r"(?im)^\s*from\s", text):
        text = f"FROM debian:12\n{text}"
    reading = read_dockerfile(text.encode())
    if not reading.valid:
        return None
    steps = read_steps(reading)
    practices = judge_practices(reading, base_rules=BASE_RULES, steps=steps)
    advised = advise_dockerfile(
        "Dockerfile", reading, practices, steps, advice_rules(), base_rules=BASE_RULES, task_rules=TASK_RULES
    )
    meant = rule_names().triggers(rule)
    by_place = any(place.trigger in meant for item in advised for place in item.evidence)
    absent = any(
        f"practice:{finding.practice}" in meant and finding.verdict == "violated" for finding in practices
    )
    return by_place or absent


def main() -> None:
    """Print a line a rule: cases, agreements, what only one of the two says."""
    folder = os.environ.get("DOCKML_HADOLINT")
    if not folder:
        sys.exit("yardstick: DOCKML_HADOLINT names no checkout of hadolint")
    verbose = "-v" in sys.argv
    counts: dict[str, list[int]] = {}
    for case in hadolint_cases(Path(folder)):
        if case.rule not in rule_names():
            continue
        said = speaks(case.rule, case.text)
        if said is None:
            continue
        # Agreed on both, agreed on neither, only dockml, only hadolint.
        kind = (0 if said else 3) if case.catches else (2 if said else 1)
        counts.setdefault(case.rule, [0, 0, 0, 0])[kind] += 1
        if verbose and kind > 1:
            print(f"{case.rule} only {'dockml' if said else 'hadolint'}: {case.text!r}")
    print("| rule | cases | both | neither | only dockml | only hadolint | precision | recall |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    total = [0, 0, 0, 0]
    for rule, found in sorted(counts.items()):
        print(_row(rule, found))
        total = [before + now for before, now in zip(total, found, strict=True)]
    print(_row("all", total))


def _row(rule: str, found: list[int]) -> str:
    both, neither, ours, theirs = found
    precision = f"{both / (both + ours):.2f}" if both + ours else "–"
    recall = f"{both / (both + theirs):.2f}" if both + theirs else "–"
    return f"| {rule} | {sum(found)} | {both} | {neither} | {ours} | {theirs} | {precision} | {recall} |"


if __name__ == "__main__":
    main()
