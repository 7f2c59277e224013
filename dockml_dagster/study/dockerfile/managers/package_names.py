"""One word of a package manager's command line: which package, which version, from where.

Here: how each manager writes a package, and which forms name exactly one version. Not here: options and subcommands
(``run.packages``). ``${…}`` and ``$(…)`` belong to one part of a word and never split it.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Package:
    """One package that a command asks for.

    ``constraint`` is the version as written (``==1.2``, ``=1.2-3``, ``>=2,<3``, ``@^1``), ``None`` without
    one. ``pinned``: to one version, one commit or one file, by the manager's own rules. ``source``: ``index``, ``url``,
    ``vcs``, ``local`` or ``unknown`` (words that the Dockerfile does not spell out). ``name`` is as written, without
    extras; ``None`` where it is not known (a URL, a variable).
    """

    manager: str
    name: str | None
    constraint: str | None
    pinned: bool
    source: str
    written: str


_NAME = re.compile(r"([A-Za-z0-9@][\w.+\-/@]*?)\s*(\[[^\]]*\])?\s*((?:[=<>!~]=?=?|@).*)?\Z")
_PIP = re.compile(
    r"([A-Za-z0-9](?:[\w.-]*[A-Za-z0-9])?)\s*(\[[^\]]*\])?\s*((?:===|==|~=|!=|<=|>=|<|>)[^;@]*)?\s*(?:;.*)?\Z"
)
_EXACT = re.compile(r"={2,3}\s*[^,*\s]+\s*\Z")
_COMMIT = re.compile(r"@[0-9a-f]{7,40}(?:[#&].*)?\Z")
_TAGGED = re.compile(r"@v?\d[\w.+-]*(?:[#&].*)?\Z")
_THREE_PARTS = re.compile(r"=?v?\d+\.\d+\.\d+(?:[-+.]\w[\w.+-]*)?\Z")
# `name@npm:other@1.2.3` installs the other under this name (docs.npmjs.com/cli/commands/npm-install).
_ALIAS = re.compile(r"npm:@?[^@]+@")
_HEX = re.compile(r"[0-9a-f]{7,64}\Z")
_PLACEHOLDER = re.compile(r"\$\{[^{}]*\}|\$\((?:[^()]|\([^()]*\))*\)|`[^`]*`|\$[A-Za-z_]\w*")
# An RPM version has a dot, or a release follows that names its distribution. So 17 in java-17-openjdk is
# part of the name.
_RPM = re.compile(
    r"(?P<name>.+?)-(?P<version>(?:\d+:)?(?:\d[\w+~^]*\.[\w.+~^]*|\d[\w.+~^]*(?=-[\w.]*\.(?:el|fc|amzn|cm|suse|mga)\d)))"
    r"(?:-(?P<release>\d[\w.+~^]*))?\Z"
)
# Names to which the distributor appends a version: packages of .NET (learn.microsoft.com, .NET on RHEL), of Intel's
# oneAPI (intel.com, oneAPI toolkits by package managers), toolsets of Software Collections.
_RPM_STREAM = re.compile(
    r"(?:dotnet|aspnetcore|netstandard)-[a-z-]+-\d+\.\d+\Z|intel-oneapi-[a-z-]+-20\d\d\.\d+\Z"
    r"|(?:[a-z]+-)?[a-z]+-toolset-\d+\.\d+(?:-[a-z][\w-]*)?\Z"
)
_RPM_ARCHITECTURE = re.compile(r"\.(?:x86_64|i[3-6]86|noarch|aarch64|armv7hl|ppc64le|s390x|riscv64)\Z")
_LOCAL = (".", "/", "~", "file:", "link:", "workspace:", "$PWD/", "${PWD}/", "$(pwd)/", "$HOME/", "${HOME}/")
_ARCHIVE = (
    ".whl", ".tar.gz", ".zip", ".deb", ".rpm", ".tgz", ".egg", ".tar.bz2", ".conda", ".apk", ".gem", ".tar.xz", ".txz",
    ".tar",
)  # fmt: skip
_MOVING_ARCHIVE = re.compile(
    r"/(?:refs/heads/[^/]+|main|master|latest|head|trunk|nightly|develop)\.(?:zip|tar\.\w+|tgz)\Z"
    r"|/releases/latest/|/zipball/|/tarball/(?:main|master)?\Z"
)
_FORGE = re.compile(r"(?:github|gitlab|bitbucket|gist):|[\w-]+/[\w.-]+(?:#.*)?\Z")
# Debian packages whose names end in a plus sign, which is no request there.
_ENDS_IN_PLUS = frozenset({"memtest86+"})


def _masked(word: str) -> str:
    """The word with every ``${…}``, ``$X`` and ``$(…)`` replaced by letters, at the same length."""
    return _PLACEHOLDER.sub(lambda match: "X" * len(match[0]), word) if "$" in word or "`" in word else word


def _cut(word: str, mark: str, *, start: int = 0) -> tuple[str, str, str]:
    """``str.partition`` that ignores text within a variable's braces."""
    at = _masked(word).find(mark, start)
    return (word, "", "") if at < 0 else (word[:at], mark, word[at + len(mark) :])


