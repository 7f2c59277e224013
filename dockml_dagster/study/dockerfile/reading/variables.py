"""The expansion of words by BuildKit's rules.

Here: ``expand`` and ``partial``. Not here: which variables are in force (``scopes``), which instructions are
expanded and how stages inherit (``evaluation``).

The rules are those of BuildKit's ``frontend/dockerfile/shell`` and ``dockerfile2llb``, with one difference.
BuildKit has the build arguments and the base image, so it knows every value. Here a value may be unknown, and
the result says *which* variable is missing and why. A word never silently becomes shorter.

All input may be hostile. Patterns are matched without regular expressions (no backtracking), and nesting and
the text that expansion may create are capped (``ENV A=$A$A`` doubles a value with every line).
"""

import re
from dataclasses import dataclass
from functools import cache

from dockml_dagster.study.dockerfile.model import Expanded, Missing
from dockml_dagster.study.dockerfile.reading.patterns import (
    ExpansionError,
    TooLongError,
    pattern_parts,
    substituted,
    trimmed,
)
from dockml_dagster.study.dockerfile.reading.scopes import Binding, Scope, Unset

MAX_VALUE = 65_536
"""Longest expanded word, in characters: as long as the longest line that BuildKit reads."""
MAX_NESTING = 64
"""Deepest nesting of ``${a:-${b:-…}}``."""
_SPECIAL_PARAMETERS = "@*#?-$!0"


@dataclass(slots=True)
class Budget:
    """How much text expansion may still create in this file."""

    left: int


def expand(
    word: str, scope: Scope, escape: str = "\\", *, quotes: bool = True, budget: Budget | None = None
) -> Expanded:
    """One word with quotes and escapes removed and variables replaced.

    ``quotes=False`` leaves quotes alone, as BuildKit does in the body of a here-document of COPY.
    """
    if "$" not in word and escape not in word and not (quotes and ('"' in word or "'" in word)):
        return Expanded(word, word)
    expansion = _Expansion(word, scope, escape, quotes, budget)
    try:
        text = expansion.until("", False)
    except ExpansionError as error:
        return Expanded(word, None, tuple(expansion.used), error=str(error))
    except TooLongError:
        names = tuple(expansion.used)
        return Expanded(word, None, names, (Missing(names[-1] if names else "", "too long"),))
    missing = tuple(dict.fromkeys(expansion.missing))
    return Expanded(
        word,
        None if missing else text,
        tuple(expansion.used),
        missing,
        tuple(expansion.assumed),
    )


def partial(word: str, scope: Scope, escape: str = "\\") -> str:
    """The word expanded as far as it goes, with ``${NAME}`` left in place of what is missing."""
    expansion = _Expansion(word, scope, escape, True, None)
    try:
        return expansion.until("", False)
    except (ExpansionError, TooLongError):
        return word


@cache
def _plain(escape: str, stop: str, quotes: bool) -> re.Pattern[str]:
    special = re.escape("$" + escape + stop + ("'\"" if quotes else ""))
    return re.compile(f"[^{special}]+", re.DOTALL)


