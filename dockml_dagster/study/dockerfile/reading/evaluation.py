"""Evaluating the instructions in order: opening stages, binding variables, expanding words.

Here: what BuildKit's ``dockerfile2llb`` does before it builds: global ``ARG``, inheritance between stages,
the base of every FROM. Not here: the expansion of one word (``variables``), the syntax of one instruction
(``instructions``).
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import replace

from dockml_dagster.study.dockerfile.model import (
    Assignment,
    BaseReference,
    Expanded,
    Instruction,
    Missing,
    Problem,
    Stage,
)
from dockml_dagster.study.dockerfile.reading.base_reference import known_parts, split_reference
from dockml_dagster.study.dockerfile.reading.flags import mount_problem
from dockml_dagster.study.dockerfile.reading.instructions import Parsed
from dockml_dagster.study.dockerfile.reading.logical_lines import LogicalLine
from dockml_dagster.study.dockerfile.reading.scopes import (
    AUTOMATIC_ARGUMENTS,
    MAX_INHERITANCE,
    Binding,
    History,
    Scope,
    Unset,
)
from dockml_dagster.study.dockerfile.reading.variables import Budget, expand, partial

# Instructions in which BuildKit expands every argument. It leaves RUN, CMD, ENTRYPOINT, SHELL and HEALTHCHECK
# to the shell.
_EXPANDED = frozenset({"ADD", "COPY", "ENV", "EXPOSE", "LABEL", "STOPSIGNAL", "USER", "VOLUME", "WORKDIR"})

_PLACEHOLDER = re.compile(
    r"(?:\{{1,2}|<{1,2}|%|@)[-\s]{0,8}([A-Za-z_][\w.]{0,80})[^{}<>%@\n]{0,200}(?:\}{1,2}|>{1,2}|%|@)"
)
"""A template's placeholder in a reference: ``{{x}}``, ``<x>``, ``<<x>>``, ``%X%``, ``@X@``. None is legal there."""

_ALLOWANCE = 4 << 20
"""Characters that expansion may create in addition to four times the file's size. Real files stay far below."""


