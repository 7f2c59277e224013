"""The types of a history of rebuilds.

Here: records with the meaning of each field. Not here: how they are found.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

Cause = Literal["text", "base", "environment", "context", "ignore file", "stage", "earlier"]
"""Why an instruction misses the cache.

Its own: ``text`` (new, or written otherwise), ``base`` (the image that it stands on has another name), ``environment``
(ENV, ARG, USER, WORKDIR or SHELL before it give it something else), ``context`` (files that it takes from the build
context), ``ignore file`` (the same, because of ``.dockerignore``). Inherited: ``stage`` (a stage that it copies from
missed) and ``earlier`` (what it stands on missed). Several own causes may hold; an inherited one stands only where no own
one does.
"""

OWN_CAUSES: frozenset[Cause] = frozenset({"text", "base", "environment", "context", "ignore file"})
CONTEXT_CAUSES: frozenset[Cause] = frozenset({"context", "ignore file"})

Unknown = Literal["base", "build argument", "content of stage", "git folder", "link", "not in git", "remote"]
"""What history does not tell of an instruction; its verdict is what follows if that stayed as it was.

``base``: the image's name carries no digest. ``build argument``: a value only ``--build-arg`` gives; none was taken.
``content of stage``: what a stage puts out may be the same though the stage is built again, so a miss is an upper bound.
``git folder``: ``.git`` is in what is copied, and changes with every commit unless the builder clones for itself.
``link``: a source is a symbolic link, whose target is not followed. ``not in git``: a source that no file of the tree
matches. ``remote``: a download or a clone without checksum or commit.
"""

ContextFrom = Literal["told", "sources", "only dot", "tie", "none"]
"""How the build context of a Dockerfile was found: a file of the repository says it (``told``); it is the folder where the
most sources exist (``sources``), or one of several (``tie``, the Dockerfile's own folder first); the file copies nothing but
``.`` (``only dot``) or nothing at all (``none``), and the Dockerfile's folder is taken.
"""


@dataclass(frozen=True, slots=True)
class Source:
    """What a COPY, an ADD or a bind mount takes from the build context.

    ``pattern``: cleaned, relative to the context; empty for all of it. ``excludes``: those of ``--exclude``.
    """

    pattern: str
    excludes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Vertex:
    """An instruction that makes a step of the build: a FROM of an image, RUN, COPY, ADD or WORKDIR.

    ``position`` is that in the reading. ``text`` is what was written, without continuations and comments. ``command`` is
    what the builder makes of it, ``environment`` what earlier instructions give it: together with the sources, the keys of
    the vertices in ``stages`` (last ones of stages read) and of ``below`` (what it stands on) they are its key.
    ``linked``: ``--link``, whose key is without ``below``. ``movable``: a RUN that only installs or fetches;
    ``installs``: one that installs packages, whatever else it does; ``names`` are words of it that may name files, base
    names alone.
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
    """A Dockerfile as the steps of its build, in the order of the file; ``below`` and ``stages`` are indexes into it.

    Steps of stages that the shipped one does not need are left out.
    """

    vertices: tuple[Vertex, ...]


class Entry(NamedTuple):
    """A file of a tree: git's mode and the id of its content."""

    mode: str
    oid: str


class Change(NamedTuple):
    """What a commit did to a path; ``new`` is None where it is gone."""

    path: str
    new: Entry | None


@dataclass(frozen=True, slots=True)
class Miss:
    """An instruction that the commit builds again.

    ``causes``: see ``Cause``. ``ever``: its key was there in an earlier commit, so a cache that keeps everything hits.
    ``avoidable``: a RUN that another order would have kept, see ``keys.avoidable_by_order``; ``above`` is then the text of
    the instruction above which it would have to stand. ``unknown``: what the verdict leaves open. ``installs``: see
    ``Vertex``; such a step is what a rebuild mostly waits for.
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
        """Whether it has a cause of its own."""
        return not OWN_CAUSES.isdisjoint(self.causes)


@dataclass(frozen=True, slots=True)
class FileRebuild:
    """A Dockerfile that a commit concerns.

    ``first``: there was none of this path before, so whatever is built is no rebuild. ``event``: what moved, of
    ``changed``, ``ignore file``, ``context``. ``instructions``: its steps, FROM left out. ``misses``: FROM left out too.
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
        """Whether something that was built before is built again."""
        return not self.first and bool(self.misses)
