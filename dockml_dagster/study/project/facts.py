"""Facts: short texts from a project's files and metadata, with their places. Labels rest on them.

Here: ``Fact``, and the functions that turn metadata, paths, manifests, Dockerfiles and workflows into facts. Not here:
the README (``readme_facts``), labels (``labels.category``, ``labels.purpose``), reading Dockerfiles (``dockerfile``),
any I/O.

A rule of the labellers names places (``where``) and an expression. The expression is tried on the facts of these
places, and the facts that match are the evidence. All input may be hostile: texts are cut, counts are capped, and
unreadable input yields nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, get_args

from dockml_dagster.study.cuts import first, shortened
from dockml_dagster.study.dockerfile.model import DockerfileReading, Instruction
from dockml_dagster.study.dockerfile.shell.scripts import read_runs
from dockml_dagster.study.project.languages import is_aside
from dockml_dagster.study.project.noun_phrase import kind_of_thing
from dockml_dagster.study.project.own_words import Words

Where = Literal[
    "description", "own description", "kind", "topic", "keyword", "language", "readme", "title", "heading", "badge",
    "readme body", "file", "side file", "file count", "dependency",
    "dockerfile path", "dockerfile count", "stage", "base image", "command", "copy", "port", "start command",
    "instruction", "run mount", "variable", "volume", "user", "label", "healthcheck", "comment",
    "compose path", "compose service", "service count", "compose image", "compose key", "workflow",
]  # fmt: skip
"""Kinds of facts.

