"""Steps: every command of a file's RUNs, with the program it starts and what that installs.

Here: the join of ``shell`` and ``packages``, computed once for all callers. Not here: what the program is for
(``tasks``) or whether it should be there (``practices``).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from dockml_dagster.study.deadline import check_time
from dockml_dagster.study.dockerfile.managers import MANAGERS
from dockml_dagster.study.dockerfile.model import DockerfileReading, Instruction
from dockml_dagster.study.dockerfile.run.installation import Installation
from dockml_dagster.study.dockerfile.run.packages import get_pip, installation
from dockml_dagster.study.dockerfile.shell.bash import unquoted
from dockml_dagster.study.dockerfile.shell.interpreters import program_source
from dockml_dagster.study.dockerfile.shell.model import Run, SimpleCommand
from dockml_dagster.study.dockerfile.shell.programs import Program, programs
from dockml_dagster.study.dockerfile.shell.scripts import read_runs
from dockml_dagster.study.dockerfile.shell.values import in_braces, resolve
from dockml_dagster.study.dockerfile.stages import users_in_force


@dataclass(frozen=True, slots=True)
class Step:
    """One command of a RUN: the program it starts, what that installs (``None``: nothing), and the variables that the RUN
    exported before it.

    ``user``: the USER in force; ``None``: the file sets none, so it is the base image's.
    """

    run: Run
    instruction: Instruction
    command: SimpleCommand
    program: Program
    installs: Installation | None
    exported: Mapping[str, str] = field(default_factory=dict)
    user: str | None = None

    def variable(self, name: str) -> str | None:
        """The value of an environment variable for this command: assigned before it, by a wrapper, exported in the RUN, or
        set by ENV or ARG; ``None`` where the Dockerfile does not set it or its value is not known.
        """
        for assignment in (*self.command.assignments, *self.program.environment):
            given, _, value = assignment.partition("=")
            if given == name:
                return resolve(unquoted(value), self.instruction.scope)
        if name in self.exported:
            return self.exported[name]
        return self.instruction.scope.get(name)


def read_steps(reading: DockerfileReading, runs: Sequence[Run] | None = None) -> tuple[Step, ...]:
    """Every command, in order. ``runs``: the result of ``shell.scripts.read_runs``, if already computed."""
    steps: list[Step] = []
    before: SimpleCommand | None = None
    users = users_in_force(reading)
    for run in read_runs(reading) if runs is None else runs:
        check_time()
        instruction = reading.instructions[run.position]
        user = users.get(run.position)
        bash = _has_braces(run)
        for command, started, exported in programs(run.script, instruction.scope):
            program = _expanded(started) if bash else started
            installs = installation(program)
            if installs is None and before is not None and command.joined == "|":
                installs = _piped_get_pip(before, program)
            steps.append(Step(run, instruction, command, program, installs, exported, user))
            before = command
    return tuple(steps)


_BRACES_EXPANDED = frozenset(MANAGERS) | {"rm"}
"""Programs whose words are names of files and packages; elsewhere braces may be quoted text of another language."""


def _expanded(program: Program) -> Program:
    if program.name not in _BRACES_EXPANDED or not any("{" in word for word in program.arguments):
        return program
    return replace(program, arguments=tuple(each for word in program.arguments for each in in_braces(word)))


def _has_braces(run: Run) -> bool:
    """Whether the shell of a RUN expands ``{a,b}``: bash does, and so ``sh`` of the distributions with RPM; dash and busybox
    do not.
    """
    if "{" not in run.script.text:
        return False
    names = {word.rpartition("/")[2] for word in run.shell}
    return not names.isdisjoint(("bash", "zsh", "ksh")) or any(
        command.name in _RPM for command in run.script.commands
    )


_RPM = frozenset({"yum", "dnf", "dnf5", "microdnf", "tdnf", "zypper"})


def _piped_get_pip(before: SimpleCommand, program: Program) -> Installation | None:
    """What ``curl …/get-pip.py | python3 - pip==24.0`` installs."""
    if program.name not in ("python", "python3") or not any(
        "get-pip.py" in word for word in before.arguments
    ):
        return None
    source = program_source(program.name, program.arguments)
    if source is None or source.kind != "input":
        return None
    return get_pip([word for word in program.arguments if word != "-"])
