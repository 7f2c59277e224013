"""The shell inside RUN: every simple command with its name, arguments and place.

Here: the entry points for one RUN and for a whole file, which shell reads it (``SHELL``, exec form, shebang of a
here-document), and ``unaccounted``, which checks that no text was lost. Not here: the types (``model``), bash's
tree (``bash``), PowerShell and cmd (``windows``), what a command is for (``run.tasks``).
"""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import replace
from threading import Lock

from cachetools import LRUCache, cached
from e2b_dockerfile_utils import parse_heredoc

from dockml_dagster.study.deadline import is_over, time_limit
from dockml_dagster.study.dockerfile.model import DockerfileReading, Instruction
from dockml_dagster.study.dockerfile.shell import long_scripts, windows
from dockml_dagster.study.dockerfile.shell.heredocs import here_document, read_with_heredocs
from dockml_dagster.study.dockerfile.shell.interpreters import SHELLS, program_source
from dockml_dagster.study.dockerfile.shell.model import Operator, Run, Script, SimpleCommand, Span
from dockml_dagster.study.dockerfile.shell.programs import unwrapped

DEFAULT_SHELL = ("/bin/sh", "-c")
DEFAULT_WINDOWS_SHELL = ("cmd", "/S", "/C")

MAX_SCRIPT = 64 * 1024
"""Longest shell text, in characters, that is parsed. A longer one is kept as one unparsed piece and flagged."""
SECONDS = 1.0
"""Processor time for all scripts of one file. The slowest of the study's files takes a fiftieth of it."""
_MAX_DEPTH = 3
"""How deep ``bash -c "bash -c '…'"`` is followed."""

_POSIX_SHELLS = SHELLS | {"busybox"}
_POWERSHELLS = frozenset({"powershell", "pwsh"})


def interpreter_of(program: str) -> str:
    """The kind of an interpreter: ``sh``, ``powershell``, ``cmd``, or the program's name (``python3``)."""
    name = program.replace("\\", "/").rpartition("/")[2].lower().removesuffix(".exe")
    if name in _POSIX_SHELLS:
        return "sh"
    if name in _POWERSHELLS:
        return "powershell"
    return name


def shell_interpreter(shell: tuple[str, ...]) -> str:
    """The interpreter behind a SHELL: ``["conda", "run", "bash", "-c"]`` hands the text to bash."""
    kinds = [interpreter_of(word) for word in shell if not word.startswith("-")]
    shells = [kind for kind in kinds if kind in ("sh", "powershell", "cmd")]
    if shells:
        return shells[-1]
    # `scl enable devtoolset-7` and `conda run` start the user's shell.
    return "sh" if not kinds or kinds[0] in ("scl", "conda", "mamba", "micromamba", "env") else kinds[0]


def read_runs(reading: DockerfileReading) -> tuple[Run, ...]:
    """Every RUN of a file, in order, each read by the shell in force there. Together they may take ``SECONDS``; the
    remaining ones stay unparsed and are flagged, like a script that is too long.
    """
    with time_limit(SECONDS):
        return tuple(_runs(reading))


def _runs(reading: DockerfileReading) -> Iterator[Run]:
    shells: list[tuple[str, ...]] = []
    shell: tuple[str, ...] = DEFAULT_SHELL
    for position, instruction in enumerate(reading.instructions):
        if instruction.keyword == "FROM" and instruction.stage is not None:
            base = reading.stages[instruction.stage].base
            if base.stage is not None and base.stage < len(shells):
                shell = shells[base.stage]
            else:
                shell = DEFAULT_WINDOWS_SHELL if _is_windows(base.name or base.raw) else DEFAULT_SHELL
            shells.append(shell)
        elif instruction.keyword == "SHELL" and instruction.arguments and instruction.form == "exec":
            shell = instruction.arguments
            if shells:
                shells[-1] = shell
        run = instruction.child if instruction.keyword == "ONBUILD" else instruction
        if run is not None and run.keyword == "RUN":
            yield read_run(run, shell, position=position, onbuild=run is not instruction)


def _is_windows(image: str) -> bool:
    image = image.lower()
    return (
        image.startswith("mcr.microsoft.com/windows") or "nanoserver" in image or "windowsservercore" in image
    )


def read_run(
    instruction: Instruction,
    shell: tuple[str, ...] = DEFAULT_SHELL,
    *,
    position: int = 0,
    onbuild: bool = False,
) -> Run:
    """Read one RUN. Never raises; what cannot be parsed is kept and flagged."""
    if instruction.form == "exec":
        script = _with_nested(_exec_script(instruction), _exec_line(instruction), 0)
        shell = ()
    else:
        script = _shell_script(instruction, shell)
    mounts = tuple(flag.value or "" for flag in instruction.flags if flag.name == "mount")
    return Run(
        position,
        instruction.stage,
        instruction.start_line,
        instruction.form or "shell",
        shell,
        script,
        mounts,
        onbuild,
    )


def _exec_line(instruction: Instruction) -> list[tuple[int, int]]:
    return [(0, instruction.start_line)]


