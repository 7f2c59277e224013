"""Packages that RUN installs: manager, name, version, pinned or not, and the requirement files it names.

Here: the command lines of package managers. Not here: what a requirement file says (it is not in the Dockerfile), what
a package depends on, or whether it exists.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from dockml_dagster.study.dockerfile.command_names import Program


@dataclass(frozen=True, slots=True)
class Package:
    """One package asked for.

    ``constraint`` is the version as written (``==1.2``, ``=1.2-3``, ``>=2,<3``, ``@^1``), ``None`` without one. ``pinned``: to one
    version, one commit or one file. ``source``: ``index``, ``url``, ``vcs``, ``local`` or ``unknown`` (a variable that the
    Dockerfile does not tell). ``name`` is as written but for extras; ``None`` where it cannot be told (a URL, a variable).
    """

    manager: str
    name: str | None
    constraint: str | None
    pinned: bool
    source: str
    written: str


@dataclass(frozen=True, slots=True)
class Installation:
    """One command that installs: its packages, the files that name more of them, and the options that practices ask for.

    ``ecosystem``: ``os``, ``python``, ``conda``, ``javascript``, ``r``, ``other``. ``no_recommends`` and ``no_cache`` are ``None``
    where the manager has no such option. ``index``: package indexes other than the default, as written.
    """

    manager: str
    ecosystem: str
    packages: tuple[Package, ...]
    requirement_files: tuple[str, ...] = ()
    no_recommends: bool | None = None
    no_cache: bool | None = None
    index: tuple[str, ...] = ()
    frozen: bool = False


@dataclass(frozen=True, slots=True)
class _Manager:
    """How one manager's command line reads: its installing subcommands and the options that take a value."""

    name: str
    ecosystem: str
    verbs: frozenset[str]
    valued: frozenset[str]
    package: Callable[[str, str], Package]
    files: frozenset[str] = frozenset()
    index: frozenset[str] = frozenset()
    no_recommends: frozenset[str] | None = None
    no_cache: frozenset[str] | None = None


_NAME = re.compile(r"([A-Za-z0-9@][\w.+\-/@]*?)\s*(\[[^\]]*\])?\s*((?:[=<>!~]=?=?|@).*)?\Z")
_PIP = re.compile(r"([A-Za-z0-9](?:[\w.-]*[A-Za-z0-9])?)\s*(\[[^\]]*\])?\s*((?:===|==|~=|!=|<=|>=|<|>)[^;@]*)?\s*(?:;.*)?\Z")
_EXACT = re.compile(r"={2,3}\s*[^,*\s]+\s*\Z")
_COMMIT = re.compile(r"@[0-9a-f]{7,40}(?:[#&].*)?\Z")
_TAGGED = re.compile(r"@v?\d[\w.+-]*(?:[#&].*)?\Z")
_SEMVER_EXACT = re.compile(r"v?\d+(?:\.\d+)*(?:[-+.]\w[\w.+-]*)?\Z")
_RPM_VERSION = re.compile(r"(.+?)-(\d[\w.+~:]*(?:-[\w.+~]+)?)\Z")
_ARCHIVE = (".whl", ".tar.gz", ".zip", ".deb", ".rpm", ".tgz", ".egg", ".tar.bz2", ".conda", ".apk")


def _elsewhere(manager: str, word: str) -> Package | None:
    """A package that comes from no index: URL, repository, file, folder; or a word that holds an unknown variable."""
    lower = word.lower()
    if lower.startswith(("git+", "hg+", "svn+", "bzr+", "git:", "git@")) or "git+" in lower:
        at = word.split("://", 1)[-1]
        name = re.search(r"[#&]egg=([\w.-]+)", word)
        pinned = bool(_COMMIT.search(at) or _TAGGED.search(at))
        return Package(manager, name[1] if name else None, None, pinned, "vcs", word)
    if "://" in lower:
        return Package(manager, None, None, lower.split("#")[0].endswith(_ARCHIVE), "url", word)
    if word.startswith((".", "/", "~")) or lower.endswith(_ARCHIVE) or word.startswith("file:"):
        return Package(manager, None, None, True, "local", word)
    if word.startswith(("$", "`", "<", "*", "{")):
        return Package(manager, None, None, False, "unknown", word)
    return None


