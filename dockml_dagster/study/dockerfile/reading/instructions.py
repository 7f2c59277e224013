"""Parsing one logical line into one instruction: keyword, flags, arguments, and the reason if BuildKit refuses it.

Here: the line parsers of BuildKit's ``parser`` and the checks of ``instructions.Parse``. Not here: which flags there are
(``flags``), where a line begins and ends (``logical_lines``), variables and stages (``evaluation``).
"""

import json
import re
from typing import NamedTuple

from e2b_dockerfile_utils import parse_heredoc, parse_words

from dockml_dagster.study.dockerfile.model import Assignment, Flag, Form, Heredoc
from dockml_dagster.study.dockerfile.reading.flags import flag_problem
from dockml_dagster.study.dockerfile.reading.logical_lines import MAX_LEXED
from dockml_dagster.study.dockerfile.reading.source_text import SPACES

KEYWORDS = frozenset(
    [
        "ADD",
        "ARG",
        "CMD",
        "COPY",
        "ENTRYPOINT",
        "ENV",
        "EXPOSE",
        "FROM",
        "HEALTHCHECK",
        "LABEL",
        "MAINTAINER",
        "ONBUILD",
        "RUN",
        "SHELL",
        "STOPSIGNAL",
        "USER",
        "VOLUME",
        "WORKDIR",
    ]
)
"""Every instruction there is."""

_BLANKS = re.compile(r"[\t\v\f\r ]+")
_GO_BLANKS = re.compile(f"[{SPACES}]+")
# BuildKit looks for flags, and for the type of a HEALTHCHECK, byte by byte: a no-break space is not a space there.
_FLAG_SPACES = "\t\n\v\f\r "
_STAGE_NAME = re.compile(r"[a-z][a-z0-9\-_.]*\Z")
_WITH_JSON = frozenset({"RUN", "CMD", "ENTRYPOINT", "SHELL", "ADD", "COPY", "VOLUME"})
_ONE_ARGUMENT = frozenset({"MAINTAINER", "STOPSIGNAL", "USER", "WORKDIR"})

# Their arguments are the shell's business.
_ANY_ARGUMENTS = frozenset({"RUN", "CMD", "ENTRYPOINT"})


class _RefusedError(ValueError):
    pass


class Parsed(NamedTuple):
    """An instruction without its place in the file. ``value_offset`` is where ``value`` begins in the logical line."""

    keyword: str
    flags: tuple[Flag, ...]
    value: str
    value_offset: int
    arguments: tuple[str, ...]
    form: Form | None
    assignments: tuple[Assignment, ...]
    child: "Parsed | None"
    known: bool
    fatal: str | None
    problem: str | None
    censored: bool


def parse_instruction(
    text: str, escape: str, heredocs: tuple[Heredoc, ...] = (), *, inner: bool = False
) -> Parsed:
    """Parse a logical line.

    ``fatal``: why BuildKit's parser refuses the whole file; ``problem``: why it refuses the instruction.
    ``inner`` is set for the child of an ONBUILD.
    """
    written, flags, value = _split(text, escape)
    keyword = written.upper()
    offset = len(text.rstrip(SPACES)) - len(value) if value else len(text)
    known = keyword in KEYWORDS
    arguments: tuple[str, ...] = ()
    form: Form | None = None
    assignments: tuple[Assignment, ...] = ()
    child: Parsed | None = None
    fatal = problem = None
    censored = len(value) > MAX_LEXED
    if not known:
        problem = f"unknown instruction: {written[:80]}"
    elif censored:
        arguments = (value,)
    elif keyword == "ONBUILD":
        # A chain of ONBUILDs is refused anyway, and would nest as deep as the line is long. But BuildKit's
        # parser checks the instruction at its end first.
        if inner:
            fatal = _end_of_chain(value, escape)
        elif value:
            child = parse_instruction(value, escape, heredocs, inner=True)
            fatal = child.fatal
        problem = _onbuild_problem(child) if not inner else None
    else:
        try:
            arguments, form = _arguments(keyword, value, escape)
            assignments = _assignments(keyword, arguments)
        except _RefusedError as error:
            fatal = str(error)
    if known and fatal is None and problem is None and not censored:
        problem = _problem(keyword, flags, arguments, form, heredocs)
    return Parsed(
        keyword, flags, value, offset, arguments, form, assignments, child, known, fatal, problem, censored
    )


