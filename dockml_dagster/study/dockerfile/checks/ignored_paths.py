"""Which paths of a build context ``.dockerignore`` excludes.

Here: the lines of the file and their order, as ``moby/patternmatcher`` has them. Not here: a single pattern
(``path_patterns``), which ``.dockerignore`` is meant.
"""

import posixpath
import re
from itertools import groupby

from dockml_dagster.study.dockerfile.path_patterns import ignore_expression

_MOST_PATTERNS = 2_000
_MOST_FOLDERS = 50_000
"""Folders of which it is remembered what matches them."""


class IgnoredPaths:
    """The patterns of a ``.dockerignore``. ``exceptions``: whether one of them begins with ``!``; BuildKit's check of
    COPY asks no further then.
    """

    def __init__(self, text: str) -> None:
        written = _patterns(text)
        self.exceptions = any(exception for exception, _ in written)
        self._patterns = written
        # Neighbours that say the same are one expression: lists are long, and meet every path.
        self._groups = [
            (
                exception,
                re.compile("|".join(ignore_expression(pattern).pattern for _, pattern in group), re.DOTALL),
            )
            for exception, group in groupby(written, key=lambda pair: pair[0])
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
            if number not in known and group.fullmatch(path)
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
                own = [number for number, (_, group) in enumerate(self._groups) if group.fullmatch(place)]
                known = self._folders[place] = found.union(own)
            found = known
        return found

    def excludes_everything(self) -> bool:
        """Whether a pattern matches every entry at the top of the context."""
        return any(pattern in ("*", "**", "**/*") for exception, pattern in self._patterns if not exception)


def _patterns(text: str) -> list[tuple[bool, str]]:
    """Each pattern, cleaned, with whether it is an exception."""
    found = []
    for written in text.removeprefix("\ufeff").splitlines()[:_MOST_PATTERNS]:
        line = written.strip()
        if not line or line.startswith("#"):
            continue
        exception = line.startswith("!")
        cleaned = posixpath.normpath(line.removeprefix("!").strip() or ".").lstrip("/")
        found.append((exception, cleaned))
    return found
