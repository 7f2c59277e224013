"""Which program a simple command really starts.

Here: removing wrappers (``sudo``, ``env``, ``conda run``, ``python -m pip``), normalising names
(``/usr/bin/python3.8`` → ``python3``). Not here: the values of variables (``values``), what the program is for
(``run``).
"""

import re
from collections import ChainMap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from dockml_dagster.study.cuts import first
from dockml_dagster.study.dockerfile.managers import MANAGERS
from dockml_dagster.study.dockerfile.shell.loops import loops
from dockml_dagster.study.dockerfile.shell.model import Script, SimpleCommand
from dockml_dagster.study.dockerfile.shell.values import DECLARES, ShellVariables, resolve

_NAMES = re.compile(r"\$\{?(\w+)")
_NOTHING_LISTED: Mapping[str, Sequence[str]] = {}
_MOST_VALUES = 64
"""Most values of a loop's variable that are considered."""
_VERSIONED = re.compile(
    r"(python|pip|pypy|easy_install|ruby|gem|lua|luarocks|clang|gcc|g\+\+|node|php|Rscript)-?[0-9.]*\Z"
)

# Wrappers, and those of their options that take the next word.
_WRAPPERS: dict[str, frozenset[str]] = {
    "sudo": frozenset({"-u", "--user", "-g", "--group", "-C", "-h", "-p", "-U"}),
    "env": frozenset({"-u", "--unset", "-C", "--chdir"}),
    "time": frozenset(),
    "nice": frozenset({"-n"}),
    "ionice": frozenset({"-c", "-n"}),
    "nohup": frozenset(),
    "exec": frozenset({"-a"}),
    "command": frozenset(),
    "builtin": frozenset(),
    "eval": frozenset(),
    "retry": frozenset(),
    "travis_retry": frozenset(),
    "timeout": frozenset({"-s", "-k"}),
    "xargs": frozenset({"-n", "-P", "-I", "-L", "-a", "-d", "-s"}),
    "gosu": frozenset(),
    "su-exec": frozenset(),
    "setarch": frozenset(),
    "linux32": frozenset(),
    "chroot": frozenset(),
    "stdbuf": frozenset({"-o", "-e", "-i"}),
    "ccache": frozenset(),
    "fakeroot": frozenset(),
    "xvfb-run": frozenset({"-s", "-n", "-e"}),
    "runuser": frozenset({"-u", "--user", "-g", "--group", "-G", "--supp-group"}),
    "setpriv": frozenset(
        {"--reuid", "--regid", "--groups", "--inh-caps", "--bounding-set", "--ambient-caps"}
    ),
    "doas": frozenset({"-u", "-C"}),
    "flock": frozenset({"-w", "-E", "--timeout", "--conflict-exit-code"}),
    "eatmydata": frozenset(),
    "busybox": frozenset(),
    "numactl": frozenset({"-C", "-N", "-m", "-i", "-p"}),
    "taskset": frozenset(),
    "tini": frozenset({"-p", "-e"}),
    "dumb-init": frozenset({"-r", "--rewrite"}),
    "catatonit": frozenset(),
    "proxychains": frozenset({"-f"}),
    "proxychains4": frozenset({"-f"}),
    "s6-setuidgid": frozenset(),
}
# Wrappers that take words of their own before the command.
_LEADING_WORDS = {
    "timeout": 1, "gosu": 1, "su-exec": 1, "chroot": 1, "setarch": 1, "flock": 1, "taskset": 1, "s6-setuidgid": 1,
}  # fmt: skip
# Programs that start another program after a subcommand, and their options that take the next word.
_RUNNERS: dict[str, tuple[frozenset[str], frozenset[str]]] = {
    **{
        name: (frozenset({"run"}), MANAGERS[name].valued | {"--cwd", "--env-file"})
        for name in ("conda", "mamba", "micromamba", "pipenv", "poetry", "uv", "pdm", "pipx", "pixi")
    },
    "pixi": (frozenset({"run", "exec"}), MANAGERS["pixi"].valued | {"-s", "--spec"}),
    "hatch": (frozenset({"run"}), frozenset({"-e", "--env", "-p", "--project"})),
    "rye": (frozenset({"run"}), frozenset()),
    "scl": (frozenset({"enable"}), frozenset()),
}
_MAY_WRAP = frozenset(_WRAPPERS) | set(_RUNNERS) | {"python", "python3", "pypy", "pypy3", "uvx", ""}
_PYTHON_VALUED = frozenset({"-W", "-X"})
_PYTHON_MODULES = frozenset(
    {"pip", "conda", "mamba", "virtualenv", "uv", "pipx", "poetry", "pipenv", "pdm", "easy_install"}
)
"""Modules that count as programs: ``python -m pip`` is pip."""


