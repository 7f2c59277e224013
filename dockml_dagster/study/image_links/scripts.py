"""Images in scripts, Makefiles and programs that start container tools.

Here: which part of such a file is a shell's. Not here: the shell (``shell``), CI files
(``workflows``), grades (``grading``).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar

from dockml_dagster.study.cuts import first
from dockml_dagster.study.image_links.commands import (
    Use,
    as_commands,
    joined_lines,
    names_a_tool,
    uses,
    uses_of_words,
)  # fmt: skip
from dockml_dagster.study.image_links.model import Kind, Mention
from dockml_dagster.study.image_links.shell import commands
from dockml_dagster.study.image_links.variables import Values, assignments, in_loops, kept_values, names

SCRIPT_KINDS: Mapping[str, Kind] = {
    "push": "script push",
    "copy": "copy",
    "build": "script build",
    "run": "script run",
}
_NO_SHELL = (".py", ".ps1", ".bat", ".cmd", ".json")
_RECIPE = re.compile(r"^(?:\t| {2,})[@+ \t-]*")
_MAKE_VARIABLE = re.compile(r"\$\(([A-Za-z_][\w.-]{0,80})\)")
JUST_VARIABLE = re.compile(r"\{\{\s{0,5}\.?([A-Za-z_]\w{0,80})\s{0,5}\}\}")
_MAKE = re.compile(r"(?:^|/)g?make\Z|^\$[({]MAKE[)}]\Z")
_FOREACH = re.compile(r"\$\(foreach\s+(\w{1,80})\s*,([^,()]{1,300}|\$\(\w{1,80}\)),(.*)\)")
_OF_A_TARGET = re.compile(
    r"^[\w./%-]{1,80}(?: [\w./%-]{1,80}){0,5}\s*:\s+(?=[A-Za-z_]\w{0,80}\s*[:?+]?=[^=])"
)
_PUSHING_TARGET = re.compile(r"push|publish|release|buildx|deploy", re.IGNORECASE)
_NAME = re.compile(r"[A-Za-z_]\w{0,80}\Z")
_for_make: ContextVar[dict[str, tuple[str, ...]] | None] = ContextVar("variables for make", default=None)
MAX_GIVEN = 50
"""Most variables that one call of make is read for."""
_COMMENT = re.compile(r"(?:^|\s)#.*")


def script_mentions(path: str, text: str) -> Iterator[Mention]:
    """Images in the commands of a script or Makefile."""
    if not names_a_tool(text):
        return
    name = path.rpartition("/")[2].lower()
    if name.endswith((".sh", ".bash", ".zsh")):
        yield from shell_mentions(path, text, {}, SCRIPT_KINDS)
    elif name.endswith(_NO_SHELL):
        yield from line_mentions(path, as_commands(text) if name.endswith(".py") else text, {}, SCRIPT_KINDS)
    else:
        yield from _recipes(path, text)


def mentions_of(
    found: Iterable[Use], values: Values, kinds: Mapping[str, Kind], path: str, line: int
) -> Iterator[Mention]:
    """What commands name, each image that the text may stand for. ``kinds``: what shows it, by what is done with it."""
    for use in found:
        if use.does.startswith("push all"):
            yield Mention("", kinds["push"], path, line)
        else:
            for image in names(use.image, values):
                yield Mention(image, kinds[use.does], path, line)


def shell_mentions(
    path: str, text: str, values: Values, kinds: Mapping[str, Kind], *, line: int = 1
) -> Iterator[Mention]:
    """What the commands of a script name that begins in that line of the file. ``kinds``: what shows that they do so."""
    for words, number, known, given in commands(text, values, line=line):
        # Before it may stand what a workflow's expression sets for it.
        if _MAKE.search(next((word for word in words if not word.startswith("${{")), "")):
            _hand_to_make(words, given, known)
        # Without a name it is a line that the grammar could not read.
        found = uses_of_words(words, known) if words[0] else uses(words[1])
        yield from mentions_of(found, known, kinds, path, number)


def line_mentions(
    path: str, text: str, values: Values, kinds: Mapping[str, Kind], *, line: int = 1
) -> Iterator[Mention]:
    """The same for a text of another language, by its logical lines."""
    lines = list(joined_lines(text))
    known = assignments((one for _, one in lines), values)
    for (number, one), here in zip(lines, in_loops((one for _, one in lines), known), strict=True):
        if not one.lstrip().startswith(("#", "//")):
            yield from mentions_of(uses(one), here, kinds, path, line + number - 1)


@contextmanager
def variables_for_make() -> Iterator[None]:
    """Inside, Makefiles know what the commands read before them call ``make`` with: ``make push IMAGE=a/b``."""
    token = _for_make.set({})
    try:
        yield
    finally:
        _for_make.reset(token)


def _hand_to_make(words: Sequence[str], given: Sequence[str], values: Values) -> None:
    """Keep the variables of a call of ``make`` whose target says that it pushes; a name for a test proves nothing."""
    told = _for_make.get()
    if told is None or not any(_PUSHING_TARGET.search(word) for word in words[1:] if "=" not in word[:80]):
        return
    pairs = [(name, f"${{{name}}}") for name in given] + [word.split("=", 1) for word in words if "=" in word]
    for name, text in first(pairs, MAX_GIVEN, "variables that make is called with"):
        if _NAME.match(name):
            told[name] = kept_values((*told.get(name, ()), *names(text, values)))


def _recipes(path: str, text: str) -> Iterator[Mention]:
    """A Makefile or justfile: each logical line of a recipe is a script; the other lines set variables."""
    lines = [
        # A variable of a target is one: which target a recipe runs for is not followed.
        (number, _OF_A_TARGET.sub("", JUST_VARIABLE.sub(r"${\1}", line)))
        for number, line in joined_lines(text)
    ]
    before = dict(_for_make.get() or {})
    found = list(_recipes_once(path, lines))
    if before != (_for_make.get() or {}):
        # A target calls another one further up.
        found += _recipes_once(path, lines)
    yield from found


def _recipes_once(path: str, lines: Sequence[tuple[int, str]]) -> Iterator[Mention]:
    known = assignments((line for _, line in lines if not _RECIPE.match(line)), _for_make.get() or {})
    for number, line in lines:
        start = _RECIPE.match(line)
        if start is None:
            yield from mentions_of(uses(_COMMENT.sub("", line)), known, SCRIPT_KINDS, path, number)
            continue
        recipe = _FOREACH.sub(r"for \1 in \2; do \3; done", line[start.end() :])
        recipe = _MAKE_VARIABLE.sub(r"${\1}", recipe).replace("$$", "$")
        # It may begin with a variable that is a tool.
        if names_a_tool(recipe) or recipe.startswith("$"):
            yield from shell_mentions(path, recipe, known, SCRIPT_KINDS, line=number)
