"""What a ``.dockerignore`` keeps out of a context, exceptions included, for every path of a tree.

Here: the patterns in their order, as ``moby/patternmatcher`` has them. Not here: the lines of the file
(``dockerfile.ignore_patterns``), a single pattern (``path_patterns``), which list holds. BuildKit's own check of COPY asks
less and gives up early: its question, with its bounds, is ``dockerfile.checks.ignored_paths``.
"""

import re
from collections.abc import Sequence
from itertools import groupby

from dockml_dagster.study.dockerfile.ignore_patterns import ignore_patterns, pieces_of
from dockml_dagster.study.dockerfile.pattern_automaton import PatternAutomaton
from dockml_dagster.study.rebuilds.path_patterns import ignore_expression

_LONGEST = 4_096
"""Characters of a pattern, as of a path; a longer one matches nothing, for making an expression of it is not linear."""
_MOST_FOLDERS = 50_000
"""Folders of which it is remembered what matches them."""


class IgnoreList:
    """The patterns of a ``.dockerignore``. The limit of time on the whole walk holds here too: none is by count."""

    def __init__(self, text: str) -> None:
        # Neighbours that say the same are one expression: lists are long, and meet every path.
        self._groups = [
            (exception, _Group([pattern for _, pattern in group]))
            for exception, group in groupby(ignore_patterns(text), key=lambda pair: pair[0])
        ]
        self._folders: dict[str, frozenset[int]] = {"": frozenset()}

    def excludes(self, path: str) -> bool:
        """Whether the last pattern that matches a path, or a folder above it, is no exception."""
        matched = self._matched(path.strip("/"))
        return bool(matched) and not self._groups[max(matched)][0]

    def _matched(self, path: str) -> frozenset[int]:
        """The groups that match a path or a folder above it; what is known of folders is kept."""
        at = path.rfind("/")
        folder = path[:at] if at > 0 else ""
        known = self._folders.get(folder)
        if known is None:
            known = self._matched_of_folders(folder)
        own = [
            number
            for number, (_, group) in enumerate(self._groups)
            if number not in known and group.matches(path)
        ]
        return known.union(own) if own else known

    def _matched_of_folders(self, folder: str) -> frozenset[int]:
        if len(self._folders) > _MOST_FOLDERS:
            self._folders = {"": frozenset()}
        found: frozenset[int] = frozenset()
        for end in (*(at for at, character in enumerate(folder) if character == "/"), len(folder)):
            place = folder[:end]
            known = self._folders.get(place)
            if known is None:
                own = [number for number, (_, group) in enumerate(self._groups) if group.matches(place)]
                known = self._folders[place] = found.union(own)
            found = known
        return found


class _Group:
    """Patterns of which any may match."""

    def __init__(self, patterns: Sequence[str]) -> None:
        expressions: list[str] = []
        self._others: list[PatternAutomaton] = []
        for pieces in filter(None, (pieces_of(one) for one in patterns if len(one) <= _LONGEST)):
            expression = ignore_expression(pieces)
            if expression is None:
                self._others.append(PatternAutomaton(pieces))
            else:
                expressions.append(expression)
        self._expression = re.compile("|".join(expressions or ["(?!)"]), re.DOTALL | re.ASCII)

    def matches(self, path: str) -> bool:
        return bool(self._expression.fullmatch(path)) or any(other.matches(path) for other in self._others)
