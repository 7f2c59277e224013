"""Reading bash scripts of any length in linear time: short ones at once, longer ones in parts.

Here: the sizes, grouping statements into parts, joining the results. Not here: where a script may be cut
(``statements``), reading a part (``bash``).
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from dockml_dagster.study.deadline import is_over
from dockml_dagster.study.dockerfile.shell import bash
from dockml_dagster.study.dockerfile.shell.model import Operator, Script, SimpleCommand, Span
from dockml_dagster.study.dockerfile.shell.statements import Statement, statements

WHOLE: Final = 6 * 1024
"""Longest script, in characters, that is read at once, and longest statement that is read at all. Text that is not shell
takes 0.15 s at this length, and four times as much at twice the length. The longest of the study's 7,998 scripts has
5,325 characters, its longest statement 4,266.
"""
_PART: Final = 2 * 1024
"""Statements of a longer script are grouped into parts of up to this many characters."""
_LONG_STATEMENTS: Final = 4
"""Most statements longer than ``_PART`` that are read in one script."""


def read(text: str) -> Script:
    """``bash.read`` in parts. Statements that are too long or beyond the time limit stay unparsed and flag the script."""
    if len(text) <= WHOLE:
        return bash.read(text)
    commands: list[SimpleCommand] = []
    operators: list[Operator] = []
    parse_error = censored = False
    longs = 0
    joined = ""
    for part in _parts(text):
        if part.joined in ("&&", "||"):
            operators.append(Operator(part.joined, _span(part.joined_at, len(part.joined))))
        joined = part.joined or joined
        longs += part.end - part.start > _PART
        too_long = part.end - part.start > WHOLE or (
            part.end - part.start > _PART and longs > _LONG_STATEMENTS
        )
        if too_long or is_over():
            span = _span(part.start, part.end - part.start)
            operators.append(Operator(text[part.start : part.end], span, "unparsed"))
            parse_error = censored = True
            continue
        read = bash.read(text[part.start : part.end])
        parse_error = parse_error or read.parse_error
        operators += (replace(found, span=_moved(found.span, part.start)) for found in read.operators)
        for found in read.commands:
            spans = tuple(_moved(span, part.start) for span in found.spans)
            first = not found.nested and not found.joined
            commands.append(replace(found, spans=spans, joined=joined if first else found.joined))
            joined = "" if first else joined
    return Script(text, "sh", tuple(commands), tuple(operators), parse_error, censored)


def _parts(text: str) -> Iterator[Statement]:
    """Statements, with consecutive short ones grouped together."""
    held: Statement | None = None
    for one in statements(text):
        if held is not None and one.end - held.start <= _PART:
            held = held._replace(end=one.end)
            continue
        if held is not None:
            yield held
        held = one
    if held is not None:
        yield held


def _span(start: int, length: int) -> Span:
    return Span(start, start + length)


def _moved(span: Span, by: int) -> Span:
    return Span(span.start + by, span.end + by)
