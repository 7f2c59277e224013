"""The plan of a build: the steps of a Dockerfile, each with the parts of its cache key in BuildKit.

Here: which instructions are steps, and what of them and of earlier instructions counts for the key. Not here: the content
of files (``sources``), keys (``keys``).

Rules, read in ``moby/buildkit``: ``frontend/dockerfile/dockerfile2llb/convert.go`` (dispatch of each instruction),
``solver/llbsolver/ops/{exec,file}.go`` (CacheMap). ENV, ARG with a value, USER, SHELL and WORKDIR change the state that a
RUN sees; LABEL, CMD, EXPOSE and the like make no step and no key.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from hashlib import blake2b

from dockml_dagster.study.cuts import note_cut
from dockml_dagster.study.deadline import check_time
from dockml_dagster.study.dockerfile.model import BaseReference, DockerfileReading, Instruction
from dockml_dagster.study.dockerfile.reading.scopes import Scope
from dockml_dagster.study.dockerfile.reading.variables import partial
from dockml_dagster.study.dockerfile.run.steps import Step, read_steps
from dockml_dagster.study.dockerfile.stages import StageGraph, mount_options, stage_graph
from dockml_dagster.study.rebuilds.model import Plan, Source, Unknown, Vertex
from dockml_dagster.study.rebuilds.movable import file_names, only_installs

_REMOTE = re.compile(r"(?:https?://|git@|git://|ssh://)", re.IGNORECASE)
_PINNED_COMMIT = re.compile(r"#[0-9a-f]{40}\Z")
_FREE_OF_CACHE_MOUNTS = frozenset({"id", "sharing"})
"""Options of a cache mount that are not part of the key (BuildKit since 0.13)."""
MOST_CHARACTERS = 16 << 20
"""Most characters of the values, environments and folders of all steps of a file. A file may hold thousands of variables
and thousands of RUN that see all of them, or values that double with every line. No real file comes near the cap.
"""


@dataclass(slots=True)
class _State:
    """The state of a stage between two instructions. ``environment`` is in order of last assignment."""

    environment: dict[str, str] = field(default_factory=dict)
    folder: str = "/"
    user: str = ""
    shell: tuple[str, ...] = ()
    below: int | None = None

    def copied(self) -> _State:
        return replace(self, environment=dict(self.environment))

    def assign(self, name: str, value: str) -> None:
        self.environment.pop(name, None)
        self.environment[name] = value


def read_plan(reading: DockerfileReading) -> Plan | None:
    """The steps of a file that BuildKit accepts; None for any other file, and beyond ``MOST_CHARACTERS``."""
    if not reading.valid or not reading.stages:
        return None
    try:
        return _Planner(reading, stage_graph(reading)).run()
    except _TooMuchError:
        note_cut("a Dockerfile whose steps know more than 16 MiB")
        return None


class _TooMuchError(Exception):
    """The steps hold more than ``MOST_CHARACTERS``."""


class _Planner:
    def __init__(self, reading: DockerfileReading, graph: StageGraph) -> None:
        self.reading = reading
        self.needed = graph.reaching | graph.uncertain
        self.read: dict[tuple[int, int], list[BaseReference]] = {}
        for edge in graph.edges:
            if edge.kind != "from":
                self.read.setdefault((edge.stage, edge.line), []).append(edge.source)
        self.globals = {
            argument.name: argument.expanded.text or ""
            for argument in reading.global_arguments
            if argument.expanded is not None
        }
        self.vertices: list[Vertex] = []
        self.ends: dict[int, _State] = {}
        self.left = MOST_CHARACTERS
        self.steps: dict[int, list[Step]] = {}
        for step in read_steps(reading):
            self.steps.setdefault(step.run.position, []).append(step)

    def run(self) -> Plan:
        for stage in self.reading.stages:
            if stage.index not in self.needed:
                continue
            state = self._begin(stage.index)
            for position in range(stage.first + 1, stage.last + 1):
                self._take(position, self.reading.instructions[position], state)
            self.ends[stage.index] = state
        return Plan(tuple(self.vertices))

    def _begin(self, index: int) -> _State:
        """The state after a FROM. An image makes a vertex, a stage continues from its end, scratch begins empty."""
        stage = self.reading.stages[index]
        base = stage.base
        if base.stage is not None:
            handed = self.ends[base.stage]
            self._spend(sum(map(len, handed.environment)) + len(handed.environment))
            return handed.copied()
        if base.scratch:
            return _State()
        platform = stage.platform.text or stage.platform.raw if stage.platform else ""
        name = f"{base.registry}/{base.repository}:{base.tag or 'latest'}" if base.repository else base.raw
        unknown: list[Unknown] = []
        if base.missing:
            unknown.append("build argument")
            name = base.partial or base.raw
        if base.digest:
            name = base.digest
        else:
            unknown.append("base")
        vertex = Vertex(
            stage.first, stage.start_line, "FROM", index, f"FROM {base.raw}", f"{name} {platform}",
            unknown=tuple(unknown),
        )  # fmt: skip
        return _State(below=self._add(vertex))

    def _add(self, vertex: Vertex) -> int:
        self.vertices.append(vertex)
        return len(self.vertices) - 1

    def _spend(self, characters: int) -> None:
        self.left -= characters
        if self.left < 0:
            raise _TooMuchError

    def _take(self, position: int, item: Instruction, state: _State) -> None:
        check_time()
        if item.keyword == "ENV":
            for name, value in zip(item.expanded[::2], item.expanded[1::2], strict=True):
                state.assign(name.text or name.raw, self._known(value.raw, item, state))
        elif item.keyword == "ARG":
            self._declare(item, state)
        elif item.keyword == "USER":
            state.user = self._known(item.arguments[0], item, state)
        elif item.keyword == "SHELL":
            state.shell = item.arguments
        elif item.keyword == "WORKDIR":
            state.folder = _joined(state.folder, self._known(item.arguments[0], item, state))
            if state.folder != "/":
                self._step(position, item, state, f"WORKDIR {state.folder}", environment=f"user {state.user}")
        elif item.keyword == "RUN":
            self._run(position, item, state)
        elif item.keyword in ("COPY", "ADD"):
            self._copy(position, item, state)

    def _known(self, word: str, item: Instruction, state: _State) -> str:
        """A word, expanded as far as the file allows, and the values in the environment of the variables left in it."""
        text = partial(word, item.scope, self.reading.escape) if isinstance(item.scope, Scope) else word
        named = [name for name in re.findall(r"\$\{(\w+)\}", text) if name in state.environment]
        self._spend(len(text) + sum(len(name) + len(state.environment[name]) for name in named))
        return "\0".join([text, *(f"{name}={state.environment[name]}" for name in named)])

    def _declare(self, item: Instruction, state: _State) -> None:
        """Add an ARG to the environment if it has a value: its own, or that of the same name before the first FROM."""
        for argument in item.assignments:
            if argument.value is not None:
                state.assign(argument.name, self._known(argument.value, item, state))
            elif argument.name in self.globals:
                state.assign(argument.name, self.globals[argument.name])

    def _step(
        self, position: int, item: Instruction, state: _State, command: str, *, environment: str = "",
        sources: Sequence[Source] = (), stages: Sequence[int] = (), linked: bool = False,
        unknown: Sequence[Unknown] = (),
    ) -> None:  # fmt: skip
        self._spend(len(command) + len(environment))
        steps = self.steps.get(position, [])
        vertex = Vertex(
            position, item.start_line, item.keyword, item.stage or 0, statement(item), _held(command), _held(environment),
            tuple(sources), tuple(stages), state.below, linked, tuple(dict.fromkeys(unknown)),
            movable=item.keyword == "RUN" and only_installs(steps),
            installs=any(step.installs is not None for step in steps),
            names=file_names(item.value, steps) if item.keyword == "RUN" else frozenset(),
        )  # fmt: skip
        state.below = self._add(vertex)

    def _run(self, position: int, item: Instruction, state: _State) -> None:
        sources: list[Source] = []
        mounts: list[str] = []
        for flag in item.flags:
            if flag.name != "mount":
                mounts.append(f"{flag.name}={flag.value}")
                continue
            options = mount_options(self._known(flag.value or "", item, state))
            kind = options.setdefault("type", "bind")
            if kind == "cache":
                options = {
                    name: value for name, value in options.items() if name not in _FREE_OF_CACHE_MOUNTS
                }
            if kind == "bind" and "from" not in options:
                # The source's place in the context is not part of the key, only its content.
                sources.append(Source(_cleaned(options.pop("source", options.pop("src", "")))))
            mounts.append(repr(sorted(options.items())))
        stages, unknown = self._stages_read(item)
        here = [heredoc.content for heredoc in item.heredocs]
        self._step(
            position, item, state, repr((item.form, item.arguments, here, mounts)),
            environment=repr((list(state.environment.items()), state.folder, state.user, state.shell)),
            sources=sources, stages=stages, unknown=unknown,
        )  # fmt: skip

    def _copy(self, position: int, item: Instruction, state: _State) -> None:
        words = [self._known(word, item, state) for word in item.arguments]
        target = _target(state.folder, words[-1])
        flags = [
            f"{flag.name}={self._known(flag.value or '', item, state)}"
            for flag in item.flags
            if flag.name not in ("from", "link", "exclude")
        ]
        excludes = tuple(
            _cleaned(self._known(flag.value or "", item, state))
            for flag in item.flags
            if flag.name == "exclude"
        )
        stages, unknown = self._stages_read(item)
        bodies = {f"<<{heredoc.name}": heredoc.content for heredoc in item.heredocs}
        sources: list[Source] = []
        named: list[str] = []
        for word in words[:-1]:
            inline = bodies.get("<<" + word.lstrip("<-").strip("\"'")) if word.startswith("<<") else None
            if inline is not None:
                named.append(inline)
            elif item.flag("from"):
                named.append(_cleaned(word))
            elif item.keyword == "ADD" and (_REMOTE.match(word) or word.endswith(".git")):
                named.append(word)
                if item.flag("checksum") is None and not _PINNED_COMMIT.search(word):
                    unknown.append("remote")
            else:
                source = Source(_cleaned(word), excludes)
                sources.append(source)
                named.append(posixpath.basename(source.pattern))
        command = repr((item.keyword, item.flag("from") or "", named, target, flags, excludes))
        if item.flag("from") and stages:
            command = repr((item.keyword, named, target, flags, excludes))
        linked = item.flag("link") is not None and item.flag("link") != "false"
        self._step(
            position, item, state, command, sources=sources, stages=stages, linked=linked, unknown=unknown
        )

    def _stages_read(self, item: Instruction) -> tuple[list[int], list[Unknown]]:
        """The last vertices of the stages that an instruction reads, and what is unknown about them."""
        stages: list[int] = []
        unknown: list[Unknown] = []
        for source in self.read.get((item.stage or 0, item.start_line), ()):
            if source.stage is not None:
                end = self.ends[source.stage].below if source.stage in self.ends else None
                if end is not None:
                    stages.append(end)
                    unknown.append("content of stage")
            elif not source.scratch and source.digest is None:
                unknown.append("base")
        return stages, unknown


def statement(item: Instruction) -> str:
    """An instruction as written, without continuations and comments."""
    flags = "".join(f" --{flag.name}={flag.value}" for flag in item.flags)
    bodies = "".join(heredoc.body for heredoc in item.heredocs)
    return f"{item.keyword}{flags} {item.value}{bodies}"


def _held(text: str) -> str:
    """A short stand-in for a text that is only compared: many plans are in memory, and each RUN has all variables."""
    encoded = text.encode("utf-8", "surrogatepass")
    return text if len(encoded) <= 200 else blake2b(encoded, digest_size=16).hexdigest()


def _cleaned(path: str) -> str:
    """A source relative to the context's root, as Go's ``path.Clean("/" + path)``."""
    return posixpath.normpath("/" + path).lstrip("/")


def _joined(folder: str, path: str) -> str:
    return "/" + posixpath.normpath(posixpath.join(folder, path)).lstrip("/")


def _target(folder: str, path: str) -> str:
    joined = _joined(folder, path)
    return joined + "/" if path in ("", ".") or (path.endswith("/") and joined != "/") else joined
