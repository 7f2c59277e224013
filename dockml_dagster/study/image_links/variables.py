"""Variables of shells, Makefiles, Compose and GitHub's workflows, resolved as far as the file itself allows.

Here: collecting assignments, and expanding a text into the texts it may stand for. A build matrix or a loop gives
several. Not here: running anything. A value that is known only at run time stays ``OPEN``.
"""

from __future__ import annotations

import re
from collections import ChainMap
from collections.abc import Iterable, Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from contextvars import ContextVar

from dockml_dagster.study.cuts import first, note_cut, shortened
from dockml_dagster.study.deadline import check_time
from dockml_dagster.study.dockerfile.shell.bash import unquoted
from dockml_dagster.study.image_links.model import MAX_LINE, MAX_VALUES

OPEN = "\x00"
"""Stands in an expanded text for a part that the file does not give."""

Values = Mapping[str, tuple[str, ...]]
"""Variable → the values it may have."""

MAX_NAMES = 2000
"""Most variables of one file."""
_MAX_VALUE = 500
_KEPT = MAX_VALUES + 1
_MAX_INNER = 4_000
"""Most replacements, in one file, of variables inside the values of variables."""
_OPEN_RUN = re.compile(f"{OPEN}+")
_VARIABLE = re.compile(
    r"\$\{\{\s*(?P<expression>(?:[^{}]|\{\d\}){1,300}?)\s*\}\}"
    r"|\$?\$\{(?P<brace>\w{1,80})(?P<modifier>(?::?[-=?+]|[%#/^,@])(?:[^{}]|\$\{[^{}]{0,100}\}){0,200})?\}"
    r"|\$\((?P<round>[A-Za-z_][\w.]{0,80})\)"
    r"|\$\$?(?P<plain>[A-Za-z_]\w{0,80}|\d)"
    r"|\$\(\s{0,5}echo\s{1,5}(?P<lowered>[^|()]{1,300}?)\s{0,5}\|\s{0,5}"
    r"(?:tr\s[^()]{0,100}|awk\s[^|]{0,40}tolower\(\$\d\)[^()]{0,20}|sed\s[^()]{0,60}\\L[^()]{0,20})\)"
    r"|(?P<other>\$\([^()]{0,300}\)|`[^`]{0,300}`|\$[@*#?!]|\{\{[^{}]{0,300}\}\}|%\w{1,80}%)"
)
_ASSIGNMENT = re.compile(
    r"^\s*(?:-\s*)?(?:export\s+|override\s+|def\s+|set\s+|local\s+|readonly\s+|declare\s+(?:-\w+\s+)?|\$?env[.:]|ARG\s+)?"
    r"\$?([A-Za-z_]\w{0,80})\s{0,20}(?::=|::=|\?=|=)\s{0,20}(?![=>~])(.*)$"
)
_LOOP = re.compile(
    r"\bfor(?:each)?\s{0,20}\(?\s{0,20}\$?([A-Za-z_]\w{0,80})\s{1,20}in\s+"
    r"((?:\$\{\w{1,80}(?:\[[@*]\])?\}|\$\([A-Za-z_][\w.]{0,80}\)"
    r"|\{[\w.:/-]{0,80}(?:,[\w.:/-]{0,80}){1,23}\}|[^;`){}]){1,1000})",
    re.IGNORECASE,
)
_FORMAT = re.compile(r"format\(\s*'([^']{0,300})'((?:\s*,\s*(?:'[^',]{0,300}'|[\w.-]{1,100}))*)\s*\)?")
_GLOB = re.compile(r"[*?\[\]$`]")
_BRACES = re.compile(r"(?<!\$)\{([\w.:/-]{0,80}(?:,[\w.:/-]{0,80}){1,23})\}")
_LIST = re.compile(r"^\$[{(]?([A-Za-z_]\w{0,80}|@|\*)(?:\[[@*]\])?[})]?$")
_COMMAND = re.compile(r"`|\$\((?![A-Za-z_][\w.]{0,80}\))")
"""A value known only at run time: a command of a shell or Makefile, but not a Makefile's ``$(VARIABLE)``."""
_STRIPPED = re.compile(r"^\$\(strip\s*([^()]{0,300})\)$")
_ARRAY_WORD = re.compile(
    r"""(?:\$\{[^{}]{0,200}\}|\$\([^()]{0,200}\)|"[^"]{0,500}"|'[^']{0,500}'|[^\s"'])+"""
)
_STATEMENT = re.compile(r";|&&|\bdo\b")
_DONE = re.compile(r"(?:^|[\s;])done\b")
LISTED = "words of "
"""Prefix of the keys under which a variable's value is kept as a list of words. No variable has such a name."""
MAX_STATEMENTS = 50
"""Most statements of one logical line that are read."""
_HANDED_ON = re.compile(
    r"""echo\s+["']?(?:::set-output\s+name=)?([A-Za-z_]\w{0,80})(?:=|::)(.{0,500}?)["']?\s{0,20}(?:>>\s{0,20}["']?\$\{?GITHUB_(?:ENV|OUTPUT)|$)"""
)