def _pip_package(manager: str, word: str) -> Package:
    name, at, url = (part.strip() for part in word.partition(" @ "))
    if at:
        found = _elsewhere(manager, url) or Package(manager, None, None, False, "url", word)
        return Package(manager, name.split("[")[0], None, found.pinned, found.source, word)
    match = _PIP.match(word)
    if match and "$" not in match[1]:
        constraint = match[3].strip() if match[3] else None
        return Package(manager, match[1], constraint, bool(constraint and _EXACT.match(constraint)), "index", word)
    return _elsewhere(manager, word) or Package(manager, *_loose(word), "index", word)


def _loose(word: str) -> tuple[str | None, str | None, bool]:
    """Name, constraint and pinning of a word that holds variables or odd characters."""
    match = re.match(r"([A-Za-z0-9][\w.+-]*?)(?:\[[^\]]*\])?([=<>~!@].*)?\Z", word, re.DOTALL)
    if not match:
        return None, None, False
    constraint = match[2]
    # `torch==$VERSION` names one version, though the file does not say which.
    return match[1], constraint, bool(constraint and constraint.startswith("=") and "*" not in constraint)


def _conda_package(manager: str, word: str) -> Package:
    elsewhere = _elsewhere(manager, word)
    if elsewhere:
        return elsewhere
    bare = word.rsplit("::", 1)[-1]
    match = re.match(r"([A-Za-z0-9_][\w.-]*?)\s*(?:\[[^\]]*\])?\s*([=<>!~ ].*)?\Z", bare, re.DOTALL)
    if not match:
        return Package(manager, None, None, False, "unknown", word)
    constraint = match[2].strip() if match[2] else None
    pinned = bool(constraint and constraint.startswith("=") and "*" not in constraint and "," not in constraint)
    return Package(manager, match[1], constraint, pinned, "index", word)


def _apt_package(manager: str, word: str) -> Package:
    elsewhere = _elsewhere(manager, word)
    if elsewhere:
        return elsewhere
    name, equals, version = word.partition("=")
    if equals:
        return Package(manager, name, f"={version}", "*" not in version and version != "", "index", word)
    name, slash, release = word.partition("/")
    return Package(manager, name.rstrip("+"), f"/{release}" if slash else None, False, "index", word)


def _apk_package(manager: str, word: str) -> Package:
    elsewhere = _elsewhere(manager, word)
    if elsewhere:
        return elsewhere
    match = re.match(r"([^=<>~@]+)([=<>~@].*)?\Z", word, re.DOTALL)
    if not match:
        return Package(manager, None, None, False, "unknown", word)
    constraint = match[2]
    # `=~` and `~` are fuzzy matches for apk.
    pinned = bool(constraint and constraint.startswith("=") and "~" not in constraint)
    return Package(manager, match[1], constraint, pinned, "index", word)


def _rpm_package(manager: str, word: str) -> Package:
    elsewhere = _elsewhere(manager, word)
    if elsewhere:
        return elsewhere
    match = _RPM_VERSION.match(word)
    if match:
        return Package(manager, match[1], f"-{match[2]}", True, "index", word)
    return Package(manager, word, None, False, "index", word)


def _at_package(manager: str, word: str) -> Package:
    """``name@version``, with npm's scopes (``@scope/name@version``)."""
    elsewhere = None if word.startswith("@") else _elsewhere(manager, word)
    if elsewhere:
        return elsewhere
    name, at, version = word[1:].partition("@")
    name = word[0] + name
    pinned = bool(at and _SEMVER_EXACT.match(version))
    return Package(manager, name, f"@{version}" if at else None, pinned, "index", word)


def _plain_package(manager: str, word: str) -> Package:
    elsewhere = _elsewhere(manager, word)
    if elsewhere:
        return elsewhere
    match = _NAME.match(word)
    if not match:
        return Package(manager, None, None, False, "unknown", word)
    constraint = match[3]
    return Package(manager, match[1], constraint, bool(constraint and constraint[0] in "=@"), "index", word)