``kind`` is the noun phrase of description or README that says what kind of thing the project is (``kind_of_thing``);
``own description`` and ``keyword`` come from the project's manifests (``own_words``) or from the label of an image.
``readme`` is a sentence of the README that says what the project is, ``title`` its first heading without the project's
name, ``heading`` any other, ``badge`` the text and address of a badge, ``readme body`` any other line. ``file`` is
a path of the repository, ``side file`` one of examples, documentation, tests or copies of others' code, ``file count`` the
number of paths. ``dependency`` is a package name. ``command`` is one simple command inside RUN, name and arguments.
``start command`` is CMD or ENTRYPOINT. ``instruction`` is the keyword alone, ``run mount`` a ``--mount`` of RUN without
its source. ``service count`` is how many services one compose file has. ``variable`` is the name of an ENV.
``comment`` is a comment line of a Dockerfile, where authors explain how to build and run it. ``compose key`` is a key of a
service (``ports``, ``volumes`` …). ``workflow`` is a line of a CI configuration.
"""

WHERES: frozenset[str] = frozenset(get_args(Where))

MAX_TEXT = 2000
"""Longest fact, in characters; longer texts are cut. It also bounds the text that an expression is tried on."""
MAX_FACTS = 20_000
"""Most facts of one file."""
_MAX_WORKFLOW = 256 * 1024
_MAX_NAMED = 64 * 1024
"""Most characters of a text in which names are removed."""
_WORKFLOW = re.compile(
    r"^(?:\.github/workflows/[^/]+\.ya?ml|\.github/actions/[^/]+/action\.ya?ml|\.gitlab-ci\.ya?ml|\.gitlab(?:-ci)?/[^/]+\.ya?ml"
    r"|\.travis\.ya?ml|\.circleci/[^/]+\.ya?ml|azure-pipelines[^/]*\.ya?ml|bitbucket-pipelines\.ya?ml"
    r"|Jenkinsfile|\.buildkite/[^/]+\.ya?ml|\.drone\.ya?ml|\.woodpecker\.ya?ml|(?:cloudbuild|buildspec)[^/]*\.ya?ml)\Z"
)


_MOUNT = re.compile(r"\btype=[a-z]{1,20}")
_DESCRIBING_LABELS = frozenset(
    {"org.opencontainers.image.description", "org.label-schema.description", "description", "summary"}
)


@dataclass(frozen=True, slots=True)
class Fact:
    """One piece of evidence: its kind (``where``), its text, and its place.

    ``file`` is a path inside the repository, ``None`` for metadata. ``line`` counts from 1, ``None`` for the
    file as a whole.
    """

    where: Where
    text: str
    file: str | None = None
    line: int | None = None


@dataclass(frozen=True, slots=True)
class ProjectMetadata:
    """What the host of a repository says about it. ``name`` is ``owner/name``; it is used only to remove it from texts."""

    name: str
    description: str | None = None
    topics: tuple[str, ...] = ()
    language: str | None = None


def metadata_facts(metadata: ProjectMetadata) -> tuple[Fact, ...]:
    """Facts of description, topics and language, without the names of the project and its owner."""
    facts: list[Fact] = []
    description = without_name(metadata.description or "", metadata.name).strip()
    # A spreadsheet export writes an absent description as "nan".
    if description and description != "nan":
        facts += described("description", description, None, None)
    facts.extend(
        Fact("topic", _text(without_name(topic, metadata.name), 100))
        for topic in first(metadata.topics, 100, "topics")
    )
    if metadata.language:
        facts.append(Fact("language", _text(metadata.language, 100)))
    return tuple(facts)


def _text(text: str, most: int = MAX_TEXT) -> str:
    return shortened(text, most, "a text")


def without_name(text: str, name: str) -> str:
    """The text without the project's and the owner's names, so that no label can rest on them."""
    for part in _names(name):
        text = _text(text, _MAX_NAMED)
        # An expression for each project costs more than its texts. Searching needs ASCII: other letters may match although
        # their lower cases differ.
        ascii_only = part.isascii() and text.isascii()
        text = _without(part, text) if ascii_only else _pattern(part).sub("", text)
    return text


def _without(part: str, text: str) -> str:
    """What ``_pattern(part)`` leaves of an ASCII text."""
    lower = text.lower()
    kept, end, found = [], 0, lower.find(part)
    while found >= 0:
        after = found + len(part)
        if lower[found - 1 : found].isalnum() or lower[after : after + 1].isalnum():
            found = lower.find(part, found + 1)
            continue
        kept.append(text[end:found])
        end, found = after, lower.find(part, after)
    return "".join((*kept, text[end:]))


@lru_cache(maxsize=16)
def _names(name: str) -> tuple[str, ...]:
    # The longer name first: `keras-team` before `keras`.
    return tuple(
        sorted({part for part in name.lower().split("/") if part}, key=lambda part: (-len(part), part))
    )


@lru_cache(maxsize=32)
def _pattern(part: str) -> re.Pattern[str]:
    return re.compile(rf"(?<![a-z0-9]){re.escape(part)}(?![a-z0-9])", re.IGNORECASE)


def file_facts(paths: Iterable[str], name: str = "") -> tuple[Fact, ...]:
    """A fact for every path of the repository, without the project's name; and one for their number."""
    facts = [
        Fact("side file" if is_aside(path) else "file", without_name(_text(path), name), path)
        for path in first(paths, MAX_FACTS, "files of a project")
    ]
    return (*facts, Fact("file count", str(len(facts))))


def own_facts(path: str, words: Iterable[Words], name: str = "") -> tuple[Fact, ...]:
    """Facts of a manifest's own words, without the names; and the kind of thing that its description states."""
    facts: list[Fact] = []
    for said in words:
        text = without_name(said.text, name).strip()
        if text and said.is_keyword:
            facts.append(Fact("keyword", _text(text, 200), path, said.line))
        elif text:
            facts += described("own description", text, path, said.line)
    return tuple(facts)


def described(where: Where, text: str, path: str | None, line: int | None) -> Iterator[Fact]:
    """A fact of the text, and one of the kind of thing that it states."""
    yield Fact(where, _text(text), path, line)
    kind = kind_of_thing(text)
    if kind:
        yield Fact("kind", kind, path, line)


def dependency_facts(dependencies: Iterable[tuple[str, str, int | None]]) -> tuple[Fact, ...]:
    """Facts of declared packages, given as triples of package name, the file that declares it, and the line."""
    return tuple(
        Fact("dependency", _text(package, 200), file, line)
        for package, file, line in first(dependencies, MAX_FACTS, "dependencies of a project")
    )


