"""The types of a read Dockerfile: what was written, where, and how BuildKit interprets it.

Here: frozen records only, with the meaning of each field. Not here: how they are read (``reading``), or any
judgement about them (``base_images``, ``run``, ``practices``).

Terms are BuildKit's and those of the Dockerfile reference: instruction, stage, heredoc, exec form, shell
form, parser directive, builder flag. Lines are counted from 1, as every editor does.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Form = Literal["exec", "shell"]

MissingCause = Literal["no default", "empty", "undeclared", "inherited", "automatic", "template", "too long"]
"""Why the value of a variable is not known from the file alone.

``no default``: an ``ARG`` without a default, so only ``--build-arg`` can supply it. ``empty``: its default
is empty where a value is required. ``undeclared``: declared nowhere. ``template``: not a variable but a
placeholder of the template language that the file is written in (``{{x}}``, ``@X@``, ``%X%``,
``<x>``). ``inherited``: not declared in this stage, but the base image may set it. ``automatic``: BuildKit
sets it from the platform of the build. ``too long``: known, but longer than the cap (``reading.variables``).
"""


@dataclass(frozen=True, slots=True)
class TextFacts:
    """How the bytes of a file were decoded.

    ``encoding`` is ``utf-8`` or, by its byte-order mark, ``utf-16-le``/``utf-16-be`` (which BuildKit
    does not read). ``undecodable_bytes`` were replaced by U+FFFD. ``newline`` is ``lf``, ``crlf``,
    ``mixed`` or ``none``. ``longest_line`` is in bytes with the line end, as BuildKit's limit is.
    """

    size: int
    encoding: str
    byte_order_mark: bool
    newline: str
    final_newline: bool
    nul_bytes: int
    undecodable_bytes: int
    lines: int
    longest_line: int


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that BuildKit refuses (``error``) or accepts with a warning, or that a cap of dockml cut off.

    ``kind``: ``syntax`` (the parser refuses the whole file), ``instruction`` (the instruction is refused),
    ``evaluation`` (refused when built without build arguments), ``warning``, ``censored``.
    """

    line: int
    kind: Literal["syntax", "instruction", "evaluation", "warning", "censored"]
    message: str


@dataclass(frozen=True, slots=True)
class Directive:
    """A parser directive: ``# syntax=``, ``# escape=`` or ``# check=``; the name in lower case."""

    name: str
    value: str
    line: int


@dataclass(frozen=True, slots=True)
class Comment:
    """A comment line, without its ``#`` and outer white space. ``inside`` is true within a continued instruction."""

    line: int
    text: str
    inside: bool


@dataclass(frozen=True, slots=True)
class Flag:
    """A builder flag before the arguments: ``--from=build`` is ``Flag("from", "build")``; a bare flag has no value."""

    name: str
    value: str | None


@dataclass(frozen=True, slots=True)
class Heredoc:
    """A here-document of ``RUN``, ``COPY`` or ``ADD``.

    ``body`` is as written, with all line ends; ``chomp`` (``<<-``) strips leading tabs when the body is used.
    ``expand`` is false where part of the terminator was quoted. The body's lines are ``start_line..end_line``
    without the terminator; ``end_line < start_line`` for an empty one.
    """

    name: str
    body: str
    chomp: bool
    expand: bool
    file_descriptor: int
    start_line: int
    end_line: int

    @property
    def content(self) -> str:
        """The body as the file or script that it becomes."""
        if not self.chomp:
            return self.body
        return "".join(line.lstrip("\t") for line in self.body.splitlines(keepends=True))


@dataclass(frozen=True, slots=True)
class Missing:
    """A variable whose value is not known from the file, and why."""

    name: str
    cause: MissingCause


@dataclass(frozen=True, slots=True)
class Expanded:
    """One word after BuildKit's quote removal and variable expansion.

    ``text`` is ``None`` where a value is missing (``missing`` says which) or BuildKit refuses the word
    (``error``). ``used`` are the variables that were looked up. ``assumed_unset`` are undeclared variables
    for which a written default (``${V:-x}``) was taken, though a base image could set them.
    """

    raw: str
    text: str | None
    used: tuple[str, ...] = ()
    missing: tuple[Missing, ...] = ()
    assumed_unset: tuple[str, ...] = ()
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Assignment:
    """A name and value of ``ENV``, ``ARG`` or ``LABEL``. ``value`` is as written; ``None`` for an ``ARG`` without one."""

    name: str
    value: str | None
    expanded: Expanded | None = None


