"""The commands of a script in the order in which they run, each with the variables in force there.

Here: loops, functions with what they are called with, branches; scripts inside of CI files and recipes, whose own
expressions are put aside while the shell is read. Not here: the shell's grammar (``dockerfile.shell``), what a command
does with images (``commands``), the values themselves (``variables``).

A script is gone through once, not run: a loop's variable has all its values at once, a branch adds to what a variable may
be, a function is gone through for each call. What nobody calls is gone through last. What the grammar cannot read is
looked at line by line.
"""

from __future__ import annotations

import re
from collections import ChainMap
from collections.abc import Iterator, Mapping, MutableMapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from dockml_dagster.study.cuts import note_cut
from dockml_dagster.study.deadline import check_time
from dockml_dagster.study.dockerfile.shell.bash import unquoted
from dockml_dagster.study.dockerfile.shell.heredocs import here_document
from dockml_dagster.study.dockerfile.shell.model import Operator, Script, SimpleCommand
from dockml_dagster.study.dockerfile.shell.scripts import read_script
from dockml_dagster.study.dockerfile.shell.values import DECLARES
from dockml_dagster.study.image_links.variables import (
    LISTED,
    Values,
    assign,
    expanded,
    kept_values,
    loop_words,
    put,
)  # fmt: skip

MAX_STEPS = 2_000
"""Most commands and assignments of one script that are gone through, those of a function once a call."""
_MAX_CALLS = 3
"""Deepest call of a function inside of another's."""
_MAX_SPLICED = 60
"""Most words that a variable adds to a command."""
_EXPRESSION = re.compile(r"\$\{\{[^{}]{0,300}\}\}|\{\{[^{}]{0,300}\}\}")
_HIDDEN = re.compile(r"hidden_expression_(\d{1,5})_")
_NAME = re.compile(r"[A-Za-z_][\w.:-]{0,80}\Z")
_ASSIGNED = re.compile(r"([A-Za-z_]\w{0,80})(\+?)=(.*)\Z", re.DOTALL)
_DEFAULT = re.compile(r"\$\{([A-Za-z_]\w{0,80}):?=([^{}]{0,300})\}\Z")
_WHOLE = re.compile(r"\$(?:\{([A-Za-z_]\w{0,80}|@|\*)(?:\[[@*]\])?\}|([A-Za-z_]\w{0,80}|@|\*))\Z")
_BRANCHES = frozenset({"if", "case", "while", "until"})
_PRINTS = frozenset({"echo", "printf"})


class Command(NamedTuple):
    """A command's words, quotes taken off and variables left in; ``values``: those in force, to be asked before the next
    command is taken. ``line`` counts from 1. ``given``: names of the variables that are set for it alone.
    """

    words: tuple[str, ...]
    line: int
    values: Values
    given: tuple[str, ...] = ()


@dataclass(slots=True)
class _Set:
    name: str
    text: str
    more: bool
    branch: bool


@dataclass(slots=True)
class _Run:
    words: tuple[str, ...]
    line: int
    given: tuple[str, ...] = ()


@dataclass(slots=True)
class _Unread:
    text: str
    line: int


@dataclass(slots=True)
class _Block:
    """A loop's, a function's or a group's body. ``kind``: ``loop``, ``while``, ``function``, ``group``."""

    kind: str
    name: str = ""
    words: list[str] = field(default_factory=list)
    body: list[_Set | _Run | _Unread | _Block] = field(default_factory=list)


def commands(text: str, values: Values, *, line: int = 1) -> Iterator[Command]:
    """Every command of a script that begins in that line of its file, with ``values`` known before it."""
    hidden: list[str] = []
    shown = _EXPRESSION.sub(lambda found: _hide(found[0], hidden), text)
    marks, at = [], 0
    for number, one in enumerate(shown.split("\n")):
        marks.append((at, line + number))
        at += len(one) + 1
    script = read_script(shown, "sh", marks)
    top = _Reader(script, hidden, marks).read()
    return _Walk(values, top).all_commands()


def _hide(expression: str, hidden: list[str]) -> str:
    hidden.append(expression)
    return f"hidden_expression_{len(hidden) - 1}_" + "\n" * expression.count("\n")


