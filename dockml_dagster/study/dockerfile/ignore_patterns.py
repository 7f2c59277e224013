"""The lines of a ``.dockerignore``.

Here: which of them are patterns, cleaned. Not here: what a pattern matches (``checks.ignored_paths`` for the one question
of a check, ``rebuilds.ignore_list`` for every path of a tree). Source: ``ignorefile.ReadAll`` of ``moby/patternmatcher``.
"""

import posixpath
from typing import Final

_MOST_PATTERNS: Final = 2_000


def ignore_patterns(text: str) -> list[tuple[bool, str]]:
    """Each pattern in the order of the file, with whether it is an exception (``!``); the first 2,000 lines count."""
    found = []
    for written in text.removeprefix("\ufeff").splitlines()[:_MOST_PATTERNS]:
        line = written.strip()
        if not line or line.startswith("#"):
            continue
        cleaned = posixpath.normpath(line.removeprefix("!").strip() or ".").lstrip("/")
        found.append((line.startswith("!"), cleaned))
    return found
