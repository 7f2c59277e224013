"""One word of a package manager's command line: which package, which version, from where.

Here: how each manager writes a package. Not here: options and subcommands (``packages``).
"""

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Package:
    """One package asked for.

    ``constraint`` is the version as written (``==1.2``, ``=1.2-3``, ``>=2,<3``, ``@^1``), ``None`` without
    one. ``pinned``: to one version, one commit or one file. ``source``: ``index``, ``url``, ``vcs``,
    ``local`` or ``unknown`` (a variable that the Dockerfile does not tell). ``name`` is as written but for
    extras; ``None`` where it cannot be told (a URL, a variable).
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
_SEMVER_EXACT = re.compile(r"v?\d+(?:\.\d+)*(?:[-+.]\w[\w.+-]*)?\Z")
_RPM_VERSION = re.compile(r"(.+?)-(\d[\w.+~:]*(?:-[\w.+~]+)?)\Z")
_ARCHIVE = (".whl", ".tar.gz", ".zip", ".deb", ".rpm", ".tgz", ".egg", ".tar.bz2", ".conda", ".apk")


def _elsewhere(manager: str, word: str) -> Package | None:
    """A package that comes from no index: URL, repository, file, folder; or a word that holds an unknown
    variable.
    """
    lower = word.lower()
    if lower.startswith(("git+", "hg+", "svn+", "bzr+", "git:", "git@")) or "git+" in lower:
        at = word.split("://", 1)[-1]
        name = re.search(r"[#&]egg=([\w.-]+)", word)
        pinned = bool(_COMMIT.search(at) or _TAGGED.search(at))
        return Package(manager, name[1] if name else None, None, pinned, "vcs", word)
    if "://" in lower:
        return Package(manager, None, None, lower.split("#")[0].endswith(_ARCHIVE), "url", word)
    if word.startswith((".", "/", "~", "file:")) or lower.endswith(_ARCHIVE):
        return Package(manager, None, None, True, "local", word)
    if word.startswith(("$", "`", "<", "*", "{")):
        return Package(manager, None, None, False, "unknown", word)
    return None


def pip_package(manager: str, word: str) -> Package:
    """A requirement of pip: name, extras, version specifiers (PEP 508); or a URL, a repository, a folder."""
    name, at, url = (part.strip() for part in word.partition(" @ "))
    if at:
        found = _elsewhere(manager, url) or Package(manager, None, None, False, "url", word)
        return Package(manager, name.split("[")[0], None, found.pinned, found.source, word)
    match = _PIP.match(word)
    if match and "$" not in match[1]:
        constraint = match[3].strip() if match[3] else None
        return Package(
            manager, match[1], constraint, bool(constraint and _EXACT.match(constraint)), "index", word
        )
    return _elsewhere(manager, word) or Package(manager, *_loose(word), "index", word)


def _loose(word: str) -> tuple[str | None, str | None, bool]:
    """Name, constraint and pinning of a word that holds variables or odd characters."""
    match = re.match(r"([A-Za-z0-9][\w.+-]*?)(?:\[[^\]]*\])?([=<>~!@].*)?\Z", word, re.DOTALL)
    if not match:
        return None, None, False
    constraint = match[2]
    # `torch==$VERSION` names one version, though the file does not say which.
    return match[1], constraint, bool(constraint and constraint.startswith("=") and "*" not in constraint)


def conda_package(manager: str, word: str) -> Package:
    """A match specification of conda: ``name=1.2``, ``name>=1``, ``channel::name``."""
    elsewhere = _elsewhere(manager, word)
    if elsewhere:
        return elsewhere
    bare = word.rsplit("::", 1)[-1]
    match = re.match(r"([A-Za-z0-9_][\w.-]*?)\s*(?:\[[^\]]*\])?\s*([=<>!~ ].*)?\Z", bare, re.DOTALL)
    if not match:
        return Package(manager, None, None, False, "unknown", word)
    constraint = match[2].strip() if match[2] else None
    pinned = bool(
        constraint and constraint.startswith("=") and "*" not in constraint and "," not in constraint
    )
    return Package(manager, match[1], constraint, pinned, "index", word)


def apt_package(manager: str, word: str) -> Package:
    """``name``, ``name=version`` or ``name/release``."""
    elsewhere = _elsewhere(manager, word)
    if elsewhere:
        return elsewhere
    name, equals, version = word.partition("=")
    if equals:
        return Package(manager, name, f"={version}", "*" not in version and version != "", "index", word)
    name, slash, release = word.partition("/")
    return Package(manager, name.rstrip("+"), f"/{release}" if slash else None, False, "index", word)


def apk_package(manager: str, word: str) -> Package:
    """``name``, ``name=1.2``, ``name~1.2``, ``name@repository``."""
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


def rpm_package(manager: str, word: str) -> Package:
    """``name`` or ``name-version``: where the name ends is a guess by the first digit after a dash."""
    elsewhere = _elsewhere(manager, word)
    if elsewhere:
        return elsewhere
    match = _RPM_VERSION.match(word)
    if match:
        return Package(manager, match[1], f"-{match[2]}", True, "index", word)
    return Package(manager, word, None, False, "index", word)


def at_package(manager: str, word: str) -> Package:
    """``name@version``, with npm's scopes (``@scope/name@version``)."""
    elsewhere = None if word.startswith("@") else _elsewhere(manager, word)
    if elsewhere:
        return elsewhere
    name, at, version = word[1:].partition("@")
    name = word[0] + name
    pinned = bool(at and _SEMVER_EXACT.match(version))
    return Package(manager, name, f"@{version}" if at else None, pinned, "index", word)


def plain_package(manager: str, word: str) -> Package:
    """A name, perhaps with ``=version`` or ``@version``."""
    elsewhere = _elsewhere(manager, word)
    if elsewhere:
        return elsewhere
    match = _NAME.match(word)
    if not match:
        return Package(manager, None, None, False, "unknown", word)
    constraint = match[3]
    return Package(manager, match[1], constraint, bool(constraint and constraint[0] in "=@"), "index", word)