def _exec_script(instruction: Instruction) -> Script:
    """The exec form: one command whose words are the JSON array."""
    text = instruction.value
    if not instruction.arguments:
        return Script(text, "exec", (), (Operator(text, Span(0, len(text))),))
    name, *rest = instruction.arguments
    command = SimpleCommand(name, tuple(rest), instruction.start_line, spans=(Span(0, len(text)),))
    return Script(text, "exec", (command,))


def _shell_script(instruction: Instruction, shell: tuple[str, ...]) -> Script:
    interpreter = shell_interpreter(shell)
    value, lines = instruction.value, list(instruction.segments) or [(0, instruction.start_line)]
    if instruction.heredocs:
        if _only_heredoc(value):
            alone = instruction.heredocs[0]
            content = alone.content
            lines = _body_lines(content, 0, alone.start_line)
            return read_script(content, _shebang(content) or interpreter, lines)
        head = len(value)
        for heredoc in instruction.heredocs:
            value += "\n"
            body = heredoc.body + heredoc.name + "\n"
            lines.extend(_body_lines(body, len(value), heredoc.start_line))
            value += body.removesuffix("\n")
        if interpreter == "sh":
            read = read_with_heredocs(
                value, head, instruction.heredocs, lambda line: _bare_script(line, interpreter)
            )
            if read is not None:
                return _with_nested(_placed(read, lines), lines, 0)
    return read_script(value, interpreter, lines)


def _only_heredoc(value: str) -> bool:
    """Whether the RUN consists of one here-document: then its body is the script (BuildKit's rule)."""
    try:
        return parse_heredoc(value) is not None
    except ValueError:
        return False


def _shebang(script: str) -> str | None:
    """The interpreter that the first line asks for."""
    first = script.partition("\n")[0]
    if not first.startswith("#!"):
        return None
    words = first[2:].split()
    if words and interpreter_of(words[0]) == "env":
        words = [word for word in words[1:] if not word.startswith("-") and "=" not in word]
    return interpreter_of(words[0]) if words else None


def _body_lines(body: str, offset: int, line: int) -> list[tuple[int, int]]:
    marks = []
    for text in body.split("\n"):
        marks.append((offset, line))
        offset += len(text) + 1
        line += 1
    return marks


def read_script(text: str, interpreter: str, lines: list[tuple[int, int]] | None = None) -> Script:
    """Parse a script by its interpreter's rules; a script in another language than a shell's is one opaque command.

    ``lines``: pairs (offset into ``text``, line in the file); line 1 throughout without them.
    """
    lines = lines or [(0, 1)]
    return _with_nested(_placed(_bare_script(text, interpreter), lines), lines, 0)


def _bare_script(text: str, interpreter: str) -> Script:
    # No shell reads a NUL, and each one costs the grammar's parser an error recovery.
    if len(text) > MAX_SCRIPT or "\0" in text or is_over():
        return _unparsed(text, interpreter)
    if interpreter == "sh":
        return _bash_kept(text) if len(text) <= _MAX_KEPT else long_scripts.read(text)
    if interpreter in ("powershell", "cmd"):
        return windows.read(text, interpreter)
    command = SimpleCommand(interpreter, (), 0, spans=(Span(0, len(text)),))
    return Script(text, interpreter, (command,) if text.strip() else ())


def _unparsed(text: str, interpreter: str) -> Script:
    whole = Operator(text, Span(0, len(text)), "unparsed")
    return Script(text, interpreter, (), (whole,), parse_error=True, censored=True)


# Half of all RUNs in a corpus are copies of another one, so short ones are cached.
_MAX_KEPT = 4096
MOST_REMEMBERED = 512 << 10
"""Most characters of the texts whose scripts are cached. A script takes up to 320 times its text: 160 MB in all."""
_bash_kept = cached(
    LRUCache[object, Script](MOST_REMEMBERED, getsizeof=lambda script: 1 + len(script.text)), lock=Lock()
)(long_scripts.read)


def _placed(script: Script, lines: list[tuple[int, int]]) -> Script:
    """The script with every command's line in the file."""
    starts = [start for start, _ in lines]
    placed = []
    for command in script.commands:
        at = bisect_right(starts, command.spans[0].start) - 1 if command.spans else 0
        line = lines[max(at, 0)][1]
        placed.append(command if command.line == line else _at_line(command, line))
    return replace(script, commands=tuple(placed))


def _at_line(command: SimpleCommand, line: int) -> SimpleCommand:
    """The command at a line. ``dataclasses.replace`` takes four times as long, and every command needs this call."""
    return SimpleCommand(
        command.name,
        command.arguments,
        line,
        command.joined,
        command.inside,
        command.assignments,
        command.redirections,
        command.parse_error,
        command.nested,
        command.spans,
    )


