"""What a ``.dockerignore`` excludes from a context, with its exceptions, for every path of a tree.

Here: applying the patterns in order, as ``moby/patternmatcher`` does. Not here: the lines of the file
(``dockerfile.ignore_patterns``), a single pattern (``path_patterns``), which list applies. BuildKit's check of COPY asks
about one path and gives up early; ``dockerfile.checks.ignored_paths`` has that question and its bounds.
"""

import re
from collections.abc import Sequence
from itertools import groupby

from dockml_dagster.study.dockerfile.ignore_patterns import ignore_patterns, pieces_of
from dockml_dagster.study.dockerfile.pattern_automaton import PatternAutomaton
from dockml_dagster.study.rebuilds.path_patterns import ignore_expression

_LONGEST = 4_096
"""Most characters of a pattern, as of a path. A longer one matches nothing, because compiling it is not linear."""
_MOST_FOLDERS = 50_000
"""Most folders for which the matching groups are cached."""


class IgnoreList:
    """The patterns of a ``.dockerignore``. Matching has no cap of its own: the time limit of the whole walk bounds it."""

    def __init__(self, text: str) -> None:
        # Consecutive patterns of one kind become one expression: lists are long, and are matched with every path.
        self._groups = [
            (exception, _Group([pattern for _, pattern in group]))
            for exception, group in groupby(ignore_patterns(text), key=lambda pair: pair[0])
        ]
        self._folders: dict[str, frozenset[int]] = {"": frozenset()}

    def excludes(self, path: str) -> bool:
        """Whether the last pattern that matches a path, or a folder above it, is not an exception."""
        matched = self._matched(path.strip("/"))
        return bool(matched) and not self._groups[max(matched)][0]

    def _matched(self, path: str) -> frozenset[int]:
        """The groups that match a path or a folder above it. Results for folders are cached."""
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
    """Consecutive patterns that are all exceptions or all not. The group matches if any pattern does."""

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
