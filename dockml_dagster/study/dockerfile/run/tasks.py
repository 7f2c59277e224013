"""What a command in RUN is for: the study's five classes by command position, and a finer taxonomy.

Here: parsing and applying the rules. Not here: the rules themselves (``seeds/run_task_commands.csv``, and
``seeds/run_tasks.csv``, which defines every task and its class of the five), the study's own word count
(``as_published``).

Corrections to the five classes of Cito et al. as the study's code has them: a command counts once, by the
program it starts, never by its arguments (``apt-get install`` is not an execution of ``install``);
``pacman`` is a package manager, not a file operation; ``install`` as a command copies files; a command that no
rule names is ``other``, not dropped.
"""

import csv
import io
import re
from collections.abc import Mapping
from dataclasses import dataclass

from dockml_dagster.study.cuts import shortened
from dockml_dagster.study.dockerfile.as_published.reading import CLASS_OF_WORD, CLASS_WORDS
from dockml_dagster.study.dockerfile.run.steps import Step
from dockml_dagster.study.dockerfile.shell.heredocs import here_document
from dockml_dagster.study.dockerfile.shell.interpreters import INTERPRETERS, SHELLS
from dockml_dagster.study.dockerfile.shell.programs import Program

FIVE_CLASSES = tuple(CLASS_WORDS)

CORRECTED_CLASS = {**CLASS_OF_WORD, "pacman": "Dependencies", "install": "Filesystem"}
"""The study's words with their classes; two that the study misplaces are corrected."""

_SCRIPT = re.compile(r"(?:\.{0,2}/|~/).+|.*\.(?:sh|bash|py|pl|rb|R|run|jar|exe|ps1|bat)\Z", re.DOTALL)


@dataclass(frozen=True, slots=True)
class TaskRule:
    """One row of the seed: programs, and an expression that their arguments must contain (if any)."""

    rule: str
    commands: tuple[str, ...]
    arguments: re.Pattern[str] | None
    task: str


@dataclass(frozen=True, slots=True)
class TaskRules:
    """The parsed seeds. ``by_command`` holds the rules that may apply to a program, in order."""

    by_command: Mapping[str, tuple[TaskRule, ...]]
    classes: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class CommandTask:
    """The verdict on one command.

    ``task``: of the finer taxonomy. ``task_class``: the study's class that the task belongs to (``None``: none
    of the five). ``published_class``: the class by the study's own words, which cover fewer programs. ``rule`` and
    ``matched`` are the evidence. ``program``: what is really started.
    """

    task: str
    task_class: str | None
    published_class: str | None
    rule: str
    matched: str
    program: Program


def parse_task_rules(commands_csv: str, tasks_csv: str) -> TaskRules:
    """Rules from the text of the two seeds.

    Raises ``ValueError`` on a row that names an undefined task, an unknown class, or holds no valid
    expression.
    """
    classes: dict[str, str] = {}
    for row in csv.DictReader(io.StringIO(tasks_csv)):
        if row["published_class"] and row["published_class"] not in FIVE_CLASSES:
            raise ValueError(f"run_tasks: unknown class {row['published_class']!r}")
        classes[row["task"]] = row["published_class"]
    by_command: dict[str, list[TaskRule]] = {}
    for row in csv.DictReader(io.StringIO(commands_csv)):
        if row["task"] not in classes:
            raise ValueError(f"run_task_commands: undefined task {row['task']!r} in rule {row['rule']!r}")
        try:
            pattern = re.compile(row["arguments_pattern"]) if row["arguments_pattern"] else None
        except re.error as error:
            raise ValueError(f"run_task_commands: rule {row['rule']!r}: {error}") from None
        rule = TaskRule(row["rule"], tuple(row["commands"].split()), pattern, row["task"])
        for command in rule.commands:
            by_command.setdefault(command, []).append(rule)
    return TaskRules({name: tuple(rules) for name, rules in by_command.items()}, classes)


def classify_step(step: Step, rules: TaskRules) -> CommandTask:
    """What one command of a RUN is for. A here-document on its standard input counts like its words."""
    fed = here_document(step.command) if step.command.redirections else None
    text = "" if fed is None or step.program.name not in INTERPRETERS else fed[0]
    return classify_program(
        step.program, rules, assigns=bool(step.command.assignments), standard_input=text or _opaque(step)
    )


def _opaque(step: Step) -> str:
    """The text of a RUN that is a script in another language than a shell's."""
    script = step.run.script
    alone = len(script.commands) == 1 and not step.program.arguments
    return script.text if alone and script.interpreter in INTERPRETERS - SHELLS else ""


def classify_program(
    program: Program, rules: TaskRules, *, assigns: bool = False, standard_input: str = ""
) -> CommandTask:
    """What a program with these arguments is for. ``assigns``: assignments stand before it. ``standard_input``: the text
    that it reads there.
    """
    task, rule, matched = _match(program, rules, assigns, standard_input)
    return CommandTask(task, rules.classes.get(task) or None, five_class(program), rule, matched, program)


def five_class(program: Program) -> str | None:
    """The class of a program by the study's words, two of them corrected; ``None``: in no list."""
    for word in (program.name, program.written):
        found = CORRECTED_CLASS.get(word)
        if found is not None:
            return found
    return None


_MAX_ARGUMENTS = 8192


def _match(program: Program, rules: TaskRules, assigns: bool, standard_input: str) -> tuple[str, str, str]:
    if not program.name:
        if program.wrappers:
            return "control", "wrapper alone", " ".join(program.wrappers)
        return ("environment", "assignment", "") if assigns else ("control", "empty command", "")
    candidates = rules.by_command.get(program.name, ())
    if candidates:
        # Expressions see the first 8 kB: enough for any option, and a bound on hostile input.
        given = " ".join((*program.arguments, standard_input)).rstrip()
        arguments = shortened(given, _MAX_ARGUMENTS, "the arguments of a command").rstrip()
        for rule in candidates:
            if rule.arguments is None:
                return rule.task, rule.rule, program.written
            found = rule.arguments.search(arguments)
            if found:
                return rule.task, rule.rule, f"{program.written} … {found[0].strip()[:80]}"
    if not program.resolved:
        return "unresolved", "variable", program.written
    if _SCRIPT.match(program.written):
        return "run program", "path of a script or program", program.written
    return "other", "no rule", program.written
