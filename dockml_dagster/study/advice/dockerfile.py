"""Advice on a Dockerfile: from the practices it violates, and from its stages, base images and commands.

Here: which facts of a reading trigger which recommendation. Not here: judging practices, bytes (these need the image).
Like practices, advice looks at the shipped stages only.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from dockml_dagster.study.advice.model import Evidence, Recommendation, Rule, Rules
from dockml_dagster.study.dockerfile.base_images import BaseImageRules
from dockml_dagster.study.dockerfile.checks import NO_OPTIONS, CheckOptions, run_checks
from dockml_dagster.study.dockerfile.checks.checking import NOTHING_KNOWN, BuildContext
from dockml_dagster.study.dockerfile.model import DockerfileReading
from dockml_dagster.study.dockerfile.practices import PracticeFinding
from dockml_dagster.study.dockerfile.practices.model import Facts, gather
from dockml_dagster.study.dockerfile.run.caches import leaves_cache
from dockml_dagster.study.dockerfile.run.steps import Step
from dockml_dagster.study.dockerfile.run.tasks import TaskRules, classify_program, classify_step
from dockml_dagster.study.dockerfile.shell.programs import Program
from dockml_dagster.study.dockerfile.stages import final_value

IN_A_ROW = 3
"""Least number of consecutive RUNs that are advised to be merged."""

_SLIM_EXISTS = frozenset(
    {"python", "node", "debian", "ruby", "perl", "rust", "openjdk", "eclipse-temurin", "golang"}
)
"""Official images whose default is a full variant, and which also have a slim, alpine or JRE one."""
_CONDA = frozenset({"conda", "pixi"})
_LANGUAGE_CACHES = frozenset({"npm", "yarn", "pnpm", "bun", "poetry", "pdm", "pipenv"})
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
    context: BuildContext = NOTHING_KNOWN,
    experimental: CheckOptions = NO_OPTIONS,
) -> tuple[Recommendation, ...]:
    """All advice on one Dockerfile, in the seed's order; none for a file that is not valid.

    Comments that switch advice off are not applied here (see ``ignoring``). ``context``: what BuildKit's checks may know.
    ``experimental``: which of BuildKit's experimental checks to run.
    """
    if not reading.valid or not reading.stages:
        return ()
    found: dict[str, tuple[Rule, list[Evidence], list[str]]] = {}
    known: dict[str, set[tuple[int | None, str]]] = {}

    def add(trigger: str, evidence: Sequence[Evidence], note: str = "") -> None:
        rule = rules.by_trigger.get(trigger)
        if rule is not None:
            _, places, notes = found.setdefault(rule.recommendation, (rule, [], []))
            told = known.setdefault(rule.recommendation, set())
            places += [place for place in evidence if (place.line, place.what) not in told]
            told.update((place.line, place.what) for place in evidence)
            notes += [note] if note and note not in notes else []

    for finding in practices:
        if finding.verdict == "violated":
            trigger = f"practice:{finding.practice}"
            places = [Evidence(item.what, path, item.line, trigger=trigger) for item in finding.evidence]
            add(trigger, places, finding.note)
    facts = gather(reading, steps, base_rules)
    for trigger, lines in _facts(facts, task_rules):
        add(trigger, [Evidence(what, path, line, trigger=trigger) for line, what in lines])
    for check in run_checks(reading, context, options=experimental, obey_comments=False):
        trigger = f"check:{check.check}"
        add(trigger, [Evidence(check.message, path, check.line, trigger=trigger)])
    return tuple(
        Recommendation(rule, "dockerfile", path, tuple(places), note="; ".join(notes))
        for rule, places, notes in sorted(found.values(), key=lambda item: item[0].order)
    )


_Lines = list[tuple[int, str]]


def _facts(facts: Facts, task_rules: TaskRules) -> Iterator[tuple[str, _Lines]]:
    yield from _of_the_base(facts)
    row = _runs_in_a_row(facts)
    if row:
        yield "fact:run-in-a-row", row
    for trigger, managers in (
        ("fact:conda-not-cleaned", _CONDA),
        ("fact:language-cache-left", _LANGUAGE_CACHES),
    ):
        left = _caches_left(facts, managers)
        if left:
            yield trigger, left
    for trigger, places in (
        ("fact:user-log", _large_user_ids(facts)),
        ("fact:user-by-name", _user_by_name(facts)),
    ):
        if places:
            yield trigger, places
    downloads = [*_downloads(facts, task_rules), *_weights_added(facts, task_rules)]
    if downloads:
        yield "fact:model-download", sorted(downloads)


def _of_the_base(facts: Facts) -> Iterator[tuple[str, _Lines]]:
    base, known = facts.base, facts.base_class
    line = facts.reading.stages[facts.chain[0]].start_line
    shown = f"FROM {base.expanded or base.partial or base.raw}"[:200]
    if base.name in _SLIM_EXISTS and known.variant is None and not base.missing:
        yield "fact:full-base", [(line, shown)]
    if known.cuda_flavour == "devel":
        yield "fact:devel-base", [(line, shown)]
    stated = known.cuda_version or known.rocm_version or known.cuda_by_release or _states_cuda(facts)
    if known.gpu == "yes" and not stated and not base.missing:
        yield "fact:cuda-unstated", [(line, shown)]


_CUDA_VARIABLE = re.compile(r"(?i)(?:cuda|rocm|cu|hip)_?(?:toolkit_)?(?:ver|version)|^cuda$|cuda_?tag|rocm")


def _states_cuda(facts: Facts) -> bool:
    """Whether a variable or label names the CUDA (or ROCm) version."""
    before = [item for item in facts.reading.instructions if item.stage is None and item.keyword == "ARG"]
    return any(
        _CUDA_VARIABLE.search(assignment.name) is not None and bool(assignment.value)
        for item in (*before, *facts.every("ENV", "ARG", "LABEL"))
        for assignment in item.assignments
    )


def _runs_in_a_row(facts: Facts) -> _Lines:
    """Lines of every series of at least ``IN_A_ROW`` consecutive RUNs."""
    found: _Lines = []
    series: _Lines = []
    for item in facts.instructions:
        if item.keyword == "RUN":
            series.append((item.start_line, "RUN"))
            continue
        found += series if len(series) >= IN_A_ROW else []
        series = []
    return [*found, *(series if len(series) >= IN_A_ROW else [])]


def _caches_left(facts: Facts, managers: frozenset[str]) -> _Lines:
    """The first command of each RUN that leaves one of these managers' caches in the layer."""
    found: dict[int, tuple[int, str]] = {}
    for at, step in enumerate(facts.steps):
        if step.installs is None or step.installs.manager not in managers:
            continue
        later = [each for each in facts.steps[at + 1 :] if each.run is step.run]
        if leaves_cache(step, later):
            words = [word for word in step.program.arguments if not word.startswith("-")]
            found.setdefault(
                step.run.position, (step.command.line, " ".join((step.program.name, *words[:1])))
            )
    return list(found.values())


