"""A pattern of ``.dockerignore`` as a nondeterministic automaton whose states are the bits of one number.

Here: matching one pattern in time linear in the path. Stars make a backtracking search very slow; here each character is
read once. Not here: the meaning of a pattern (``ignore_patterns``).
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from dockml_dagster.study.dockerfile.ignore_patterns import ANYTHING, Piece


class PatternAutomaton:
    """The pieces of a pattern, ready to be matched."""

    def __init__(self, pieces: Sequence[Piece]) -> None:
        # `_takes`: what leads from each state to the next. `_stays`: what a state may repeat.
        self._takes: list[Piece | None] = []
        self._stays: dict[int, Piece] = {}
        self._skips = self._skips_two = 0
        self._known: dict[str, tuple[int, int]] = {}
        before = None
        for piece in pieces:
            # Two equal wildcards in a row mean the same as one.
            if piece == before and (piece.repeated or piece.crosses):
                continue
            before, at = piece, len(self._takes)
            if piece.crosses:
                # Nothing, or anything that ends with a slash. After a first character it can no longer be skipped.
                self._skips |= 1 << at
                self._skips_two |= 1 << at
                self._stays[at + 1] = ANYTHING
                self._takes += [None, Piece("/")]
            elif piece.repeated:
                self._skips |= 1 << at
                self._stays[at] = piece
                self._takes.append(None)
            else:
                self._takes.append(piece)
        self._end = 1 << len(self._takes)

    def matches(self, path: str) -> bool:
        """Whether the path, or a folder above it, matches."""
        states = self._followed(1)
        for letter in path:
            if letter == "/" and states & self._end:
                return True
            known = self._known.get(letter)
            if known is None:
                known = self._known[letter] = self._led_by(letter)
            steps, stays = known
            states = self._followed(((states & steps) << 1) | (states & stays))
            if not states:
                return False
        return bool(states & self._end)

    def _led_by(self, letter: str) -> tuple[int, int]:
        """The states that a letter advances, and those that it repeats."""
        steps = sum(1 << at for at, piece in enumerate(self._takes) if piece and _takes(piece, letter))
        return steps, sum(1 << at for at, piece in self._stays.items() if _takes(piece, letter))

    def _followed(self, states: int) -> int:
        """The states with those that follow if wildcards match nothing."""
        while True:
            more = states | ((states & self._skips) << 1) | ((states & self._skips_two) << 2)
            if more == states:
                return states
            states = more


def _takes(piece: Piece, letter: str) -> bool:
    return piece.letter == letter or bool(piece.one_of and re.match(piece.one_of, letter, re.ASCII))
