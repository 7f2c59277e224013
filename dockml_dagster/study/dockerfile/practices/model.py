"""The types of practices and verdicts, and the facts that all practices share.

Here: types, and ``gather``, which looks the shared facts up once. Not here: any single practice.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Literal

from dockml_dagster.study.dockerfile.base_images import BaseImageClass, BaseImageRules, classify_base_image
from dockml_dagster.study.dockerfile.model import BaseReference, DockerfileReading, Instruction
from dockml_dagster.study.dockerfile.run.steps import Step
from dockml_dagster.study.dockerfile.stages import StageGraph, shipped_chain, stage_graph

Verdict = Literal["followed", "violated", "not applicable", "unknown"]


@dataclass(frozen=True, slots=True)
class Line:
    """A piece of evidence: a line of the file and what is there, in a few words. Never a value that may be secret."""

    line: int
    what: str


@dataclass(frozen=True, slots=True)
class PracticeFinding:
    """The verdict on one practice in one Dockerfile."""

    practice: str
    verdict: Verdict
    evidence: tuple[Line, ...] = ()
    note: str = ""


@dataclass(frozen=True, slots=True)
class Facts:
    """The facts that practices judge.

    ``chain``: indexes of the shipped stage and of those it builds upon, base first; ``instructions`` and ``steps`` are
    those of these stages. ``base``: the image below all of them; ``base_class``: what the rules know of it. ``runs``: the
    steps of each RUN. ``needed``: the steps of every stage that a build without ``--target`` runs.
    """

    reading: DockerfileReading
    graph: StageGraph
    chain: tuple[int, ...]
    base: BaseReference
    base_class: BaseImageClass
    instructions: tuple[Instruction, ...]
    steps: tuple[Step, ...]
    path: str | None
    repository_paths: Sequence[str] | None
    runs: tuple[tuple[Step, ...], ...]
    needed: tuple[Step, ...]

    def last(self, keyword: str) -> Instruction | None:
        """The last shipped instruction with that keyword: the one in effect."""
        for instruction in reversed(self.instructions):
            if instruction.keyword == keyword:
                return instruction
        return None

    def every(self, *keywords: str) -> tuple[Instruction, ...]:
        """The shipped instructions with those keywords, in order."""
        return tuple(instruction for instruction in self.instructions if instruction.keyword in keywords)

    def environment(self) -> dict[str, str | None]:
        """Every shipped ``ENV``: name to value, ``None`` where the value is not known."""
        values: dict[str, str | None] = {}
        for instruction in self.every("ENV"):
            for assignment in instruction.assignments:
                values[assignment.name] = (
                    assignment.expanded.text if assignment.expanded else assignment.value
                )
        return values


Judge = Callable[[Facts], PracticeFinding]


@dataclass(frozen=True, slots=True)
class Practice:
    """A practice: its name, and the function that judges it. SQL and reports take its texts from ``seeds/practices.csv``."""

    id: str
    judge: Callable[[Facts], "tuple[Verdict, list[Line], str]"]

    def find(self, facts: Facts) -> PracticeFinding:
        """Judge one Dockerfile."""
        verdict, evidence, note = self.judge(facts)
        return PracticeFinding(self.id, verdict, tuple(evidence), note)


Judged = tuple[Verdict, list[Line], str]


def gather(
    reading: DockerfileReading,
    steps: Sequence[Step],
    base_rules: BaseImageRules,
    *,
    path: str | None = None,
    repository_paths: Sequence[str] | None = None,
) -> Facts:
    """The facts that the practices share. The reading must have a stage."""
    graph = stage_graph(reading)
    chain = shipped_chain(reading, graph.shipped)
    shipped = frozenset(chain)
    instructions = tuple(instruction for index in chain for instruction in reading.of_stage(index))
    taken = tuple(step for step in steps if step.run.stage in shipped and not step.run.onbuild)
    needed = tuple(step for step in steps if step.run.stage in graph.reaching and not step.run.onbuild)
    base = reading.stages[chain[0]].base
    known = classify_base_image(base, base_rules)
    runs = tuple(tuple(steps_of) for _, steps_of in groupby(taken, key=lambda step: step.run.position))
    return Facts(
        reading, graph, chain, base, known, instructions, taken, path, repository_paths, runs, needed
    )
