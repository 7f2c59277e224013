"""Practices about secrets, sudo, pipefail, and downloads that are run unseen.

Here: the functions that judge them. Evidence holds names, never values. Not here: secrets in images (``study.secrets``).
"""

import re

from dockml_dagster.study.dockerfile.model import Assignment
from dockml_dagster.study.dockerfile.practices.model import Facts, Judged, Line, Practice
from dockml_dagster.study.dockerfile.run.steps import Step
from dockml_dagster.study.dockerfile.shell.interpreters import program_source
from dockml_dagster.study.dockerfile.shell.model import Run
from dockml_dagster.study.secret_names import is_no_secret, names_a_secret

_DOWNLOADERS = frozenset({"curl", "wget", "fetch", "aria2c"})


def _secrets(facts: Facts) -> Judged:
    given = [
        (instruction, assignment)
        for instruction in facts.every("ENV", "ARG")
        for assignment in instruction.assignments
    ]
    if not given:
        return "not applicable", [], "no ENV and no ARG"
    found = [
        Line(instruction.start_line, f"{instruction.keyword} {assignment.name[:80]}")
        for instruction, assignment in given
        if names_a_secret(assignment.name) and not is_no_secret(assignment.name, _literal(assignment))
    ]
    return ("violated" if found else "followed"), found, ""


def _literal(assignment: Assignment) -> str:
    """The value that an assignment spells out; empty where a variable supplies it."""
    if assignment.expanded is not None:
        return assignment.expanded.text or ""
    return assignment.value or ""


def _sudo(facts: Facts) -> Judged:
    if not facts.steps:
        return "not applicable", [], "no RUN"
    used = [Line(step.command.line, "sudo") for step in facts.steps if "sudo" in step.program.wrappers]
    return ("violated" if used else "followed"), used[:40], ""


def _piped(facts: Facts) -> Judged:
    fetches = False
    found: list[Line] = []
    # For each script (the RUN's, or one inside `bash -c`): the last command that is not part of another command's
    # words, and whether a download is piped into it.
    # And the construct that reads the download: `curl … | (cd /x && sh)`.
    last: dict[tuple[str, ...], tuple[Step, bool, tuple[str, ...]]] = {}
    run: Run | None = None
    for step in facts.needed:
        if step.run is not run:
            run = step.run
            last.clear()
        name = step.program.name
        script, within = _script_of(step)
        outer, piping, reading = last.get(script, (None, False, ()))
        fetches = fetches or name in _DOWNLOADERS
        if run.script.interpreter in ("powershell", "cmd") or name in ("powershell", "pwsh"):
            fetched = _runs_what_powershell_fetches(step)
            fetches = fetches or fetched is not None
            found += [Line(step.command.line, "runs what PowerShell fetches")] if fetched else []
        if within:
            if name in _DOWNLOADERS and outer is not None and _runs_a_text(outer):
                found.append(Line(step.command.line, f"{outer.program.name} runs what {name} fetches"))
            continue
        piped = piping and step.command.joined in ("|", "|&")
        inside = step.command.inside
        if piped and outer is not None and len(inside) > len(outer.command.inside):
            reading = inside
        elif inside[: len(reading)] != reading:
            reading = ()
        piping = piped or bool(reading)
        if piping and _runs_its_input(step):
            found.append(Line(step.command.line, f"piped to {name}"))
        last[script] = (step, piping or name in _DOWNLOADERS, reading)
    if found:
        return "violated", list(dict.fromkeys(found))[:40], ""
    return ("followed", [], "") if fetches else ("not applicable", [], "nothing is fetched with curl or wget")


def _script_of(step: Step) -> tuple[tuple[str, ...], bool]:
    """The script that holds a command, and whether the command is part of another one's words there."""
    inside = step.command.inside
    if not step.command.nested:
        return (), False
    at = max((place for place, label in enumerate(inside) if label in ("-c", "stdin")), default=-1)
    return inside[: at + 1], "substitution" in inside[at + 1 :]


