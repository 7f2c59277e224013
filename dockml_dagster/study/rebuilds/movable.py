"""Which RUN may be moved: one that installs or fetches, and needs none of the files copied before it.

Here: the decision on one RUN. Not here: whether moving it would have saved anything (``keys``). The decision is
conservative: with a local path, a script or an unknown program, or with file operations alone, a RUN stays where it is.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from dockml_dagster.study.dockerfile.run.steps import Step

_FETCHES = frozenset({"curl", "wget"})
_PREPARES = frozenset(
    {
        "apt", "apt-get", "apk", "yum", "dnf", "microdnf", "zypper", "conda", "mamba", "micromamba", "pip", "pip3",
        "npm", "yarn", "add-apt-repository", "apt-key", "dpkg-reconfigure", "locale-gen", "update-ca-certificates",
        "ldconfig", "rm", "set", "echo", "printf", "true", "export", "cd", "mkdir", "tar", "unzip", "gpg", "tee", "ln",
        "update-alternatives", "",
    }
)  # fmt: skip
"""Programs that accompany an installation and read no files of the project."""
_WITHOUT_PROJECT = {
    "poetry": frozenset({"--no-root"}),
    "uv": frozenset({"--no-install-project", "--no-install-workspace"}),
    "pdm": frozenset({"--no-self"}),
}
"""Options with which a manager does not install the project itself."""
_WORD = re.compile(r"[^\s'\"=;&|()<>]+")


def only_installs(steps: Sequence[Step]) -> bool:
    """Whether a RUN only fetches, and installs packages by name or from files that it names."""
    useful = False
    for step in steps:
        if step.command.parse_error or not step.program.resolved:
            return False
        if step.installs is not None:
            if not step.installs.packages and not step.installs.requirement_files:
                return False  # it installs what the project's own manifest declares
            if not step.installs.packages and _installs_project(step):
                return False
            if any(package.source in ("local", "unknown") for package in step.installs.packages):
                return False
            useful = True
        elif step.program.name in _FETCHES or _clones(step):
            useful = True
        elif step.program.name not in _PREPARES:
            return False
    return useful


def _installs_project(step: Step) -> bool:
    """Whether a manager installs the project itself beside its lock file, as it does by default."""
    own = _WITHOUT_PROJECT.get(step.program.name)
    return own is not None and own.isdisjoint(step.program.arguments)


def _clones(step: Step) -> bool:
    return step.program.name == "git" and "clone" in step.program.arguments[:2]


def file_names(text: str, steps: Sequence[Step]) -> frozenset[str]:
    """Base names of the words of a command that may name files, and of the files that managers read by default."""
    read = [name for step in steps if step.installs is not None for name in step.installs.requirement_files]
    return frozenset(word.rstrip("/").rpartition("/")[2] for word in (*_WORD.findall(text), *read))