_inner_left: ContextVar[list[int] | None] = ContextVar("variables inside of values", default=None)


@contextmanager
def one_file() -> Iterator[None]:
    """A block that expands the texts of one file. Within it, variables inside the values of variables are replaced at most
    ``_MAX_INNER`` times. Without a common bound, nested values would multiply in each line that uses them.
    """
    token = _inner_left.set([_MAX_INNER])
    try:
        yield
    finally:
        _inner_left.reset(token)


def expanded(text: str, values: Values, depth: int = 4) -> tuple[str, ...]:
    """The texts that ``text`` may stand for, at most ``MAX_VALUES``, cut to ``MAX_LINE`` each. ``OPEN``: an unknown part."""
    return _expanded(text, values, depth, _inner_left.get() or [MAX_VALUES])


def _expanded(text: str, values: Values, depth: int, left: list[int]) -> tuple[str, ...]:
    check_time()
    results = [""]
    position = 0
    text = text[:MAX_LINE]
    for found in first(_VARIABLE.finditer(text), 40, "variables of a text"):
        between = text[position : found.start()]
        position = found.end()
        options = _inner(_options(found, values), values, depth, left)
        results = list(_most((head + between + option)[:MAX_LINE] for head in results for option in options))
    tail = text[position:]
    return tuple(dict.fromkeys((head + tail)[:MAX_LINE] for head in results))


def _inner(options: Iterable[str], values: Values, depth: int, left: list[int]) -> tuple[str, ...]:
    """The values of a variable with the variables in them expanded. Growth is capped."""
    told: dict[str, None] = {}
    for option in options:
        if "$" in option and depth and left[0] > 0:
            left[0] -= 1
            told.update(dict.fromkeys(_expanded(option, values, depth - 1, left)))
        else:
            if "$" in option and depth:
                note_cut("more variables inside of values than are replaced")
            told[option] = None
        if len(told) > MAX_VALUES:
            break
    return tuple(_most(told))


def _most(told: Iterable[str]) -> Iterator[str]:
    return first(told, MAX_VALUES, "values of a variable")


def _options(found: re.Match[str], values: Values) -> tuple[str, ...]:
    if found["expression"] is not None:
        return _expression(found["expression"], values)
    if found["lowered"] is not None:
        told = expanded(found["lowered"].strip().strip("\"'"), values, 1)
        return tuple(value.lower() for value in told)
    name = found["brace"] or found["round"] or found["plain"]
    if name is None:
        return (OPEN,)
    known = values.get(name)
    modifier = found["modifier"] or ""
    if (known is None and modifier[:2] in (":-", ":=")) or (known is None and modifier[:1] in ("-", "=")):
        return (modifier.lstrip(":-="),)
    if modifier[:1] in (",", "^") and known is not None:
        return tuple(value.lower() for value in known)
    if known is None:
        return (OPEN,)
    if modifier and modifier[:1] in "%#/@":
        return tuple(OPEN if value == OPEN else _modified(value, modifier) for value in known)
    return known


def _modified(value: str, modifier: str) -> str:
    """A value after ``${x/a/b}``, ``${x#a}`` or ``${x%a}``. A pattern is plain text, or begins or ends with a star."""
    if modifier.startswith("/"):
        everywhere = modifier.startswith("//")
        pattern, _, new = modifier[1 + everywhere :].partition("/")
        if not pattern or _GLOB.search(pattern + new):
            return OPEN
        return value.replace(pattern, new, -1 if everywhere else 1)
    longest = modifier[:2] in ("##", "%%")
    pattern = modifier[1 + longest :]
    if modifier.startswith("#"):
        plain = pattern.removeprefix("*")
        if _GLOB.search(plain) or not plain:
            return OPEN
        if plain == pattern:
            return value.removeprefix(plain)
        parts = value.rsplit(plain, 1) if longest else value.split(plain, 1)
        return parts[-1]
    plain = pattern.removesuffix("*")
    if not modifier.startswith("%") or _GLOB.search(plain) or not plain:
        return OPEN
    if plain == pattern:
        return value.removesuffix(plain)
    parts = value.split(plain, 1) if longest else value.rsplit(plain, 1)
    return parts[0]


