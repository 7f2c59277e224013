"""Variables of a Dockerfile: which are in force where, and the expansion of words by BuildKit's rules.

Here: scopes (what ``ARG`` and ``ENV`` made known up to an instruction) and ``expand``. Not here: which instructions
are expanded, and how stages inherit (``evaluation``).

The rules are those of BuildKit's ``frontend/dockerfile/shell`` and ``dockerfile2llb``. What differs is the answer
where a value cannot be known from the file: BuildKit, which is given the build arguments and the base image,
has one; here the answer is *which* variable is missing and why. A word never silently turns into a shorter one.

Everything is hostile: patterns are matched without regular expressions (no backtracking), nesting is capped, and so
is the text that expansion may create (``ENV A=$A$A`` doubles a value with every line).
"""

import re
from bisect import bisect_left
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache

from dockml_dagster.study.dockerfile.model import Expanded, Missing

MAX_VALUE = 65_536
"""Longest expanded word, in characters: as long as the longest line that BuildKit reads."""
MAX_NESTING = 64
"""Deepest ``${a:-${b:-…}}``."""
MAX_INHERITANCE = 64
"""Longest chain ``FROM stage`` along which variables are followed."""

AUTOMATIC_ARGUMENTS = frozenset(
    side + part
    for side in ("TARGET", "BUILD")
    for part in ("PLATFORM", "OS", "OSVERSION", "ARCH", "VARIANT")
) | {"TARGETSTAGE"}
"""Set by BuildKit itself, in the scope before the first FROM; a stage must declare them to see them."""

DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
"""What BuildKit sets ``PATH`` to when the base image does not (``system.DefaultPathEnvUnix``)."""

_SPECIAL_PARAMETERS = "@*#?-$!0"


@dataclass(slots=True)
class Budget:
    """How much text expansion may still create in this file."""

    left: int


@dataclass(frozen=True, slots=True)
class Unset:
    """Not set by the file. ``definite``: nothing but a build argument could set it, so a written default counts."""

    missing: Missing
    definite: bool


Binding = str | tuple[Missing, ...] | Unset
"""A known value; a set but unknown one, with the variables to blame; or not set."""


@dataclass(slots=True)
class History:
    """Every assignment in one scope, in order. Scopes are positions in it, so a snapshot costs nothing."""

    kind: str
    parent: "Scope | None" = None
    depth: int = 0
    positions: dict[str, list[int]] = field(default_factory=dict)
    bindings: dict[str, list[Binding]] = field(default_factory=dict)
    length: int = 0

    def bind(self, name: str, binding: Binding) -> None:
        """From here on ``name`` is bound so."""
        self.positions.setdefault(name, []).append(self.length)
        self.bindings.setdefault(name, []).append(binding)
        self.length += 1

    def now(self) -> "Scope":
        """The scope after everything bound so far."""
        return Scope(self, self.length)


class Scope(Mapping[str, str]):
    """The variables in force at one place. As a mapping it holds those of known value only.

    The kind of its history says what an undeclared name means: ``global`` (before the first FROM: an error),
    ``image`` (the base image may set it), ``scratch`` (certainly unset).
    """

    __slots__ = ("_end", "history")

    def __init__(self, history: History, end: int) -> None:
        self.history = history
        self._end = end

    def bound(self, name: str) -> Binding | None:
        """What the file binds ``name`` to here, ``None`` where it does not."""
        scope: Scope | None = self
        while scope is not None:
            positions = scope.history.positions.get(name)
            if positions:
                at = bisect_left(positions, scope._end)
                if at:
                    return scope.history.bindings[name][at - 1]
            scope = scope.history.parent
        return None

    def lookup(self, name: str) -> Binding:
        """What ``name`` stands for here."""
        found = self.bound(name)
        if found is not None:
            return found
        kind = self.history.kind
        if kind == "global":
            if name in AUTOMATIC_ARGUMENTS:
                return (Missing(name, "automatic"),)
            return Unset(Missing(name, "undeclared"), definite=True)
        if kind == "scratch":
            return DEFAULT_PATH if name == "PATH" else ""
        return Unset(Missing(name, "inherited"), definite=False)

    def __getitem__(self, name: str) -> str:
        found = self.bound(name)
        if isinstance(found, str):
            return found
        raise KeyError(name)

    def __iter__(self) -> Iterator[str]:
        seen: set[str] = set()
        scope: Scope | None = self
        while scope is not None:
            for name in scope.history.positions:
                if name not in seen:
                    seen.add(name)
                    if isinstance(self.bound(name), str):
                        yield name
            scope = scope.history.parent

    def __len__(self) -> int:
        return sum(1 for _ in self)


