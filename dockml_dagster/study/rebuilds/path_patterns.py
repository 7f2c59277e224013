"""Path patterns as expressions: those of ``.dockerignore``, and those of COPY and ADD sources.

Here: turning one pattern into one expression. Not here: the meaning of a pattern of ``.dockerignore``
(``dockerfile.ignore_patterns``), which patterns a file has (``ignore_list``). Sources of COPY and ADD follow Go's
``filepath.Match``.

Patterns are untrusted and are matched with every path of a repository, so expressions must not backtrack. A wildcard takes
the nearest place where the next part matches (an atomic group). The nearest place is correct if the text after that part
begins with a wildcard that can reach everything that a farther place could.
"""

import re
from collections.abc import Sequence

from dockml_dagster.study.dockerfile.ignore_patterns import ANYTHING, FOLDERS, IN_FOLDER, Piece

_LONGEST = 4_096
_PART = re.compile(r"\*|\?|\[\^?(?:\\.|[^\]\\])(?:\\.|[^\]\\])*\]|\\.|.", re.DOTALL)


def ignore_expression(pieces: Sequence[Piece]) -> str | None:
    """A pattern of ``.dockerignore`` as an expression for ``fullmatch``, with ``re.ASCII``; None if the nearest place may be
    wrong, so that only an automaton matches in linear time.
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
    """A cleaned source of COPY or ADD as an expression for ``fullmatch``. No wildcard crosses a folder. A source that is
    longer than any path is matched literally, because the search for unclosed brackets is quadratic.
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
    """The expression of blocks. Wildcards that cross folders separate blocks, and ``*`` separates their parts. Each becomes
    an atomic group that begins with its wildcard.
    """
    blocks[-1][1][-1] += r"\Z"
    pieces = []
    for wildcard, parts in blocks:
        text = parts[0] + "".join(f"(?>[^/]*?{part})" for part in parts[1:])
        pieces.append(f"(?>{wildcard}{text})" if wildcard else text)
    return "".join(pieces)


def is_glob(pattern: str) -> bool:
    """Whether a source has a wildcard; ``\\`` counts as one, as it does for the builder."""
    return any(mark in pattern for mark in "*?[\\")


def _fixed(part: str) -> str:
    if part == "?":
        return "[^/]"
    if len(part) > 1 and part[0] == "[":
        negated = part[1] == "^"
        inner = part[2 if negated else 1 : -1].replace("[", "\\[")
        return f"[{'^/' if negated else ''}{inner}]"
    return re.escape(part[1:] if len(part) > 1 and part[0] == "\\" else part)
