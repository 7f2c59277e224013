"""Which program a simple command really starts.

Here: variables resolved from the Dockerfile's own scope, wrappers taken off (``sudo``, ``env``, ``conda
run``), names normalised (``/usr/bin/python3.8`` → ``python3``). Not here: what the program is for
(``run_tasks``, ``packages``).
"""

import re
from collections import ChainMap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from dockml_dagster.study.dockerfile.shell.bash import unquoted
from dockml_dagster.study.dockerfile.shell.model import Script, SimpleCommand

_MAX_VALUE = 8192

_VARIABLE = re.compile(r"\$(?:\{([A-Za-z_]\w*)(?::?-([^{}$]*))?\}|([A-Za-z_]\w*))")
_VERSIONED = re.compile(
    r"(python|pip|pypy|easy_install|ruby|gem|lua|luarocks|clang|gcc|g\+\+|node|php|Rscript)-?[0-9.]*\Z"
)

# Wrappers and the options of theirs that take the next word.
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
}
# Wrappers with words of their own before the command.
_LEADING_WORDS = {"timeout": 1, "gosu": 1, "su-exec": 1, "chroot": 1, "setarch": 1, "retry": 0}
_RUNNERS = {"conda", "mamba", "micromamba", "pipenv", "poetry", "uv", "pdm", "hatch", "scl"}
_MAY_WRAP = frozenset(_WRAPPERS) | _RUNNERS | {"python", "python3", ""}
_RUNNER_OPTIONS = frozenset(
    {"-n", "--name", "-p", "--prefix", "--cwd", "--python", "--with", "--group", "--extra"}
)


@dataclass(frozen=True, slots=True)
class Program:
    """What is started. ``name`` is normalised, ``written`` is the resolved word; ``wrappers`` were taken off.

    ``resolved`` is false where the name is a variable that the Dockerfile does not tell.
    """

    name: str
    written: str
    arguments: tuple[str, ...]
    wrappers: tuple[str, ...] = ()
    resolved: bool = True


def resolve(word: str, scope: Mapping[str, str]) -> str:
    """A word with the variables that ``ENV`` and ``ARG`` make known; the others stay as written."""
    if "$" not in word:
        return word

    def value(match: re.Match[str]) -> str:
        known = scope.get(match[1] or match[3])
        return known if known is not None else match[2] if match[2] is not None else match[0]

    return _VARIABLE.sub(value, word)


def programs(script: Script, scope: Mapping[str, str]) -> Iterator[tuple[SimpleCommand, Program]]:
    """Every command of a RUN with its program. Variables that the script itself sets (``A="apt-get install"
    && $A x``) count.
    """
    local: dict[str, str] = {}
    known: Mapping[str, str] = scope
    for command in script.commands:
        program = program_of(command, known)
        yield command, program
        assignments = command.assignments if not command.name else ()
        if command.name in ("export", "declare", "readonly", "local", "typeset"):
            assignments = tuple(word for word in command.arguments if "=" in word)
        for assignment in assignments:
            name, _, value = assignment.partition("=")
            value = resolve(unquoted(value), known)
            # What a command prints is not known.
            if "$(" in value or "`" in value or len(value) > _MAX_VALUE:
                continue
            if not local:
                known = ChainMap(local, dict(scope) if not isinstance(scope, dict) else scope)
            local[name] = value


@lru_cache(maxsize=8192)
def normal_name(word: str) -> str:
    """The program's own name: no folder, no version. Scripts keep their leading ``./``."""
    if word.startswith("./") and "/" not in word[2:]:
        return word
    name = word.rsplit("/", 1)[-1] or word
    versioned = _VERSIONED.match(name)
    if versioned:
        base = versioned[1]
        return (
            base + "3"
            if base in ("python", "pip", "pypy") and name[len(base) :].lstrip("-")[:1] == "3"
            else base
        )
    return name


def program_of(command: SimpleCommand, scope: Mapping[str, str]) -> Program:
    """The program of a command, and its arguments with known variables resolved."""
    words: Sequence[str] = command.words
    if "$" in "".join(words):
        words = _resolved(words, scope)
    name = normal_name(words[0])
    if name not in _MAY_WRAP:
        # Nearly every command: nothing to take off.
        return Program(name, words[0], tuple(words[1:]), (), not words[0].startswith("$"))
    words = list(words)
    wrappers: list[str] = []
    while words:
        name = normal_name(words[0])
        rest = _unwrapped(name, words)
        if rest is None:
            break
        wrappers.append(name)
        words = rest
    if not words:
        return Program("", "", (), tuple(wrappers))
    return Program(
        normal_name(words[0]), words[0], tuple(words[1:]), tuple(wrappers), not words[0].startswith("$")
    )


def _resolved(words: Sequence[str], scope: Mapping[str, str]) -> list[str]:
    resolved: list[str] = []
    for word in words:
        known = resolve(word, scope) if "$" in word else word
        # The shell splits what an unquoted variable holds: `$APT_INSTALL curl`.
        resolved.extend(known.split() if known != word else [word])
    return resolved or [""]


def _unwrapped(name: str, words: list[str]) -> list[str] | None:
    """The words after a wrapper, ``None`` where the command is none."""
    if (
        name in ("python", "python3")
        and len(words) > 2
        and words[1] == "-m"
        and words[2] in ("pip", "conda", "virtualenv")
    ):
        return words[2:]
    if name in _RUNNERS:
        if len(words) > 2 and words[1] in ("run", "enable"):
            return _after_options(words, 2, _RUNNER_OPTIONS, 1 if name == "scl" else 0) or None
        return None
    options = _WRAPPERS.get(name)
    if options is None:
        return None
    return _after_options(words, 1, options, _LEADING_WORDS.get(name, 0)) or None


def _after_options(words: list[str], at: int, options: frozenset[str], leading: int) -> list[str]:
    while at < len(words):
        word = words[at]
        if word == "--":
            at += 1
            break
        if word in options:
            at += 2
        elif word.startswith("-") or "=" in word.split("/", 1)[0]:
            at += 1
        else:
            break
    return words[at + leading :]
