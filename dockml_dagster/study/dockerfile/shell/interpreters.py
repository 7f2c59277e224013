"""Where an interpreter gets the program that it runs: from a word, a file, a module or its standard input.

Here: the command lines of shells, Python, Perl, Ruby, Node and PHP, as far as that question needs. Not here: what such
a program does.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

SHELLS = frozenset({"sh", "bash", "dash", "ash", "zsh", "ksh"})
INTERPRETERS = SHELLS | {
    "python",
    "python3",
    "pypy",
    "pypy3",
    "perl",
    "ruby",
    "node",
    "php",
    "Rscript",
    "lua",
    "pwsh",
    "fish",
    "julia",
}
"""Programs that run a program text, by normalised name (``programs.normal_name``)."""


@dataclass(frozen=True, slots=True)
class ProgramSource:
    """Where a program comes from. ``kind``: ``input`` (standard input), ``text`` (a word of the command line), ``file`` or
    ``module``. ``at``: the index of that word among the arguments.
    """

    kind: Literal["input", "text", "file", "module"]
    at: int | None = None


@dataclass(frozen=True, slots=True)
class _Options:
    """One-letter options that are followed by the program's text or module, and options with another value.

    ``clustered``: letters that take the next word even among other letters (``bash -euo pipefail``). ``words_after``: the
    words after ``--`` are the program's arguments, not its file.
    """

    text: str
    text_words: frozenset[str] = frozenset()
    module: str = ""
    valued: frozenset[str] = frozenset()
    clustered: str = ""
    words_after: bool = False


_SHELL = _Options("c", valued=frozenset({"--rcfile", "--init-file"}), clustered="oO")
_PYTHON = _Options("c", module="m", valued=frozenset({"-W", "-X", "--check-hash-based-pycs"}))
_OTHERS = {
    "perl": _Options("eE", valued=frozenset({"-I"})),
    "ruby": _Options("e", valued=frozenset({"-I", "-r", "-C", "-E"})),
    "node": _Options(
        "ep", frozenset({"--eval", "--print"}), valued=frozenset({"-r", "--require", "--import", "--loader"})
    ),
    "php": _Options("r", valued=frozenset({"-d", "-c"}), words_after=True),
    "Rscript": _Options("e"),
    "lua": _Options("e", valued=frozenset({"-l"})),
    "pwsh": _Options("", frozenset({"-Command", "-command", "-c"})),
    "fish": _Options("c"),
    "julia": _Options("eE"),
}


def program_source(name: str, arguments: Sequence[str]) -> ProgramSource | None:
    """Where the interpreter ``name`` takes its program from; ``None`` if ``name`` is not an interpreter."""
    if name in SHELLS:
        return _source(_SHELL, arguments)
    if name in ("python", "python3", "pypy", "pypy3"):
        return _source(_PYTHON, arguments)
    options = _OTHERS.get(name)
    return None if options is None else _source(options, arguments)


def _source(options: _Options, arguments: Sequence[str]) -> ProgramSource:
    shell = options is _SHELL
    at = 0
    while at < len(arguments):
        word = arguments[at]
        if word in ("-", "/dev/stdin", "/dev/fd/0") or (shell and word == "-s"):
            return ProgramSource("input")
        if word in options.text_words:
            if at + 1 < len(arguments) and arguments[at + 1] == "-":
                return ProgramSource("input")
            return ProgramSource("text", at + 1)
        if word in options.valued:
            at += 2
            continue
        if word.startswith("--") and len(word) > 2:
            name, equals, _ = word.partition("=")
            if equals and name in options.text_words:
                return ProgramSource("text", at)
        elif word == "--":
            if options.words_after:
                return ProgramSource("input")
            at += 1
            break
        elif word.startswith("-") or (shell and word.startswith("+")):
            letters = word[1:]
            # bash reads the values of these letters before the program's text.
            values = sum(letters.count(letter) for letter in options.clustered)
            if shell and "s" in letters:
                return ProgramSource("input")
            if any(letter in letters for letter in options.text):
                text = at + 1 + values
                ends = shell and text < len(arguments) and arguments[text] == "--"
                return ProgramSource("text", text + ends)
            at += values
            if options.module and options.module in letters:
                return ProgramSource("module", at + 1)
        else:
            break
        at += 1
    return ProgramSource("file", at) if at < len(arguments) else ProgramSource("input")
