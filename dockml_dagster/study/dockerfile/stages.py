"""The graph of build stages: who builds upon whom, who copies from whom, and who reaches the shipped image.

Here: edges and reachability. Not here: how a stage was found (``evaluation``).
"""

import csv
import io
from dataclasses import dataclass
from typing import Literal

from dockml_dagster.study.dockerfile.model import (
    BaseReference,
    DockerfileReading,
    Expanded,
    Instruction,
    Missing,
)
from dockml_dagster.study.dockerfile.reading.base_reference import split_reference

EdgeKind = Literal["from", "copy", "mount"]


@dataclass(frozen=True, slots=True)
class StageEdge:
    """``stage`` uses ``source``: as its base (``from``), by ``COPY --from`` or by ``RUN --mount=…,from=``.

    ``source.stage`` is another stage; else the source is an image (or, with ``missing``, not known).
    ``onbuild`` edges only exist in images built upon this one.
    """

    stage: int
    source: BaseReference
    kind: EdgeKind
    line: int
    onbuild: bool = False


@dataclass(frozen=True, slots=True)
class StageGraph:
    """``shipped`` is the stage that a plain build gives: the last one; ``None`` without stages.

    ``reaching`` are the stages that it needs, itself included; ``dead`` the others, which a plain build
    skips. ``problems``: references that cannot be, with their line (an unknown index, a stage that comes
    later).
    """

    edges: tuple[StageEdge, ...]
    shipped: int | None
    reaching: frozenset[int]
    dead: tuple[int, ...]
    problems: tuple[tuple[int, str], ...] = ()

    @property
    def images(self) -> tuple[BaseReference, ...]:
        """Every image that the build pulls, bases first, for stages that reach the shipped one."""
        return tuple(
            edge.source
            for edge in self.edges
            if edge.stage in self.reaching and edge.source.stage is None and not edge.source.scratch
        )


def stage_graph(reading: DockerfileReading, target: str | None = None) -> StageGraph:
    """Build the graph. ``target``: name or index of the stage to ship (``--target``); an unknown one raises
    ``ValueError``.
    """
    names: dict[str, int] = {}
    edges: list[StageEdge] = []
    problems: list[tuple[int, str]] = []
    for stage in reading.stages:
        edges.append(StageEdge(stage.index, stage.base, "from", stage.start_line))
        for instruction in reading.of_stage(stage.index)[1:]:
            inner = instruction.child or instruction
            for kind, source in _sources(inner):
                reference = _resolve(
                    source, names, stage=stage.index, line=inner.start_line, problems=problems, kind=kind
                )
                if reference is not None:
                    edges.append(
                        StageEdge(
                            stage.index, reference, kind, instruction.start_line, inner is not instruction
                        )
                    )
        if stage.name:
            names[stage.name] = stage.index
    shipped = _target(reading, names, target)
    reaching = _reaching(edges, shipped)
    dead = tuple(stage.index for stage in reading.stages if stage.index not in reaching)
    return StageGraph(tuple(edges), shipped, reaching, dead, tuple(problems))


def shipped_chain(reading: DockerfileReading, shipped: int | None) -> tuple[int, ...]:
    """The shipped stage and the stages it builds upon (``FROM stage``), outermost base first: what its
    image inherits.
    """
    chain: list[int] = []
    at = shipped
    while at is not None:  # a base is always an earlier stage, so this ends
        chain.append(at)
        at = reading.stages[at].base.stage
    return tuple(reversed(chain))


def _target(reading: DockerfileReading, names: dict[str, int], target: str | None) -> int | None:
    if target is None:
        return len(reading.stages) - 1 if reading.stages else None
    if target.lower() in names:
        return names[target.lower()]
    if target.isdecimal() and int(target) < len(reading.stages):
        return int(target)
    raise ValueError(f"no stage named {target!r}")


def _sources(instruction: Instruction) -> list[tuple[EdgeKind, str]]:
    sources: list[tuple[EdgeKind, str]] = []
    if instruction.keyword == "COPY":
        value = instruction.flag("from")
        if value:
            sources.append(("copy", value))
    elif instruction.keyword == "RUN":
        for flag in instruction.flags:
            if flag.name == "mount" and flag.value:
                value = mount_options(flag.value).get("from")
                if value:
                    sources.append(("mount", value))
    return sources


def mount_options(value: str) -> dict[str, str]:
    """The options of a ``--mount`` (a line of CSV: ``type=cache,target=/root/.cache``); a bare one has the
    value ``true``.
    """
    try:
        fields = next(csv.reader(io.StringIO(value)), [])
    except csv.Error:
        fields = value.split(",")
    options: dict[str, str] = {}
    for field in fields:
        name, equals, text = field.partition("=")
        options[name.strip().lower()] = text if equals else "true"
    return options


def _resolve(
    source: str,
    names: dict[str, int],
    *,
    stage: int,
    line: int,
    problems: list[tuple[int, str]],
    kind: EdgeKind,
) -> BaseReference | None:
    """A source by BuildKit's rules: a number is an index, a name an earlier stage, anything else an image."""
    if kind == "copy" and source.lstrip("+-").isdecimal():
        index = int(source) if len(source) < 10 else -1
        if 0 <= index < stage:
            return BaseReference(source, source, stage=index)
        problems.append((line, f"invalid stage index {source[:20]}"))
        return None
    if source.lower() in names:
        return BaseReference(source, source, stage=names[source.lower()])
    if "$" in source:
        # BuildKit expands no variables here, and refuses the instruction.
        problems.append(
            (line, f"variable expansion is not supported for --{'from' if kind == 'copy' else 'mount'}")
        )
        name = source.split("$", 1)[1].strip("{}").split(":")[0].split("}")[0]
        return BaseReference(source, None, missing=(Missing(name, "undeclared"),), partial=source)
    if source == "scratch":
        return BaseReference(source, source, scratch=True)
    try:
        parts = split_reference(source)
    except ValueError as error:
        problems.append((line, f"{source[:80]!r}: {error}"))
        return BaseReference(source, source, problem=str(error))
    return BaseReference(
        source, source, parts.registry, parts.repository, parts.name, parts.tag, parts.digest
    )


def _reaching(edges: list[StageEdge], shipped: int | None) -> frozenset[int]:
    if shipped is None:
        return frozenset()
    needs: dict[int, list[int]] = {}
    for edge in edges:
        if edge.source.stage is not None and not edge.onbuild:
            needs.setdefault(edge.stage, []).append(edge.source.stage)
    reached = {shipped}
    pending = [shipped]
    while pending:
        for source in needs.get(pending.pop(), ()):
            if source not in reached:
                reached.add(source)
                pending.append(source)
    return frozenset(reached)


def final_value(word: Expanded) -> str:
    """The expanded text, or the word as written where it is not known."""
    return word.text if word.text is not None else word.raw
