"""Which paths of a build context ``.dockerignore`` excludes.

Here: patterns as moby/patternmatcher has them, for the one question that a check asks. Not here: which
``.dockerignore`` is meant.
"""

import posixpath
import re
from collections.abc import Sequence

_MOST_PATTERNS = 2_000


class IgnoredPaths:
    """The patterns of a ``.dockerignore``. ``exceptions``: whether one of them begins with ``!``; then what is excluded
    depends on every file, and BuildKit asks no further.
    """

    def __init__(self, text: str) -> None:
        patterns = _patterns(text)
        self.exceptions = any(pattern.startswith("!") for pattern in patterns)
        self._patterns = patterns
        self._expressions = [_expression(pattern) for pattern in patterns if not pattern.startswith("!")]

    def excludes(self, path: str) -> bool:
        """Whether a path, or a folder above it, matches a pattern."""
        parts = path.strip("/").split("/")
        return any(
            expression.fullmatch("/".join(parts[:count])) is not None
            for count in range(1, len(parts) + 1)
            for expression in self._expressions
        )

    def excludes_everything(self) -> bool:
        """Whether a pattern matches every entry at the top of the context."""
        return any(pattern in ("*", "**", "**/*") for pattern in self._patterns)


def _patterns(text: str) -> Sequence[str]:
    found = []
    for written in text.splitlines()[:_MOST_PATTERNS]:
        line = written.strip()
        if not line or line.startswith("#"):
            continue
        exception = line.startswith("!")
        cleaned = posixpath.normpath(line.removeprefix("!").strip() or ".").lstrip("/")
        found.append(("!" if exception else "") + cleaned)
    return found


def _expression(pattern: str) -> re.Pattern[str]:
    pieces: list[str] = []
    at = 0
    while at < len(pattern):
        if pattern.startswith("**/", at):
            pieces.append("(?:.*/)?")
            at += 3
        elif pattern.startswith("**", at):
            pieces.append(".*")
            at += 2
        elif pattern[at] == "*":
            pieces.append("[^/]*")
            at += 1
        elif pattern[at] == "?":
            pieces.append("[^/]")
            at += 1
        elif pattern[at] == "[" and "]" in pattern[at + 2 :]:
            end = pattern.index("]", at + 2)
            pieces.append("[" + pattern[at + 1 : end].replace("\\", "\\\\").replace("[", "\\[") + "]")
            at = end + 1
        else:
            pieces.append(re.escape(pattern[at]))
            at += 1
    try:
        return re.compile("".join(pieces))
    except re.error:
        return re.compile(re.escape(pattern))