@dataclass(frozen=True, slots=True)
class Instruction:
    """One instruction, as BuildKit's parser delimits it.

    ``keyword`` is in upper case. ``stage`` is ``None`` before the first FROM. ``value`` is the text after
    keyword and flags with continuations joined and comment lines dropped, as a shell would receive it;
    ``original`` is the source, line for line. ``arguments`` are BuildKit's words (exec form: the JSON
    strings; RUN, CMD, ENTRYPOINT in shell form: one string; ENV and LABEL: name, value, name, value …).
    ``expanded`` runs parallel to ``arguments`` for those instructions in which BuildKit expands variables,
    and is empty for the others. ``segments`` maps ``value`` to the file: pairs (offset into ``value``,
    line), ascending. ``scope`` holds the variables of known value in force before the instruction (after
    reading a ``reading.scopes.Scope``). ``problem`` is why BuildKit refuses the instruction, if it does.
    ``known`` is false for a keyword that does not exist.
    """

    keyword: str
    start_line: int
    end_line: int
    stage: int | None
    flags: tuple[Flag, ...]
    arguments: tuple[str, ...]
    form: Form | None
    heredocs: tuple[Heredoc, ...]
    value: str
    original: str
    known: bool
    child: "Instruction | None" = None
    assignments: tuple[Assignment, ...] = ()
    expanded: tuple[Expanded, ...] = ()
    segments: tuple[tuple[int, int], ...] = ()
    scope: Mapping[str, str] = field(default_factory=dict, compare=False, repr=False)
    problem: str | None = None

    def flag(self, name: str) -> str | None:
        """The value of the first flag of that name: ``""`` where it has none, ``None`` where the flag is absent."""
        for flag in self.flags:
            if flag.name == name:
                return flag.value or ""
        return None


@dataclass(frozen=True, slots=True)
class BaseReference:
    """What a FROM (or ``COPY --from``, ``--mount=from=``) names.

    Exactly one of these holds: ``stage`` is the index of an earlier stage; ``scratch``; ``repository`` is
    set (an image); ``missing`` lists the variables that leave it unknown; ``problem`` says why it is no
    reference. ``registry`` and ``repository`` are normalised as Docker does it (``docker.io``,
    ``library/ubuntu``); ``name`` is the form people write (``ubuntu``, ``nvidia/cuda``,
    ``nvcr.io/nvidia/pytorch``). ``tag`` is as stated: ``None`` means that none was written, not ``latest``.
    Where variables are missing, ``partial`` holds the reference with ``${NAME}`` kept in their place.
    """

    raw: str
    expanded: str | None
    registry: str | None = None
    repository: str | None = None
    name: str | None = None
    tag: str | None = None
    digest: str | None = None
    stage: int | None = None
    scratch: bool = False
    missing: tuple[Missing, ...] = ()
    partial: str | None = None
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class Stage:
    """A build stage: one FROM and what follows it, up to the next.

    ``name`` is in lower case, as BuildKit keeps it. ``platform`` is the value of ``--platform``. ``first``
    and ``last`` are positions in ``DockerfileReading.instructions`` (``first`` is the FROM; both included).
    """

    index: int
    name: str | None
    platform: Expanded | None
    base: BaseReference
    start_line: int
    end_line: int
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class DockerfileReading:
    """A whole Dockerfile.

    ``valid``: BuildKit's parser and instruction checks accept it. ``coverage`` (0 to 1) is the share of its
    lines that were understood: lines of known, well-formed instructions over all lines that are neither
    blank nor comment; 0 for a file without such lines. ``reason`` says why it is not valid, or not a
    Dockerfile. ``template`` names the template language whose placeholders stand in the text, if any.
    ``global_arguments`` are the ``ARG`` before the first FROM.
    """

    valid: bool
    coverage: float
    reason: str | None
    text: TextFacts
    escape: str
    directives: tuple[Directive, ...]
    comments: tuple[Comment, ...]
    instructions: tuple[Instruction, ...]
    stages: tuple[Stage, ...]
    problems: tuple[Problem, ...]
    template: str | None = None
    global_arguments: tuple[Assignment, ...] = ()

    def of_stage(self, index: int) -> tuple[Instruction, ...]:
        """The instructions of a stage, its FROM first."""
        stage = self.stages[index]
        return self.instructions[stage.first : stage.last + 1]