def _expression(text: str, values: Values) -> tuple[str, ...]:
    """A ``${{ }}`` of GitHub: a context by its name, or alternatives joined by ``||``."""
    options: list[str] = []
    for alternative in text.split("||")[:5]:
        part = alternative.rpartition("&&")[2].strip(" ()")
        formatted = _FORMAT.fullmatch(part)
        if formatted:
            options += _formatted(formatted[1], formatted[2].split(","), values)
            continue
        quoted = re.fullmatch(r"'([^']*)'", part)
        if quoted:
            options.append(quoted[1])
            continue
        known = values.get(part)
        if known is None and part.startswith(("steps.", "needs.", "env.")):
            # An output is known by its last name. Values of all steps are kept, so the step does not matter.
            known = values.get("outputs." + part.rpartition(".")[2])
        options.extend(known if known is not None else (OPEN,))
    return tuple(options) or (OPEN,)


def _formatted(pattern: str, arguments: list[str], values: Values) -> tuple[str, ...]:
    """GitHub's ``format('ghcr.io/{0}', github.repository)``."""
    results: tuple[str, ...] = (pattern,)
    for place, argument in enumerate(arguments[1:]):
        told = _expression(argument, values)
        results = tuple(_most(one.replace(f"{{{place}}}", value) for one in results for value in told))
    return results


def assignments(lines: Iterable[str], known: Values) -> dict[str, tuple[str, ...]]:
    """Variables set by the lines of a script, Makefile or CI file, in order, over those already known."""
    values = dict(known)
    assign(lines, values)
    return values


def assign(lines: Iterable[str], values: MutableMapping[str, tuple[str, ...]]) -> None:
    """As ``assignments``, but adds to ``values``."""
    for line in (shortened(whole, MAX_LINE, "a line") for whole in lines):
        check_time()
        if len(values.maps[0] if isinstance(values, ChainMap) else values) > MAX_NAMES:
            note_cut("more than 2,000 variables of a file")
            break
        for name, text in _assigned(line):
            values[LISTED + name] = _words(text)
            if len(values.get(name, ())) < _KEPT:  # otherwise the variable is full
                _add(values, name, expanded(_unquoted(text), values))
        loop = _LOOP.search(line)
        if loop:
            _add(values, loop[1], loop_words(loop[2], values))
        handed = _HANDED_ON.search(line) if "GITHUB_" in line or "set-output" in line else None
        if handed:
            told = expanded(handed[2], values)
            _add(values, "env." + handed[1], told)
            _add(values, "outputs." + handed[1], told)


def put(
    values: MutableMapping[str, tuple[str, ...]],
    name: str,
    text: str,
    known: Values,
    *,
    adds: bool,
    more: bool,
) -> None:
    """A shell's assignment ``name=text`` as written: put into ``values`` for what ``known`` tells of its variables.

    ``adds``: what the variable was before it may still be. ``more``: ``name+=text``.
    """
    if len(values) > MAX_NAMES:
        note_cut("more than 2,000 variables of a file")
        return
    is_array = text.startswith("(")
    listed = (
        tuple(unquoted(word) for word in _array(text)) if is_array else tuple(unquoted(text).split()[:_KEPT])
    )
    if more:
        listed = (*known.get(LISTED + name, ()), *listed)
    told = expanded(unquoted(listed[0] if is_array and listed else "" if is_array else text), known)
    if more and not is_array:
        told = tuple(before + one for before in known.get(name, ("",)) for one in told)
    values[LISTED + name] = listed[:_KEPT]
    if not adds:
        values.pop(name, None)
    elif name in known:
        values[name] = known[name]
    _add(values, name, told)


def _array(text: str) -> list[str]:
    """The words of ``(a "b c" # comment)``."""
    lines = (
        re.sub(r"(?:^|\s)#.*", "", line) for line in text.removeprefix("(").removesuffix(")").splitlines()
    )
    return _ARRAY_WORD.findall(" ".join(lines))[:_KEPT]


