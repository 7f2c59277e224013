"""Every command of a file's RUNs with the program it starts
and what that installs: looked up once for all who ask.

Here: the join of ``shell`` and ``packages``. Not here: what the program is for
(``tasks``) or whether it should be there (``practices``).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from dockml_dagster.study.deadline import check_time
from dockml_dagster.study.dockerfile.model import DockerfileReading, Instruction
from dockml_dagster.study.dockerfile.run.installation import Installation
from dockml_dagster.study.dockerfile.run.packages import installation
from dockml_dagster.study.dockerfile.shell.bash import unquoted
from dockml_dagster.study.dockerfile.shell.model import Run, SimpleCommand
from dockml_dagster.study.dockerfile.shell.programs import Program, programs
from dockml_dagster.study.dockerfile.shell.scripts import read_runs
from dockml_dagster.study.dockerfile.shell.values import resolve
from dockml_dagster.study.dockerfile.stages import users_in_force


@dataclass(frozen=True, slots=True)
class Step:
    """One command of a RUN: the program it starts, what that installs
    (``None``: nothing), and the variables that the RUN exported before it.

    ``user``: the USER in force, as far as the file says one (``None``: the base image's).
    """

    run: Run
    instruction: Instruction
    command: SimpleCommand
    program: Program
    installs: Installation | None
    exported: Mapping[str, str] = field(default_factory=dict)
    user: str | None = None

    def variable(self, name: str) -> str | None:
        """The value of an environment variable for this command: set before it, by a wrapper, exported in the RUN, or
        by ENV or ARG; ``None`` where the Dockerfile does not set it (or its value is not known).
        """
        for assignment in (*self.command.assignments, *self.program.environment):
            given, _, value = assignment.partition("=")
            if given == name:
                return resolve(unquoted(value), self.instruction.scope)
        if name in self.exported:
            return self.exported[name]
        return self.instruction.scope.get(name)


def read_steps(reading: DockerfileReading, runs: Sequence[Run] | None = None) -> tuple[Step, ...]:
    """Every command, in order. ``runs``: those of ``shell.read_runs``, if already at hand."""
    steps: list[Step] = []
    users = users_in_force(reading)
    for run in read_runs(reading) if runs is None else runs:
        check_time()
        instruction = reading.instructions[run.position]
        user = users.get(run.position)
        steps.extend(
            Step(run, instruction, command, program, installation(program), exported, user)
            for command, program, exported in programs(run.script, instruction.scope)
        )
    return tuple(steps)
