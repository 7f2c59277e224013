"""The graph of build stages: which stage builds upon or copies from which, and which ones the shipped image needs.

Here: edges and reachability. Not here: how a stage is read (``reading.evaluation``).
"""

import re
from collections.abc import Iterable
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
from dockml_dagster.study.dockerfile.reading.flags import mount_fields

EdgeKind = Literal["from", "copy", "mount"]


@dataclass(frozen=True, slots=True)
class StageEdge:
    """``stage`` uses ``source``: as its base (``from``), by ``COPY --from`` or by ``RUN --mount=…,from=``.

    If ``source.stage`` is set, the source is a stage; otherwise it is an image (with ``missing``: not known).
    ``onbuild`` edges exist only in stages and images built upon this one.
    """

    stage: int
    source: BaseReference
    kind: EdgeKind
    line: int
    onbuild: bool = False


@dataclass(frozen=True, slots=True)
class StageGraph:
    """The stages of a build. ``shipped``: the stage that becomes the image, the last one unless a target is given;
    ``None`` without stages.

    ``reaching``: the stages that it needs, itself included. ``uncertain``: those that it may need, depending on a
    variable of unknown value (``FROM base-${TARGETARCH}``). ``dead``: the others, which the build skips. ``problems``:
    impossible references with their lines (an unknown index, a stage that needs itself).
    """

    edges: tuple[StageEdge, ...]
    shipped: int | None
    reaching: frozenset[int]
    dead: tuple[int, ...]
    problems: tuple[tuple[int, str], ...] = ()
    uncertain: frozenset[int] = frozenset()

    def needed(self, stage: int) -> bool | None:
        """Whether the build needs a stage; ``None`` where that depends on a variable of unknown value."""
        return None if stage in self.uncertain else stage in self.reaching

    @property
    def images(self) -> tuple[BaseReference, ...]:
        """Every image that the build pulls for the stages it needs, bases first."""
        return tuple(
            edge.source
            for edge in self.edges
            if edge.stage in self.reaching and edge.source.stage is None and not edge.source.scratch
        )


def stage_graph(reading: DockerfileReading, target: str | None = None) -> StageGraph:
    """Build the graph. ``target``: name or index of the stage to ship (``--target``). Raises ``ValueError`` if unknown."""
    # COPY and mounts may name any stage, even a later one. Of two with the same name the last counts (BuildKit's
    # statesByName).
    names = {stage.name: stage.index for stage in reading.stages if stage.name}
    edges: list[StageEdge] = []
    problems: list[tuple[int, str]] = []
    for stage in reading.stages:
        edges.append(StageEdge(stage.index, stage.base, "from", stage.start_line))
        for instruction in reading.of_stage(stage.index)[1:]:
            inner = instruction.child or instruction
            for kind, source in _sources(inner):
                reference = _resolve(
                    source,
                    names,
                    stages=len(reading.stages),
                    line=inner.start_line,
                    problems=problems,
                    kind=kind,
                )
                if reference is not None:
                    edges.append(
                        StageEdge(
                            stage.index, reference, kind, instruction.start_line, inner is not instruction
                        )
                    )
    shipped = _target(reading, names, target)
    needs = _needs(edges)
    problems += _circles(edges, needs)
    reaching = _closure(needs, () if shipped is None else (shipped,))
    uncertain = _uncertain(reading, needs, reaching)
    dead = tuple(
        stage.index
        for stage in reading.stages
        if stage.index not in reaching and stage.index not in uncertain
    )
    return StageGraph(tuple(edges), shipped, reaching, dead, tuple(problems), uncertain)


def shipped_chain(reading: DockerfileReading, shipped: int | None) -> tuple[int, ...]:
    """The shipped stage and the stages it builds upon (``FROM stage``), outermost base first: what its image inherits."""
    chain: list[int] = []
    at = shipped
    while at is not None:  # a base is always an earlier stage, so this ends
        chain.append(at)
        at = reading.stages[at].base.stage
    return tuple(reversed(chain))


def images_behind(reading: DockerfileReading) -> dict[int | None, BaseReference]:
    """Where files come from that are taken from a stage, for each that only names an image or another stage (``FROM image AS
    tools``), by its index. Stages that do more are not in it.
    """
    found: dict[int | None, BaseReference] = {}
    for stage in reading.stages:  # a base is always an earlier stage
        if all(item.keyword in ("FROM", "ARG") for item in reading.of_stage(stage.index)):
            found[stage.index] = found.get(stage.base.stage, stage.base)
    return found