def in_loops(lines: Iterable[str], values: dict[str, tuple[str, ...]]) -> Iterator[Values]:
    """The values in force at each logical line: those of the file, and inside a loop those of this loop. Another loop may
    give the same variable another list.
    """
    inside: dict[str, tuple[str, ...]] = {}
    for line in (shortened(whole, MAX_LINE, "a line") for whole in lines):
        # A view, not a copy: in a loop that is never closed, every line would copy thousands of names.
        here = ChainMap(inside, values)
        for statement in first(_STATEMENT.split(line), MAX_STATEMENTS, "statements of a line"):
            loop = _LOOP.search(statement)
            if loop:
                inside[loop[1]] = loop_words(loop[2], here)
            elif inside:
                for name, text in _assigned(statement):
                    inside[name] = expanded(_unquoted(text), here)
        yield here
        if _DONE.search(line):
            inside = {}


def loop_words(text: str, values: Values) -> tuple[str, ...]:
    """The words that a loop goes through, variables expanded."""
    listed_texts = text.split(" do", maxsplit=1)[0].split()
    written = [word for part in _most(listed_texts) for one in in_braces(part) for word in one.split(",")]
    words: list[str] = []
    for word in _most(written):
        plain = word.strip("\"',")
        variable = _LIST.match(plain)
        listed = values.get(LISTED + variable[1]) if variable else None
        words += [word for word in listed or (plain.strip("()"),) if word]
    return tuple(_most(more for word in _most(words) for more in expanded(word, values)))


def _assigned(line: str) -> Iterator[tuple[str, str]]:
    found = _ASSIGNMENT.match(line)
    if found and not line.lstrip().startswith("#"):
        yield found[1], found[2]


def _words(text: str) -> tuple[str, ...]:
    """The words of an assigned text, for loops over it: ``a b``, ``"a b"``, ``(a b)``."""
    plain = text.split(" #", maxsplit=1)[0].strip().rstrip(";\\").strip()
    if plain[:1] in ("(", '"', "'"):
        plain = plain.strip("()\"'")
    return tuple(word for part in plain.split()[:_KEPT] if (word := part.strip("\"'")))


def _unquoted(text: str) -> str:
    text = text.strip().rstrip(";\\").strip()
    if stripped := _STRIPPED.match(text):
        text = stripped[1].strip()
    if text[:1] in "\"'" and text[:1]:
        end = text.find(text[0], 1)
        if end > 0:
            return text[1:end]
    return OPEN if _COMMAND.match(text) else text.split(" #")[0].split(" ")[0]


def _add(values: MutableMapping[str, tuple[str, ...]], name: str, told: tuple[str, ...]) -> None:
    known = tuple(value for value in values.get(name, ()) if value != OPEN)
    # No image name is longer. Without the cap a variable that repeats itself would grow without bound.
    short = (
        OPEN if len(value) > _MAX_VALUE else _OPEN_RUN.sub(OPEN, value) if OPEN in value else value
        for value in told
    )
    values[name] = kept_values((*known, *short))


def kept_values(told: Iterable[str]) -> tuple[str, ...]:
    """The values of a variable that are kept: one more than are used, so that the user notices the cut."""
    return tuple(dict.fromkeys(told))[:_KEPT]


def in_braces(text: str) -> tuple[str, ...]:
    """The words that a shell makes of ``a{b,c}``, at most ``MAX_VALUES``; the text itself if it has no such braces."""
    results = [text]
    for _ in range(3):
        results = list(
            _most(
                one[: found.start()] + choice + one[found.end() :] if found else one
                for one in results
                for found in (_BRACES.search(one),)
                for choice in (found[1].split(",") if found else ("",))
            )
        )
    return tuple(dict.fromkeys(results))


def names(text: str, values: Values) -> tuple[str, ...]:
    """The image names that a text may stand for. The repository must be known; an unknown tag is dropped."""
    found: list[str] = []
    for option in _most(one for told in expanded(text, values) for one in in_braces(told)):
        name = option
        if OPEN in option:
            colon = option.find(":", option.rfind("/") + 1)
            ends = [place for place in (colon, option.find("@")) if place >= 0]
            name = option[: min(ends)] if ends else option
            if OPEN in name:
                continue
        found.append(name.rstrip(":"))
    return tuple(dict.fromkeys(found))