def is_workflow(path: str) -> bool:
    """Whether a path is the configuration of a CI service."""
    return _WORKFLOW.match(path) is not None


def workflow_facts(path: str, text: str) -> tuple[Fact, ...]:
    """A fact for every line of a CI configuration that is neither blank nor a comment."""
    lines = enumerate(_text(text, _MAX_WORKFLOW).splitlines(), 1)
    kept = ((number, line.strip()) for number, line in lines)
    return tuple(
        Fact("workflow", _text(line), path, number)
        for number, line in first(kept, MAX_FACTS, "lines of a workflow")
        if line and not line.startswith("#")
    )


def dockerfile_facts(path: str, reading: DockerfileReading, name: str = "") -> tuple[Fact, ...]:
    """Facts of one read Dockerfile; only its path if nothing in it could be read."""
    return tuple(first(_dockerfile_facts(path, reading, name), MAX_FACTS, "facts of a Dockerfile"))


def _dockerfile_facts(path: str, reading: DockerfileReading, name: str) -> Iterator[Fact]:
    yield Fact("dockerfile path", without_name(_text(path), name), path)
    for stage in reading.stages:
        if stage.name:
            yield Fact("stage", _text(stage.name, 200), path, stage.start_line)
        if stage.base.name:
            yield Fact("base image", _text(stage.base.name), path, stage.start_line)
    for run in read_runs(reading):
        for command in run.commands:
            text = _text(" ".join(command.words)).strip()
            if text:
                yield Fact("command", text, path, command.line)
    for comment in reading.comments:
        if comment.text:
            yield Fact("comment", without_name(_text(comment.text), name), path, comment.line)
    for instruction in reading.instructions:
        if instruction.known and instruction.problem is None:
            yield from _instruction_facts(path, instruction, name)


def _instruction_facts(path: str, instruction: Instruction, name: str) -> Iterator[Fact]:
    line = instruction.start_line
    yield Fact("instruction", instruction.keyword, path, line)
    words = instruction.arguments
    kinds: dict[str, Where] = {
        "EXPOSE": "port", "VOLUME": "volume", "USER": "user", "COPY": "copy", "ADD": "copy",
    }  # fmt: skip
    if instruction.keyword in kinds:
        for word in first(words, 200, "words of an instruction"):
            yield Fact(kinds[instruction.keyword], _text(word), path, line)
    elif instruction.keyword in ("CMD", "ENTRYPOINT"):
        yield Fact("start command", _text(" ".join(words)), path, line)
    elif instruction.keyword == "HEALTHCHECK":
        yield Fact("healthcheck", _text(" ".join(words)), path, line)
    elif instruction.keyword == "RUN":
        for flag in first(instruction.flags, 50, "flags of an instruction"):
            found = _MOUNT.search(str(flag))
            if found:
                yield Fact("run mount", found[0], path, line)
    elif instruction.keyword in ("ENV", "LABEL"):
        where: Where = "variable" if instruction.keyword == "ENV" else "label"
        for assignment in first(instruction.assignments, 500, "assignments of an instruction"):
            yield Fact(where, _text(assignment.name, 200), path, line)
            if where == "label" and assignment.name.lower() in _DESCRIBING_LABELS and assignment.value:
                yield Fact(
                    "own description",
                    _text(without_name(assignment.value.strip("\"'"), name)),
                    path,
                    line,
                )


def count_facts(dockerfiles: int) -> tuple[Fact, ...]:
    """The number of Dockerfiles as a fact, for rules on it."""
    return (Fact("dockerfile count", str(dockerfiles)),)


def texts_of(facts: Sequence[Fact]) -> dict[str, list[Fact]]:
    """Facts by ``where``, in order, for a set of rules."""
    by_where: dict[str, list[Fact]] = {}
    for fact in facts:
        by_where.setdefault(fact.where, []).append(fact)
    return by_where
