"""Which paths of a build context ``.dockerignore`` excludes.

Here: matching one path with a file's patterns, which is all a check needs, with a bound on the work. Not here: the meaning
of a pattern (``ignore_patterns``), which ``.dockerignore`` applies.
"""

from typing import Final

from dockml_dagster.study.dockerfile.ignore_patterns import MOST_PATTERNS, ignore_patterns, pieces_of
from dockml_dagster.study.dockerfile.pattern_automaton import PatternAutomaton

_LONGEST: Final = 1_000
"""Most characters of a pattern or path; a longer one is not compared."""
_MOST_STEPS: Final = 1_000_000
"""Most characters that a file's patterns are compared with in total: half a second. Beyond it nothing is excluded."""


class IgnoredPaths:
    """The patterns of a ``.dockerignore``. ``exceptions``: one of them begins with ``!``, or may. Then what is excluded
    depends on every file, and BuildKit skips the check.
    """

    def __init__(self, text: str) -> None:
        patterns = ignore_patterns(text)
        # Patterns beyond the cap are not read, and one of them may be an exception.
        self.exceptions = len(patterns) > MOST_PATTERNS or any(exception for exception, _ in patterns)
        patterns = patterns[:MOST_PATTERNS]
        excluding = {pattern for exception, pattern in patterns if not exception}
        self._everything = not excluding.isdisjoint(("*", "**", "**/*"))
        excluding = {pattern for pattern in excluding if len(pattern) <= _LONGEST}
        self._plain = {pattern for pattern in excluding if not set(pattern) & set("*?[]\\")}
        found = (pieces_of(pattern) for pattern in sorted(excluding - self._plain))
        self._wild = [PatternAutomaton(pieces) for pieces in found if pieces is not None]
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
