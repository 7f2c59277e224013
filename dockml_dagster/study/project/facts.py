"""What a project's own files and metadata say, as short
pieces of text with their place: the ground under labels.

Here: ``Fact`` and the functions that take metadata, Dockerfiles, compose files, workflows and a README apart
into facts. Not here: any judgement (``category``, ``purpose``), any reading of Dockerfiles (``dockerfile``),
any I/O.

A rule of the labellers names one ``where`` and an expression; a fact is what the expression is tried on, and
what is shown as evidence. Everything collected is hostile: texts are cut, counts are capped, what cannot be
read yields nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Literal, get_args

from dockml_dagster.study.dockerfile.model import DockerfileReading, Instruction
from dockml_dagster.study.dockerfile.shell.scripts import read_runs
from dockml_dagster.study.project.noun_phrase import kind_of_thing
from dockml_dagster.study.project.readme import ReadmeLine, readme_prose

Where = Literal[
    "description", "kind", "topic", "language", "readme", "readme body", "file", "dependency",
    "dockerfile path", "dockerfile count", "stage", "base image", "command", "copy", "port", "start command",
    "instruction", "variable", "volume", "user", "label", "healthcheck", "comment",
    "compose path", "compose service", "compose image", "compose key", "workflow",
]  # fmt: skip
"""Kinds of facts.

``kind`` is the noun phrase of description or README that says what kind of thing the project is (``kind_of_thing``);
``readme`` the sentence of the README that says what the project is, ``readme body`` a line of the rest. ``file`` is a
path of the repository, ``dependency`` a package name. ``command`` is one simple command inside RUN, name and arguments.
``start command`` is CMD or ENTRYPOINT. ``instruction`` is the keyword alone. ``variable`` is the name of an ENV.
``comment`` is a comment line of a Dockerfile, where authors say how to build and run it. ``compose key`` is a key of a
service (``ports``, ``volumes`` …). ``workflow`` is a line of a CI configuration.
"""

WHERES: frozenset[str] = frozenset(get_args(Where))

MAX_TEXT = 2000
"""Longest fact, in characters; what is longer is cut. Also the bound on what an expression sees."""
MAX_FACTS = 20_000
"""Most facts of one file."""
_MAX_README = 64 * 1024
MAX_README_LINES = 600
MAX_README_LINE = 300
"""What of a README is read: so many lines that are not blank, so many characters of each."""
_MAX_LEAD = 400
_LEAD_LINES = 80
_LEAD_PARAGRAPHS = 4
_DEFINITION = re.compile(
    r"\W{0,10}(?:[^\s.]{1,40}\s){0,6}?(?:is|are|provides?|offers?) (?:an?|the|our|one)\b", re.IGNORECASE
)
_SENTENCE_END = re.compile(r"(?<=[^\W\d_]{3}[.!?])\s")
_MENU = re.compile(r"[•·|]|\s[-–—]\s")
_WORD = re.compile(r"[^\W\d_]{2,40}")
_NOTICE = re.compile(
    r"(?:\W|\d){0,20}(?:note|notice|warning|important|attention|news|update|deprecat|announc|latest|copyright|licen[sc]ed|"
    r"please|join|follow|star |documentation|if you|to (?:install|get|use|run|build)\b|"
    r"for (?:more|manual|details)|instructions?\b|v?\d+\.\d+|"
    r"in addition|getting started|highlights|build status|"
    r"this (?:repo\w*|project|package|action) (?:is|has been) (?:no longer|deprecated|archived|not |moved)|"
    r"(?:we|the \w+ team) (?:are|is) (?:hiring|happy|excited|pleased)|dear|hiring|read this|english)\b",
    re.IGNORECASE,
)
_WORKFLOW = re.compile(
    r"^(?:\.github/workflows/[^/]+\.ya?ml|\.github/actions/[^/]+/action\.ya?ml|\.gitlab-ci\.ya?ml|\.gitlab(?:-ci)?/[^/]+\.ya?ml"
    r"|\.travis\.ya?ml|\.circleci/config\.ya?ml|azure-pipelines[^/]*\.ya?ml|bitbucket-pipelines\.ya?ml"
    r"|Jenkinsfile|\.buildkite/[^/]+\.ya?ml|\.drone\.ya?ml|\.woodpecker\.ya?ml|cloudbuild[^/]*\.ya?ml)\Z"
)


@dataclass(frozen=True, slots=True)
class Fact:
    """One piece of evidence: where it is of, its text, and its place.

    ``file`` is a path inside the repository, ``None`` for metadata. ``line`` counts from 1, ``None`` for the
    file as a whole.
    """

    where: Where
    text: str
    file: str | None = None
    line: int | None = None


@dataclass(frozen=True, slots=True)
class ProjectMetadata:
    """What the host of a repository says about it. ``name`` is
    ``owner/name``; it is only used to strike it out of texts.
    """

    name: str
    description: str | None = None
    topics: tuple[str, ...] = ()
    language: str | None = None


def metadata_facts(metadata: ProjectMetadata) -> tuple[Fact, ...]:
    """Facts of description, topics and language. The project's own name and its owner's are struck out."""
    facts: list[Fact] = []
    description = without_name(metadata.description or "", metadata.name).strip()
    # A spreadsheet export writes an absent description as "nan".
    if description and description != "nan":
        facts.append(Fact("description", description[:MAX_TEXT]))
        kind = kind_of_thing(description)
        if kind:
            facts.append(Fact("kind", kind))
    facts.extend(Fact("topic", without_name(topic, metadata.name)[:100]) for topic in metadata.topics[:100])
    if metadata.language:
        facts.append(Fact("language", metadata.language[:100]))
    return tuple(facts)


def without_name(text: str, name: str) -> str:
    """The text without the words that are the project's or the owner's name, so that no label can rest on them."""
    # The longer name first: `keras-team` before `keras`.
    for part in sorted(
        {part for part in name.lower().split("/") if part}, key=lambda part: (-len(part), part)
    ):
        text = re.sub(
            rf"(?<![a-z0-9]){re.escape(part)}(?![a-z0-9])", "", text[:_MAX_README], flags=re.IGNORECASE
        )
    return text


def file_facts(paths: Iterable[str], name: str = "") -> tuple[Fact, ...]:
    """A fact for every path of the repository, the project's name struck out of its text."""
    return tuple(Fact("file", without_name(path[:MAX_TEXT], name), path) for path in islice(paths, MAX_FACTS))