def _split(text: str, escape: str) -> tuple[str, tuple[Flag, ...], str]:
    """The keyword as written, the flags and the rest of a logical line (BuildKit's ``splitCommand``)."""
    line = text.strip(SPACES)
    gap = _BLANKS.search(line)
    if not gap:
        return line, (), ""
    flags: tuple[Flag, ...] = ()
    after = gap.end()
    if line.startswith("--", after):
        flags, after = _flags(line, after, escape)
    return line[: gap.start()], flags, line[after:].lstrip(SPACES)


def _end_of_chain(text: str, escape: str) -> str | None:
    """Why BuildKit's parser refuses the file because of the end of ``ONBUILD ONBUILD …``; ``None`` if it does not."""
    written, _, value = _split(text, escape)
    while written.upper() == "ONBUILD":
        text = value
        written, _, value = _split(text, escape)
    return parse_instruction(text, escape, inner=True).fatal if text else None


def _flags(line: str, at: int, escape: str) -> tuple[tuple[Flag, ...], int]:
    """Builder flags from ``at`` on, and where the arguments begin."""
    flags: list[Flag] = []
    while True:
        while at < len(line) and line[at] in _FLAG_SPACES:
            at += 1
        if not line.startswith("--", at):
            return tuple(flags), at
        word, at = _flag_word(line, at, escape)
        if word == "--":
            return tuple(flags), at
        name, equals, value = word[2:].partition("=")
        flags.append(Flag(name, value if equals else None))


def _flag_word(line: str, at: int, escape: str) -> tuple[str, int]:
    """One word with its quotes and escapes removed. An escape counts within both kinds of quotes."""
    plain = _FLAG_PLAIN[escape]
    pieces: list[str] = []
    quote = ""
    while at < len(line):
        char = line[at]
        if char == quote:
            quote = ""
        elif not quote and char in _FLAG_SPACES:
            break
        elif not quote and char in "'\"":
            quote = char
        elif char == escape:
            at += 1
            pieces.append(line[at : at + 1])
        else:
            match = plain.match(line, at)
            if match:
                pieces.append(match[0])
                at = match.end()
                continue
            pieces.append(char)
        at += 1
    return "".join(pieces), at


_FLAG_PLAIN = {escape: re.compile(f"[^{_FLAG_SPACES}'\"{re.escape(escape)}]+") for escape in "\\`"}