class _Reader:
    """Puts commands and what stands between them together again: which of them are in which loop or function."""

    def __init__(self, script: Script, hidden: Sequence[str], marks: Sequence[tuple[int, int]]) -> None:
        self.script, self.hidden, self.marks = script, hidden, marks
        self.open = [_Block("group")]
        self.header: list[str] | None = None
        self.before: list[str] = []
        self.function = ""
        self.ended: _Block | None = None
        self.piped: tuple[str, ...] = ()

    def read(self) -> _Block:
        operators = iter(sorted(self.script.operators, key=lambda piece: piece.span))
        operator = next(operators, None)
        for command in self.script.commands:
            while operator is not None and command.spans and operator.span.start < command.spans[0].start:
                self._operator(operator)
                operator = next(operators, None)
            self._command(command)
        while operator is not None:
            self._operator(operator)
            operator = next(operators, None)
        while len(self.open) > 1:
            self._close(self.open[-1].kind)
        return self.open[0]

    def _restored(self, text: str) -> str:
        if "hidden_expression_" not in text:
            return text
        return _HIDDEN.sub(
            lambda found: self.hidden[int(found[1])] if int(found[1]) < len(self.hidden) else found[0], text
        )

    def _operator(self, piece: Operator) -> None:
        text = piece.text
        if piece.kind == "comment":
            return
        if piece.kind == "unparsed":
            number = next(line for at, line in reversed(self.marks) if at <= piece.span.start)
            self.open[-1].body.append(_Unread(self._restored(text), number))
            return
        if self.header is not None:
            if text in (";", "\n", "do") and len(self.header) > 1:
                name, words = self.header[0], [self._restored(word) for word in self.header[2:]]
                self.header = None
                self.open.append(_Block("loop", name, words))
            else:
                self.header.append(text)
        elif text in ("for", "select"):
            self.header = []
        elif text in ("while", "until"):
            self.open.append(_Block("while"))
        elif text == "done":
            self._close("while" if self._innermost_loop() == "while" else "loop")
        elif text == "{":
            self.open.append(_Block("function" if self.function else "group", self.function))
            self.function = ""
        elif text == "}":
            self._close("function" if self._is_open("function", above="group") else "group")
        elif text == ")" and self.before[-1:] == ["("] and _NAME.match("".join(self.before[-2:-1])):
            self.function = self.before[-2]
        elif self.before[-1:] == ["function"]:
            self.function = text
        elif self.ended is not None and (self.before[-2:-1] == ["<<"] or text.startswith("<<<")):
            # What a loop reads from, one line a turn.
            lines = unquoted(text.removeprefix("<<<").strip()).splitlines()
            self.ended.words = [self._restored(line).split()[0] for line in lines if line.strip()]
            self.ended = None
        self.before = [*self.before[-2:], text] if text.strip() else self.before

    def _innermost_loop(self) -> str:
        return next((block.kind for block in reversed(self.open) if block.kind in ("loop", "while")), "loop")

    def _is_open(self, kind: str, above: str) -> bool:
        return next((block.kind for block in reversed(self.open) if block.kind in (kind, above)), "") == kind

    def _close(self, kind: str) -> None:
        if not any(block.kind == kind for block in self.open[1:]):
            return
        while True:
            block = self.open.pop()
            self.open[-1].body.append(block)
            if block.kind == kind:
                self.ended = block if kind == "while" and block.name else None
                return

    def _command(self, command: SimpleCommand) -> None:
        body = self.open[-1].body
        branch = bool(_BRANCHES & set(command.inside)) or command.joined in ("&&", "||")
        assignments = list(command.assignments)
        if command.name in DECLARES:
            # As written, for in quotes a blank parts no words.
            assignments += [self.script.text[start:end] for start, end in command.spans[1:]]
        elif command.name == ":":
            assignments += [
                f"{found[1]}={found[2]}" for word in command.arguments if (found := _DEFAULT.match(word))
            ]
        for written in assignments:
            found = _ASSIGNED.match(self._restored(written))
            if found:
                body.append(_Set(found[1], found[3], bool(found[2]), branch))
        if not command.name or command.name in DECLARES:
            return
        words = tuple(self._restored(word) for word in command.words)
        if words[0] == "read" and self.open[-1].kind == "while" and not self.open[-1].name:
            self.open[-1].name = next((word for word in words[1:] if _NAME.match(word)), "")
        if words[0] == "xargs" and command.joined == "|" and self.piped:
            body += (_Run((*words, word), command.line) for word in self.piped)
        else:
            given = tuple(written.partition("=")[0] for written in command.assignments)
            body.append(_Run(words, command.line, given))
        body += self._sent(command)
        self.piped = words[1:][:_MAX_SPLICED] if words[0] in _PRINTS else ()

    def _sent(self, command: SimpleCommand) -> Iterator[_Unread]:
        """The script that ``ssh`` sends to another machine."""
        sent = here_document(command) if command.name == "ssh" else None
        if sent is not None:
            yield _Unread(self._restored(sent[0]), command.line + 1)