class Evaluator:
    """Evaluates the parsed instructions of one file, one at a time and in order."""

    def __init__(self, escape: str, size: int, build_arguments: Mapping[str, str]) -> None:
        self.escape = escape
        self.budget = Budget(4 * size + _ALLOWANCE)
        self.build_arguments = build_arguments
        self.arguments = History("global")
        for name in AUTOMATIC_ARGUMENTS & build_arguments.keys():
            self.arguments.bind(name, build_arguments[name])
        self.history = self.arguments
        self.instructions: list[Instruction] = []
        self.stages: list[Stage] = []
        self.finished: list[Scope] = []
        self.by_name: dict[str, int] = {}
        self.global_arguments: list[Assignment] = []
        self.problems: list[Problem] = []

    def take(self, line: LogicalLine, parsed: Parsed, original: str) -> None:
        """Evaluate the next instruction."""
        if parsed.keyword == "FROM" and not parsed.fatal and parsed.arguments:
            self._open_stage(line, parsed, original)
            return
        scope = self.history.now()
        expanded: tuple[Expanded, ...] = ()
        assignments = parsed.assignments
        usable = not parsed.fatal and not parsed.problem and not parsed.censored
        if usable and parsed.keyword in _EXPANDED:
            expanded = tuple(self._expand(word, scope) for word in parsed.arguments)
            self._report(expanded, line.start)
            if assignments:
                assignments = tuple(
                    Assignment(assignment.name, assignment.value, value)
                    for assignment, value in zip(assignments, expanded[1::2], strict=True)
                )
            if parsed.keyword == "ENV":
                for name, value in zip(expanded[::2], expanded[1::2], strict=True):
                    self._bind(name, value)
        elif usable and parsed.keyword == "RUN":
            for flag in parsed.flags:
                refused = mount_problem(flag.value or "") if flag.name == "mount" else None
                if refused is not None:
                    self.problems.append(Problem(line.start, "evaluation", refused))
        elif usable and parsed.keyword == "ARG":
            assignments = tuple(self._declare(assignment, line.start) for assignment in assignments)
            if not self.stages:
                self.global_arguments.extend(assignments)
        self.instructions.append(
            instruction(
                line,
                parsed,
                original,
                stage=self._stage_index(),
                scope=scope,
                expanded=expanded,
                assignments=assignments,
            )
        )

    def finish(self) -> tuple[Stage, ...]:
        """Close the last stage."""
        self._close_stage()
        return tuple(self.stages)

    def _stage_index(self) -> int | None:
        return len(self.stages) - 1 if self.stages else None

    def _expand(self, word: str, scope: Scope) -> Expanded:
        return expand(word, scope, self.escape, budget=self.budget)

    def _report(self, expanded: tuple[Expanded, ...], line: int) -> None:
        for word in expanded:
            if word.error:
                self.problems.append(Problem(line, "evaluation", word.error))

    def _bind(self, name: Expanded, value: Expanded) -> None:
        if name.text is None:
            return
        binding: Binding = value.text if value.text is not None else value.missing
        if value.error is None:
            self.history.bind(name.text, binding)

    def _declare(self, argument: Assignment, line: int) -> Assignment:
        """Bind one ``ARG``. A later one on the same line sees it."""
        given = self.build_arguments.get(argument.name)
        if given is not None:
            self.history.bind(argument.name, given)
            return replace(argument, expanded=Expanded(argument.value or "", given))
        if argument.value is not None:
            value = self._expand(argument.value, self.history.now())
            self._report((value,), line)
            if value.error is None:
                self.history.bind(argument.name, value.text if value.text is not None else value.missing)
            return Assignment(argument.name, argument.value, value)
        unset = Unset(Missing(argument.name, "no default"), definite=True)
        if not self.stages:
            if argument.name not in AUTOMATIC_ARGUMENTS:
                self.history.bind(argument.name, unset)
            return argument
        inherited = self.arguments.now().lookup(argument.name)
        if not isinstance(inherited, Unset):
            self.history.bind(argument.name, inherited)
        elif self.history.now().bound(argument.name) is None:
            # An ARG without a value changes nothing: an earlier ENV of that name stays in force.
            self.history.bind(argument.name, unset)
        return argument

    def _open_stage(self, line: LogicalLine, parsed: Parsed, original: str) -> None:
        self._close_stage()
        scope = self.arguments.now()
        arguments = _from_arguments(parsed)
        word = self._expand(arguments[0], scope)
        base = self._base(word, scope)
        if base.problem or word.error:
            self.problems.append(Problem(line.start, "evaluation", word.error or base.problem or ""))
        name = None
        if len(arguments) == 3 and arguments[1].lower() == "as":
            name = arguments[2].lower()
        written = next((flag.value for flag in parsed.flags if flag.name == "platform"), None)
        platform = self._expand(written, scope) if written is not None else None
        index, position = len(self.stages), len(self.instructions)
        self.stages.append(Stage(index, name, platform, base, line.start, line.end, position, position))
        self.history = self._inherit(base, line.start)
        if name is not None:
            self.by_name[name] = index
        self.instructions.append(
            instruction(line, parsed, original, stage=index, scope=scope, expanded=(word,), assignments=())
        )

    def _inherit(self, base: BaseReference, line: int) -> History:
        """The variables that a new stage begins with: those in force at the end of the stage it builds upon."""
        if base.scratch:
            return History("scratch")
        if base.stage is None:
            return History("image")
        parent = self.finished[base.stage]
        if parent.history.depth + 1 > MAX_INHERITANCE:
            self.problems.append(Problem(line, "censored", "too many stages upon stages to follow variables"))
            return History("image")
        return History(parent.history.kind, parent, parent.history.depth + 1)

    def _close_stage(self) -> None:
        if not self.stages:
            return
        self.finished.append(self.history.now())
        stage = self.stages[-1]
        last = self.instructions[-1]
        self.stages[-1] = replace(stage, end_line=last.end_line, last=len(self.instructions) - 1)

    def _base(self, word: Expanded, scope: Scope) -> BaseReference:
        return resolve_base(word, self.by_name, lambda: partial(word.raw, scope, self.escape))


