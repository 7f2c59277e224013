"""Logical lines: which physical lines of a Dockerfile make up which instruction.

Here: parser directives, comments, line continuation and the extent of here-documents, exactly as BuildKit's
``parser.Parse`` does it. Not here: what an instruction means (``instructions``).

This step does not use ``parse_dockerfile_ast`` of e2b-dockerfile-utils. That function stops at the first line
BuildKit refuses, so a template or a file with one typing error would give nothing; it drops comments and the
line of every word; and a ``# syntax=`` line with many blanks costs it quadratic time. It is an oracle in the
tests, and this package uses its lexer (here-document words, quoted words).
"""

import re
from bisect import bisect_left
from dataclasses import dataclass
from typing import NamedTuple

from e2b_dockerfile_utils import ShellLex, parse_heredoc

from dockml_dagster.study.dockerfile.model import Comment, Directive, Heredoc, Problem
from dockml_dagster.study.dockerfile.reading.source_text import SPACES

MAX_LEXED = 1 << 20
"""Longest logical line, in characters, that is split into words. A longer one stays whole and is marked censored."""

_DIRECTIVE_NAME = re.compile(r"[a-zA-Z][a-zA-Z0-9]*\Z")
_DIRECTIVES = frozenset({"syntax", "escape", "check"})
_DIRECTIVE_SPACES = "\t\n\f\r "
_MAY_HOLD_HEREDOC = re.compile(
    r"[\t\v\f\r ]*(?:ONBUILD[\t\v\f\r ]+)?(?:RUN|COPY|ADD)[\t\v\f\r ]", re.IGNORECASE
)


class LogicalLine(NamedTuple):
    """One instruction's lines. ``text`` is what BuildKit's parser sees: joined, comments dropped, left-stripped.

    ``segments``: pairs (offset into ``text``, physical line). ``head_end`` is the last line before the
    here-documents.
    """

    start: int
    head_end: int
    end: int
    text: str
    segments: tuple[tuple[int, int], ...]
    heredocs: tuple[Heredoc, ...]


@dataclass(frozen=True, slots=True)
class Frame:
    """The whole file in logical lines. ``covered_lines``: lines that are not blank and not comments between instructions."""

    escape: str
    directives: tuple[Directive, ...]
    comments: tuple[Comment, ...]
    lines: tuple[LogicalLine, ...]
    problems: tuple[Problem, ...]


def frame(lines: list[str]) -> Frame:
    """Group physical lines (without their ``\\n``) into logical ones. Linear in the text; never fails."""
    return _Framer(lines).run()


