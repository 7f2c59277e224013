"""Every command of a file's RUNs with the program it starts and what that installs: looked up once for all
who ask.

Here: the join of ``shell``, ``command_names`` and ``packages``. Not here: what the program is for
(``run_tasks``) or whether it should be there (``practices``).
"""

from collections.abc import Sequence
from dataclasses import dataclass

from dockml_dagster.study.dockerfile.model import DockerfileReading, Instruction
from dockml_dagster.study.dockerfile.run.packages import Installation, installation
from dockml_dagster.study.dockerfile.shell.model import Run, SimpleCommand
from dockml_dagster.study.dockerfile.shell.programs import Program, programs
from dockml_dagster.study.dockerfile.shell.scripts import read_runs


@dataclass(frozen=True, slots=True)
class Step:
    """One command of a RUN: the program it starts, and what that installs (``None``: nothing)."""

    run: Run
    instruction: Instruction
    command: SimpleCommand
    program: Program
    installs: Installation | None


def read_steps(reading: DockerfileReading, runs: Sequence[Run] | None = None) -> tuple[Step, ...]:
    """Every command, in order. ``runs``: those of ``shell.read_runs``, if already at hand."""
    steps: list[Step] = []
    for run in read_runs(reading) if runs is None else runs:
        instruction = reading.instructions[run.position]
        steps.extend(
            Step(run, instruction, command, program, installation(program))
            for command, program in programs(run.script, instruction.scope)
        )
    return tuple(steps)