_INSTALL = frozenset({"install"})
_APT = _Manager(
    "apt",
    "os",
    frozenset({"install"}),
    frozenset({"-o", "--option", "-t", "--target-release", "-c", "--config-file", "--default-release"}),
    _apt_package,
    no_recommends=frozenset({"--no-install-recommends", "--no-install-suggests"}),
)
_PIP_MANAGER = _Manager(
    "pip",
    "python",
    frozenset({"install"}),
    frozenset(
        "-r --requirement -c --constraint -e --editable -f --find-links -i --index-url --extra-index-url -t --target "
        "--prefix --root --src --trusted-host --timeout --cache-dir --retries --progress-bar --platform --python-version "
        "--implementation --abi --no-binary --only-binary --global-option --install-option --upgrade-strategy --proxy "
        "--log --default-timeout --use-feature --use-deprecated --config-settings --report --python --group -C".split()
    ),
    _pip_package,
    files=frozenset({"-r", "--requirement", "-c", "--constraint"}),
    index=frozenset({"-i", "--index-url", "--extra-index-url", "-f", "--find-links"}),
    no_cache=frozenset({"--no-cache-dir", "--no-cache"}),
)
_CONDA = _Manager(
    "conda",
    "conda",
    frozenset({"install", "create", "update", "env"}),
    frozenset("-n --name -p --prefix -c --channel --file -f --solver --subdir --platform --revision --repodata-fn".split()),
    _conda_package,
    files=frozenset({"--file", "-f"}),
    index=frozenset({"-c", "--channel"}),
)
_RPM = _Manager(
    "yum",
    "os",
    frozenset({"install", "localinstall", "groupinstall", "reinstall"}),
    frozenset({"-c", "--enablerepo", "--disablerepo", "--installroot", "--setopt", "-x", "--exclude", "--repo"}),
    _rpm_package,
    no_recommends=frozenset({"--setopt=install_weak_deps=False", "--setopt=install_weak_deps=0", "--nodocs"}),
)
_NPM = _Manager(
    "npm",
    "javascript",
    frozenset({"install", "i", "add", "ci", "isntall"}),
    frozenset({"--registry", "--prefix", "--cache", "-w", "--workspace", "--loglevel", "--cwd", "--network-timeout"}),
    _at_package,
    index=frozenset({"--registry"}),
)
_MANAGERS: dict[str, _Manager] = {
    **dict.fromkeys(("apt", "apt-get", "aptitude", "apt-fast"), _APT),
    **dict.fromkeys(("pip", "pip3", "pip2"), _PIP_MANAGER),
    **dict.fromkeys(("conda", "mamba", "micromamba"), _CONDA),
    **dict.fromkeys(("yum", "dnf", "microdnf", "tdnf"), _RPM),
    **dict.fromkeys(("npm", "pnpm", "bun"), _NPM),
    "zypper": _Manager("zypper", "os", frozenset({"install", "in"}), frozenset({"-r", "--repo", "--root"}), _rpm_package,
                       no_recommends=frozenset({"--no-recommends"})),
    "apk": _Manager("apk", "os", frozenset({"add"}), frozenset({"-t", "--virtual", "-X", "--repository", "-p", "--root"}),
                    _apk_package, index=frozenset({"-X", "--repository"}), no_cache=frozenset({"--no-cache"})),
    "yarn": _Manager("yarn", "javascript", frozenset({"add", "install"}), _NPM.valued, _at_package),
    "gem": _Manager("gem", "other", _INSTALL, frozenset({"-v", "--version", "-s", "--source"}), _plain_package),
    "cargo": _Manager("cargo", "other", _INSTALL, frozenset({"--version", "--root", "--git", "--path", "--features"}),
                      _at_package),
    "go": _Manager("go", "other", frozenset({"get", "install"}), frozenset({"-tags", "-ldflags", "-o", "-p"}), _at_package),
    "poetry": _Manager("poetry", "python", frozenset({"add", "install"}),
                       frozenset({"-C", "--directory", "-E", "--extras", "--with", "--without", "--only"}), _at_package),
    "pipenv": _Manager("pipenv", "python", frozenset({"install", "sync"}), frozenset({"--python", "-r", "--pypi-mirror"}),
                       _pip_package, files=frozenset({"-r"})),
    "easy_install": _Manager("easy_install", "python", frozenset(), frozenset({"-i", "-f"}), _pip_package),
    "luarocks": _Manager("luarocks", "other", _INSTALL, frozenset({"--server", "--tree"}), _plain_package),
    "opam": _Manager("opam", "other", _INSTALL, frozenset(), _plain_package),
    "brew": _Manager("brew", "os", _INSTALL, frozenset(), _at_package),
    "install2.r": _Manager("install2.r", "r", frozenset(), frozenset({"-r", "--repos", "-n", "--ncpus"}), _plain_package),
    "apk-install": _Manager("apk", "os", frozenset(), frozenset(), _apk_package),
}  # fmt: skip
_NO_VERB = frozenset({"easy_install", "install2.r", "apk-install"})
_FROZEN = {"npm": ("ci",), "yarn": ("--frozen-lockfile", "--immutable"), "pnpm": ("--frozen-lockfile",)}
_R_INSTALL = re.compile(r"(?:install\.packages|BiocManager::install|pak::pkg_install|install_github)\s*\(\s*(?:c\()?([^)]*)")
_QUOTED_NAME = re.compile(r"['\"]([\w./@-]+)['\"]")