def dependency_facts(dependencies: Iterable[tuple[str, str, int | None]]) -> tuple[Fact, ...]:
    """Facts of declared packages: triples of package name, the file that declares it, and the line."""
    return tuple(
        Fact("dependency", package[:200], file, line)
        for package, file, line in islice(dependencies, MAX_FACTS)
    )


def readme_facts(path: str, text: str, name: str = "") -> tuple[Fact, ...]:
    """What a README says, the project's name struck out.

    ``readme`` is what the project says it is: the first sentence of its first paragraph of prose (six words or more;
    no heading, badge, notice, list or code), and the sentence of it that defines. ``readme body`` is every other line
    of prose, list and code, headings included.
    """
    lines = list(islice(readme_prose(text[:_MAX_README]), MAX_README_LINES))
    start = _lead(lines, name)
    facts: list[Fact] = []
    lead = ""
    if start is not None:
        lead = without_name(_defining(_paragraph(lines, start)), name).strip()
        facts.append(Fact("readme", lead[:_MAX_LEAD], path, lines[start].number))
        kind = kind_of_thing(lead)
        if kind:
            facts.append(Fact("kind", kind, path, lines[start].number))
    for line in lines:
        # The lead is told once; what follows it in its own line is body.
        body = without_name(line.text, name).strip()
        if start is not None and line.number == lines[start].number:
            body = "" if lead.startswith(body) else body.removeprefix(lead).strip()
        if body:
            facts.append(Fact("readme body", body[:MAX_README_LINE], path, line.number))
    return tuple(facts)


def _paragraph(lines: Sequence[ReadmeLine], start: int) -> str:
    """The prose lines from ``start`` that stand together."""
    words: list[str] = []
    for i in range(start, min(start + 12, len(lines))):
        line = lines[i]
        if not line.is_prose or line.number != lines[start].number + (i - start):
            break
        words.append(line.text)
    return " ".join(words)


def _defining(paragraph: str) -> str:
    """Its first sentence, and with it the one that says what the project is, where that comes next."""
    first, *others = _SENTENCE_END.split(paragraph)[:4]
    if not _DEFINITION.match(first):
        first = " ".join((first, *[other for other in others if _DEFINITION.match(other)][:1]))
    return first


def _lead(lines: Sequence[ReadmeLine], name: str) -> int | None:
    """Where the paragraph begins that says what the project is: one whose subject is the project itself; else, of the first
    few, one that defines; else the first.
    """
    itself = _about(name)
    first = defining = None
    seen = 0
    for i, line in enumerate(lines[:_LEAD_LINES]):
        begins = line.is_prose and not (
            i and lines[i - 1].is_prose and lines[i - 1].number == line.number - 1
        )
        if not begins:
            continue
        text = _paragraph(lines, i)
        if len(_WORD.findall(text)) < 6 or _NOTICE.match(text) or len(_MENU.findall(text)) >= 3:
            continue
        if itself is not None and itself.match(text):
            return i
        if seen < _LEAD_PARAGRAPHS:
            first = i if first is None else first
            if defining is None and _DEFINITION.match(text):
                defining = i
        seen += 1
    return first if defining is None else defining