def _with_nested(script: Script, lines: list[tuple[int, int]], depth: int) -> Script:
    """The script with nested commands added: those inside ``bash -c '…'`` and those that a shell reads from its standard
    input follow the command that holds them.
    """
    if depth >= _MAX_DEPTH:
        return script
    commands: list[SimpleCommand] = []
    feeding: SimpleCommand | None = None
    for command in script.commands:
        commands.append(command)
        inner = _inner_script(command)
        if inner is not None:
            text, interpreter, label = inner
            nested = _with_nested(_bare_script(text, interpreter), lines, depth + 1)
            commands.extend(_inside(found, command, label, command.line) for found in nested.commands)
        elif (fed := _fed(command, feeding)) is not None:
            text, offset = fed
            first = _line_of(offset, lines) if offset is not None else command.line
            marks = _body_lines(text, 0, first) if offset is not None else [(0, first)]
            nested = _with_nested(_placed(_bare_script(text, "sh"), marks), marks, depth + 1)
            commands.extend(_inside(found, command, "stdin", found.line) for found in nested.commands)
        if not command.nested:
            feeding = command
    if len(commands) == len(script.commands):
        return script
    return replace(script, commands=tuple(commands))


def _inside(found: SimpleCommand, holder: SimpleCommand, label: str, line: int) -> SimpleCommand:
    inside = (*holder.inside, label, *found.inside)
    return replace(found, line=line, inside=inside, nested=True, spans=())


def _line_of(offset: int, lines: list[tuple[int, int]]) -> int:
    at = bisect_right([start for start, _ in lines], offset) - 1
    return lines[max(at, 0)][1]


def _fed(command: SimpleCommand, before: SimpleCommand | None) -> tuple[str, int | None] | None:
    """The script that a shell reads from its standard input, and its offset if it stands literally in the text.

    It comes from a here-document or here-string of the shell, from one of a ``cat`` piped into it, or from ``echo``.
    """
    if not command.redirections and command.joined not in ("|", "|&"):
        return None
    if not _reads_script(command.words):
        return None
    own = here_document(command)
    if own is not None:
        return own
    if command.joined in ("|", "|&") and before is not None:
        if before.name == "cat" and set(before.arguments) <= {"-"}:
            return here_document(before)
        if before.name in ("echo", "printf") and not any("$(" in word for word in before.arguments):
            words = [word for word in before.arguments if not word.startswith("-")]
            return " ".join(words), None
    return None


_ROOT_SHELLS = frozenset({"su", "runuser"})
_SHELL_KINDS = frozenset({"sh", "powershell", "cmd"})


def _reads_script(words: tuple[str, ...]) -> bool:
    """Whether a command, wrapped or not, is a shell that reads its script from standard input."""
    if words[0] in _ROOT_SHELLS:
        return "-c" not in words
    rest = _from_shell(words)
    if not rest or interpreter_of(rest[0]) != "sh":
        return False
    source = program_source("sh", rest[1:])
    return source is not None and source.kind == "input"


def _inner_script(command: SimpleCommand) -> tuple[str, str, str] | None:
    """The script that a command passes to another shell with ``-c``, that shell's kind, and the label for ``inside``."""
    if len(command.arguments) < 2:
        return None
    if command.name in _ROOT_SHELLS:
        return _of_another_user(command.arguments)
    words = _from_shell(command.words)
    kind = interpreter_of(words[0]) if words else ""
    if kind == "sh":
        source = program_source("sh", words[1:])
        if source is None or source.kind != "text" or source.at is None or source.at + 1 >= len(words):
            return None
        return words[source.at + 1], kind, "-c"
    for place, flag in enumerate(words[1:-1], 1):
        if flag.lower() in ("/c", "-command", "-c", "/s/c"):
            return " ".join(words[place + 1 :]), kind, "-c"
        if not flag.startswith(("-", "/", "+")):
            break
    return None


def _from_shell(words: tuple[str, ...]) -> Sequence[str]:
    """The words of a command from the shell that it starts, without wrappers or an image's own script that starts its
    arguments; empty if it starts no shell.
    """
    if interpreter_of(words[0]) in _SHELL_KINDS and not words[0].endswith("busybox"):
        return words
    rest = unwrapped(words)
    rest = rest[1:] if len(rest) == len(words) else rest
    return rest if rest and interpreter_of(rest[0]) in _SHELL_KINDS else ()


def _of_another_user(words: tuple[str, ...]) -> tuple[str, str, str] | None:
    """The script of ``su USER -c '…'`` and ``runuser -l USER -c '…'``, as ``_inner_script`` gives it."""
    for at, word in enumerate(words[:-1]):
        if word in ("-c", "--command", "--session-command"):
            return words[at + 1], "sh", "-c"
    return None


def unaccounted(script: Script) -> tuple[str, ...]:
    """The text that belongs to no command and no operator, or to two of them. Empty means that nothing was lost.

    Blanks, newlines and escaped line ends do not count.
    """
    spans = [span for command in script.commands if not command.nested for span in command.spans]
    spans.extend(operator.span for operator in script.operators)
    spans.sort()
    lost: list[str] = []
    at = 0
    for span in spans:
        if span.start < at:
            lost.append("twice: " + script.text[span.start : min(at, span.end)])
        lost.append(script.text[at : span.start])
        at = max(at, span.end)
    lost.append(script.text[at:])
    return tuple(piece for piece in lost if piece.replace("\\\n", "").replace("\\\r\n", "").strip())
