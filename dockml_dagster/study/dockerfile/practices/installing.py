"""Practices about package managers inside RUN."""

from collections.abc import Mapping, Sequence

from dockml_dagster.study.dockerfile.managers import MANAGERS
from dockml_dagster.study.dockerfile.managers.package_names import Package
from dockml_dagster.study.dockerfile.practices.model import Facts, Judged, Line, Practice
from dockml_dagster.study.dockerfile.run.caches import (
    Removals,
    covers,
    leaves_cache,
    mounted_folders,
)
from dockml_dagster.study.dockerfile.run.configuration import (
    NO_RECOMMENDS,
    PIP_CACHE_OFF,
    UV_CACHE_OFF,
    SetFrom,
    Setting,
    holds,
    settings,
)
from dockml_dagster.study.dockerfile.run.steps import Step

_APT = frozenset({"apt", "apt-get", "aptitude", "apt-fast", "nala"})
_LISTS = "/var/lib/apt/lists"
_DELETES_LISTS = frozenset({"dist-clean", "distclean"})
_MOST_EVIDENCE = 40
"""Pieces of evidence kept; a RUN may name hundreds of packages."""


def _fetches_lists(step: Step) -> bool:
    """Every documented way to fetch apt's package lists: update, install --update, add-apt-repository."""
    words = step.program.arguments
    if step.program.name in _APT:
        if step.installs is not None:
            return "--update" in words or "-U" in words
        return next((word for word in words if not word.startswith("-") and "=" not in word), "") == "update"
    return step.program.name in ("add-apt-repository", "apt-add-repository") and not {
        "-n",
        "--no-update",
        "-r",
        "--remove",
    } & set(words)


def _removes_lists(step: Step) -> bool:
    words = step.program.arguments
    if step.program.name in ("rm", "find"):
        return any(word.startswith("/var/lib/apt") or "/var/lib/{" in word for word in words) or (
            step.program.name == "rm" and any(word in ("/var/lib/*", "/var/lib/apt*") for word in words)
        )
    return step.program.name in _APT and not _DELETES_LISTS.isdisjoint(words)


def _apt_lists(facts: Facts) -> Judged:
    good: list[Line] = []
    bad: list[Line] = []
    for steps in facts.runs:
        fetched: Step | None = None
        removed: Step | None = None
        fetches = False
        for step in steps:
            if _fetches_lists(step):
                fetched, fetches = step, True
            elif _removes_lists(step) and fetched is not None:
                # What is removed before it is fetched is fetched all the same.
                removed, fetched = step, None
        if not fetches:
            continue
        first = steps[0]
        if fetched is None and removed is not None:
            good.append(Line(removed.command.line, "lists removed"))
        elif covers(mounted_folders(first.run, first.instruction.scope), _LISTS):
            good.append(Line(first.run.line, "lists mounted"))
        elif fetched is not None:
            bad.append(Line(fetched.command.line, f"{fetched.program.name} {_word(fetched)}"))
    if bad:
        return "violated", bad[:_MOST_EVIDENCE], ""
    return (
        ("followed", good[:_MOST_EVIDENCE], "")
        if good
        else ("not applicable", [], "no package lists fetched")
    )


def _word(step: Step) -> str:
    return "install --update" if step.installs is not None else "update"


def _is_apt_install(step: Step) -> bool:
    return step.installs is not None and step.installs.manager == "apt" and bool(step.installs.packages)


def _no_recommends(facts: Facts) -> Judged:
    installs = [step for step in facts.steps if _is_apt_install(step)]
    if not installs:
        return "not applicable", [], "no apt-get install"
    places = _places(facts, NO_RECOMMENDS)
    bad: list[Line] = []
    open_: list[Line] = []
    configured = False
    for at, step in enumerate(facts.steps):
        if not _is_apt_install(step) or (step.installs and step.installs.no_recommends):
            continue
        held = holds(places, at, step.run.position)
        configured = configured or held is True
        if held is not True:
            line = Line(step.command.line, f"{step.program.name} install")
            (bad if held is False else open_).append(line)
    if bad:
        return "violated", bad[:_MOST_EVIDENCE], ""
    if open_:
        return "unknown", open_[:_MOST_EVIDENCE], "apt's configuration comes from a file that is not read"
    if configured:
        return "followed", [], "switched off in apt's configuration"
    lines = [Line(step.command.line, "--no-install-recommends") for step in installs]
    return "followed", lines[:_MOST_EVIDENCE], ""


def _places(facts: Facts, setting: Setting) -> list[SetFrom]:
    stages = (facts.reading.stages[index] for index in facts.chain)
    instructions = [
        (position, facts.reading.instructions[position])
        for stage in stages
        for position in range(stage.first, stage.last + 1)
    ]
    return settings(instructions, facts.steps, setting)


_PYTHON_CACHES = frozenset({"pip", "uv", "pipx"})
_OS_CACHES = frozenset({"yum", "zypper", "apk"})


def _pip_cache(facts: Facts) -> Judged:
    return _cache(
        facts, _PYTHON_CACHES, "no pip or uv installation", {"pip": PIP_CACHE_OFF, "uv": UV_CACHE_OFF}
    )


