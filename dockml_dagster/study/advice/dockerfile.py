"""Advice on a Dockerfile: from its practices, and from what its stages, base images and commands say besides.

Here: which of a reading's facts ask for which recommendation. Not here: judging practices, any bytes (that takes the
image). As practices do, advice looks at the shipped stages only.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from dockml_dagster.study.advice.model import MOST_EVIDENCE, Evidence, Recommendation, Rule, Rules
from dockml_dagster.study.dockerfile.base_images import BaseImageRules, classify_base_image
from dockml_dagster.study.dockerfile.model import DockerfileReading
from dockml_dagster.study.dockerfile.practices import PracticeFinding
from dockml_dagster.study.dockerfile.practices.model import Facts, gather
from dockml_dagster.study.dockerfile.run.steps import Step
from dockml_dagster.study.dockerfile.run.tasks import TaskRules, classify_program

IN_A_ROW = 3
"""RUNs that follow each other directly from which they are advised to be one."""

_SLIM_EXISTS = frozenset(
    {"python", "node", "debian", "ruby", "perl", "rust", "openjdk", "eclipse-temurin", "golang"}
)
"""Official images with a full variant by default, and a slim, alpine or JRE one beside it."""
_CONDA = frozenset({"conda", "mamba", "micromamba"})
_CONDA_INSTALLS = frozenset({"install", "create", "update"})
_DOWNLOAD = "model or data download"


def advise_dockerfile(
    path: str,
    reading: DockerfileReading,
    practices: Sequence[PracticeFinding],
    steps: Sequence[Step],
    rules: Rules,
    *,
    base_rules: BaseImageRules,
    task_rules: TaskRules,
) -> tuple[Recommendation, ...]:
    """Everything to be advised about one Dockerfile, in the seed's order; nothing for a file that is none."""
    if not reading.valid or not reading.stages:
        return ()
    found: dict[str, tuple[Rule, list[Evidence], list[str]]] = {}

    def add(trigger: str, evidence: Sequence[Evidence], note: str = "") -> None:
        rule = rules.by_trigger.get(trigger)
        if rule is not None:
            _, places, notes = found.setdefault(rule.recommendation, (rule, [], []))
            places += [place for place in evidence if place not in places]
            notes += [note] if note and note not in notes else []

    for finding in practices:
        if finding.verdict == "violated":
            places = [Evidence(item.what, path=path, line=item.line) for item in finding.evidence]
            add(f"practice:{finding.practice}", places, finding.note)
    facts = gather(reading, steps, None, None)
    for trigger, lines in _facts(facts, base_rules, task_rules):
        add(trigger, [Evidence(what, path=path, line=line) for line, what in lines])
    return tuple(
        Recommendation(rule, "dockerfile", path, tuple(places[:MOST_EVIDENCE]), note="; ".join(notes))
        for rule, places, notes in sorted(found.values(), key=lambda item: item[0].order)
    )


_Lines = list[tuple[int, str]]


def _facts(facts: Facts, base_rules: BaseImageRules, task_rules: TaskRules) -> Iterator[tuple[str, _Lines]]:
    yield from _of_the_base(facts, base_rules)
    row = _runs_in_a_row(facts)
    if row:
        yield "fact:run-in-a-row", row
    unclean = _conda_not_cleaned(facts)
    if unclean:
        yield "fact:conda-not-cleaned", unclean
    downloads = [
        (step.command.line, step.program.name)
        for step in facts.steps
        if classify_program(step.program, task_rules, assigns=bool(step.command.assignments)).task
        == _DOWNLOAD
    ]
    if downloads:
        yield "fact:model-download", downloads


def _of_the_base(facts: Facts, base_rules: BaseImageRules) -> Iterator[tuple[str, _Lines]]:
    base = facts.base
    line = facts.reading.stages[facts.chain[0]].start_line
    known = classify_base_image(base, base_rules)
    if base.name in _SLIM_EXISTS and known.variant is None and not base.missing:
        yield "fact:full-base", [(line, f"FROM {base.name}:{base.tag}" if base.tag else f"FROM {base.name}")]
    if known.cuda_flavour == "devel":
        yield "fact:devel-base", [(line, f"FROM {base.name}:{base.tag}")]
    if known.gpu == "yes" and not (known.cuda_version or known.rocm_version or base.missing):
        yield (
            "fact:cuda-unstated",
            [(line, f"FROM {base.name}:{base.tag}" if base.tag else f"FROM {base.name}")],
        )


def _runs_in_a_row(facts: Facts) -> _Lines:
    """Lines of the first series of RUNs with nothing in between that is long enough."""
    series: _Lines = []
    for item in facts.instructions:
        if item.keyword == "RUN":
            series.append((item.start_line, "RUN"))
        elif len(series) >= IN_A_ROW:
            break
        else:
            series = []
    return series if len(series) >= IN_A_ROW else []


def _conda_not_cleaned(facts: Facts) -> _Lines:
    installs: dict[int, tuple[int, str]] = {}
    cleaned: set[int] = set()
    for step in facts.steps:
        if step.program.name not in _CONDA:
            continue
        words = [word for word in step.program.arguments if not word.startswith("-")]
        if words[:1] == ["clean"]:
            cleaned.add(step.run.position)
        elif words[:1] and (
            words[0] in _CONDA_INSTALLS or words[:2] in (["env", "create"], ["env", "update"])
        ):
            installs.setdefault(step.run.position, (step.command.line, f"{step.program.name} {words[0]}"))
    return [line for position, line in installs.items() if position not in cleaned]