@dataclass(frozen=True, slots=True)
class Program:
    """The program that a command starts. ``name`` is normalised, ``written`` is the resolved word; ``wrappers`` are those
    removed.

    ``environment``: assignments that a wrapper makes (``env A=1 make``). ``resolved`` is false where the name is a
    variable whose value the Dockerfile does not give.
    """

    name: str
    written: str
    arguments: tuple[str, ...]
    wrappers: tuple[str, ...] = ()
    resolved: bool = True
    environment: tuple[str, ...] = ()


def programs(
    script: Script, scope: Mapping[str, str]
) -> Iterator[tuple[SimpleCommand, Program, Mapping[str, str]]]:
    """Every command of a RUN, its program, and the variables that the RUN exported before it. Variables that the script
    itself sets (``A="apt-get install" && $A x``) are resolved.
    """
    variables = ShellVariables(scope)
    pending = loops(script)[::-1]
    listed: dict[str, tuple[str, ...]] = {}
    for command in script.commands:
        while pending and command.spans and pending[-1].at < command.spans[0].start:
            loop = pending.pop()
            words = (resolve(word, variables.known).split() for word in loop.words)
            listed[loop.name] = tuple(
                first((word for found in words for word in found), _MOST_VALUES, "words of a loop")
            )
        yield command, program_of(command, variables.known, listed), variables.exported
        if not command.name or command.name in DECLARES:
            variables.take(command)
            for assignment in command.assignments if listed else ():
                listed.pop(assignment.partition("=")[0], None)


_LONGEST_KEPT = 256
"""Longest word whose name is cached: a script can have words of 64 KiB."""


def normal_name(word: str) -> str:
    """The program's name without folder and version. Scripts keep their leading ``./``."""
    return _name(word) if len(word) <= _LONGEST_KEPT else _name.__wrapped__(word)


@lru_cache(maxsize=8192)
def _name(word: str) -> str:
    if word.startswith("./") and "/" not in word[2:]:
        return word
    name = word.rpartition("/")[2] or word
    versioned = _VERSIONED.match(name)
    if versioned:
        base = versioned[1]
        return (
            base + "3"
            if base in ("python", "pip", "pypy") and name[len(base) :].lstrip("-")[:1] == "3"
            else base
        )
    return name


def program_of(
    command: SimpleCommand, scope: Mapping[str, str], listed: Mapping[str, Sequence[str]] = _NOTHING_LISTED
) -> Program:
    """The program of a command, and its arguments with known variables resolved. ``listed``: the variables of loops with
    all their values; an argument that uses one (``pip install $p``) is repeated for each value.
    """
    words: Sequence[str] = command.words
    if "$" in "".join(words):
        words = _resolved(words, scope, listed)
    name = normal_name(words[0])
    if name not in _MAY_WRAP:
        # Nearly every command has no wrapper.
        return Program(name, words[0], tuple(words[1:]), (), not words[0].startswith("$"))
    words = list(words)
    wrappers: list[str] = []
    environment: list[str] = []
    while words:
        name = normal_name(words[0])
        rest = _unwrapped(name, words)
        if rest is None:
            break
        wrappers.append(name)
        if name in ("env", "sudo"):
            before = words[: len(words) - len(rest)]
            environment += [word for word in before if "=" in word and not word.startswith("-")]
        words = rest
    if not words:
        return Program("", "", (), tuple(wrappers), environment=tuple(environment))
    return Program(
        normal_name(words[0]),
        words[0],
        tuple(words[1:]),
        tuple(wrappers),
        not words[0].startswith("$"),
        tuple(environment),
    )


