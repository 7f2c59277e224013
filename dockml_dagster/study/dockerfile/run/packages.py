"""Packages that RUN installs: manager, name, version, pinned or not, and the requirement files.

Here: parsing the command lines of package managers by the table in ``managers``. Not here: the content of a requirement
file (it is not in the Dockerfile), what a package depends on, or whether it exists.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache

from dockml_dagster.study.dockerfile.managers import MANAGERS, Manager, Verb
from dockml_dagster.study.dockerfile.managers.package_names import Package, local_package, plain_package
from dockml_dagster.study.dockerfile.run.installation import Installation
from dockml_dagster.study.dockerfile.run.r_packages import r_installation
from dockml_dagster.study.dockerfile.shell.programs import Program

_R_PROGRAMS = frozenset({"Rscript", "R", "r", "littler"})
_INSTALLERS = frozenset(MANAGERS) | _R_PROGRAMS | {"pacman"}
_MOST_VERB_WORDS = 2


def installation(program: Program) -> Installation | None:
    """What a command installs, ``None`` where it installs nothing."""
    if program.name not in _INSTALLERS:
        return _get_pip(program)
    if len(program.arguments) > _MAX_KEPT_WORDS or sum(map(len, program.arguments)) > _MAX_KEPT_LENGTH:
        found = _installation(program.name, program.arguments)
    else:
        found = _kept(program.name, program.arguments)
    if found is not None and "xargs" in program.wrappers:
        # xargs appends further names from standard input.
        more = Package(found.manager, None, None, False, "unknown", "xargs")
        return replace(found, packages=(*found.packages, more))
    return found


def _get_pip(program: Program) -> Installation | None:
    words = program.arguments
    if words and words[0].endswith("get-pip.py") and program.name in ("python", "python3"):
        return get_pip(words[1:])
    return None


def get_pip(words: Sequence[str]) -> Installation | None:
    """What ``get-pip.py`` installs: pip, and any packages among its words. Its options are those of ``pip install``."""
    pip = () if any(re.match(r"pip\b", word) for word in words) else ("pip",)
    return _installation("pip", ("install", *words, *pip))


def _installation(name: str, words: tuple[str, ...]) -> Installation | None:
    if name in _R_PROGRAMS:
        return r_installation(words)
    if name == "pacman":
        return _pacman(words)
    manager = MANAGERS[name]
    found = _verb(manager, words)
    return None if found is None else _read(manager, *found)


def _verb(manager: Manager, words: tuple[str, ...]) -> tuple[Verb, tuple[str, ...]] | None:
    """The installing subcommand, and all other words (options may stand before and within the subcommand)."""
    places: list[int] = []
    skip = False
    for at, word in enumerate(words):
        if skip or (manager.switch_values and _is_switch_value(words, at)):
            skip = False
        elif word.startswith("-") and word != "-":
            skip = "=" not in word and _takes_next(manager.valued, word, clusters=manager.clusters)
        else:
            places.append(at)
            if len(places) == _MOST_VERB_WORDS:
                break
    for count in range(len(places), -1, -1):
        verb = manager.verbs.get(tuple(words[at] for at in places[:count]))
        if verb is None:
            continue
        if count == 0 and places and verb.takes == "nothing":
            return None  # `yarn build` is another subcommand
        taken = frozenset(places[:count])
        return verb, tuple(word for at, word in enumerate(words) if at not in taken)
    return None


def _is_switch_value(words: Sequence[str], at: int) -> bool:
    """Whether a word is the value of the switch before it: npm reads `--fund false` as `--fund=false`."""
    return words[at] in ("true", "false") and at > 0 and words[at - 1].startswith("--")


def _takes_next(valued: frozenset[str], word: str, *, clusters: bool) -> bool:
    """Whether the value of an option is the next word."""
    if word in valued:
        return True
    if not clusters or word.startswith("--"):
        return False
    # `-qr file`: the first letter that takes a value consumes the rest.
    first = next((at for at in range(1, len(word)) if f"-{word[at]}" in valued), None)
    return first is not None and first == len(word) - 1


@dataclass(slots=True)
class _Words:
    """The words of one command: options with their values, and names."""

    options: list[tuple[str, str | None]] = field(default_factory=list)
    names: list[str] = field(default_factory=list)

    @property
    def given(self) -> set[str]:
        """Every option, alone and with its value."""
        return {name for name, _ in self.options} | {
            f"{name}={value}" for name, value in self.options if value
        }


def _split(
    words: Sequence[str], valued: frozenset[str], *, clusters: bool, words_follow: bool = True
) -> _Words:
    """Options with their values, and the other words."""
    found = _Words()
    pending = ""
    only_names = False
    for word in words:
        if pending:
            found.options.append((pending, word))
            pending = ""
        elif only_names or not word.startswith("-") or word == "-":
            if word and not word.startswith(("#", ">", "<(")):
                found.names.append(word)
            elif word.startswith("<("):
                found.names.append("$(…)")
        elif word == "--":
            if not words_follow:
                break  # the rest goes to the build of a native extension
            only_names = True
        elif word.startswith("--") or not clusters:
            name, equals, value = word.partition("=")
            if name in valued and not equals:
                pending = name
            else:
                found.options.append((name, value if equals else None))
        else:
            pending = _cluster(word, valued, found)
    return found


def _cluster(word: str, valued: frozenset[str], found: _Words) -> str:
    """One word of one-letter options; returns the one whose value is the next word."""
    if word in valued:
        return word
    for at in range(1, len(word)):
        name = f"-{word[at]}"
        if name in valued:
            rest = word[at + 1 :].removeprefix("=")
            if rest:
                found.options.append((name, rest))
                return ""
            return name
        found.options.append((name, None))
    found.options.append((word, None))
    return ""


def _read(manager: Manager, verb: Verb, words: tuple[str, ...]) -> Installation | None:
    if manager.switch_values:
        words = tuple(word for at, word in enumerate(words) if not _is_switch_value(words, at))
    said = _split(
        words,
        (manager.valued | verb.valued) - verb.switches,
        clusters=manager.clusters,
        words_follow=manager.name != "gem",
    )
    names = said.names[verb.skips :]
    files: list[str] = []
    constraints: list[str] = []
    index: list[str] = []
    local: list[Package | None] = []
    cache_folder = None
    for option, value in said.options:
        if value is None:
            continue
        if option in manager.files:
            files.append(value)
        elif option in manager.constraints:
            files.append(value)
            constraints.append(value)
        elif option in manager.index:
            index.append(value)
        elif option in manager.editable:
            local.append(local_package(manager.name, value))
        elif option in manager.groups:
            files.append(value.rpartition(":")[0] or "pyproject.toml")
        if manager.cache and option in manager.cache.moved_by_option:
            cache_folder = value
    packages = [*local]
    if verb.takes == "packages":
        packages += [_named(manager, said, word) for word in names]
    if verb.groups:
        packages = [Package(manager.name, word, None, False, "group", word) for word in names]
    elif verb.takes == "files":
        files += names
    kept = tuple(package for package in packages if package is not None)
    kept = _special(manager, said, kept)
    given = said.given
    locked = (
        verb.locked
        or bool(manager.locked & given)
        or (bool(files) and all(_LOCK_FILE.search(name) for name in files))
    )
    if not kept and not files and verb.alone:
        files.append(verb.alone)
    return Installation(
        manager.name,
        manager.ecosystem,
        kept,
        tuple(files),
        True if manager.plain else None if manager.no_recommends is None else _no_recommends(manager, given),
        _no_cache(manager, given),
        tuple(index),
        locked,
        tuple(constraints),
        cache_folder,
        bool(manager.local_index & given),
    )


# Files of conda-lock and PEP 751, and files that a project itself calls a lock.
_LOCK_FILE = re.compile(r"(?:conda-lock[\w.-]*\.ya?ml|\.lock|(?:^|/)pylock(?:\.[\w-]+)?\.toml)\Z")


def _named(manager: Manager, said: _Words, word: str) -> Package | None:
    editable = any(option in manager.editable and value is None for option, value in said.options)
    return local_package(manager.name, word) if editable else manager.package(manager.name, word)


def _no_cache(manager: Manager, given: set[str]) -> bool | None:
    if manager.cache is None or not manager.cache.off_options:
        return None
    return bool(manager.cache.off_options & given)


_NO_RECOMMENDS = re.compile(r"(?i)Install-Recommends[\"'\s:=]*[\"']?(?:false|0|no|off)\b")


def turns_recommends_off(text: str) -> bool:
    """Whether a piece of apt's configuration (or an ``-o`` option) switches recommended packages off."""
    return bool(_NO_RECOMMENDS.search(text))