def _elsewhere(manager: str, word: str) -> Package | None:
    """A package that comes from no index (URL, repository, file, folder), or that the Dockerfile does not spell out."""
    lower = word.lower()
    if lower.startswith(("git+", "hg+", "svn+", "bzr+", "git:", "git@")) or "git+" in lower:
        at = word.split("://", 1)[-1]
        name = re.search(r"[#&]egg=([\w.-]+)", word)
        return Package(manager, name[1] if name else None, None, _fixed_revision(at), "vcs", word)
    if "://" in lower and not lower.startswith("file:"):
        path = lower.split("#")[0].split("?")[0]
        fixed = path.endswith(_ARCHIVE) and not _MOVING_ARCHIVE.search(path)
        return Package(manager, None, None, fixed, "url", word)
    if word.startswith(_LOCAL) or lower.endswith(_ARCHIVE):
        return Package(manager, None, None, True, "local", word)
    if word.startswith(("$", "`", "<", "*", "{")):
        return Package(manager, None, None, False, "unknown", word)
    return None


def _fixed_revision(at: str) -> bool:
    """Whether the revision after a repository's address is a commit or a tag that looks like a version."""
    reference = at.rpartition("#")[2] if "#" in at and "egg=" not in at and "subdirectory=" not in at else ""
    return bool(
        _COMMIT.search(at) or _TAGGED.search(at) or _HEX.match(reference) or re.match(r"v?\d+\.", reference)
    )


# PEP 508 asks for no blanks around the `@` of `name[extra]@https://…`.
_TIGHT_URL = re.compile(
    r"([A-Za-z0-9][\w.-]*(?:\[[^\]]*\])?)\s*(@)\s*([A-Za-z][A-Za-z0-9+.-]*://\S.*)", re.DOTALL
)


def pip_package(manager: str, word: str) -> Package | None:
    """A requirement of pip: name, extras, version specifiers (PEP 508); or a URL, a repository, a folder.

    Also ``name@1.2`` and ``name@latest`` of uv and pipx.
    """
    name, at, url = (part.strip() for part in word.partition(" @ "))
    tight = None if at else _TIGHT_URL.match(word)
    if tight:
        name, at, url = tight.groups()
    if at:
        found = _elsewhere(manager, url) or Package(manager, None, None, False, "url", word)
        return Package(manager, name.split("[")[0], None, found.pinned, found.source, word)
    match = None if word.lower().endswith(_ARCHIVE) else _PIP.match(word)
    if match and "$" not in match[1]:
        constraint = match[3].strip() if match[3] else None
        pinned = bool(constraint and _EXACT.match(_masked(constraint)))
        return Package(manager, match[1], constraint, pinned, "index", word)
    elsewhere = _elsewhere(manager, word)
    if elsewhere:
        return elsewhere
    if "/" in _masked(word.partition("[")[0]):
        # For pip, a word with a path separator is a folder.
        return Package(manager, None, None, True, "local", word)
    return Package(manager, *_loose(word), "index", word)