def _from_arguments(parsed: Parsed) -> tuple[str, ...]:
    """The words of a FROM; a template's ``{{ a b }}`` counts as one."""
    if "{{" not in parsed.value:
        return parsed.arguments
    return tuple(_TEMPLATE_WORD.findall(parsed.value)) or parsed.arguments


_TEMPLATE_WORD = re.compile(r"(?:\{\{[^{}]{0,200}\}\}|[^\s{]|\{)+")


def resolve_base(word: Expanded, stages: Mapping[str, int], partly: Callable[[], str]) -> BaseReference:
    """What an expanded FROM names. Stage names are looked up as BuildKit does: in lower case; the latest wins."""
    if word.error is not None:
        return BaseReference(word.raw, None, problem=word.error)
    if word.missing:
        return _partly_known(word.raw, word.missing, partly())
    text = word.text or ""
    if text in stages:
        return BaseReference(word.raw, text, stage=stages[text])
    if text == "scratch":
        return BaseReference(word.raw, text, scratch=True)
    if not text:
        problem = f"base name ({word.raw}) should not be blank"
        blame = tuple(Missing(name, "empty") for name in word.used)
        if blame:
            return BaseReference(word.raw, None, missing=blame, partial=partly())
        return BaseReference(word.raw, text, problem=problem)
    try:
        parts = split_reference(text)
    except ValueError as error:
        placeholders = tuple(Missing(found[1], "template") for found in _PLACEHOLDER.finditer(text))
        if placeholders:
            rest = _PLACEHOLDER.sub(lambda found: "${" + found[1] + "}", text)
            return _partly_known(word.raw, tuple(dict.fromkeys(placeholders)), rest)
        return BaseReference(word.raw, text, problem=f"failed to parse base name {text[:200]!r}: {error}")
    return BaseReference(
        word.raw, text, parts.registry, parts.repository, parts.name, parts.tag, parts.digest
    )


def _partly_known(raw: str, missing: tuple[Missing, ...], partial: str) -> BaseReference:
    """The reference of a FROM that is known only in part: ``partial`` still has its variables."""
    parts = known_parts(partial)
    return BaseReference(
        raw,
        None,
        parts.registry,
        parts.repository,
        parts.name,
        parts.tag,
        parts.digest,
        missing=missing,
        partial=partial,
    )


def instruction(
    line: LogicalLine,
    parsed: Parsed,
    original: str,
    *,
    stage: int | None,
    scope: Scope,
    expanded: tuple[Expanded, ...],
    assignments: tuple[Assignment, ...],
) -> Instruction:
    """The public record of a parsed instruction in its place."""
    segments = _shifted(line.segments, parsed.value_offset)
    child = None
    if parsed.child is not None:
        inner = line._replace(segments=segments)
        child = instruction(
            inner,
            parsed.child,
            original,
            stage=stage,
            scope=scope,
            expanded=(),
            assignments=parsed.child.assignments,
        )
    return Instruction(
        keyword=parsed.keyword,
        start_line=line.start,
        end_line=line.end,
        stage=stage,
        flags=parsed.flags,
        arguments=parsed.arguments,
        form=parsed.form,
        heredocs=() if child is not None else line.heredocs,
        value=parsed.value,
        original=original,
        known=parsed.known,
        child=child,
        assignments=assignments,
        expanded=expanded,
        segments=segments,
        scope=scope,
        problem=parsed.fatal or parsed.problem,
    )


def _shifted(segments: tuple[tuple[int, int], ...], offset: int) -> tuple[tuple[int, int], ...]:
    if offset == 0 or not segments:
        return segments
    if len(segments) == 1:
        return ((0, segments[0][1]),)
    shifted = [(max(0, start - offset), line) for start, line in segments]
    # If several segments now begin at 0, the last one holds the first character.
    return tuple(
        mark
        for at, mark in enumerate(shifted)
        if at + 1 == len(shifted) or shifted[at + 1][0] > 0 or mark[0] > 0
    )
