"""Cache keys of a plan, and why an instruction misses the cache.

Here: which parts of a vertex go into its key, and comparing two builds of one file. Not here: the walk (``history``).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b

from dockml_dagster.study.rebuilds.model import Cause, Miss, Plan, Unknown, Vertex

METHOD_VERSION = 1
"""Part of every key. It is raised if the same history would give other rows."""


@dataclass(frozen=True, slots=True)
class Build:
    """A plan at one commit. For each vertex: the ``values`` of its sources, its key, and what its sources leave ``unknown``.
    ``ignored``: the text of the ignore list.
    """

    plan: Plan
    values: tuple[tuple[int, ...], ...]
    keys: tuple[str, ...]
    unknown: tuple[tuple[Unknown, ...], ...]
    ignored: str


def build(
    plan: Plan,
    values: Sequence[tuple[int, ...]],
    unknown: Sequence[tuple[Unknown, ...]],
    ignored: str,
) -> Build:
    """The keys of a plan. The key of a linked COPY does not depend on the step below it; keys of later steps depend on
    both.
    """
    keys: list[str] = []
    standing: list[str] = []
    for vertex, value in zip(plan.vertices, values, strict=True):
        below = standing[vertex.below] if vertex.below is not None else ""
        read = [standing[index] for index in vertex.stages]
        own = (METHOD_VERSION, vertex.command, vertex.environment, value, read)
        key = _hash(own) if vertex.linked else _hash((own, below))
        keys.append(key)
        standing.append(_hash((key, below)) if vertex.linked else key)
    return Build(plan, tuple(values), tuple(keys), tuple(unknown), ignored)


def _hash(parts: object) -> str:
    return blake2b(repr(parts).encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def misses(
    new: Build, old: Build | None, before: Collection[str], ever: Collection[str], changed: Collection[str]
) -> list[Miss]:
    """The instructions that ``new`` rebuilds, without FROM. ``before``: keys of the previous commit; ``ever``: keys of any
    earlier one.

    ``changed``: base names of the files that the commit changed.
    """
    missed = [key not in before for key in new.keys]
    matched = _matched(new.plan, old.plan) if old else {}
    causes = [
        _causes(index, new, old, matched.get(index), missed) if missed[index] else ()
        for index in range(len(new.keys))
    ]
    first: dict[int, int] = {}
    found: list[Miss] = []
    for index, vertex in enumerate(new.plan.vertices):
        below = vertex.below
        lowest = first.get(below) if below is not None and not vertex.linked else None
        if lowest is None and missed[index]:
            lowest = index
        if lowest is not None:
            first[index] = lowest
        if not missed[index] or vertex.keyword == "FROM":
            continue
        avoidable = avoidable_by_order(vertex, causes[index], new.plan.vertices[lowest or 0], changed)
        found.append(
            Miss(
                vertex.position, vertex.line, vertex.keyword, causes[index], new.keys[index] in ever, avoidable,
                new.plan.vertices[lowest or 0].text if avoidable else None, vertex.text,
                tuple(dict.fromkeys((*vertex.unknown, *new.unknown[index]))), vertex.installs,
            )
        )  # fmt: skip
    return found


def avoidable_by_order(
    vertex: Vertex, causes: Sequence[Cause], lowest: Vertex, changed: Collection[str]
) -> bool:
    """Whether a RUN that misses would have hit if it stood above ``lowest``, the first instruction below it that misses.

    It would if it only installs or fetches, has no cause of its own and names no changed file, and ``lowest`` is a COPY or
    ADD.
    """
    return (
        vertex.movable
        and tuple(causes) == ("earlier",)
        and lowest.keyword in ("COPY", "ADD")
        and vertex.names.isdisjoint(changed)
    )


def _matched(new: Plan, old: Plan) -> Mapping[int, int]:
    """Pairs of vertices with equal text, new index → old index: the nth of a text with its nth."""
    places: dict[str, list[int]] = {}
    for index, vertex in enumerate(old.vertices):
        places.setdefault(vertex.text, []).append(index)
    found: dict[int, int] = {}
    seen: dict[str, int] = {}
    for index, vertex in enumerate(new.vertices):
        at = seen.get(vertex.text, 0)
        seen[vertex.text] = at + 1
        if at < len(places.get(vertex.text, ())):
            found[index] = places[vertex.text][at]
    return found


def _causes(
    index: int, new: Build, old: Build | None, match: int | None, missed: Sequence[bool]
) -> tuple[Cause, ...]:
    vertex = new.plan.vertices[index]
    if old is None or match is None:
        return ("text",)
    before = old.plan.vertices[match]
    own: list[Cause] = []
    if vertex.keyword == "FROM" or _stands_on_missed_image(vertex, new.plan, missed):
        own.append("base")
    elif (vertex.command, vertex.environment) != (before.command, before.environment):
        own.append("environment")
    if new.values[index] != old.values[match]:
        own.append("context" if new.ignored == old.ignored else "ignore file")
    if own:
        return tuple(own)
    return ("stage",) if any(missed[stage] for stage in vertex.stages) else ("earlier",)


def _stands_on_missed_image(vertex: Vertex, plan: Plan, missed: Sequence[bool]) -> bool:
    below = vertex.below
    return below is not None and plan.vertices[below].keyword == "FROM" and missed[below]