def installation(program: Program) -> Installation | None:
    """What a command installs, ``None`` where it installs nothing."""
    name, words = program.name, program.arguments
    if name == "uv":
        return _uv(words)
    if name in ("Rscript", "R", "r", "littler"):
        return _r(words)
    if name == "pacman":
        return _pacman(words)
    manager = _MANAGERS.get(name)
    if manager is None:
        return None
    if name in _NO_VERB:
        return _read(manager, "", words)
    verb, rest = _verb(words, manager)
    if verb not in manager.verbs:
        return None
    if manager is _CONDA and verb == "env":
        return _conda_env(rest)
    return _read(manager, verb, rest)


def _verb(words: tuple[str, ...], manager: _Manager) -> tuple[str, tuple[str, ...]]:
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


def _read(manager: _Manager, verb: str, words: Iterable[str]) -> Installation:
    packages: list[Package] = []
    files: list[str] = []
    index: list[str] = []
    options: set[str] = set()
    pending = ""
    for word in words:
        if pending:
            option, pending = pending, ""
            _valued(manager, option, word, packages, files, index)
        elif word.startswith("-") and word != "-":
            option, equals, value = word.partition("=")
            options.update((option, word))
            if equals and option in manager.valued:
                _valued(manager, option, value, packages, files, index)
            elif option in manager.valued:
                pending = option
            elif manager.name == "pip" and word[:2] in ("-r", "-e", "-c", "-i", "-f", "-t") and len(word) > 2 and word[1] != "-":
                _valued(manager, word[:2], word[2:], packages, files, index)
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


def _no_recommends(manager: _Manager, options: set[str]) -> bool:
    return bool((manager.no_recommends or frozenset()) & options) or any(
        "Install-Recommends" in option and option.rstrip('"').endswith(("false", "0", "no")) for option in options
    )


def _valued(
    manager: _Manager, option: str, value: str, packages: list[Package], files: list[str], index: list[str]
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
    read = _read(_CONDA, "env", tuple(word for word in words if word != verbs[0]))
    files = read.requirement_files or tuple(p.written for p in read.packages if p.written.endswith((".yml", ".yaml")))
    return Installation("conda", "conda", (), files or ("environment.yml",), index=read.index)


def _uv(words: tuple[str, ...]) -> Installation | None:
    rest = [word for word in words if word != "pip"]
    if rest[:1] == ["install"] and "pip" in words:
        read = _read(_PIP_MANAGER, "install", rest[1:])
        return Installation(
            "uv", "python", read.packages, read.requirement_files, None, read.no_cache, read.index, read.frozen
        )
    if rest[:1] == ["sync"]:
        return Installation("uv", "python", (), ("uv.lock",), None, "--no-cache" in rest, (), frozen=True)
    return None


def _pacman(words: tuple[str, ...]) -> Installation | None:
    flags = [word for word in words if word.startswith("-")]
    if not any(flag.startswith("-S") and not flag.startswith("-Sc") for flag in flags):
        return None
    names = [word for word in words if not word.startswith("-")]
    return Installation("pacman", "os", tuple(_plain_package("pacman", word) for word in names)) if names else None


def _r(words: tuple[str, ...]) -> Installation | None:
    """``Rscript -e 'install.packages(c("a", "b"))'``."""
    names: list[str] = []
    for word in words:
        for call in _R_INSTALL.finditer(word):
            names.extend(found for found in _QUOTED_NAME.findall(call[1]) if "://" not in found)
    if not names:
        return None
    return Installation("r", "r", tuple(Package("r", name, None, False, "index", name) for name in names))
