"""The lines of a ``.dockerignore``, and the meaning of one pattern.

Here: which lines are patterns, cleaning them, taking a pattern apart. Not here: what several patterns exclude
(``checks.ignored_paths`` for one path, ``rebuilds.ignore_list`` for every path of a tree). Source: ``ignorefile.ReadAll``
and ``Pattern.compile`` of ``moby/patternmatcher``, which turns a pattern into an expression of Go's ``regexp``. That
expression defines what the pattern means, even where it differs from ``filepath.Match``.
"""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass
from typing import Final

from dockml_dagster.study.cuts import note_cut

MOST_PATTERNS: Final = 2_000
"""Most patterns that are read. A further one is reported as a cut; what it excludes is unknown."""
_SPACE: Final = "\t\n\v\f\r \x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000" + "".join(
    map(chr, range(0x2000, 0x200B))
)
"""The characters that Go's ``TrimSpace`` removes. Python's ``strip`` removes four more."""


@dataclass(frozen=True, slots=True)
class Piece:
    """What a part of a pattern matches: one ``letter``, or one of a class (``one_of``, in the syntax of Python's ``re``).
    ``repeated``: any number of them. ``crosses``: nothing, or any text that ends with a slash.
    """

    letter: str = ""
    one_of: str = ""
    repeated: bool = False
    crosses: bool = False


IN_FOLDER: Final = Piece(one_of="[^/]", repeated=True)
ANYTHING: Final = Piece(one_of=r"[^\n]", repeated=True)
FOLDERS: Final = Piece(crosses=True)

_CHARACTER: Final = r"(?:\\.|[^\\\]-])"
_VALID: Final = re.compile(rf"(?:[^\[\\]|\\.|\[\^?(?:{_CHARACTER}(?:-{_CHARACTER})?)++\])*+\Z", re.DOTALL)
"""The patterns that ``filepath.Match`` accepts. Any other pattern in the file makes the build fail."""
_WRITTEN: Final = re.compile(
    r"\(\.\*/\)\?|\.\*|\[\^?\]?(?:\\.|\[:\^?[a-z]+:\]|[^\]\\])*+\]\*?|\\.|.", re.DOTALL
)
"""The parts of an expression that ``_written`` makes."""
_ITEM: Final = re.compile(r"\\.|\[:\^?[a-z]+:\]|.", re.DOTALL)
_MEANT: Final = frozenset("dDsSwWaftnrv")
"""Letters with a meaning after a backslash, because the expression is Go's: there ``\\d`` matches a digit."""
_POSIX: Final = {
    "alnum": "0-9A-Za-z", "alpha": "A-Za-z", "blank": r"\t ", "digit": "0-9", "lower": "a-z", "upper": "A-Z",
    "punct": r"!-/:-@\[-`{-~", "space": r"\t\n\x0b\f\r ", "word": "0-9A-Za-z_", "xdigit": "0-9A-Fa-f",
    "graph": "!-~", "print": " -~", "cntrl": r"\x00-\x1f\x7f", "ascii": r"\x00-\x7f",
}  # fmt: skip


class _RefusedError(ValueError):
    """Go's ``regexp`` rejects the expression, or this module does not know its form."""


def ignore_patterns(text: str) -> list[tuple[bool, str]]:
    """Pairs of (is it an exception ``!``, pattern) in the order of the file; at most ``MOST_PATTERNS`` + 1."""
    found: list[tuple[bool, str]] = []
    for written in text.removeprefix("\ufeff").split("\n"):
        line = written.removesuffix("\r")
        # A comment only at the very beginning of a line: after a blank `#` begins a name.
        if line.startswith("#") or not (line := line.strip(_SPACE)):
            continue
        exception = line.startswith("!")
        pattern = line[1:].strip(_SPACE) if exception else line
        if not pattern:
            continue  # an exclamation mark alone: the build fails there
        cleaned = re.sub("^//", "/", posixpath.normpath(pattern))
        if len(found) > MOST_PATTERNS:
            note_cut("more than 2,000 patterns of an ignore file")
            break
        found.append((exception, cleaned[1:] if len(cleaned) > 1 and cleaned[0] == "/" else cleaned))
    return found


def pieces_of(pattern: str) -> tuple[Piece, ...] | None:
    """The pieces of a cleaned pattern, in order; None if it is invalid: the build would fail, so it excludes nothing."""
    if not _VALID.match(pattern):
        return None
    # patternmatcher compares these three without an expression: a name, a prefix, a suffix.
    if _is_plain(begin := pattern.removesuffix("**")):
        return *map(Piece, begin), *((ANYTHING,) if begin != pattern else ())
    if _is_plain(end := pattern.removeprefix("**")):
        return (FOLDERS, *map(Piece, end[1:])) if end.startswith("/") else (ANYTHING, *map(Piece, end))
    pieces: list[Piece] = []
    try:
        for part in _WRITTEN.findall(_written(pattern)):
            if part != "^":
                pieces.append(_piece(part))
            elif all(piece.repeated or piece.crosses for piece in pieces):
                pieces.clear()  # an anchor: everything before it can match only the empty text
            else:
                return None
    except _RefusedError:
        return None
    return tuple(pieces)


def _is_plain(text: str) -> bool:
    return not set(text) & set("*?[]\\")


def _written(pattern: str) -> str:
    """The expression that patternmatcher makes of a pattern, without its anchors. Stars count within brackets, too."""
    made: list[str] = []
    at = 0
    while at < len(pattern):
        letter = pattern[at]
        at += 1
        if letter == "*" and pattern.startswith("*", at):
            at += 2 if pattern.startswith("/", at + 1) else 1
            made.append("(.*/)?" if at < len(pattern) else ".*")
        elif letter == "*":
            made.append("[^/]*")
        elif letter == "?":
            made.append("[^/]")
        elif letter == "\\":
            made.append(pattern[at - 1 : at + 1])
            at += 1
        else:
            made.append(f"\\{letter}" if letter in ".+()|{}$" else letter)
    return "".join(made)


def _piece(part: str) -> Piece:
    if part == "(.*/)?":
        return FOLDERS
    if part == ".*":
        return ANYTHING
    if part[0] == "[":
        return Piece(one_of=_class(part.removesuffix("*")), repeated=part.endswith("*"))
    if part[0] == "\\":
        return Piece(one_of=f"\\{part[1]}") if _is_meant(part[1]) else Piece(part[1])
    return Piece(part)


def _is_meant(letter: str) -> bool:
    """Whether a letter after a backslash matches something other than itself."""
    if letter not in _MEANT and (letter.isalnum() or not letter.isascii()):
        raise _RefusedError(f"\\{letter}")
    return letter in _MEANT


def _class(part: str) -> str:
    """A bracket class in Python's syntax."""
    negated = part.startswith("[^")
    made = []
    for item in _ITEM.findall(part[2 if negated else 1 : -1]):
        if len(item) > 2:
            if item[2:-2] not in _POSIX:
                raise _RefusedError(item)
            made.append(_POSIX[item[2:-2]])
        elif item[0] == "\\":
            made.append(item if _is_meant(item[1]) else re.escape(item[1]))
        else:
            made.append(item if item == "-" else re.escape(item))
    letters = f"[{'^' if negated else ''}{''.join(made)}]"
    try:
        re.compile(letters)
    except re.error as error:  # a range that runs backwards
        raise _RefusedError(letters) from error
    return letters