def users_in_force(reading: DockerfileReading) -> dict[int, str]:
    """The USER in force, without its group, by the position of each RUN; RUNs without a USER are absent. A stage inherits
    its base's. A user that a variable hides stays as written.
    """
    found: dict[int, str] = {}
    last: dict[int, str] = {}
    for stage in reading.stages:
        user = last.get(stage.base.stage) if stage.base.stage is not None else None
        for position in range(stage.first, stage.last + 1):
            instruction = reading.instructions[position]
            if instruction.keyword == "USER" and instruction.expanded:
                user = final_value(instruction.expanded[0]).partition(":")[0]
            elif user is not None and instruction.keyword == "RUN":
                found[position] = user
        if user is not None:
            last[stage.index] = user
    return found


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
    """The options of a ``--mount`` (a line of CSV: ``type=cache,target=/root/.cache``); a bare option is ``true``."""
    fields = mount_fields(value)
    options: dict[str, str] = {}
    for field in value.split(",") if fields is None else fields:
        name, equals, text = field.partition("=")
        options[name.strip().lower()] = text if equals else "true"
    return options


_INDEX = re.compile(r"[+-]?[0-9]+\Z")


def _resolve(
    source: str,
    names: dict[str, int],
    *,
    stages: int,
    line: int,
    problems: list[tuple[int, str]],
    kind: EdgeKind,
) -> BaseReference | None:
    """A source by BuildKit's rules: a number is an index, a stage's name is that stage, anything else is an image."""
    if kind == "copy" and _INDEX.match(source):
        index = int(source) if len(source) < 10 else -1
        if 0 <= index < stages:
            return BaseReference(source, source, stage=index)
        problems.append((line, f"invalid stage index {source[:20]}"))
        return None
    if source.lower() in names:
        return BaseReference(source, source, stage=names[source.lower()])
    if "$" in source:
        # BuildKit expands no variables here and refuses the instruction.
        problems.append(
            (line, f"variable expansion is not supported for --{'from' if kind == 'copy' else 'mount'}")
        )
        name = source.partition("$")[2].strip("{}").split(":")[0].split("}")[0]
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


def _needs(edges: list[StageEdge]) -> dict[int, list[int]]:
    """The stages that each stage needs. An ONBUILD of a stage takes effect in the stages that are built upon it."""
    needs: dict[int, list[int]] = {}
    triggers: dict[int, list[int]] = {}
    for edge in edges:
        if edge.source.stage is not None:
            (triggers if edge.onbuild else needs).setdefault(edge.stage, []).append(edge.source.stage)
    if triggers:
        for edge in edges:
            if edge.kind == "from" and edge.source.stage in triggers:
                needs[edge.stage] += triggers[edge.source.stage]
    return needs


def _circles(edges: list[StageEdge], needs: dict[int, list[int]]) -> list[tuple[int, str]]:
    """Edges by which a stage needs itself, which BuildKit refuses. Only edges to the stage itself or a later one can."""
    later = [
        edge
        for edge in edges
        if edge.source.stage is not None and edge.source.stage >= edge.stage and not edge.onbuild
    ]
    return [
        (edge.line, f"circular dependency of stage {edge.stage}")
        for edge in later[:_MOST_CIRCLES]
        if edge.source.stage is not None and edge.stage in _closure(needs, (edge.source.stage,))
    ]


_MOST_CIRCLES = 64
"""Most references to later stages that are followed: a bound on hostile input."""


def _closure(needs: dict[int, list[int]], start: Iterable[int]) -> frozenset[int]:
    reached = set(start)
    pending = list(reached)
    while pending:
        for source in needs.get(pending.pop(), ()):
            if source not in reached:
                reached.add(source)
                pending.append(source)
    return frozenset(reached)


_PLACEHOLDER = re.compile(r"\$\{[^{}]*\}")
_MOST_CANDIDATES = 100_000
"""Most pairs (stage with an unknown base, earlier stage) that are compared; beyond it every earlier stage counts."""


def _uncertain(
    reading: DockerfileReading, needs: dict[int, list[int]], reaching: frozenset[int]
) -> frozenset[int]:
    """The stages that a FROM with an unknown variable may mean, and all stages that those need."""
    # Only an ARG before the first FROM can supply a variable there: BuildKit refuses an undeclared one.
    unknown = [
        stage
        for stage in reading.stages
        if any(missing.cause != "undeclared" for missing in stage.base.missing)
    ]
    if not unknown:
        return frozenset()
    exact = len(unknown) * len(reading.stages) <= _MOST_CANDIDATES
    may_need = {index: list(sources) for index, sources in needs.items()}
    for stage in unknown:
        pieces = _PLACEHOLDER.split((stage.base.partial or "").lower())
        candidates = [
            earlier.index
            for earlier in reading.stages[: stage.index]
            if earlier.name and (not exact or _fits(earlier.name, pieces))
        ]
        may_need.setdefault(stage.index, []).extend(candidates)
    return _closure(may_need, reaching) - reaching


def _fits(name: str, pieces: list[str]) -> bool:
    """Whether a name consists of the pieces with any text between them."""
    first, *rest = pieces
    if not name.startswith(first):
        return False
    if not rest:
        return name == first
    at = len(first)
    for piece in rest[:-1]:
        found = name.find(piece, at)
        if found < 0:
            return False
        at = found + len(piece)
    return name.endswith(rest[-1]) and len(name) - len(rest[-1]) >= at


def final_value(word: Expanded) -> str:
    """The expanded text, or the word as written where it is not known."""
    return word.text if word.text is not None else word.raw