NO_VARIABLES = History("global").now()


class ExpansionError(ValueError):
    """BuildKit refuses the word; the text says why."""


class _TooLongError(Exception):
    pass


def expand(word: str, scope: Scope, escape: str = "\\", *, quotes: bool = True, budget: Budget | None = None) -> Expanded:
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
    except _TooLongError:
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
    except (ExpansionError, _TooLongError):
        return word


@cache
def _plain(escape: str, stop: str, quotes: bool) -> re.Pattern[str]:
    special = re.escape("$" + escape + stop + ("'\"" if quotes else ""))
    return re.compile(f"[^{special}]+", re.DOTALL)


class _Expansion:
    """One pass over one word. Every character is looked at once; the result grows in ``until``."""

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
        """Up to ``stop`` (or the end), which is consumed."""
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
            raise _TooLongError
        if self.budget is not None:
            self.budget.left -= len(text)
            if self.budget.left < 0:
                raise _TooLongError
        return text

    def _blame(self, name: str, binding: Binding) -> str:
        """Note that ``name`` keeps the word from being known; what stands in its place."""
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
            raise _TooLongError
        try:
            if operator == "/":
                return self._replaced(name)
            colon = operator == ":"
            if colon:
                operator = self._next()
            if operator not in ("-", "+", "?", "#", "%") or (colon and operator in "#%"):
                raise ExpansionError(f"unsupported modifier ({':' if colon else ''}{operator}) in substitution")
            return self._modified(name, operator, colon)
        finally:
            self.nesting -= 1

    def _operand(self, stop: str, raw_escapes: bool) -> tuple[str, list[Missing], dict[str, None]]:
        """The word after a modifier, with the variables missing in it kept apart until it is chosen."""
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
            return self._emit(_trimmed(binding, word, operator))
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
            # The file says that the build must be given this variable: missing, not wrong.
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
        return self._emit(_substituted(binding, _glob(pattern), replacement, every))


Glob = tuple[str, ...]
"""A shell pattern, one element a character: ``*`` and ``?`` are wildcards, ``\\*`` and ``\\?`` stand for themselves."""


def _glob(pattern: str) -> Glob:
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
            continue  # the escape only kept it from ending the substitution
        if after not in ("*", "?", "\\") or not after:
            raise ExpansionError(f"invalid pattern ({pattern}) in substitution: invalid escape '\\{after}'")
        at += 1
        parts.append("\\" + after)
    return tuple(parts)


_MAX_MATCHING = 4_000_000
"""Steps that one pattern may cost; a match is pattern times value, both below ``MAX_VALUE``."""


def _ends(glob: Glob, text: str, start: int, *, longest: bool) -> int | None:
    """Where a match that begins at ``start`` ends: the nearest or the farthest place, ``None`` without a match."""
    if len(glob) * (len(text) - start + 1) > _MAX_MATCHING:
        raise _TooLongError
    states = _closure({0}, glob)
    best: int | None = None
    at = start
    while states:
        if len(glob) in states:
            best = at
            if not longest:
                return best
        if at == len(text):
            break
        char = text[at]
        step: set[int] = set()
        for state in states:
            if state == len(glob):
                continue
            part = glob[state]
            # Like Go's ".", a wildcard does not match a newline.
            if part == "*" and char != "\n":
                step.add(state)
            elif (part == "?" and char != "\n") or (part not in ("*", "?") and part[-1] == char):
                step.add(state + 1)
        states = _closure(step, glob)
        at += 1
    return best


def _closure(states: set[int], glob: Glob) -> set[int]:
    """With every state that a ``*`` may skip to."""
    full = set(states)
    for state in states:
        at = state
        while at < len(glob) and glob[at] == "*":
            at += 1
            full.add(at)
    return full


def _trimmed(value: str, pattern: str, operator: str) -> str:
    longest = pattern.startswith(operator)
    glob = _glob(pattern[1:] if longest else pattern)
    if operator == "#":
        end = _ends(glob, value, 0, longest=longest)
        return value if end is None else value[end:]
    end = _ends(glob[::-1], value[::-1], 0, longest=longest)
    return value if end is None else value[: len(value) - end]


def _substituted(value: str, glob: Glob, replacement: str, every: bool) -> str:
    pieces: list[str] = []
    at, budget = 0, _MAX_MATCHING
    while at <= len(value):
        budget -= len(glob) * (len(value) - at + 1)
        if budget < 0:
            raise _TooLongError
        end = _ends(glob, value, at, longest=True)
        if end is None or (end == at and glob):
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