def _loose(word: str) -> tuple[str | None, str | None, bool]:
    """Name, constraint and pinning of a word that holds variables or odd characters."""
    match = re.match(
        r"([A-Za-z0-9](?:[\w.+-]|\$\{[^{}]*\}|\$\w+)*?)(?:\[[^\]]*\])?([=<>!~@].*)?\Z", word, re.DOTALL
    )
    if not match:
        return None, None, False
    constraint = match[2]
    # `torch==$VERSION` names one version, though the file does not say which.
    pinned = bool(constraint and constraint.startswith(("=", "@")) and "*" not in _masked(constraint))
    return match[1], constraint, pinned and constraint != "@latest"


def local_package(manager: str, word: str) -> Package | None:
    """The argument of an option for editable installations: a folder or a repository."""
    if "://" in word or word.startswith("git@") or " @ " in word:
        return pip_package(manager, word)
    if word.startswith("$"):
        return Package(manager, None, None, False, "unknown", word)
    return Package(manager, None, None, True, "local", word)


def conda_package(manager: str, word: str) -> Package | None:
    """A match specification of conda: ``name=1.2``, ``name>=1``, ``channel::name``.

    ``==1.2`` is one version; ``=1.2`` is every version that begins so, which counts as one only with three parts.
    """
    elsewhere = _elsewhere(manager, word)
    if elsewhere:
        return elsewhere
    bare = word.rpartition("::")[2]
    match = re.match(r"([A-Za-z0-9_][\w.-]*?)\s*(?:\[[^\]]*\])?\s*([=<>!~ ].*)?\Z", bare, re.DOTALL)
    if not match:
        return Package(manager, None, None, False, "unknown", word)
    constraint = match[2].strip() if match[2] else None
    return Package(manager, match[1], constraint, _conda_pinned(constraint or ""), "index", word)


def _conda_pinned(constraint: str) -> bool:
    if not re.match(r"[=\d]", constraint) or any(char in _masked(constraint) for char in "*,|<>!~"):
        return False
    version = constraint.lstrip("=").strip()
    if constraint[:1].isdigit():
        return True  # `numpy 1.26.4`: a version after a blank is exact
    return (
        constraint.startswith("==")
        or "=" in version  # with a build
        or "$" in version
        or len(version.split(".")) > 2
    )


def apt_package(manager: str, word: str) -> Package | None:
    """``name``, ``name=version`` or ``name/release``; ``name-`` asks for removal, so it gives ``None``."""
    elsewhere = _elsewhere(manager, word)
    if elsewhere:
        return elsewhere
    name, equals, version = _cut(word, "=")
    if equals:
        return Package(
            manager, name, f"={version}", "*" not in _masked(version) and version != "", "index", word
        )
    name, slash, release = _cut(word, "/")
    if not slash and name.endswith("-"):
        return None
    if name.endswith("^"):
        # A task, which tasksel knows by this name: a group of packages.
        return Package(manager, name[:-1], None, False, "group", word)
    if name.endswith("+") and not name.endswith("++") and name not in _ENDS_IN_PLUS:
        name = name[:-1]
    return Package(manager, name, f"/{release}" if slash else None, False, "index", word)


def apk_package(manager: str, word: str) -> Package | None:
    """``name``, ``name=1.2``, ``name~1.2``, ``name@repository``; ``!name`` forbids a package."""
    if word.startswith("!"):
        return None
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


