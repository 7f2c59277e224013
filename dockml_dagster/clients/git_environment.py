"""The variables and settings under which git runs, so that a repository of unknown origin cannot run anything of its own.

Here: which settings are overridden, what git inherits. Not here: starting it (``git``), logins (``git_login``).
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

# The repository's configuration is untrusted; settings that could start a program are overridden.
_OVERRULED = (
    "core.fsmonitor=false", "core.hooksPath=/dev/null", "core.untrackedCache=false", "core.pager=cat",
    "core.attributesFile=/dev/null", "core.excludesFile=/dev/null", "core.quotePath=false", "log.showSignature=false",
    "protocol.ext.allow=never", "diff.external=", "mailmap.file=/dev/null", "log.mailmap=false",
    # Answers are read as bytes of ASCII and UTF-8.
    "i18n.logOutputEncoding=UTF-8",
    # Mapping only parts of large packs at once leaves room for objects below the memory limit.
    "core.packedGitWindowSize=16m", "core.packedGitLimit=128m",
)  # fmt: skip


def environment(
    *, network: bool, directory: Path | None, own: Sequence[tuple[str, str]] = ()
) -> dict[str, str]:
    """The environment variables of a git process. ``network``: it may call a remote, by the user's own programs.
    ``directory``: the repository in which it stays. ``own``: further settings.
    """
    kept = ("GIT_SSH", "GIT_SSL", "GIT_PROXY") if network else ()
    inherited = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("GIT_") or name.startswith(kept)
    }
    settings = [("safe.directory", "*"), *(tuple(pair.split("=", 1)) for pair in _OVERRULED), *own]
    variables = {
        **inherited,
        # No prompt: a run at night must fail, not wait for a password.
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_ASKPASS": "true",
        "GIT_OPTIONAL_LOCKS": "0",
        # Read the object that an id names, not the replacement that the repository declares for it.
        "GIT_NO_REPLACE_OBJECTS": "1",
        "GIT_GRAFT_FILE": os.devnull,
        # Without network no remote may be called at all. Otherwise a partial clone would fetch what it lacks from its own
        # remote, with the program that its configuration names.
        "GIT_ALLOW_PROTOCOL": "file:https:http:ssh:git" if network else "none",
        "LC_ALL": "C",
        "GIT_CONFIG_COUNT": str(len(settings)),
    }
    for number, pair in enumerate(settings):
        variables[f"GIT_CONFIG_KEY_{number}"], variables[f"GIT_CONFIG_VALUE_{number}"] = pair[0], pair[1]
    if directory is not None:
        # A folder with a broken .git must not be taken for a part of the repository around it.
        variables["GIT_CEILING_DIRECTORIES"] = str(directory.absolute().parent)
    if not network:
        variables |= {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1", "GIT_NO_LAZY_FETCH": "1"}
    return variables
