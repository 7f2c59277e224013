"""Beside other tools' own cases: for each rule that both know, on how many of their cases the two agree.

Here: the counting, for every folder that a variable names. Not here: reading their cases (``others_cases``), and BuildKit's
published ones, which are a test (``DOCKML_BUILDKIT``). Run by ``make yardstick``; nothing is asserted.
"""

import os
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from dockml_dagster.commands.advise.targets import advice_rules, rule_names
from dockml_dagster.commands.read_dockerfile.read import reading_rules
from dockml_dagster.study.advice.dockerfile import advise_dockerfile
from dockml_dagster.study.dockerfile.checks import run_checks
from dockml_dagster.study.dockerfile.practices import judge_practices
from dockml_dagster.study.dockerfile.reading.reading import read_dockerfile
from dockml_dagster.study.dockerfile.run.steps import read_steps
from dockml_dagster.study.dockerfile.stages import stage_graph
from tests.bench.others_cases import Case, binnacle_cases, broken_files, hadolint_cases, parfum_cases

BASE_RULES, TASK_RULES = reading_rules()

_SAME = {
    # What binnacle and Parfum call a rule, by the name of hadolint's or ours that is about the same.
    "aptGetInstallUseNoRec": "DL3015",
    "AptGetInstallUseNoRec": "DL3015",
    "aptGetInstallThenRemoveAptLists": "DL3009",
    "AptGetInstallThenRemoveAptLists": "DL3009",
    "pipUseNoCacheDir": "DL3042",
    "apkAddUseNoCache": "os-package-cache-off",
    "yumInstallRmVarCacheYum": "os-package-cache-off",
    "npmCacheCleanAfterInstall": "language-cache-left",
}

FOLDERS: dict[str, Callable[[Path], Iterator[Case]]] = {
    "DOCKML_HADOLINT": hadolint_cases,
    "DOCKML_PARFUM": parfum_cases,
    "DOCKML_BINNACLE": binnacle_cases,
}
"""Variable that names the folder → its cases."""


def speaks(rule: str, text: str) -> bool | None:
    """Whether dockml says of a text what another tool's rule is about; ``None`` for what is no Dockerfile."""
    if not any(line.strip().lower().startswith("from ") for line in text.splitlines()):
        text = f"FROM debian:12\n{text}"
    reading = read_dockerfile(text.encode())
    if not reading.valid:
        return None
    steps = read_steps(reading)
    practices = judge_practices(reading, base_rules=BASE_RULES, steps=steps)
    advised = advise_dockerfile(
        "Dockerfile", reading, practices, steps, advice_rules(), base_rules=BASE_RULES, task_rules=TASK_RULES
    )
    meant = rule_names().triggers(_SAME.get(rule, rule))
    by_place = any(place.trigger in meant for item in advised for place in item.evidence)
    absent = any(
        f"practice:{finding.practice}" in meant and finding.verdict == "violated" for finding in practices
    )
    return by_place or absent


def compare(cases: Iterable[Case], *, verbose: bool) -> None:
    """Print a line a rule that both know: cases, agreements, what only one of the two says."""
    counts: dict[str, list[int]] = {}
    for case in cases:
        if _SAME.get(case.rule, case.rule) not in rule_names():
            continue
        said = speaks(case.rule, case.text)
        if said is None:
            continue
        # Agreed on both, agreed on neither, only dockml, only the other.
        kind = (0 if said else 3) if case.catches else (2 if said else 1)
        counts.setdefault(case.rule, [0, 0, 0, 0])[kind] += 1
        if verbose and kind > 1:
            print(f"{case.rule} only {'dockml' if said else 'the other'}: {case.text!r}")
    print("| rule | cases | both | neither | only dockml | only the other | precision | recall |")
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


def count_broken(files: Iterable[bytes]) -> None:
    """Print of how many files whose build had failed dockml says why it may have."""
    found: Counter[str] = Counter()
    for data in files:
        reading = read_dockerfile(data)
        found["files"] += 1
        if not reading.valid:
            found["no Dockerfile for BuildKit"] += 1
            continue
        found["stages that cannot be"] += bool(stage_graph(reading).problems)
        found["words that cannot be expanded"] += bool(reading.problems)
        found["a check of BuildKit speaks"] += bool(run_checks(reading))
    for name, count in found.items():
        print(f"{name}: {count}")


def main() -> None:
    """Everything that a folder is named for."""
    named = {variable: Path(os.environ[variable]) for variable in FOLDERS if os.environ.get(variable)}
    broken = os.environ.get("DOCKML_SHIPWRIGHT")
    if not named and not broken:
        sys.exit(f"yardstick: none of {', '.join((*FOLDERS, 'DOCKML_SHIPWRIGHT'))} names a folder")
    for variable, folder in named.items():
        print(f"\n{variable}")
        compare(FOLDERS[variable](folder), verbose="-v" in sys.argv)
    if broken:
        print("\nDOCKML_SHIPWRIGHT")
        count_broken(broken_files(Path(broken)))


if __name__ == "__main__":
    main()