_LARGE_ID = 100_000
"""From this user id on, useradd makes sparse logs of tens of megabytes (hadolint DL3046)."""


def _large_user_ids(facts: Facts) -> _Lines:
    """Users created with a large id and without ``--no-log-init``."""
    found: _Lines = []
    for step in facts.steps:
        words = step.program.arguments
        if step.program.name != "useradd" or _NO_LOG.search(" ".join(words)):
            continue
        given = _USER_ID.search(" ".join(words))
        if given is not None and int(given[1]) >= _LARGE_ID:
            found.append((step.command.line, "useradd"))
    return found


_NO_LOG = re.compile(r"(?:^| )(?:--no-log-init|-[A-Za-z]*l[A-Za-z]*)(?= |$)")
_USER_ID = re.compile(r"(?:^| )(?:--uid[= ]|-[A-Za-z]*u ?)(\d{1,12})(?= |$)")


def _user_by_name(facts: Facts) -> _Lines:
    """The last USER, where it is not root and is written as a name."""
    user = facts.last("USER")
    if user is None or not user.expanded:
        return []
    name = user.expanded[0].raw.partition(":")[0].strip("\"'")
    if not name or name.isdigit() or "$" in name or name.lower() == "root" or "\\" in name:
        return []
    return [(user.start_line, f"USER {name[:60]}")]


def _downloads(facts: Facts, task_rules: TaskRules) -> _Lines:
    """RUN commands that fetch models or data."""
    return [
        (step.command.line, step.program.name)
        for step in facts.steps
        if classify_step(step, task_rules).task == _DOWNLOAD
    ]


_WEIGHTS = re.compile(
    r"(?i)\.(?:pt|pth|ckpt|safetensors|gguf|ggml|onnx|tflite|h5|hdf5|caffemodel|weights|pb|mar|engine|joblib|pkl|npz)\Z"
)


def _weights_added(facts: Facts, task_rules: TaskRules) -> _Lines:
    """ADD of a model or data by URL or from a hub, and COPY of weights from the context."""
    found: _Lines = []
    for item in facts.every("ADD", "COPY"):
        if item.flag("from") is not None:
            continue
        for source in map(final_value, item.expanded[:-1]):
            if "://" in source:
                fetched = (Program("wget", "wget", (source,)), Program("git", "git", ("clone", source)))
                if any(classify_program(program, task_rules).task == _DOWNLOAD for program in fetched):
                    found.append((item.start_line, f"{item.keyword} of a model or data"))
            elif _WEIGHTS.search(source):
                found.append((item.start_line, f"{item.keyword} {source}"[:100]))
    return found
