"""The types of a parsed shell text: spans, simple commands, the operators between them, scripts, RUNs.

Here: the types alone. Not here: parsing (``scripts``, ``bash``, ``windows``).
"""

from dataclasses import dataclass
from typing import NamedTuple


class Span(NamedTuple):
    """A piece of a RUN's text: characters ``start`` to ``end``.

    A tuple, because there is one for each word: a frozen dataclass costs twice as much to make.
    """

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class SimpleCommand:
    """One simple command of a shell.

    ``name`` and ``arguments`` are words with quotes removed and variables left in (``$X``); ``name`` is
    empty for bare assignments, and ``[``, ``[[`` or ``((`` for tests. ``assignments`` (``A=1 make``) and
    ``redirections`` are as written. ``joined`` is the operator before it (``&&``, ``||``, ``;``, ``|``,
    ``&``, ``\\n``; empty for the first one). ``inside`` names the constructs around it, outermost first:
    ``if for while until case subshell group function negated`` and, for commands that are part of another
    command's word or input, ``substitution``, ``-c`` or ``stdin``. ``line`` is the line in the file.
    ``parse_error``: the shell's grammar could not read it or what surrounds it. ``nested``: its text is
    also part of a word of another command, so it does not count for ``unaccounted``.
    """

    name: str
    arguments: tuple[str, ...]
    line: int
    joined: str = ""
    inside: tuple[str, ...] = ()
    assignments: tuple[str, ...] = ()
    redirections: tuple[str, ...] = ()
    parse_error: bool = False
    nested: bool = False
    spans: tuple[Span, ...] = ()

    @property
    def words(self) -> tuple[str, ...]:
        """Name and arguments."""
        return (self.name, *self.arguments)


@dataclass(frozen=True, slots=True)
class Operator:
    """Text between commands: operators, reserved words, loop headers, patterns, comments; ``unparsed`` at an error."""

    text: str
    span: Span
    kind: str = "operator"


@dataclass(frozen=True, slots=True)
class Script:
    """A parsed shell text. ``text`` is what was parsed (continuations joined, here-documents appended)."""

    text: str
    interpreter: str
    commands: tuple[SimpleCommand, ...]
    operators: tuple[Operator, ...] = ()
    parse_error: bool = False
    censored: bool = False


@dataclass(frozen=True, slots=True)
class Run:
    """One RUN instruction (or ``ONBUILD RUN``).

    ``position``: index of the instruction in the reading. ``shell``: the command that BuildKit would start (the
    SHELL in force; empty for the exec form). ``mounts``: the values of ``--mount``, which are not in the commands.
    """

    position: int
    stage: int | None
    line: int
    form: str
    shell: tuple[str, ...]
    script: Script
    mounts: tuple[str, ...] = ()
    onbuild: bool = False

    @property
    def commands(self) -> tuple[SimpleCommand, ...]:
        """Every command of the RUN, in order of appearance."""
        return self.script.commands