def unwrapped(words: Sequence[str]) -> list[str]:
    """The words of a command as written, without its wrappers; empty if there is only a wrapper."""
    rest = list(words)
    while rest:
        name = normal_name(rest[0])
        inner = _unwrapped(name, rest) if name in _MAY_WRAP else None
        if inner is None:
            break
        rest = inner
    return rest


def _resolved(
    words: Sequence[str], scope: Mapping[str, str], listed: Mapping[str, Sequence[str]]
) -> list[str]:
    resolved: list[str] = []
    for at, word in enumerate(words):
        name = _looped(word, listed) if at and listed else None
        if name is not None:
            resolved += [resolve(word, ChainMap({name: value}, dict(scope))) for value in listed[name]]
            continue
        known = resolve(word, scope) if "$" in word else word
        # The shell splits the value of an unquoted variable: `$APT_INSTALL curl`.
        resolved.extend(known.split() if known != word else [word])
    return resolved or [""]


def _looped(word: str, listed: Mapping[str, Sequence[str]]) -> str | None:
    """The loop variable that a word contains."""
    found = (name for name in _NAMES.findall(word) if listed.get(name))
    return next(found, None)


def _unwrapped(name: str, words: list[str]) -> list[str] | None:
    """The words after a wrapper; ``None`` if the command is not one."""
    if name in ("python", "python3", "pypy", "pypy3"):
        return _module(words)
    if name == "uvx":
        return _after_options(words, 1, MANAGERS["uv"].valued, 0) or None
    runner = _RUNNERS.get(name)
    if runner is not None:
        verbs, valued = runner
        at = _place_after_options(words, 1, valued)
        if name == "uv" and words[at : at + 2] == ["tool", "run"]:
            at += 1
        if at + 1 < len(words) and words[at] in verbs | ({"run"} if name == "uv" else set()):
            rest = _after_options(words, at + 1, valued, 1 if name == "scl" else 0)
            # `uv run -` runs the Python program on its standard input.
            return (["python3", "-"] if name == "uv" and words[at + 1 :] == ["-"] else rest) or None
        return None
    options = _WRAPPERS.get(name)
    if options is None:
        return None
    return _after_options(words, 1, options, _LEADING_WORDS.get(name, 0)) or None


def _module(words: list[str]) -> list[str] | None:
    """The words from the module on in ``python [options] -m module …``, if the module counts as a program."""
    at = 1
    while at < len(words) and words[at].startswith("-"):
        word = words[at]
        if word in _PYTHON_VALUED:
            at += 2
            continue
        # The first letter that takes a value consumes the rest of the word: `-m pip`, `-Im pip`, `-mpip`.
        letter = "" if word.startswith("--") else next((char for char in word[1:] if char in "cmWX"), "")
        if letter == "m":
            module = word.partition("m")[2]
            found = [module, *words[at + 1 :]] if module else words[at + 1 :]
            return found if found and found[0] in _PYTHON_MODULES else None
        if word == "-" or letter == "c":
            return None
        at += 1
    return None


def _place_after_options(words: list[str], at: int, valued: frozenset[str]) -> int:
    while at < len(words) and words[at].startswith("-") and words[at] != "--":
        at += 2 if words[at] in valued else 1
    return at


def _after_options(words: list[str], at: int, options: frozenset[str], leading: int) -> list[str]:
    while at < len(words):
        word = words[at]
        if word == "--":
            at += 1
            break
        if word in options:
            at += 2
        elif word.startswith("-") or "=" in word.partition("/")[0]:
            at += 1
        else:
            break
    return words[at + leading :]