class _Framer:
    def __init__(self, lines: list[str]) -> None:
        self.lines = lines
        self.escape = "\\"
        self.directives: list[Directive] = []
        self.directives_over = False
        self.comments: list[Comment] = []
        self.logical: list[LogicalLine] = []
        self.problems: list[Problem] = []
        self.terminators: dict[bool, dict[str, list[int]]] = {}

    def run(self) -> Frame:
        at, count = 0, len(self.lines)
        while at < count:
            line = self.lines[at].rstrip("\r").lstrip(SPACES)
            if (not self.directives_over and self._directive(line, at + 1)) or not line:
                at += 1
            elif line[0] == "#":
                self.comments.append(Comment(at + 1, line[1:].strip(SPACES), inside=False))
                at += 1
            else:
                at = self._instruction(line, at)
        return Frame(
            self.escape,
            tuple(self.directives),
            tuple(self.comments),
            tuple(self.logical),
            tuple(self.problems),
        )

    def _directive(self, line: str, number: int) -> bool:
        """Take the line as a parser directive, if it is one; anything else ends the block of directives."""
        name, equals, value = line[1:].lstrip(SPACES).partition("=")
        name = name.rstrip(_DIRECTIVE_SPACES)
        if not (line.startswith("#") and equals and value and _DIRECTIVE_NAME.match(name)):
            self.directives_over = True
            return False
        name, value = name.lower(), value.strip(_DIRECTIVE_SPACES)
        if name not in _DIRECTIVES:
            self.directives_over = True
            return False
        if any(directive.name == name for directive in self.directives):
            self._refuse(number, f"only one {name} parser directive can be used")
            return True
        self.directives.append(Directive(name, value, number))
        if name == "escape":
            if value in ("\\", "`"):
                self.escape = value
            else:
                self._refuse(number, f"invalid escape token '{value}' does not match ` or \\")
        return True

    def _refuse(self, line: int, message: str) -> None:
        self.problems.append(Problem(line, "syntax", message))

    def _continued(self, line: str) -> str | None:
        """The line without its continuation token, ``None`` where it has none.

        The token counts if only blanks follow it and the character before it is not another one.
        """
        stripped = line.rstrip(" \t")
        if not stripped.endswith(self.escape) or stripped[-2:-1] == self.escape:
            return None
        return stripped[:-1]

    def _instruction(self, first: str, at: int) -> int:
        """Take the instruction whose first line is ``first``; returns where the next one may begin."""
        start = at + 1
        at += 1
        open_text = self._continued(first)
        if open_text is None:
            text = first
            segments: tuple[tuple[int, int], ...] = ((0, start),)
        else:
            pieces, marks, length, blank = [open_text], [(0, start)], len(open_text), False
            while open_text is not None and at < len(self.lines):
                raw = self.lines[at].rstrip("\r")
                at += 1
                bare = raw.lstrip(SPACES)
                if not bare:
                    blank = True
                    continue
                if bare[0] == "#":
                    self.comments.append(Comment(at, bare[1:].strip(SPACES), inside=True))
                    continue
                open_text = self._continued(raw)
                piece = raw if open_text is None else open_text
                pieces.append(piece)
                marks.append((length, at))
                length += len(piece)
            if blank:
                self.problems.append(Problem(at, "warning", "empty continuation line"))
            text, segments = "".join(pieces), tuple(marks)
        head_end = at
        heredocs: tuple[Heredoc, ...] = ()
        if "<<" in text and _MAY_HOLD_HEREDOC.match(text):
            heredocs, at = self._heredocs(text, start, at)
        self.logical.append(LogicalLine(start, head_end, at, text, segments, heredocs))
        return at

    def _heredocs(self, text: str, start: int, at: int) -> tuple[tuple[Heredoc, ...], int]:
        """The bodies of the here-documents that ``text`` opens, and the line after them."""
        if len(text) > MAX_LEXED:
            self.problems.append(Problem(start, "censored", "too long to look for here-documents"))
            return (), at
        try:
            marks = [mark for word in _raw_words(text) if (mark := parse_heredoc(word)) is not None]
        except ValueError as error:
            self._refuse(start, str(error))
            return (), at
        heredocs: list[Heredoc] = []
        resume = at
        for mark in marks:
            end = self._terminator(mark.name, mark.chomp, at)
            if end is None:
                # BuildKit refuses the file here. The lines that follow are more likely instructions than a body.
                self._refuse(start, "unterminated heredoc")
                return (), resume
            body = "".join(line + "\n" for line in self.lines[at:end])
            heredocs.append(
                Heredoc(mark.name, body, mark.chomp, mark.expand, mark.file_descriptor, at + 1, end)
            )
            at = end + 1
        return tuple(heredocs), at

    def _terminator(self, name: str, chomp: bool, at: int) -> int | None:
        """The number of the line that ends a here-document. A table of all lines keeps a file of many openings linear."""
        index = self.terminators.get(chomp)
        if index is None:
            index = self.terminators[chomp] = {}
            for number, line in enumerate(self.lines):
                bare = line.rstrip("\r")
                index.setdefault(bare.lstrip("\t") if chomp else bare, []).append(number)
        places = index.get(name, [])
        found = bisect_left(places, at)
        return places[found] if found < len(places) else None


def _raw_words(text: str) -> list[str]:
    """The words of a line with quotes and escapes kept; no words if the line cannot be lexed, as in BuildKit."""
    try:
        return ShellLex("\\", raw_quotes=True, raw_escapes=True).process_words(text)
    except ValueError:
        return []
