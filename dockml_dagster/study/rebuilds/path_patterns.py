"""Patterns of paths as the builder has them: those of ``.dockerignore``, and those of COPY and ADD sources.

Here: one pattern to one expression. Not here: what a pattern of ``.dockerignore`` says (``dockerfile.ignore_patterns``),
which patterns a file has (``ignore_list``), what a pattern is for. Sources of COPY and ADD: Go's ``filepath.Match``.

Patterns are others' texts and meet every path of a repository, so no expression tries what it already knows to be wrong:
a wildcard takes the nearest place where what follows it fits (an atomic group). Nearest is right where what comes after
begins with a wildcard that can reach anything which a farther place could.
"""

import re
from collections.abc import Sequence

from dockml_dagster.study.dockerfile.ignore_patterns import ANYTHING, FOLDERS, IN_FOLDER, Piece

_LONGEST = 4_096
_PART = re.compile(r"\*|\?|\[\^?(?:\\.|[^\]\\])(?:\\.|[^\]\\])*\]|\\.|.", re.DOTALL)


def ignore_expression(pieces: Sequence[Piece]) -> str | None:
    """A pattern of ``.dockerignore`` as an expression for ``fullmatch``, with ``re.ASCII``; None where the nearest place
    need not be the right one, so that only an automaton tells in time.
    """
    blocks: list[tuple[str, list[str]]] = [("", [""])]
    before = None
    for piece in pieces:
        if piece.crosses:
            if before not in (None, FOLDERS, Piece("/")):
                return None
            blocks.append((r"(?:[^\n]*?/)??", [""]))
        elif piece == ANYTHING:
            blocks.append((r"[^\n]*?", [""]))
        elif piece == IN_FOLDER:
            blocks[-1][1].append("")
        elif piece.one_of and (piece.repeated or re.match(piece.one_of, "/", re.ASCII)):
            return None
        else:
            blocks[-1][1][-1] += piece.one_of or re.escape(piece.letter)
        before = piece
    return _joined(blocks)


def glob_expression(pattern: str) -> re.Pattern[str]:
    """A cleaned source of COPY or ADD: no wildcard crosses a folder. For ``fullmatch``. One that is longer than any path is
    that text: brackets without end are looked for again and again.
    """
    if len(pattern) > _LONGEST:
        return re.compile(re.escape(pattern))
    parts = [""]
    for part in _PART.findall(pattern):
        if part == "*":
            parts.append("")
        else:
            parts[-1] += _fixed(part)
    try:
        return re.compile(_joined([("", parts)]), re.DOTALL)
    except re.error:
        return re.compile(re.escape(pattern))


def _joined(blocks: list[tuple[str, list[str]]]) -> str:
    """Blocks between wildcards that cross folders and within these between ``*``, each an atomic group that begins with its
    wildcard.
    """
    blocks[-1][1][-1] += r"\Z"
    pieces = []
    for wildcard, parts in blocks:
        text = parts[0] + "".join(f"(?>[^/]*?{part})" for part in parts[1:])
        pieces.append(f"(?>{wildcard}{text})" if wildcard else text)
    return "".join(pieces)


def is_glob(pattern: str) -> bool:
    """Whether a source holds a wildcard; ``\\`` counts, as it does for the builder."""
    return any(mark in pattern for mark in "*?[\\")


def _fixed(part: str) -> str:
    if part == "?":
        return "[^/]"
    if len(part) > 1 and part[0] == "[":
        negated = part[1] == "^"
        inner = part[2 if negated else 1 : -1].replace("[", "\\[")
        return f"[{'^/' if negated else ''}{inner}]"
    return re.escape(part[1:] if len(part) > 1 and part[0] == "\\" else part)
