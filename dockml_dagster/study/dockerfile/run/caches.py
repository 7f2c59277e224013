"""Whether a command leaves its package manager's cache in the layer.

Here: mounts of RUN that keep a folder out of the layer, and the caches of ``managers``. Not here: apt's package lists
(``practices.installing``), bytes.
"""

import posixpath
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from dockml_dagster.study.dockerfile.managers import MANAGERS, Cache, Manager
from dockml_dagster.study.dockerfile.run.steps import Step
from dockml_dagster.study.dockerfile.shell.model import Run
from dockml_dagster.study.dockerfile.shell.programs import Program
from dockml_dagster.study.dockerfile.shell.values import resolve
from dockml_dagster.study.dockerfile.stages import mount_options

_OUTSIDE = frozenset({"cache", "tmpfs"})
_FALSE = frozenset({"0", "false", "off", "no", "n", "f"})
_HOME = re.compile(r"(?:/root|/home/[^/]+|~|\$\{?HOME\}?)\Z")
_WRITTEN_HOME = re.compile(r"\A(?:~|\$\{?HOME\}?)(?=/|\Z)")


def mounted_folders(run: Run, scope: Mapping[str, str]) -> tuple[str, ...]:
    """The folders of a RUN whose content stays out of the layer: targets of cache and tmpfs mounts. Variables in them are
    expanded, as BuildKit does; those of unknown value stay as written.
    """
    folders = []
    for mount in run.mounts:
        options = mount_options(mount)
        target = options.get("target") or options.get("dst") or options.get("destination") or ""
        if options.get("type") in _OUTSIDE and target:
            folders.append(posixpath.normpath(resolve(target, scope)))
    return tuple(folders)


@dataclass(frozen=True, slots=True)
class Home:
    """The home folder of a command. ``path``: as the file sets HOME. ``any``: the user's home is not known from the file,
    so it may be any folder.
    """

    path: str | None = None
    any: bool = False


def home_of(step: Step) -> Home:
    """HOME as the file sets it; otherwise the home of the USER in force, which is known only for root."""
    path = step.variable("HOME")
    if path and path.startswith("/"):
        return Home(posixpath.normpath(path))
    return Home(any=step.user is not None and step.user.lower() not in ("root", "0"))


_ANYBODY = Home()


def covers(mounted: Sequence[str], folder: str, home: Home = _ANYBODY) -> bool:
    """Whether one of the mounted folders is ``folder`` or contains it. ``~/…`` is below ``home``; without one, below the
    usual home of any user.
    """
    if folder.startswith("~/") and home.path is not None:
        mounted = [_WRITTEN_HOME.sub(lambda _: home.path or "", each) for each in mounted]
        folder = home.path + folder[1:]
    if not folder.startswith("~/"):
        wanted = posixpath.normpath(folder)
        return any(wanted == each or wanted.startswith(each.rstrip("/") + "/") for each in mounted)
    parts = folder[2:].split("/")
    for each in mounted:
        if _HOME.match(each):
            return True
        for count in range(len(parts), 0, -1):
            tail = "/" + "/".join(parts[:count])
            if each.endswith(tail) and (home.any or _HOME.match(each[: -len(tail)])):
                return True
    return False


_MOST_REMOVALS = 64
"""Most removing commands of a RUN that are considered, counted from its end: a bound on hostile input."""
_REMOVING_WORDS = frozenset(
    {
        "clean",
        "purge",
        "remove",
        "autoremove",
        "del",
        "erase",
        "uninstall",
        "cache",
        "clear",
        "cc",
        "prune",
        "store",
        "pm",
    }
)


class Removals:
    """The commands of one RUN that remove something."""

    def __init__(self, steps: Sequence[Step]) -> None:
        self._steps = steps
        self._found: list[tuple[int, Step]] | None = None

    def after(self, at: int) -> list[Step]:
        """The removing commands after the command at index ``at``."""
        if self._found is None:
            removing = [(place, step) for place, step in enumerate(self._steps) if _is_removal(step)]
            self._found = removing[-_MOST_REMOVALS:]
        return [step for place, step in self._found if place > at]


