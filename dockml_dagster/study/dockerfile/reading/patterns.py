"""Shell patterns of ``${V#…}``, ``${V%…}`` and ``${V/…/…}``, matched without regular expressions.

Here: ``*``, ``?`` and escapes, as BuildKit has them (no brackets). Not here: the rest of an expansion
(``variables``). Python's ``re`` backtracks, and the pattern comes from the file. Here a match takes the length of the
pattern times that of the value, up to a cap.
"""


class ExpansionError(ValueError):
    """BuildKit refuses the word; the message says why."""


class TooLongError(Exception):
    """A cap was hit: the result would be too long, too deep or too costly."""


Glob = tuple[str, ...]
"""A shell pattern, one element per character: ``*`` and ``?`` are wildcards, ``\\*`` and ``\\?`` are literal."""


def pattern_parts(pattern: str) -> Glob:
    """The elements of a pattern. Raises ``ExpansionError`` on an escape that BuildKit does not know."""
    parts: list[str] = []
    at = 0
    while at < len(pattern):
        char = pattern[at]
        at += 1
        if char != "\\":
            if char != "*" or parts[-1:] != ["*"]:
                parts.append(char)
            continue
        after = pattern[at : at + 1]
        if after in ("}", "/"):
            continue  # the escape only keeps the character from ending the substitution
        if after not in ("*", "?", "\\") or not after:
            raise ExpansionError(f"invalid pattern ({pattern}) in substitution: invalid escape '\\{after}'")
        at += 1
        parts.append("\\" + after)
    return tuple(parts)


_MAX_MATCHING = 4_000_000
"""Most steps for one pattern. A match takes pattern times value, both below ``MAX_VALUE``."""


def _ends(parts: Glob, text: str, start: int, *, longest: bool) -> int | None:
    """The nearest or farthest end of a match that begins at ``start``; ``None`` without a match."""
    if len(parts) * (len(text) - start + 1) > _MAX_MATCHING:
        raise TooLongError
    states = _closure({0}, parts)
    best: int | None = None
    at = start
    while states:
        if len(parts) in states:
            best = at
            if not longest:
                return best
        if at == len(text):
            break
        char = text[at]
        step: set[int] = set()
        for state in states:
            if state == len(parts):
                continue
            part = parts[state]
            # Like Go's ".", a wildcard does not match a newline.
            if part == "*" and char != "\n":
                step.add(state)
            elif (part == "?" and char != "\n") or (part not in ("*", "?") and part[-1] == char):
                step.add(state + 1)
        states = _closure(step, parts)
        at += 1
    return best


def _closure(states: set[int], parts: Glob) -> set[int]:
    """The states with all those that a ``*`` may skip to."""
    full = set(states)
    for state in states:
        at = state
        while at < len(parts) and parts[at] == "*":
            at += 1
            full.add(at)
    return full


def trimmed(value: str, pattern: str, operator: str) -> str:
    """``${V#pattern}`` and ``${V%pattern}``; a doubled operator removes the longest match."""
    longest = pattern.startswith(operator)
    parts = pattern_parts(pattern[1:] if longest else pattern)
    if operator == "#":
        end = _ends(parts, value, 0, longest=longest)
        return value if end is None else value[end:]
    end = _ends(parts[::-1], value[::-1], 0, longest=longest)
    return value if end is None else value[: len(value) - end]


def substituted(value: str, parts: Glob, replacement: str, every: bool) -> str:
    """``${V/pattern/replacement}``; ``every``: with ``//``."""
    pieces: list[str] = []
    at, budget = 0, _MAX_MATCHING
    while at <= len(value):
        budget -= len(parts) * (len(value) - at + 1)
        if budget < 0:
            raise TooLongError
        end = _ends(parts, value, at, longest=True)
        if end is None or (end == at and parts and value):
            pieces.append(value[at : at + 1])
            at += 1
            continue
        pieces.append(replacement)
        if end == at:
            pieces.append(value[at : at + 1])
            at += 1
        else:
            at = end
        if not every:
            break
    pieces.append(value[at:])
    return "".join(pieces)
