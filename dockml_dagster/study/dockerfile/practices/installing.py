"""Practices about package managers inside RUN.

Here: apt's lists and recommended packages, caches, pinned versions. Not here: reading a manager's command line (``run``).
"""

import posixpath
from collections.abc import Mapping, Sequence

from dockml_dagster.study.dockerfile.managers import MANAGERS
from dockml_dagster.study.dockerfile.managers.package_names import Package
from dockml_dagster.study.dockerfile.practices.model import Facts, Judged, Line, Practice
from dockml_dagster.study.dockerfile.run.caches import (
    Removals,
    covers,
    leaves_cache,
    manager_of,
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
from dockml_dagster.study.dockerfile.stages import final_value, mount_options

_APT = frozenset({"apt", "apt-get", "aptitude", "apt-fast", "nala"})
_LISTS = "/var/lib/apt/lists"
_DELETES_LISTS = frozenset({"dist-clean", "distclean"})
_PART_OF_LISTS = frozenset({"partial", "lock", "auxfiles", "extended_states", "periodic"})
"""What lies beside the lists. Removing only this leaves the lists."""
_MOST_EVIDENCE = 40
"""Most pieces of evidence kept: a RUN may name hundreds of packages."""


def _fetches_lists(step: Step) -> bool:
    """Whether a command fetches apt's package lists, by any documented way: update, install --update,
    add-apt-repository.
    """
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


def _removes_lists(step: Step, folder: str) -> bool:
    """Whether a command removes apt's package lists. ``folder``: the RUN's current directory."""
    words = step.program.arguments
    if step.program.name in ("rm", "find"):
        if step.program.name == "rm" and folder.rstrip("/") == _LISTS and not {"*", "./*"}.isdisjoint(words):
            return True
        return any(
            (word.startswith("/var/lib/apt") and word.rstrip("/").rpartition("/")[2] not in _PART_OF_LISTS)
            or "/var/lib/{" in word
            for word in words
        ) or (step.program.name == "rm" and any(word in ("/var/lib/*", "/var/lib/apt*") for word in words))
    return step.program.name in _APT and not _DELETES_LISTS.isdisjoint(words)


def _apt_lists(facts: Facts) -> Judged:
    good: list[Line] = []
    bad: list[Line] = []
    for steps in facts.runs:
        fetched: Step | None = None
        removed: Step | None = None
        fetches = False
        folder = ""
        for step in steps:
            if step.program.name == "cd":
                folder = next(iter(step.program.arguments), "")
            elif step.program.name == "install_packages" and step.installs is not None:
                # minideb's install_packages fetches the lists and removes them again.
                removed, fetches, fetched = step, True, None
            elif _fetches_lists(step):
                fetched, fetches = step, True
            elif _removes_lists(step, folder) and fetched is not None:
                # A removal before the fetch does not help.
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
        if facts.reading.instructions[position].keyword in ("COPY", "ADD")
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
    places: dict[str, list[SetFrom]] = {}
    order = 0
    for steps in facts.runs:
        removals = Removals(steps)
        for at, step in enumerate(steps):
            order += 1
            if step.installs is None or step.installs.manager not in managers:
                continue
            left = leaves_cache(step, removals.after(at))
            if left:
                manager_name = step.installs.manager
                if manager_name in files and manager_name not in places:
                    places[manager_name] = _places(facts, files[manager_name])
                configured = holds(places.get(manager_name, ()), order - 1, step.run.position)
                left = True if configured is False else None if configured is None else False
            line = step.command.line
            if left is None:
                manager = manager_of(step)
                if manager is not None and manager.cache is not None:
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
    """Whether a file, a folder or a variable may fix the versions that the command leaves open."""
    if step.installs is None:
        return False
    if step.installs.constraint_files or step.installs.local_index:
        return True
    manager = manager_of(step)
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
"""This image sets PIP_CONSTRAINT to a file of its own (NVIDIA's release notes of the PyTorch container)."""


def _is_locked(step: Step) -> bool:
    if step.installs is None:
        return False
    manager = MANAGERS.get(step.program.name)
    switches = frozenset() if manager is None else manager.locked_variables
    return step.installs.locked or any(
        (step.variable(name) or "0").lower() in ("1", "true") for name in switches
    )


_FOLLOWS_ITS_LOCK = {"poetry": "poetry.lock", "bundler": "Gemfile.lock"}
"""Managers that follow their lock file wherever there is one, and the file (python-poetry.org/docs/cli, install;
bundler.io/man/bundle-install.1.html)."""


def _locks_at_hand(facts: Facts) -> frozenset[str]:
    """Names of the files that COPY, ADD and bind mounts bring into the build under their own names."""
    copied = {
        posixpath.basename(final_value(word))
        for item in facts.every("COPY", "ADD")
        for word in item.expanded[:-1]
    }
    mounted = {
        posixpath.basename(mount_options(mount).get("source", ""))
        for steps in facts.runs
        for mount in steps[0].run.mounts
    }
    return frozenset(copied | mounted)


def _freezes_bundler(step: Step) -> bool:
    """Whether a command is ``bundle config set --local deployment true`` or an older spelling."""
    if step.program.name not in ("bundle", "bundler"):
        return False
    words = [word for word in step.program.arguments if not word.startswith("-")]
    return (
        words[:1] == ["config"]
        and not {"deployment", "frozen"}.isdisjoint(words)
        and not {"true", "1"}.isdisjoint(words)
    )


def _pinned(facts: Facts, ecosystems: frozenset[str]) -> Judged:
    pinned: list[Line] = []
    loose: list[Line] = []
    files: list[Line] = []
    locks: list[Line] = []
    hidden: list[Line] = []
    constrained = 0
    at_hand: frozenset[str] | None = None
    frozen = False
    for step in facts.steps:
        frozen = frozen or _freezes_bundler(step)
        if step.installs is None or step.installs.ecosystem not in ecosystems:
            continue
        line = step.command.line
        locked = _is_locked(step) or (frozen and step.installs.manager == "bundler")
        own_lock = _FOLLOWS_ITS_LOCK.get(step.installs.manager)
        if own_lock in step.installs.requirement_files and not locked:
            at_hand = _locks_at_hand(facts) if at_hand is None else at_hand
            locked = own_lock in at_hand
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