def _no_recommends(manager: Manager, given: set[str]) -> bool:
    return bool((manager.no_recommends or frozenset()) & given) or any(
        "Install-Recommends" in option and turns_recommends_off(option) for option in given
    )


def _special(manager: Manager, said: _Words, packages: tuple[Package, ...]) -> tuple[Package, ...]:
    """The packages after options that give their version or source."""
    options = {name: value for name, value in said.options if value is not None}
    if manager.name in ("gem", "choco"):
        version = options.get("-v") or options.get("--version")
        return (
            tuple(_of_version(p, version, exact=r"=?\s*\d[\w.]*") for p in packages) if version else packages
        )
    if manager.name == "cargo":
        if "--path" in options:
            return (Package("cargo", None, None, True, "local", options["--path"]),)
        if "--git" in options:
            fixed = "--rev" in options or "--tag" in options
            return tuple(Package("cargo", p.name, None, fixed, "vcs", p.written) for p in packages) or (
                Package("cargo", None, None, fixed, "vcs", options["--git"]),
            )
        version = options.get("--version") or options.get("--vers")
        return (
            tuple(_of_version(p, version, exact=r"=?\s*\d+\.\d+\.\d+[\w.+-]*") for p in packages)
            if version
            else packages
        )
    if manager.name == "pipx" and "--spec" in options:
        package = manager.package("pipx", options["--spec"])
        return (package,) if package else packages
    return packages


def _of_version(package: Package, version: str, *, exact: str) -> Package:
    """The package with the version that an option gives to all packages without their own."""
    if package.constraint is not None:
        return package
    constraint = version if version[:1] in "=<>~^!" else f"={version}"
    pinned = "$" in version or re.fullmatch(exact, version) is not None
    return replace(package, constraint=constraint, pinned=pinned)


def _pacman(words: tuple[str, ...]) -> Installation | None:
    flags = [word for word in words if word.startswith("-")]
    if not any(flag.startswith("-S") and not flag.startswith("-Sc") for flag in flags):
        return None
    names = [word for word in words if not word.startswith("-")]
    packages = tuple(found for word in names if (found := plain_package("pacman", word)))
    return Installation("pacman", "os", packages) if names else None


# Many Dockerfiles of a project repeat the same installation, so short ones are cached.
_MAX_KEPT_WORDS = 100
_MAX_KEPT_LENGTH = 4096
_kept = lru_cache(maxsize=2048)(_installation)
