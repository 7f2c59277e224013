"""Edits of a Dockerfile's text, and the positions of its instructions' words in that text.

Here: positions, replacements, the check that nothing else changed. Not here: which change a rule asks for (``fixes``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from dockml_dagster.study.dockerfile.model import DockerfileReading, Instruction
from dockml_dagster.study.dockerfile.shell.model import Run, SimpleCommand


class Edit(NamedTuple):
    """Characters ``start`` to ``end`` of the file are replaced by ``text``."""

    start: int
    end: int
    text: str


@dataclass(frozen=True, slots=True)
class Source:
    """The text of a file and where its lines begin; line ends are kept as they are."""

    text: str
    starts: tuple[int, ...]

    @classmethod
    def of(cls, text: str) -> Source:
        """The source of a text."""
        starts = [0]
        at = text.find("\n")
        while at >= 0:
            starts.append(at + 1)
            at = text.find("\n", at + 1)
        return cls(text, tuple(starts))

    def line(self, number: int) -> str:
        """A line without its line end; empty for a number beyond the last line."""
        if not 0 < number <= len(self.starts):
            return ""
        end = self.starts[number] - 1 if number < len(self.starts) else len(self.text)
        return self.text[self.starts[number - 1] : end].rstrip("\r")

    def end_of_line(self, number: int) -> int:
        """Where a line's text ends and its trailing blanks begin."""
        return self.starts[number - 1] + len(self.line(number).rstrip())

    @property
    def newline(self) -> str:
        """The line end that the file uses."""
        return "\r\n" if "\r\n" in self.text else "\n"


def keyword_place(source: Source, item: Instruction) -> tuple[int, int]:
    """Where an instruction's keyword stands."""
    line = source.line(item.start_line)
    blanks = len(line) - len(line.lstrip())
    start = source.starts[item.start_line - 1] + blanks
    return start, start + len(line.lstrip().split(None, 1)[0] if line.strip() else "")


def value_place(source: Source, item: Instruction, offset: int, word: str) -> int | None:
    """Where a word of an instruction's value stands in the file; ``None`` where the file does not hold it literally.

    ``offset``: of the word in ``Instruction.value``.
    """
    number, begin = item.start_line, 0
    for start, number_there in item.segments:
        if start > offset:
            break
        number, begin = number_there, start
    line = source.line(number)
    first = number == (item.segments[0][1] if item.segments else item.start_line)
    if not first:
        at = offset - begin
        return source.starts[number - 1] + at if line[at : at + len(word)] == word else None
    # The first line begins with the keyword and the flags; the value is at its end.
    piece_end = next((start for start, _ in item.segments if start > begin), len(item.value))
    piece = item.value[begin:piece_end].rstrip()
    place = line.rfind(piece) if piece else -1
    if place < 0 or line[place + offset - begin :][: len(word)] != word:
        return None
    return source.starts[number - 1] + place + offset - begin


def word_place(source: Source, item: Instruction, run: Run, command: SimpleCommand, word: str) -> int | None:
    """Where the command's first occurrence of ``word`` stands in the file; ``None`` where that is not certain."""
    for span in command.spans:
        if run.script.text[span.start : span.end] != word:
            continue
        if run.script.text is item.value or run.script.text == item.value:
            return value_place(source, item, span.start, word)
        if (
            len(item.heredocs) == 1
            and item.heredocs[0].content == run.script.text
            and not item.heredocs[0].chomp
        ):
            before = run.script.text[: span.start]
            number = item.heredocs[0].start_line + before.count("\n")
            column = span.start - (before.rfind("\n") + 1)
            if source.line(number)[column : column + len(word)] == word:
                return source.starts[number - 1] + column
        return None
    return None


def apply_edits(text: str, edits: Sequence[Edit]) -> str:
    """The text with all edits made; of two that overlap only the first is made."""
    pieces: list[str] = []
    at = 0
    for edit in sorted(set(edits)):
        if edit.start < at:
            continue
        pieces += (text[at : edit.start], edit.text)
        at = edit.end
    pieces.append(text[at:])
    return "".join(pieces)


def nothing_else_changed(before: DockerfileReading, after: DockerfileReading, lines: set[int]) -> bool:
    """Whether both readings are the same except for the instructions that begin on these lines of ``before``.

    Keywords, flags, arguments, forms and here-documents are compared, in order.
    """
    if not after.valid or len(before.instructions) != len(after.instructions):
        return False
    for old, new in zip(before.instructions, after.instructions, strict=True):
        if old.start_line in lines:
            continue
        if (old.keyword, old.flags, old.arguments, old.form) != (
            new.keyword,
            new.flags,
            new.arguments,
            new.form,
        ):
            return False
        if [each.body for each in old.heredocs] != [each.body for each in new.heredocs]:
            return False
    return len(before.stages) == len(after.stages)
