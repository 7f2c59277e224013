"""Practices about secrets and about code that runs unseen. Evidence holds names, never values."""

import re

from dockml_dagster.study.dockerfile.practices.model import Facts, Judged, Line, Practice
from dockml_dagster.study.dockerfile.run.steps import Step

# The words of BuildKit's own check SecretsUsedInArgOrEnv, between underscores or at the ends of a name.
_SECRET = re.compile(
    r"(?i)(?:^|_)(?:api_?key|auth|credentials?|key|password|pword|passwd|passphrase|pwd|secret|token)s?(?:_|$)"
)
_NOT_SECRET = re.compile(
    r"(?i)public|keyring|key_?server|key_?id$|gpg_key|key_?(?:url|file|path|fingerprint)|_(?:file|path|url|dir)$|apt_key|tokenizer"
)
_DOWNLOADERS = frozenset({"curl", "wget", "fetch", "aria2c"})
_INTERPRETERS = frozenset(
    {"sh", "bash", "zsh", "dash", "ash", "ksh", "python", "python3", "perl", "ruby", "node", "php", "Rscript"}
)


def names_a_secret(name: str) -> bool:
    """Whether a variable of this name looks like a secret. The value is not looked at."""
    return bool(_SECRET.search(name)) and not _NOT_SECRET.search(name)


def _secrets(facts: Facts) -> Judged:
    names = [
        (instruction.start_line, instruction.keyword, assignment.name)
        for instruction in (
            *(item for item in facts.reading.instructions if item.stage is None and item.keyword == "ARG"),
            *facts.every("ENV", "ARG"),
        )
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
    outer: Step | None = None  # the command that is no part of another one's words
    piping = False
    for step in facts.steps:
        name = step.program.name
        if step.command.nested:
            if name in _DOWNLOADERS:
                fetches = True
                if "substitution" in step.command.inside and outer is not None and _runs_a_text(outer):
                    found.append(Line(step.command.line, f"{outer.program.name} runs what {name} fetches"))
            continue
        piped = step.command.joined in ("|", "|&") and outer is not None and outer.run is step.run
        piping = piping and piped
        if piping and name in _INTERPRETERS:
            found.append(Line(step.command.line, f"piped to {name}"))
        if name in _DOWNLOADERS:
            fetches = piping = True
        outer = step
    if found:
        return "violated", found[:40], ""
    return ("followed", [], "") if fetches else ("not applicable", [], "nothing is fetched with curl or wget")


def _runs_a_text(step: Step) -> bool:
    """``bash <(curl …)``, ``sh -c "$(curl …)"``, ``eval "$(curl …)"``."""
    outer = (step.program.name, *step.program.wrappers)
    if not any(name in _INTERPRETERS or name == "eval" for name in outer):
        return False
    return any("$(" in word or "<(" in word or "`" in word for word in step.command.arguments)


PRACTICES = (
    Practice(
        "no-secrets-in-variables",
        "No ENV or ARG has the name of a secret.",
        "Both stay readable in the image's configuration or history for everyone who can pull it.",
        "Names with the words of BuildKit's check (key, token, password …) in the shipped stages and "
        "before the first FROM, but "
        "not public keys, paths and the like. Values are never recorded.",
        "docs.docker.com/reference/build-checks/secrets-used-in-arg-or-env",
        _secrets,
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
        "curl or wget piped into an interpreter, or inside its `$(…)` or `<(…)`. Not applicable "
        "without curl and wget.",
        "hadolint DL4006 (on pipes); OWASP Docker Security Cheat Sheet",
        _piped,
    ),
)