class _Walk:
    """One way through a script. ``_anywhere``: what any of its assignments makes a variable, for places that nothing
    before them tells it.
    """

    def __init__(self, values: Values, top: _Block) -> None:
        self._top = top
        self._anywhere: dict[str, tuple[str, ...]] = {}
        self._functions: dict[str, _Block] = {}
        self._called: set[str] = set()
        self._left = MAX_STEPS
        self._known: ChainMap[str, tuple[str, ...]] = ChainMap({}, self._anywhere, _mutable(values))
        self._collect(top)

    def all_commands(self) -> Iterator[Command]:
        yield from self._block(self._top, self._known, 0)
        for name, function in self._functions.items():
            if name not in self._called:
                yield from self._block(function, self._known.new_child(), _MAX_CALLS)

    def _collect(self, block: _Block) -> None:
        for item in block.body:
            check_time()
            if isinstance(item, _Set):
                put(self._anywhere, item.name, item.text, self._known, adds=True, more=item.more)
            elif isinstance(item, _Unread):
                assign(item.text.splitlines(), self._known.new_child(self._anywhere))
            elif isinstance(item, _Block):
                if item.kind == "function":
                    self._functions.setdefault(item.name, item)
                elif item.name:
                    told = loop_words(" ".join(item.words), self._known)
                    self._anywhere[item.name] = kept_values((*self._anywhere.get(item.name, ()), *told))
                self._collect(item)

    def _block(self, block: _Block, scope: ChainMap[str, tuple[str, ...]], depth: int) -> Iterator[Command]:
        for item in block.body:
            check_time()
            self._left -= 1
            if self._left < 0:
                note_cut("more than 2,000 steps of a script")
                return
            if isinstance(item, _Set):
                put(scope.maps[0], item.name, item.text, scope, adds=item.branch, more=item.more)
            elif isinstance(item, _Unread):
                for number, one in enumerate(item.text.splitlines()):
                    yield Command(("", one), item.line + number, scope)
            elif isinstance(item, _Run):
                yield from self._run(item, scope, depth)
            elif item.kind != "function":
                if item.name:
                    scope[item.name] = loop_words(" ".join(item.words), scope)
                yield from self._block(item, scope, depth)

    def _run(self, item: _Run, scope: ChainMap[str, tuple[str, ...]], depth: int) -> Iterator[Command]:
        function = self._functions.get(item.words[0])
        words = tuple(_spliced(item.words, scope))
        if function is None or depth >= _MAX_CALLS:
            yield Command(words, item.line, scope, item.given)
            return
        self._called.add(item.words[0])
        given = {str(place): expanded(word, scope) for place, word in enumerate(words[1:10], 1)}
        listed = tuple(one for told in given.values() for one in told)
        inside = scope.new_child({**given, LISTED + "@": listed, LISTED + "*": listed})
        yield from self._block(function, inside, depth + 1)


def _mutable(values: Values) -> MutableMapping[str, tuple[str, ...]]:
    return values if isinstance(values, MutableMapping) else dict(values)


def _spliced(words: Sequence[str], values: Mapping[str, tuple[str, ...]]) -> Iterator[str]:
    """The words of a command, a variable that holds several of them (``"${ARGS[@]}"``, ``$FLAGS``) in their place."""
    for word in words:
        found = _WHOLE.match(word) if word[:1] == "$" else None
        listed = values.get(LISTED + (found[1] or found[2])) if found else None
        if listed and (len(listed) > 1 or listed[0].startswith("-")):
            yield from listed[:_MAX_SPLICED]
        else:
            yield word
