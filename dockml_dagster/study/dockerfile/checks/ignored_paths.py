"""Which paths of a build context ``.dockerignore`` excludes.

Here: patterns as moby/patternmatcher has them, for the one question that a check asks. Not here: which
``.dockerignore`` is meant.
"""

import re
from collections.abc import Iterator
from typing import Final

from dockml_dagster.study.dockerfile.ignore_patterns import ignore_patterns

_LONGEST: Final = 1_000
"""Characters of a pattern or path; a longer one is not compared."""
_MOST_STEPS: Final = 1_000_000
"""Characters that the patterns of one file are compared with, in all: half a second. Beyond it nothing is excluded."""
_CLASS: Final = re.compile(r"\[.[^\]]*+\]", re.DOTALL)


class IgnoredPaths:
    """The patterns of a ``.dockerignore``. ``exceptions``: whether one of them begins with ``!``; then what is excluded
    depends on every file, and BuildKit asks no further.
    """

    def __init__(self, text: str) -> None:
        patterns = ignore_patterns(text)
        self.exceptions = any(exception for exception, _ in patterns)
        excluding = {pattern for exception, pattern in patterns if not exception}
        self._everything = not excluding.isdisjoint(("*", "**", "**/*"))
        excluding = {pattern for pattern in excluding if len(pattern) <= _LONGEST}
        self._plain = {pattern for pattern in excluding if not set(pattern) & set("*?[")}
        self._wild = [_Wild(pattern) for pattern in sorted(excluding - self._plain)]
        self._steps = 0

    def excludes(self, path: str) -> bool:
        """Whether a path, or a folder above it, matches a pattern."""
        path = path.strip("/")
        if len(path) > _LONGEST:
            return False
        parts = path.split("/")
        if self._plain and any("/".join(parts[:count]) in self._plain for count in range(1, len(parts) + 1)):
            return True
        self._steps += (len(path) + 1) * len(self._wild)
        return self._steps <= _MOST_STEPS and any(wild.matches(path) for wild in self._wild)

    def excludes_everything(self) -> bool:
        """Whether a pattern matches every entry at the top of the context."""
        return self._everything


class _Wild:
    """A pattern with wildcards as an automaton whose states are the bits of one number: stars make a search go back again
    and again, and here each character is looked at once.
    """

    def __init__(self, pattern: str) -> None:
        self._takes: list[str | re.Pattern[str] | None] = []
        self._stays = self._stays_but_at_slash = self._skips = self._skips_two = 0
        self._letters: dict[str, int] = {}
        for piece in _pieces(pattern):
            bit = 1 << len(self._takes)
            if piece == "**/":
                # Nothing, or anything that ends with a slash: no skipping any more once something was taken.
                self._skips |= bit
                self._skips_two |= bit
                self._stays |= bit << 1
                self._takes += [None, "/"]
            elif piece == "**":
                self._stays |= bit
                self._skips |= bit
                self._takes.append(None)
            elif piece == "*":
                self._stays_but_at_slash |= bit
                self._skips |= bit
                self._takes.append(None)
            else:
                self._takes.append(_letter(piece))
        self._end = 1 << len(self._takes)

    def matches(self, path: str) -> bool:
        """Whether the path, or a folder above it, matches."""
        states = self._followed(1)
        for letter in path:
            if letter == "/" and states & self._end:
                return True
            steps = self._letters.get(letter)
            if steps is None:
                steps = sum(1 << at for at, what in enumerate(self._takes) if _is_taken(letter, what))
                self._letters[letter] = steps
            stays = self._stays if letter == "/" else self._stays | self._stays_but_at_slash
            states = self._followed(((states & steps) << 1) | (states & stays))
            if not states:
                return False
        return bool(states & self._end)

    def _followed(self, states: int) -> int:
        """With the states that stars of no length lead to."""
        while True:
            more = states | ((states & self._skips) << 1) | ((states & self._skips_two) << 2)
            if more == states:
                return states
            states = more


def _pieces(pattern: str) -> Iterator[str]:
    at, before = 0, ""
    while at < len(pattern):
        if pattern.startswith("**/", at):
            piece = "**/"
        elif pattern.startswith("**", at):
            piece = "**"
        elif found := _CLASS.match(pattern, at):
            piece = found[0]
        else:
            piece = pattern[at]
        at += len(piece)
        # Two alike in a row mean what one does, and would only be followed one after the other.
        if not (piece == before and piece.startswith("*")):
            yield piece
        before = piece


def _is_taken(letter: str, what: str | re.Pattern[str] | None) -> bool:
    if what is None or isinstance(what, str):
        return what == letter
    return what.fullmatch(letter) is not None


def _letter(piece: str) -> str | re.Pattern[str]:
    if piece == "?":
        return re.compile("[^/]")
    if len(piece) == 1:
        return piece
    try:
        return re.compile("[" + piece[1:-1].replace("\\", "\\\\").replace("[", "\\[") + "]")
    except re.error:
        return piece[0]
