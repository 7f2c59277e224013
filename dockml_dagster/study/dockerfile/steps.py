"""Every command of a file's RUNs with the program it starts and what that installs: looked up once for all
who ask.

Here: the join of ``shell``, ``command_names`` and ``packages``. Not here: what the program is for
(``run_tasks``) or whether it should be there (``practices``).
"""

from collections.abc import Sequence
from dataclasses import dataclass

from dockml_dagster.study.dockerfile.command_names import Program, programs
from dockml_dagster.study.dockerfile.model import DockerfileReading, Instruction
from dockml_dagster.study.dockerfile.packages import Installation, installation
from dockml_dagster.study.dockerfile.shell import read_runs
from dockml_dagster.study.dockerfile.shell_model import Run, SimpleCommand


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