def _is_removal(step: Step) -> bool:
    if step.program.name in ("rm", "find"):
        return True
    return step.program.name in MANAGERS and not _REMOVING_WORDS.isdisjoint(step.program.arguments)


def leaves_cache(step: Step, later: Sequence[Step]) -> bool | None:
    """Whether an installing command leaves its cache in the layer; ``None`` if the file leaves that open or the manager has
    no cache. ``later``: the commands after it in the same RUN.
    """
    manager = manager_of(step)
    if manager is None or manager.cache is None or step.installs is None:
        return None
    cache = manager.cache
    if step.installs.no_cache or _switched_off(step, cache) or _cleaned(manager, cache, step, later):
        return False
    folders = _folders(step, cache)
    mounted = mounted_folders(step.run, step.instruction.scope)
    home = home_of(step)
    if any(covers(mounted, folder, home) for folder in folders):
        return False
    # A mount at an unknown place may cover the cache.
    return None if any(each.startswith("$") and "HOME" not in each for each in mounted) else True


def manager_of(step: Step) -> Manager | None:
    """The manager of an installing command, even if its program is another (``python get-pip.py``)."""
    return MANAGERS.get(step.program.name) or (
        None if step.installs is None else MANAGERS.get(step.installs.manager)
    )


def _switched_off(step: Step, cache: Cache) -> bool:
    for name in cache.off_variables:
        value = step.variable(name)
        # Managers ignore a variable with an empty value.
        if value and (cache.any_value or value.lower() not in _FALSE):
            return True
    return False


def _folders(step: Step, cache: Cache) -> list[str]:
    """Where the cache lies: by option, by variable, or by default."""
    given = step.installs.cache_folder if step.installs else None
    if given:
        return [given]
    moved = []
    for name, below in cache.moved_by.items():
        value = step.variable(name)
        if value:
            moved.append(value.rstrip("/") + below)
        else:
            # The base image may set the variable; a mount at `$NAME` then covers the cache.
            moved += [f"${name}{below}", f"${{{name}}}{below}"]
    known = [folder for folder in moved if not folder.startswith("$")]
    return known[:1] or [*cache.folders, *moved]


def _cleaned(manager: Manager, cache: Cache, step: Step, later: Sequence[Step]) -> bool:
    folders = _folders(step, cache)
    home = home_of(step)
    for each in later:
        if any(_says(each.program, clean) for clean in cache.cleaned_by):
            return True
        words = each.program.arguments
        if (each.program.name == "rm" or (each.program.name == "find" and _deletes_all(words))) and any(
            _removes(word, folder, home) for word in words for folder in folders
        ):
            return True
    return False


def _deletes_all(words: Sequence[str]) -> bool:
    """Whether ``find`` deletes all files, or all of one kind."""
    tests = {word for word in words if word.startswith("-")} - {
        "-delete",
        "-type",
        "-mindepth",
        "-depth",
        "-exec",
    }
    return ("-delete" in words or "rm" in words) and not tests - {"-rf", "-f", "-r"}


def _says(program: Program, clean: tuple[str, ...]) -> bool:
    """Whether a command is the cleaning one: it has its first words and the required options."""
    words = (program.name, *(word for word in program.arguments if not word.startswith("-")))
    wanted = tuple(word for word in clean if not word.startswith("-"))
    options = {word for word in clean if word.startswith("-")}
    return words[: len(wanted)] == wanted and options <= set(_options(program.arguments))


def _options(arguments: Sequence[str]) -> Iterator[str]:
    """Every option; one-letter options that share a word (``-afy``) also one by one."""
    for word in arguments:
        if word.startswith("-"):
            yield word
            if not word.startswith("--"):
                yield from (f"-{letter}" for letter in word[1:])


def _removes(word: str, folder: str, home: Home) -> bool:
    """Whether ``rm -rf word`` removes the folder or everything in it."""
    target = re.sub(r"(?:/\*|/\.\*|/)+\Z", "", word)
    return bool(target) and not word.startswith("-") and covers((posixpath.normpath(target),), folder, home)