def _runs_its_input(step: Step) -> bool:
    """Whether a command runs what is piped into it: an interpreter that takes its program from standard input."""
    if "xargs" in step.program.wrappers:
        return False
    if step.program.name in ("su", "runuser"):
        # `su - app` starts the user's shell; `su app -c sh` another one.
        given = step.program.arguments
        if "-c" not in given:
            return True
        words = given[given.index("-c") + 1 :][:1] or ("",)
        name, *rest = words[0].split() or [""]
        inner = program_source(name, rest)
        return inner is not None and inner.kind == "input"
    source = program_source(step.program.name, step.program.arguments)
    return source is not None and source.kind == "input"


def _runs_a_text(step: Step) -> bool:
    """Whether a substitution gives the program itself: ``bash <(curl …)``, ``sh -c "$(curl …)"``, ``eval "$(curl …)"``."""
    words = step.program.arguments
    if "eval" in step.program.wrappers or step.program.name == "eval":
        return True
    if step.program.name in ("source", "."):
        return words[:1] != () and words[0].startswith("<(")
    source = program_source(step.program.name, words)
    if source is not None and source.kind == "input":
        # `bash -s < <(curl …)`, `bash <<< "$(curl …)"`.
        return any(_FED_BY_COMMAND.match(piece) for piece in step.command.redirections)
    if source is None or source.at is None or source.at >= len(words):
        return False
    word = words[source.at].lstrip()
    if source.kind == "file":
        return word.startswith("<(")
    return source.kind == "text" and word.startswith(("$(", "`"))


_FED_BY_COMMAND = re.compile(r"<\s*<\(|<<<\s*[\"']?(?:\$\(|`)")
_POWERSHELL_FETCHES = re.compile(
    r"(?i)\.download(?:string|data)\(|\b(?:iwr|irm|curl|wget|invoke-webrequest|invoke-restmethod)\b"
)
_POWERSHELL_RUNS = re.compile(r"(?i)(?:^|[\s;|(&{\"'])(?:iex|invoke-expression)\b")


def _runs_what_powershell_fetches(step: Step) -> bool | None:
    """Whether PowerShell runs a download, as ``iwr … | iex`` or ``iex ((New-Object Net.WebClient).DownloadString(…))``;
    ``None`` where nothing is fetched.
    """
    text = step.run.script.text
    if not _POWERSHELL_FETCHES.search(text):
        return None
    return any(
        _POWERSHELL_FETCHES.search(part) and _POWERSHELL_RUNS.search(part)
        for part in re.split(r";|\n|&&", text)
    )


def _pipefail(facts: Facts) -> Judged:
    good: list[Line] = []
    bad: list[Line] = []
    for of_run in facts.runs:
        script_read = of_run[0].run.script
        if "|" not in script_read.text or script_read.interpreter not in ("sh", "exec"):
            continue
        run = of_run[0].run
        safe: dict[tuple[str, ...], bool] = {(): any("pipefail" in word for word in run.shell)}
        holders: dict[tuple[str, ...], Step] = {}
        judged: set[tuple[str, ...]] = set()
        for step in of_run:
            script, within = _script_of(step)
            if within:
                continue
            if script not in safe:
                # A separate shell (`bash -o pipefail -c '…'`): the command that starts it sets its options.
                holder = holders.get(script[:-1] if len(script) > 1 else ())
                safe[script] = holder is not None and any("pipefail" in w for w in holder.command.words)
            if step.program.name == "set" and "pipefail" in step.program.arguments:
                safe[script] = True
            if step.command.joined in ("|", "|&") and script not in judged:
                judged.add(script)
                line = Line(step.command.line, "a pipe under pipefail" if safe[script] else "a pipe")
                (good if safe[script] else bad).append(line)
            holders[script] = step
    if bad:
        return "violated", bad[:40], ""
    return ("followed", good[:40], "") if good else ("not applicable", [], "no pipe")


PRACTICES = (
    Practice("no-secrets-in-variables", _secrets),
    Practice("no-sudo", _sudo),
    Practice("no-pipe-to-shell", _piped),
    Practice("pipefail", _pipefail),
)