class _Expansion:
    """One pass over one word. Every character is read once; ``until`` builds the result."""

    def __init__(self, word: str, scope: Scope, escape: str, quotes: bool, budget: Budget | None) -> None:
        self.word = word
        self.at = 0
        self.scope = scope
        self.escape = escape
        self.quotes = quotes
        self.budget = budget
        self.used: dict[str, None] = {}
        self.missing: list[Missing] = []
        self.assumed: dict[str, None] = {}
        self.created = 0
        self.nesting = 0

    def _peek(self) -> str:
        return self.word[self.at : self.at + 1]

    def _next(self) -> str:
        char = self.word[self.at : self.at + 1]
        self.at += 1
        return char

    def until(self, stop: str, raw_escapes: bool) -> str:
        """The expansion up to ``stop``, which is consumed, or to the end."""
        pieces: list[str] = []
        plain = _plain(self.escape, stop, self.quotes)
        word, end = self.word, len(self.word)
        while self.at < end:
            match = plain.match(word, self.at)
            if match:
                pieces.append(match[0])
                self.at = match.end()
                continue
            char = word[self.at]
            if char == stop:
                self.at += 1
                return "".join(pieces)
            if char == "$":
                pieces.append(self._dollar())
            elif char == "'" and self.quotes:
                pieces.append(self._single_quoted())
            elif char == '"' and self.quotes:
                pieces.append(self._double_quoted(raw_escapes))
            else:
                self.at += 1
                if raw_escapes:
                    pieces.append(char)
                pieces.append(self._next())
        if stop:
            raise ExpansionError(f"syntax error: missing '{stop}'")
        return "".join(pieces)

    def _single_quoted(self) -> str:
        end = self.word.find("'", self.at + 1)
        if end < 0:
            raise ExpansionError("unexpected end of statement while looking for matching single-quote")
        text = self.word[self.at + 1 : end]
        self.at = end + 1
        return text

    def _double_quoted(self, raw_escapes: bool) -> str:
        self.at += 1
        pieces: list[str] = []
        plain = _plain(self.escape, '"', False)
        while True:
            match = plain.match(self.word, self.at)
            if match:
                pieces.append(match[0])
                self.at = match.end()
            char = self._peek()
            if char == "":
                raise ExpansionError("unexpected end of statement while looking for matching double-quote")
            if char == '"':
                self.at += 1
                return "".join(pieces)
            if char == "$":
                pieces.append(self._dollar())
                continue
            self.at += 1
            if raw_escapes:
                pieces.append(char)
            after = self._peek()
            if after == "":
                continue
            if after in ('"', "$", self.escape):
                self.at += 1
                pieces.append(after)
            else:
                pieces.append(char)

    def _name(self) -> str:
        word, start = self.word, self.at
        first = self._peek()
        if first.isdecimal():
            while self._peek().isdecimal():
                self.at += 1
        elif first and first in _SPECIAL_PARAMETERS:
            self.at += 1
        else:
            while (char := self._peek()) and (char.isalpha() or char.isdecimal() or char == "_"):
                self.at += 1
        return word[start : self.at]

    def _value(self, name: str) -> Binding:
        self.used[name] = None
        return self.scope.lookup(name)

    def _emit(self, text: str) -> str:
        self.created += len(text)
        if self.created > MAX_VALUE:
            raise TooLongError
        self._spend(len(text))
        return text

    def _spend(self, steps: int) -> None:
        """Charge work to the file's budget, so that many costly words are bounded together."""
        if self.budget is not None:
            self.budget.left -= steps
            if self.budget.left < 0:
                raise TooLongError

    def _blame(self, name: str, binding: Binding) -> str:
        """Record that ``name`` leaves the word unknown; returns the text in its place."""
        self.missing.extend([binding.missing] if isinstance(binding, Unset) else binding)  # type: ignore[arg-type]
        return "${" + name + "}"

    def _dollar(self) -> str:
        self.at += 1
        if self._peek() != "{":
            name = self._name()
            if not name:
                return "$"
            binding = self._value(name)
            return self._emit(binding) if isinstance(binding, str) else self._blame(name, binding)
        self.at += 1
        first = self._peek()
        if first == "":
            raise ExpansionError("syntax error: missing '}'")
        if first in "{}:":
            raise ExpansionError("syntax error: bad substitution")
        name = self._name()
        operator = self._next()
        if operator == "}":
            binding = self._value(name)
            return self._emit(binding) if isinstance(binding, str) else self._blame(name, binding)
        self.nesting += 1
        if self.nesting > MAX_NESTING:
            raise TooLongError
        try:
            if operator == "/":
                return self._replaced(name)
            colon = operator == ":"
            if colon:
                operator = self._next()
            if operator not in ("-", "+", "?", "#", "%") or (colon and operator in "#%"):
                raise ExpansionError(
                    f"unsupported modifier ({':' if colon else ''}{operator}) in substitution"
                )
            return self._modified(name, operator, colon)
        finally:
            self.nesting -= 1

    def _operand(self, stop: str, raw_escapes: bool) -> tuple[str, list[Missing], dict[str, None]]:
        """The word after a modifier. Its missing variables are kept apart until the word is used."""
        outer, self.missing = self.missing, []
        assumed, self.assumed = self.assumed, {}
        try:
            return self.until(stop, raw_escapes), self.missing, self.assumed
        finally:
            self.missing, self.assumed = outer, assumed

    def _modified(self, name: str, operator: str, colon: bool) -> str:
        word, word_missing, word_assumed = self._operand("}", operator in "#%")
        binding = self._value(name)
        if isinstance(binding, tuple):
            if operator == "+" and not colon:
                return self._choose(word, word_missing, word_assumed)
            return self._blame(name, binding)
        if operator in "#%":
            if isinstance(binding, Unset):
                return self._blame(name, binding)
            if word_missing:
                self.missing.extend(word_missing)
                return "${" + name + "}"
            self._spend(2 * len(word) * len(binding))
            return self._emit(trimmed(binding, word, operator))
        unset = isinstance(binding, Unset) or (colon and binding == "")
        if isinstance(binding, Unset) and not binding.definite and operator != "?":
            self.assumed[name] = None
        if operator == "-":
            return self._choose(word, word_missing, word_assumed) if unset else self._emit(str(binding))
        if operator == "+":
            return "" if unset else self._choose(word, word_missing, word_assumed)
        if not unset:
            return self._emit(str(binding))
        if isinstance(binding, Unset):
            # `${V:?…}`: the file demands this variable from the build. It is missing, not wrong.
            return self._blame(name, binding)
        raise ExpansionError(f"{name}: {word or 'is not allowed to be empty'}")

    def _choose(self, word: str, missing: list[Missing], assumed: dict[str, None]) -> str:
        self.missing.extend(missing)
        self.assumed.update(assumed)
        return word

    def _replaced(self, name: str) -> str:
        every = self._peek() == "/"
        if every:
            self.at += 1
        pattern, missing, _ = self._operand("/", True)
        replacement, more, _ = self._operand("}", True)
        binding = self._value(name)
        if not isinstance(binding, str):
            return self._blame(name, binding)
        if missing or more:
            self.missing.extend(missing + more)
            return "${" + name + "}"
        self._spend(len(pattern) * len(binding) * (len(binding) // 2 + 1))
        return self._emit(substituted(binding, pattern_parts(pattern), replacement, every))
