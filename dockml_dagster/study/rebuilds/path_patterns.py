"""Patterns of paths as the builder has them: those of ``.dockerignore``, and those of COPY and ADD sources.

Here: one pattern to one expression. Not here: which patterns a file has (``ignore_list``), what a pattern is for.

Rules: ``moby/patternmatcher`` and Go's ``filepath.Match``. Patterns are others' texts and meet every path of a
repository, so no expression tries what it already knows to be wrong: a wildcard takes the nearest place where what
follows it fits (an atomic group). Nearest is right: what comes after begins with a wildcard too, and that can reach
anything which a farther place could.
"""

import re

_PART = re.compile(r"\*\*/|\*\*|\*|\?|\[\^?(?:\\.|[^\]\\])(?:\\.|[^\]\\])*\]|\\.|.", re.DOTALL)


def ignore_expression(pattern: str) -> re.Pattern[str]:
    """A cleaned pattern of ``.dockerignore``: ``**`` crosses folders. For ``fullmatch``."""
    return _expression(pattern, crosses=True)


def glob_expression(pattern: str) -> re.Pattern[str]:
    """A cleaned source of COPY or ADD: no wildcard crosses a folder. For ``fullmatch``."""
    return _expression(pattern, crosses=False)


def is_glob(pattern: str) -> bool:
    """Whether a source holds a wildcard; ``\\`` counts, as it does for the builder."""
    return any(mark in pattern for mark in "*?[\\")


def _expression(pattern: str, *, crosses: bool) -> re.Pattern[str]:
    """Blocks between ``**`` and within these between ``*``, each an atomic group that begins with its wildcard."""
    blocks: list[tuple[str, list[str]]] = [("", [""])]
    for part in _PART.findall(pattern):
        if crosses and part in ("**", "**/"):
            blocks.append(("(?:.*?/)??" if part == "**/" else ".*?", [""]))
        elif part in ("*", "**", "**/"):
            blocks[-1][1].append("/" if part == "**/" else "")
        else:
            blocks[-1][1][-1] += _fixed(part)
    blocks[-1][1][-1] += r"\Z"
    pieces = []
    for wildcard, parts in blocks:
        text = parts[0] + "".join(f"(?>[^/]*?{part})" for part in parts[1:])
        pieces.append(f"(?>{wildcard}{text})" if wildcard else text)
    try:
        return re.compile("".join(pieces), re.DOTALL)
    except re.error:
        return re.compile(re.escape(pattern))


def _fixed(part: str) -> str:
    if part == "?":
        return "[^/]"
    if len(part) > 1 and part[0] == "[":
        negated = part[1] == "^"
        inner = part[2 if negated else 1 : -1].replace("[", "\\[")
        return f"[{'^/' if negated else ''}{inner}]"
    return re.escape(part[1:] if len(part) > 1 and part[0] == "\\" else part)
