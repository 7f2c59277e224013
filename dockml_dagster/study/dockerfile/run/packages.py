"""Packages that RUN installs: manager, name, version, pinned or not, and the requirement files it names.

Here: the command lines of package managers. Not here: what a requirement file says (it is not in the
Dockerfile), what a package depends on, or whether it exists.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from dockml_dagster.study.dockerfile.run.package_managers import CONDA, MANAGERS, PIP, Manager
from dockml_dagster.study.dockerfile.run.package_names import Package, plain_package
from dockml_dagster.study.dockerfile.shell.programs import Program


@dataclass(frozen=True, slots=True)
class Installation:
    """One command that installs: its packages, the files that name more of them, and the options that
    practices ask for.

    ``ecosystem``: ``os``, ``python``, ``conda``, ``javascript``, ``r``, ``other``. ``no_recommends`` and
    ``no_cache`` are ``None`` where the manager has no such option. ``index``: package indexes other than
    the default, as written.
    """

    manager: str
    ecosystem: str
    packages: tuple[Package, ...]
    requirement_files: tuple[str, ...] = ()
    no_recommends: bool | None = None
    no_cache: bool | None = None
    index: tuple[str, ...] = ()
    frozen: bool = False


_INSTALLERS = frozenset(MANAGERS) | {"uv", "Rscript", "R", "r", "littler", "pacman"}
_NO_VERB = frozenset({"easy_install", "install2.r", "apk-install"})
# npm stands for pnpm and bun too, which ask by an option.
_FROZEN = {"npm": ("ci", "--frozen-lockfile"), "yarn": ("--frozen-lockfile", "--immutable")}
_R_INSTALL = re.compile(
    r"(?:install\.packages|BiocManager::install|pak::pkg_install|install_github)\s*\(\s*(?:c\()?([^)]*)"
)
_QUOTED_NAME = re.compile(r"['\"]([\w./@-]+)['\"]")


def installation(program: Program) -> Installation | None:
    """What a command installs, ``None`` where it installs nothing."""
    if program.name not in _INSTALLERS:
        return None
    if len(program.arguments) > _MAX_KEPT_WORDS:
        return _installation(program.name, program.arguments)
    return _kept(program.name, program.arguments)


def _installation(name: str, words: tuple[str, ...]) -> Installation | None:
    if name == "uv":
        return _uv(words)
    if name in ("Rscript", "R", "r", "littler"):
        return _r(words)
    if name == "pacman":
        return _pacman(words)
    manager = MANAGERS.get(name)
    if manager is None:
        return None
    if name in _NO_VERB:
        return _read(manager, "", words)
    verb, rest = _verb(words, manager)
    if verb not in manager.verbs:
        return None
    if manager is CONDA and verb == "env":
        return _conda_env(rest)
    return _read(manager, verb, rest)


def _verb(words: tuple[str, ...], manager: Manager) -> tuple[str, tuple[str, ...]]:
    """The subcommand, and every word but it (options may stand before it)."""
    at = 0
    while at < len(words):
        word = words[at]
        if word in manager.valued and word not in ("-c", "-f"):
            at += 2
        elif word.startswith("-") and word != "-":
            at += 1
        else:
            if word == "global" and manager.name == "yarn":
                return _verb(words[:at] + words[at + 1 :], manager)
            return word, words[:at] + words[at + 1 :]
    return "", words


def _read(manager: Manager, verb: str, words: Iterable[str]) -> Installation:
    packages: list[Package] = []
    files: list[str] = []
    index: list[str] = []
    options: set[str] = set()
    pending = ""
    for word in words:
        if pending:
            option, pending = pending, ""
            _valued(manager, option, word, packages=packages, files=files, index=index)
        elif word.startswith("-") and word != "-":
            option, equals, value = word.partition("=")
            options.update((option, word))
            if equals and option in manager.valued:
                _valued(manager, option, value, packages=packages, files=files, index=index)
            elif option in manager.valued:
                pending = option
            elif (
                manager.name == "pip"
                and word[:2] in ("-r", "-e", "-c", "-i", "-f", "-t")
                and len(word) > 2
                and word[1] != "-"
            ):
                _valued(manager, word[:2], word[2:], packages=packages, files=files, index=index)
        elif word and not word.startswith(("#", ">", "<(")):
            packages.append(manager.package(manager.name, word))
    frozen = any(mark in options or mark == verb for mark in _FROZEN.get(manager.name, ()))
    return Installation(
        manager.name,
        manager.ecosystem,
        tuple(packages),
        tuple(files),
        None if manager.no_recommends is None else _no_recommends(manager, options),
        None if manager.no_cache is None else bool(manager.no_cache & options),
        tuple(index),
        frozen,
    )


def _no_recommends(manager: Manager, options: set[str]) -> bool:
    return bool((manager.no_recommends or frozenset()) & options) or any(
        "Install-Recommends" in option and option.rstrip('"').endswith(("false", "0", "no"))
        for option in options
    )


def _valued(
    manager: Manager,
    option: str,
    value: str,
    *,
    packages: list[Package],
    files: list[str],
    index: list[str],
) -> None:
    if option in manager.files:
        files.append(value)
    elif option in manager.index:
        index.append(value)
    elif manager.name == "pip" and option in ("-e", "--editable"):
        packages.append(manager.package(manager.name, value))
    elif manager.name == "gem" and option in ("-v", "--version") and packages:
        last = packages[-1]
        packages[-1] = Package(last.manager, last.name, f"={value}", True, last.source, last.written)


def _conda_env(words: tuple[str, ...]) -> Installation | None:
    """``conda env create -f environment.yml``."""
    verbs = [word for word in words if not word.startswith("-")]
    if not verbs or verbs[0] not in ("create", "update"):
        return None
    read = _read(CONDA, "env", tuple(word for word in words if word != verbs[0]))
    files = read.requirement_files or tuple(
        p.written for p in read.packages if p.written.endswith((".yml", ".yaml"))
    )
    return Installation("conda", "conda", (), files or ("environment.yml",), index=read.index)


def _uv(words: tuple[str, ...]) -> Installation | None:
    rest = [word for word in words if word != "pip"]
    if rest[:1] == ["install"] and "pip" in words:
        read = _read(PIP, "install", rest[1:])
        return Installation(
            "uv",
            "python",
            read.packages,
            read.requirement_files,
            None,
            read.no_cache,
            read.index,
            read.frozen,
        )
    if rest[:1] == ["sync"]:
        return Installation("uv", "python", (), ("uv.lock",), None, "--no-cache" in rest, (), frozen=True)
    return None


def _pacman(words: tuple[str, ...]) -> Installation | None:
    flags = [word for word in words if word.startswith("-")]
    if not any(flag.startswith("-S") and not flag.startswith("-Sc") for flag in flags):
        return None
    names = [word for word in words if not word.startswith("-")]
    return (
        Installation("pacman", "os", tuple(plain_package("pacman", word) for word in names))
        if names
        else None
    )


def _r(words: tuple[str, ...]) -> Installation | None:
    """``Rscript -e 'install.packages(c("a", "b"))'``."""
    names: list[str] = []
    for word in words:
        for call in _R_INSTALL.finditer(word):
            names.extend(found for found in _QUOTED_NAME.findall(call[1]) if "://" not in found)
    if not names:
        return None
    return Installation("r", "r", tuple(Package("r", name, None, False, "index", name) for name in names))


# The same installations stand in many Dockerfiles of a project, so short ones are kept.
_MAX_KEPT_WORDS = 100
_kept = lru_cache(maxsize=2048)(_installation)
