"""The ``WWW-Authenticate`` header read completely: several challenges, quoted strings, escapes, odd spacing.

Here: the header's text to its challenges. Not here: meeting one of them (``tokens``).

Source: RFC 9110 section 11.6.1. The header is untrusted: at most 8 KiB of it are read, once from left to right, and
malformed text ends the parsing without an error.
"""

import re
from dataclasses import dataclass, field

MAX_HEADER = 8192

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_TOKEN68 = re.compile(r"[A-Za-z0-9._~+/-]+=*(?=\s*(?:,|$))")
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL)
_SPACE = re.compile(r"[ \t]*")
_SEPARATORS = re.compile(r"[ \t,]*")


@dataclass(frozen=True, slots=True)
class Challenge:
    """One way to authenticate that a server offers. ``scheme`` and parameter names in lower case, values as received."""

    scheme: str
    parameters: dict[str, str] = field(default_factory=dict, hash=False)

    def get(self, name: str) -> str | None:
        """A parameter, or None."""
        return self.parameters.get(name)

    def without(self, name: str) -> "Challenge":
        """The challenge without one parameter."""
        return Challenge(self.scheme, {key: value for key, value in self.parameters.items() if key != name})


def parse_challenges(header: str | None) -> tuple[Challenge, ...]:
    """The challenges of a ``WWW-Authenticate`` header, in order. Of a parameter given twice the first counts."""
    text = (header or "")[:MAX_HEADER]
    challenges: list[Challenge] = []
    at = _skip(_SEPARATORS, text, 0)
    while at < len(text):
        scheme = _TOKEN.match(text, at)
        if scheme is None:
            break
        challenge = Challenge(scheme[0].lower())
        challenges.append(challenge)
        at = _read_parameters(text, scheme.end(), challenge.parameters)
    return tuple(challenges)


def _read_parameters(text: str, at: int, parameters: dict[str, str]) -> int:
    """Read the parameters of one challenge; returns where the next challenge may begin."""
    start = _skip(_SPACE, text, at)
    lonely = _TOKEN68.match(text, start) if start > at else None
    if lonely is not None:
        return _skip(_SEPARATORS, text, lonely.end())
    at = _skip(_SEPARATORS, text, at)
    while at < len(text):
        name = _TOKEN.match(text, at)
        if name is None:
            return len(text)
        equals = _skip(_SPACE, text, name.end())
        if text[equals : equals + 1] != "=":
            # Not a parameter, so it is the scheme of the next challenge.
            return at
        value_at = _skip(_SPACE, text, equals + 1)
        quoted = _QUOTED.match(text, value_at)
        plain = None if quoted else _TOKEN.match(text, value_at)
        found = quoted or plain
        if found is None:
            return len(text)
        value = re.sub(r"\\(.)", r"\1", quoted[1], flags=re.DOTALL) if quoted else found[0]
        parameters.setdefault(name[0].lower(), value)
        at = _skip(_SEPARATORS, text, found.end())
    return at


def _skip(pattern: re.Pattern[str], text: str, at: int) -> int:
    found = pattern.match(text, at)
    return found.end() if found else at
