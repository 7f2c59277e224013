"""Values of variables inside RUN: those that ENV and ARG set, and those that the script itself sets.

Here: the expansion of words as a POSIX shell or bash does it, as far as values are known; bash's arrays and braces;
exports. Not here: expansion in instructions, which follows BuildKit's rules (``reading.variables``).
"""

import re
from collections import ChainMap
from collections.abc import Mapping, Sequence

from dockml_dagster.study.dockerfile.reading.patterns import (
    ExpansionError,
    TooLongError,
    pattern_parts,
    substituted,
    trimmed,
)
from dockml_dagster.study.dockerfile.shell.bash import unquoted
from dockml_dagster.study.dockerfile.shell.model import SimpleCommand

_MAX_VALUE = 8192
_MOST_PATTERN = 128
_NOTHING: Mapping[str, str] = {}

_VARIABLE = re.compile(
    r"\$(?:\{([A-Za-z_]\w*(?:\[[@*]\])?)(:?[-=?+]|##?|%%?|//?|:|\^\^?|,,?)?([^{}$]*)\}|([A-Za-z_]\w*))"
)
_ARRAY = re.compile(r"\(\s*(.*?)\s*\)\Z", re.DOTALL)
_ARRAY_COMMENT = re.compile(r"(?:^|\s)#[^\n]*")
DECLARES = frozenset({"export", "declare", "readonly", "local", "typeset"})
"""Commands that set variables by their arguments. Otherwise only a bare assignment sets one."""


def resolve(word: str, scope: Mapping[str, str]) -> str:
    """A word with known variables replaced by their values; others stay as written."""
    if "$" not in word:
        return word
    return _VARIABLE.sub(lambda match: _value(match, scope), word)


def _value(match: re.Match[str], scope: Mapping[str, str]) -> str:
    name, operator, text = match[1] or match[4], match[2] or "", match[3] or ""
    known = scope.get(name.replace("[*]", "[@]"))
    if not operator:
        return known if known is not None and not text else match[0]
    if operator in (":-", "-", ":=", "="):
        return text if known is None or (not known and operator[0] == ":") else known
    if known is None:
        return match[0]
    if operator in ("?", ":?"):
        return known
    if operator in ("+", ":+"):
        return text
    try:
        return _transformed(known, operator, text)
    except (ExpansionError, TooLongError, ValueError):
        return match[0]


def _transformed(value: str, operator: str, text: str) -> str:
    if len(text) > _MOST_PATTERN:
        raise TooLongError
    if operator[0] in "#%":
        return trimmed(value, operator[1:] + text, operator[0])
    if operator[0] == "/":
        pattern, _, replacement = text.partition("/")
        return substituted(value, pattern_parts(pattern), replacement, operator == "//")
    if operator == ":":
        start, colon, length = text.partition(":")
        rest = value[int(start) :]
        return rest[: int(length)] if colon else rest
    if operator[0] == "^":
        return value.upper() if operator == "^^" else value[:1].upper() + value[1:]
    return value.lower() if operator == ",," else value[:1].lower() + value[1:]


_BRACES = re.compile(r"(?<!\$)\{([^{},]*(?:,[^{},]*)+)\}")
_MOST_WORDS = 64


def in_braces(word: str) -> list[str]:
    """The words that bash makes of ``a/{b,c}``; the word itself where it has no such braces, or makes too many."""
    words = [word]
    for _ in range(_MOST_WORDS):
        at, found = next(
            ((at, found) for at, each in enumerate(words) if (found := _BRACES.search(each))), (0, None)
        )
        if found is None:
            return list(dict.fromkeys(words))
        before, after = words[at][: found.start()], words[at][found.end() :]
        words[at : at + 1] = [before + each + after for each in found[1].split(",")]
        if len(words) > _MOST_WORDS:
            break
    return [word]


class ShellVariables:
    """The variables in force while a script is read. ``known``: those of known value. ``exported``: those that the script
    exported.
    """

    __slots__ = ("_local", "exported", "known")

    def __init__(self, scope: Mapping[str, str]) -> None:
        self.known: Mapping[str, str] = scope
        self.exported: Mapping[str, str] = _NOTHING
        self._local: dict[str, str] | None = None

    def take(self, command: SimpleCommand) -> None:
        """Record the variables that a command sets."""
        given: Sequence[str] = command.assignments
        if command.name:
            given = [word for word in command.arguments if "=" in word]
        for assignment in given:
            name, _, written = assignment.partition("=")
            self._set(name, written)
        if command.name == "export":
            names = [word.partition("=")[0] for word in command.arguments if not word.startswith("-")]
            added = {name: self.known[name] for name in names if name in self.known}
            if added:
                # A new mapping, because earlier commands hold the old one.
                self.exported = {**self.exported, **added}

    def _set(self, name: str, written: str) -> None:
        appended = name.endswith("+")
        name = name.removesuffix("+")
        array = _ARRAY.match(written)
        if array:
            written = _ARRAY_COMMENT.sub(" ", array[1])
            name += "[@]"
        value = resolve(unquoted(written), self.known)
        # A command's output is not known.
        if "$(" in value or "`" in value or len(value) > _MAX_VALUE:
            return
        if appended:
            before = self.known.get(name, "")
            value = f"{before} {value}".strip() if array else before + value
        if self._local is None:
            self._local = {}
            scope = self.known
            self.known = ChainMap(self._local, dict(scope) if not isinstance(scope, dict) else scope)
        self._local[name] = value