def _os_cache(facts: Facts) -> Judged:
    return _cache(facts, _OS_CACHES, "no dnf, yum, zypper or apk installation", {})


def _cache(facts: Facts, managers: frozenset[str], absent: str, files: Mapping[str, Setting]) -> Judged:
    good: list[Line] = []
    bad: list[Line] = []
    open_: list[Line] = []
    places = {manager: _places(facts, setting) for manager, setting in files.items()}
    order = 0
    for steps in facts.runs:
        removals = Removals(steps)
        for at, step in enumerate(steps):
            order += 1
            if step.installs is None or step.installs.manager not in managers:
                continue
            left = leaves_cache(step, removals.after(at))
            if left:
                configured = holds(places.get(step.installs.manager, ()), order - 1, step.run.position)
                left = True if configured is False else None if configured is None else False
            line = step.command.line
            if left is None:
                if MANAGERS[step.program.name].cache is not None:
                    open_.append(Line(line, f"{step.program.name} with a cache that the file does not tell"))
            elif left:
                bad.append(Line(line, f"{step.program.name} {_verb(step)}".strip()))
            else:
                good.append(Line(line, f"{step.program.name} without a cache left behind"))
    if bad:
        return "violated", bad[:_MOST_EVIDENCE], ""
    if open_:
        return "unknown", open_[:_MOST_EVIDENCE], "a variable or a configuration file that is not known"
    return ("followed", good[:_MOST_EVIDENCE], "") if good else ("not applicable", [], absent)


def _verb(step: Step) -> str:
    return next((word for word in step.program.arguments if not word.startswith("-")), "")


def _constrained(facts: Facts, step: Step) -> bool:
    """Whether a file, a folder or a variable may give the versions that the command leaves open."""
    if step.installs is None:
        return False
    if step.installs.constraint_files or step.installs.local_index:
        return True
    manager = MANAGERS.get(step.program.name)
    if manager is None:
        return False
    for name in manager.constraint_variables:
        value = step.variable(name)
        if value:
            return True
        if value is None and name == "PIP_CONSTRAINT" and (facts.base.name or "") == _NGC_PYTORCH:
            return True
    return False


_NGC_PYTORCH = "nvcr.io/nvidia/pytorch"
"""Sets PIP_CONSTRAINT to a file of its own (NVIDIA's release notes of the PyTorch container)."""


def _is_locked(step: Step) -> bool:
    if step.installs is None:
        return False
    manager = MANAGERS.get(step.program.name)
    switches = frozenset() if manager is None else manager.locked_variables
    return step.installs.locked or any(
        (step.variable(name) or "0").lower() in ("1", "true") for name in switches
    )


def _pinned(facts: Facts, ecosystems: frozenset[str]) -> Judged:
    pinned: list[Line] = []
    loose: list[Line] = []
    files: list[Line] = []
    locks: list[Line] = []
    hidden: list[Line] = []
    constrained = 0
    for step in facts.steps:
        if step.installs is None or step.installs.ecosystem not in ecosystems:
            continue
        line = step.command.line
        locked = _is_locked(step)
        for name in step.installs.requirement_files:
            if name not in step.installs.constraint_files:
                (locks if locked else files).append(Line(line, name[:80]))
        for package in step.installs.packages:
            if package.source in ("local", "group"):
                continue
            shown = Line(line, _shown(package))
            if package.source == "unknown":
                hidden.append(shown)
            elif package.pinned:
                pinned.append(shown)
            elif package.source == "index" and _constrained(facts, step):
                constrained += 1
                hidden.append(shown)
            else:
                loose.append(shown)
    named = len(pinned) + len(loose) + constrained
    notes = [f"{len(pinned)} of {named} pinned"]
    notes += [f"{constrained} under constraints not read"] if constrained else []
    notes += [f"{len(locks)} from a lock file"] if locks else []
    notes += [f"{len(files)} requirement files not read"] if files else []
    notes += ["names that the file does not spell out"] if len(hidden) > constrained else []
    note = "; ".join(notes)
    if loose:
        return "violated", loose[:_MOST_EVIDENCE], note
    if files or hidden:
        return "unknown", [*files, *hidden][:_MOST_EVIDENCE], note
    if pinned or locks:
        return "followed", [*pinned, *locks][:_MOST_EVIDENCE], note
    return "not applicable", [], "no package named"


def _shown(package: Package) -> str:
    return (package.name or package.written or package.source)[:80]


def _pinned_os(facts: Facts) -> Judged:
    return _pinned(facts, frozenset({"os"}))


def _pinned_language(facts: Facts) -> Judged:
    return _pinned(facts, frozenset({"python", "conda", "javascript", "r", "other"}))


PRACTICES: Sequence[Practice] = (
    Practice("apt-lists-removed", _apt_lists),
    Practice("os-package-cache-off", _os_cache),
    Practice("no-install-recommends", _no_recommends),
    Practice("pip-cache-off", _pip_cache),
    Practice("pinned-os-packages", _pinned_os),
    Practice("pinned-language-packages", _pinned_language),
)
