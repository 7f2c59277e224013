"""Practices about secrets and about code that runs unseen. Evidence holds names, never values."""

from dockml_dagster.study.dockerfile.practices.model import Facts, Judged, Line, Practice
from dockml_dagster.study.dockerfile.run.steps import Step
from dockml_dagster.study.dockerfile.shell.interpreters import program_source
from dockml_dagster.study.dockerfile.shell.model import Run
from dockml_dagster.study.secret_names import names_a_secret

_DOWNLOADERS = frozenset({"curl", "wget", "fetch", "aria2c"})


def _secrets(facts: Facts) -> Judged:
    names = [
        (instruction.start_line, instruction.keyword, assignment.name)
        for instruction in facts.every("ENV", "ARG")
        for assignment in instruction.assignments
    ]
    if not names:
        return "not applicable", [], "no ENV and no ARG"
    found = [Line(line, f"{keyword} {name[:80]}") for line, keyword, name in names if names_a_secret(name)]
    return ("violated" if found else "followed"), found, ""


def _sudo(facts: Facts) -> Judged:
    if not facts.steps:
        return "not applicable", [], "no RUN"
    used = [Line(step.command.line, "sudo") for step in facts.steps if "sudo" in step.program.wrappers]
    return ("violated" if used else "followed"), used[:40], ""


def _piped(facts: Facts) -> Judged:
    fetches = False
    found: list[Line] = []
    # By the script that a command stands in (the RUN's, or one inside `bash -c`): the last command that is no part of
    # another one's words, and whether a download flows into it.
    last: dict[tuple[str, ...], tuple[Step, bool]] = {}
    run: Run | None = None
    for step in facts.steps:
        if step.run is not run:
            run = step.run
            last.clear()
        name = step.program.name
        script, within = _script_of(step)
        outer, piping = last.get(script, (None, False))
        fetches = fetches or name in _DOWNLOADERS
        if within:
            if name in _DOWNLOADERS and outer is not None and _runs_a_text(outer):
                found.append(Line(step.command.line, f"{outer.program.name} runs what {name} fetches"))
            continue
        piping = piping and step.command.joined in ("|", "|&")
        if piping and _runs_its_input(step):
            found.append(Line(step.command.line, f"piped to {name}"))
        last[script] = (step, piping or name in _DOWNLOADERS)
    if found:
        return "violated", list(dict.fromkeys(found))[:40], ""
    return ("followed", [], "") if fetches else ("not applicable", [], "nothing is fetched with curl or wget")


def _script_of(step: Step) -> tuple[tuple[str, ...], bool]:
    """The script that a command stands in, and whether it is part of another command's words there."""
    inside = step.command.inside
    if not step.command.nested:
        return (), False
    at = max((place for place, label in enumerate(inside) if label in ("-c", "stdin")), default=-1)
    return inside[: at + 1], "substitution" in inside[at + 1 :]


def _runs_its_input(step: Step) -> bool:
    """Whether a command runs the text that it is piped: an interpreter whose program stands nowhere else."""
    if "xargs" in step.program.wrappers:
        return False
    source = program_source(step.program.name, step.program.arguments)
    return source is not None and source.kind == "input"


def _runs_a_text(step: Step) -> bool:
    """``bash <(curl …)``, ``sh -c "$(curl …)"``, ``eval "$(curl …)"``: what is fetched is the program, not its data."""
    words = step.program.arguments
    if "eval" in step.program.wrappers or step.program.name == "eval":
        return True
    if step.program.name in ("source", "."):
        return words[:1] != () and words[0].startswith("<(")
    source = program_source(step.program.name, words)
    if source is None or source.at is None or source.at >= len(words):
        return False
    word = words[source.at].lstrip()
    if source.kind == "file":
        return word.startswith("<(")
    return source.kind == "text" and word.startswith(("$(", "`"))


def _pipefail(facts: Facts) -> Judged:
    good: list[Line] = []
    bad: list[Line] = []
    for of_run in facts.runs:
        if "|" not in of_run[0].run.script.text:
            continue
        steps = [step for step in of_run if not step.command.nested]
        pipe = next((step for step in steps if step.command.joined in ("|", "|&")), None)
        if pipe is None or pipe.run.script.interpreter != "sh":
            continue
        safe = any("pipefail" in word for word in pipe.run.shell) or any(
            step.program.name == "set" and "pipefail" in step.program.arguments for step in steps
        )
        (good if safe else bad).append(
            Line(pipe.command.line, "a pipe" if not safe else "a pipe under pipefail")
        )
    if bad:
        return "violated", bad[:40], ""
    return ("followed", good[:40], "") if good else ("not applicable", [], "no pipe")


PRACTICES = (
    Practice("no-secrets-in-variables", _secrets),
    Practice("no-sudo", _sudo),
    Practice("no-pipe-to-shell", _piped),
    Practice("pipefail", _pipefail),
)
