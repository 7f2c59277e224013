"""Practices about secrets and about code that runs unseen. Evidence holds names, never values."""

import re

from dockml_dagster.study.dockerfile.practices.model import Facts, Judged, Line, Practice
from dockml_dagster.study.dockerfile.run.caches import steps_by_run
from dockml_dagster.study.dockerfile.run.steps import Step
from dockml_dagster.study.dockerfile.shell.interpreters import program_source
from dockml_dagster.study.dockerfile.shell.model import Run

# The words of BuildKit's own check SecretsUsedInArgOrEnv between underscores or at the ends of a name, and a few more.
_SECRET = re.compile(
    r"(?i)(?:^|_)(?:api_?key|auth|credentials?|key|password|pword|passwd|passphrase|pwd|secret|token)(?:_|$)"
)
# Words by which a name is that of something else: BuildKit's (public, file, version), places and fingerprints, and the
# counts, switches and special tokens that models and their servers have.
_NOT_SECRET = re.compile(
    r"(?i)(?:^|_)(?:public|file|version|path|url|uri|dir|folder|fingerprint|keyring|keyserver|"
    r"max|min|num|count|limit|limits|length|len|size|ttl|timeout|expiry|expire|expires|expiration|interval|"
    r"enable|enabled|disable|disabled|use|skip|allow|require|required|type|method|mode|backend|provider|"
    r"eos|bos|pad|unk|sep|cls|mask|special|stop)(?:_|$)|key_?server|key_?id(?:_|$)|gpg_key|apt_key|tokenizer"
)
_DOWNLOADERS = frozenset({"curl", "wget", "fetch", "aria2c"})


def names_a_secret(name: str) -> bool:
    """Whether a variable of this name looks like a secret. The value is not looked at."""
    return bool(_SECRET.search(name)) and not _NOT_SECRET.search(name)


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
    for of_run in steps_by_run(facts.steps):
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
    Practice(
        "no-secrets-in-variables",
        "No ENV or ARG has the name of a secret.",
        "Both stay readable in the image's configuration or history for everyone who can pull it.",
        "Names with the words of BuildKit's check (key, token, password …) in the shipped stages, but not public keys, "
        "files, versions, counts (`MAX_TOTAL_TOKENS`) and switches. Values are never looked at.",
        "docs.docker.com/reference/build-checks/secrets-used-in-arg-or-env",
        _secrets,
        buildkit_check="SecretsUsedInArgOrEnv",
    ),
    Practice(
        "no-sudo",
        "RUN does not use sudo.",
        "A build is root already, or says USER; sudo has unpredictable TTY and signal behaviour and "
        "stays as a way to root.",
        "A command started through sudo in a shipped RUN.",
        "docs.docker.com/build/building/best-practices (USER); hadolint DL3004",
        _sudo,
    ),
    Practice(
        "no-pipe-to-shell",
        "Nothing that was just downloaded is run unseen.",
        "What runs is whatever the server sends at that moment: not verified, not recorded, not repeatable.",
        "curl or wget piped into an interpreter whose program stands nowhere else (`python -c` reads data), or in the "
        "`$(…)` or `<(…)` that is its program. Not applicable without curl and wget.",
        "hadolint DL4006 (on pipes); OWASP Docker Security Cheat Sheet",
        _piped,
    ),
    Practice(
        "pipefail",
        "A RUN with a pipe fails where any command of the pipe fails.",
        "Without `pipefail` only the last command counts: a failed download goes unseen into a layer.",
        "A pipe in a shipped RUN whose shell has no `-o pipefail` (SHELL, or `set -o pipefail` in the script).",
        "hadolint DL4006; docs.docker.com/build/building/best-practices (using pipes)",
        _pipefail,
    ),
)