def rpm_package(manager: str, word: str) -> Package | None:
    """``name``, ``name-version``, ``name-version-release``, each with an optional architecture."""
    elsewhere = _elsewhere(manager, word)
    if elsewhere:
        return elsewhere
    if word.startswith("@"):
        return Package(manager, word[1:], None, False, "group", word)
    bare = _RPM_ARCHITECTURE.sub("", word)
    variable = re.search(r"-(\$\{\w[^{}]*\}|\$\([^()]*\)|\$\w+)\Z", bare)
    if variable:
        # `git-core-${VERSION}`: the variable holds the version, though the file does not say which.
        return Package(manager, bare[: variable.start()], variable[0], True, "index", word)
    match = None if _RPM_STREAM.match(bare) else _RPM.match(bare)
    if match:
        name = match["name"]
        return Package(manager, name, bare[len(name) :], "*" not in _masked(bare), "index", word)
    return Package(manager, bare, None, False, "index", word)


def zypper_package(manager: str, word: str) -> Package | None:
    """``name``, ``name=version``, ``name>=version``; ``-name``, ``!name`` and ``~name`` ask for removal."""
    if word.startswith(("-", "!", "~")):
        return None
    elsewhere = _elsewhere(manager, word)
    if elsewhere:
        return elsewhere
    match = re.match(r"\+?([^=<>]+)([=<>].*)?\Z", word, re.DOTALL)
    if not match:
        return Package(manager, None, None, False, "unknown", word)
    constraint = match[2]
    return Package(
        manager, match[1], constraint, bool(constraint and constraint.startswith("=")), "index", word
    )


def _at_package(manager: str, word: str, exact: Callable[[str], bool]) -> Package:
    scoped = word.startswith("@")
    name, at, version = _cut(word, "@", start=1 if scoped else 0)
    pinned = bool(at) and ("$" in version or exact(version))
    return Package(manager, name, f"@{version}" if at else None, pinned, "index", word)


def npm_package(manager: str, word: str) -> Package | None:
    """``name@1.2.3``, with scopes (``@scope/name``); fewer numbers are a range; ``owner/name`` is a repository."""
    if not word.startswith("@"):
        elsewhere = _elsewhere(manager, word)
        if elsewhere:
            return elsewhere
        if _FORGE.match(word):
            return Package(manager, None, None, _fixed_revision(word), "vcs", word)
    return _at_package(manager, word, lambda version: bool(_THREE_PARTS.match(_ALIAS.sub("", version))))


def go_package(manager: str, word: str) -> Package | None:
    """``path@v1.2.3`` or ``path@commit``; ``@v1.2`` and ``@latest`` name the newest match."""
    if word.startswith((".", "/")):
        return Package(manager, None, None, True, "local", word)
    return _elsewhere(manager, word) or _at_package(
        manager, word, lambda version: bool(_THREE_PARTS.match(version) or _HEX.match(version))
    )


def cargo_package(manager: str, word: str) -> Package | None:
    """``name@1.2.3``: three numbers are one version, fewer are a range."""
    return _elsewhere(manager, word) or _at_package(
        manager, word, lambda version: bool(_THREE_PARTS.match(version))
    )


def exact_package(manager: str, word: str) -> Package | None:
    """``name@1.2`` of Poetry and Homebrew, which is exact, and ``name==1.2``."""
    if re.match(r"[A-Za-z0-9][\w.-]*(?:\[[^\]]*\])?[=<>!~]", word):
        return pip_package(manager, word)
    return _elsewhere(manager, word) or _at_package(
        manager, word, lambda version: bool(re.match(r"v?\d[\w.+-]*\Z", version))
    )


def colon_package(manager: str, word: str) -> Package | None:
    """RubyGems' ``name:1.2.3``."""
    elsewhere = _elsewhere(manager, word)
    if elsewhere:
        return elsewhere
    name, colon, version = _cut(word, ":")
    return Package(manager, name, f":{version}" if colon else None, bool(colon and version), "index", word)


def plain_package(manager: str, word: str) -> Package | None:
    """A name with an optional ``=version`` or ``@version``."""
    elsewhere = _elsewhere(manager, word)
    if elsewhere:
        return elsewhere
    match = _NAME.match(word)
    if not match:
        return Package(manager, None, None, False, "unknown", word)
    constraint = match[3]
    return Package(manager, match[1], constraint, bool(constraint and constraint[0] in "=@"), "index", word)