def _json_strings(value: str) -> tuple[str, ...] | None:
    """The strings of a JSON array; ``None`` where the value is not one; refused where it holds other values."""
    if not value.startswith("["):
        return None
    try:
        parsed = json.loads(value, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        return None
    if not all(isinstance(item, str) for item in parsed):
        raise _RefusedError("only string type is allowed in JSON arrays")
    # An escaped lone surrogate is not valid text; Go replaces it as well.
    return tuple(item.encode("utf-16", "surrogatepass").decode("utf-16", "replace") for item in parsed)


def _no_constant(name: str) -> None:
    raise ValueError(name)  # NaN and Infinity are not JSON, although Python's reader accepts them


def _arguments(keyword: str, value: str, escape: str) -> tuple[tuple[str, ...], Form | None]:
    if keyword == "HEALTHCHECK":
        if not value:
            return (), None
        gap = _BLANKS.search(value)
        if not gap:
            return (value,), None
        words, form = _arguments("CMD", value[gap.end() :], escape)
        return (value[: gap.start()], *words), form
    if keyword in _WITH_JSON:
        strings = _json_strings(value)
        if strings is not None:
            return strings, "exec"
        if keyword in ("ADD", "COPY", "VOLUME"):
            return (tuple(_BLANKS.split(value)) if value else ()), None
        return ((value,) if value else ()), "shell"
    if not value:
        return (), None
    if keyword in ("FROM", "EXPOSE"):
        return tuple(_BLANKS.split(value)), None
    if keyword == "ARG":
        return tuple(_words(value, escape)), None
    if keyword in ("ENV", "LABEL"):
        return tuple(_names_and_values(keyword, value, escape)), None
    return (value,), None


def _words(value: str, escape: str) -> list[str]:
    """Words with their quotes kept. Blanks separate them, unless quoted or escaped."""
    if '"' in value or "'" in value or escape in value:
        return list(parse_words(value, escape))
    return _GO_BLANKS.split(value.strip(SPACES))


def _names_and_values(keyword: str, value: str, escape: str) -> list[str]:
    words = _words(value, escape)
    if not words:
        return []
    if "=" not in words[0]:
        # The old form `ENV name value`: one pair, the value runs to the end of the line.
        parts = _BLANKS.split(value, maxsplit=1)
        if len(parts) < 2:
            raise _RefusedError(f"{keyword} must have two arguments")
        return parts
    pairs: list[str] = []
    for word in words:
        name, equals, text = word.partition("=")
        if not equals:
            raise _RefusedError(
                f"Syntax error - can't find = in {word[:80]!r}. Must be of the form: name=value"
            )
        pairs += (name, text)
    return pairs


def is_legacy_pair(keyword: str, value: str, escape: str) -> bool:
    """Whether ENV or LABEL is in the old form ``name value``, one pair whose value runs to the end of the line."""
    words = _words(value, escape) if keyword in ("ENV", "LABEL") and value else []
    return bool(words) and "=" not in words[0]


def _assignments(keyword: str, arguments: tuple[str, ...]) -> tuple[Assignment, ...]:
    if keyword in ("ENV", "LABEL"):
        return tuple(Assignment(arguments[at], arguments[at + 1]) for at in range(0, len(arguments) - 1, 2))
    if keyword == "ARG":
        parts = (word.partition("=") for word in arguments)
        return tuple(Assignment(name, value if equals else None) for name, equals, value in parts)
    return ()


def _onbuild_problem(child: Parsed | None) -> str | None:
    if child is None:
        return "ONBUILD requires at least one argument"
    if child.keyword == "ONBUILD":
        return "Chaining ONBUILD via `ONBUILD ONBUILD` isn't allowed"
    if child.keyword in ("MAINTAINER", "FROM"):
        return f"{child.keyword} isn't allowed as an ONBUILD trigger"
    # The child itself is checked only when an image is built upon this one.
    return None


def _problem(
    keyword: str,
    flags: tuple[Flag, ...],
    arguments: tuple[str, ...],
    form: Form | None,
    heredocs: tuple[Heredoc, ...],
) -> str | None:
    if keyword in _ANY_ARGUMENTS:
        return flag_problem(keyword, flags, arguments) if flags else None
    return _argument_problem(keyword, arguments, form, heredocs) or flag_problem(keyword, flags, arguments)


def _argument_problem(
    keyword: str, arguments: tuple[str, ...], form: Form | None, heredocs: tuple[Heredoc, ...]
) -> str | None:
    count = len(arguments)
    if keyword == "FROM":
        if count == 3 and arguments[1].lower() == "as":
            if _STAGE_NAME.match(arguments[2].lower()):
                return None
            return (
                f"invalid name for build stage: {arguments[2][:80]!r}, "
                "name can't start with a number or contain symbols"
            )
        return None if count == 1 else "FROM requires either one or three arguments"
    if keyword in _ONE_ARGUMENT and count != 1:
        return f"{keyword} requires exactly one argument"
    if keyword in ("ENV", "LABEL", "ARG", "EXPOSE", "VOLUME", "HEALTHCHECK", "SHELL") and count == 0:
        return f"{keyword} requires at least one argument"
    if keyword in ("ADD", "COPY"):
        if count < 2:
            return f"{keyword} requires at least two arguments, but only {count} were provided"
        if heredocs and _is_heredoc(arguments[-1]):
            return f"{keyword} cannot accept a heredoc as a destination"
    if keyword in ("ENV", "LABEL") and any(not name for name in arguments[::2]):
        return f"{keyword} names can not be blank"
    if keyword == "ARG" and any(word.startswith("=") for word in arguments):
        return "ARG names can not be blank"
    if keyword == "VOLUME" and any(not word.strip(SPACES) for word in arguments):
        return "VOLUME specified can not be an empty string"
    if keyword == "SHELL" and form != "exec":
        return "SHELL requires the arguments to be in JSON form"
    if keyword == "HEALTHCHECK":
        return _healthcheck_problem(arguments)
    return None


def _healthcheck_problem(arguments: tuple[str, ...]) -> str | None:
    kind = arguments[0].upper()
    if kind == "NONE":
        return None if len(arguments) == 1 else "HEALTHCHECK NONE takes no arguments"
    if kind != "CMD":
        return f"Unknown type {kind[:80]!r} in HEALTHCHECK (try CMD)"
    return None if len(arguments) > 1 else "Missing command after HEALTHCHECK CMD"


def _is_heredoc(word: str) -> bool:
    try:
        return parse_heredoc(word) is not None
    except ValueError:
        return False