def _about(name: str) -> re.Pattern[str] | None:
    """What a sentence begins with that says what the project of that name (``owner/name``) is."""
    words = re.findall(r"[a-z]+|\d+", name.rsplit("/", 1)[-1].lower())
    if not words:
        return None
    # "Some Thing", "some-thing" and "SomeThing" are the same project.
    subject = r"[\W_]{0,3}".join(map(re.escape, words[:8]))
    # Without an article only a name may follow: "is self-contained" says nothing of what it is.
    return re.compile(
        rf"\W{{0,10}}(?:the\s)?{subject}\W(?:[^\s.,]{{1,40}}\s){{0,4}}?(?:is|are|provides?|offers?) "
        r"(?:(?:an?|the|our|one)\b(?! (?:open[- ]source )?project\b)|(?-i:[A-Z]))",
        re.IGNORECASE,
    )


def is_workflow(path: str) -> bool:
    """Whether a path is the configuration of a CI service."""
    return _WORKFLOW.match(path) is not None


def workflow_facts(path: str, text: str) -> tuple[Fact, ...]:
    """Every line of a CI configuration that is neither blank nor comment."""
    lines = enumerate(text[: 256 * 1024].splitlines(), 1)
    kept = ((number, line.strip()) for number, line in lines)
    return tuple(
        Fact("workflow", line[:MAX_TEXT], path, number)
        for number, line in islice(kept, MAX_FACTS)
        if line and not line.startswith("#")
    )


def dockerfile_facts(path: str, reading: DockerfileReading, name: str = "") -> tuple[Fact, ...]:
    """Facts of one read Dockerfile; only its path if nothing in it could be read."""
    return tuple(islice(_dockerfile_facts(path, reading, name), MAX_FACTS))


def _dockerfile_facts(path: str, reading: DockerfileReading, name: str) -> Iterator[Fact]:
    yield Fact("dockerfile path", without_name(path[:MAX_TEXT], name), path)
    for stage in reading.stages:
        if stage.name:
            yield Fact("stage", stage.name[:200], path, stage.start_line)
        if stage.base.name:
            yield Fact("base image", stage.base.name[:MAX_TEXT], path, stage.start_line)
    for run in read_runs(reading):
        for command in run.commands:
            text = " ".join(command.words)[:MAX_TEXT].strip()
            if text:
                yield Fact("command", text, path, command.line)
    for comment in reading.comments:
        if comment.text:
            yield Fact("comment", without_name(comment.text[:MAX_TEXT], name), path, comment.line)
    for instruction in reading.instructions:
        if instruction.known and instruction.problem is None:
            yield from _instruction_facts(path, instruction)


def _instruction_facts(path: str, instruction: Instruction) -> Iterator[Fact]:
    line = instruction.start_line
    yield Fact("instruction", instruction.keyword, path, line)
    words = instruction.arguments
    kinds: dict[str, Where] = {
        "EXPOSE": "port", "VOLUME": "volume", "USER": "user", "COPY": "copy", "ADD": "copy",
    }  # fmt: skip
    if instruction.keyword in kinds:
        for word in words[:200]:
            yield Fact(kinds[instruction.keyword], word[:MAX_TEXT], path, line)
    elif instruction.keyword in ("CMD", "ENTRYPOINT"):
        yield Fact("start command", " ".join(words)[:MAX_TEXT], path, line)
    elif instruction.keyword == "HEALTHCHECK":
        yield Fact("healthcheck", " ".join(words)[:MAX_TEXT], path, line)
    elif instruction.keyword in ("ENV", "LABEL"):
        where: Where = "variable" if instruction.keyword == "ENV" else "label"
        for assignment in instruction.assignments[:500]:
            yield Fact(where, assignment.name[:200], path, line)


def count_facts(dockerfiles: int) -> tuple[Fact, ...]:
    """The number of Dockerfiles as a fact, for rules on it."""
    return (Fact("dockerfile count", str(dockerfiles)),)


def texts_of(facts: Sequence[Fact]) -> dict[str, list[Fact]]:
    """Facts by where, in order: what a rule set walks through."""
    by_where: dict[str, list[Fact]] = {}
    for fact in facts:
        by_where.setdefault(fact.where, []).append(fact)
    return by_where
