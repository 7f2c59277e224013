"""The types of a history of rebuilds.

Here: records with the meaning of each field. Not here: making them (``plan``, ``keys``, ``history``).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

Cause = Literal["text", "base", "environment", "context", "ignore file", "stage", "earlier"]
"""Why an instruction misses the cache.

Own causes: ``text`` (the instruction is new or was rewritten), ``base`` (its base image has another name), ``environment``
(ENV, ARG, USER, WORKDIR or SHELL before it changed), ``context`` (files that it takes from the build context changed),
``ignore file`` (they changed because of ``.dockerignore``). Inherited causes: ``stage`` (a stage that it copies from
missed), ``earlier`` (a step below it missed). An instruction may have several own causes. It has an inherited one only if
it has no own cause.
"""

OWN_CAUSES: frozenset[Cause] = frozenset({"text", "base", "environment", "context", "ignore file"})
CONTEXT_CAUSES: frozenset[Cause] = frozenset({"context", "ignore file"})

Unknown = Literal["base", "build argument", "content of stage", "git folder", "link", "not in git", "remote"]
"""What history leaves unknown about an instruction. The verdict assumes that it did not change.

``base``: the image's name has no digest. ``build argument``: only ``--build-arg`` sets a value; none is assumed.
``content of stage``: a rebuilt stage may produce the same output, so a miss is an upper bound. ``git folder``: ``.git`` is
copied, which changes with every commit unless the builder makes its own clone. ``link``: a source is a symbolic link, whose
target is not followed. ``not in git``: no file of the tree matches a source. ``remote``: a download without checksum or a
clone without commit.
"""

ContextFrom = Literal["told", "sources", "only dot", "tie", "none"]
"""How the build context of a Dockerfile was found. ``told``: a file of the repository states it. ``sources``: most sources
exist in that folder. ``tie``: the same of several folders, the Dockerfile's own first. ``only dot``: the file copies only
``.``; ``none``: it copies nothing. In both cases the Dockerfile's folder is assumed.
"""


@dataclass(frozen=True, slots=True)
class Source:
    """What a COPY, an ADD or a bind mount takes from the build context.

    ``pattern``: cleaned, relative to the context; empty for the whole context. ``excludes``: patterns of ``--exclude``.
    """

    pattern: str
    excludes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Vertex:
    """An instruction that makes a step of the build: a FROM of an image, RUN, COPY, ADD or WORKDIR.

    ``position``: index in the reading. ``text``: as written, without continuations and comments. The key is made of
    ``command`` (what the builder executes), ``environment`` (what earlier instructions set), the sources, and the keys of
    the vertices in ``stages`` (the last ones of the stages it reads) and of ``below`` (the step it builds upon).
    ``linked``: ``--link``, so the key does not include ``below``. ``movable``: a RUN that only installs or fetches;
    ``installs``: a RUN that installs packages, whatever else it does. ``names``: base names of the files that its words may
    name.
    """

    position: int
    line: int
    keyword: str
    stage: int
    text: str
    command: str
    environment: str = ""
    sources: tuple[Source, ...] = ()
    stages: tuple[int, ...] = ()
    below: int | None = None
    linked: bool = False
    unknown: tuple[Unknown, ...] = ()
    movable: bool = False
    installs: bool = False
    names: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Plan:
    """A Dockerfile as the steps of its build, in the order of the file. ``below`` and ``stages`` of its vertices are
    indexes into it.

    Steps of stages that the shipped one does not need are left out.
    """

    vertices: tuple[Vertex, ...]


class Entry(NamedTuple):
    """A file of a tree: git's mode and the id of its content."""

    mode: str
    oid: str


class Change(NamedTuple):
    """A commit's change of a path. ``new`` is None if the commit removed it."""

    path: str
    new: Entry | None


@dataclass(frozen=True, slots=True)
class Miss:
    """An instruction that the commit rebuilds.

    ``causes``: see ``Cause``. ``ever``: an earlier commit had its key, so a cache that keeps everything would hit.
    ``avoidable``: a RUN that another order would have kept, see ``keys.avoidable_by_order``; ``above`` is then the text of
    the instruction above which it should stand. ``unknown``: what the verdict leaves open. ``installs``: see ``Vertex``;
    such steps take most of the time of a rebuild.
    """

    position: int
    line: int
    keyword: str
    causes: tuple[Cause, ...]
    ever: bool
    avoidable: bool
    above: str | None
    text: str
    unknown: tuple[Unknown, ...]
    installs: bool

    @property
    def own(self) -> bool:
        """Whether the instruction has an own cause."""
        return not OWN_CAUSES.isdisjoint(self.causes)


@dataclass(frozen=True, slots=True)
class FileRebuild:
    """A Dockerfile that a commit affects.

    ``first``: this path had no build before, so nothing is a rebuild. ``event``: what changed, of ``changed`` (the
    Dockerfile), ``ignore file``, ``context``. ``instructions`` and ``misses``: its steps, without FROM.
    """

    path: str
    context: str
    context_from: ContextFrom
    first: bool
    event: tuple[str, ...]
    instructions: int
    misses: tuple[Miss, ...]

    @property
    def rebuilds(self) -> bool:
        """Whether the commit rebuilds a step of a Dockerfile that was built before."""
        return not self.first and bool(self.misses)
