"""Searching one small file for secrets.

Here: which rules apply to a file, and placeholders that only look like secrets. A result is the name of a rule: the value
is in no result, message or hash. Not here: the rules (``rules``).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from typing import Final, NamedTuple

from dockml_dagster.study.secret_names import names_a_secret
from dockml_dagster.study.secrets.rules import (
    ENV_FILE,
    ENV_LINE,
    FILES,
    PRIVATE_KEY,
    TOKENS,
    TokenRule,
    is_template,
)

LARGEST: Final = 64 << 10
"""Most bytes of a file that is searched."""
MOST_BYTES: Final = 16 << 20
"""Most bytes of files outside packages that are searched for tokens in one layer."""
_IN_MARKS: Final = (b"A", b"-", b".", b"_")
"""Bytes by which marks are searched, rarest first; a mark that has none of them is searched as it is."""
_BEFORE: Final = 4
"""Most bytes before them that are compared."""
_HEAD: Final = 512
_PAST: Final = 8192
_MOST_HITS: Final = 64
_INSTALLED: Final = re.compile(
    r"(?:^|/)(?:site-packages|dist-packages|node_modules|__pycache__|conda-meta|gems|go/pkg/mod)/"
    r"|^(?:usr/(?:local/)?)?(?:lib|lib32|lib64|libexec|share|include)/|^(?:usr/)?s?bin/|^var/lib/(?:dpkg|apt|rpm)/|^opt/conda/(?:lib|pkgs|share)/"
)
_CODE: Final = frozenset("py pyc pyi so h hpp c js mjs cjs ts map css html md rst pl pm".split())
"""Suffixes of code, which is not searched where package managers installed it: it is public, and most of the bytes."""
_FILE_NAMES: Final = re.compile(
    r"netrc$|credentials|\.pypirc$|\.npmrc$|\.dockercfg$|/(?:config|auth|kaggle|hosts)(?:\.json|\.yml)?$|token|\.env|"
    r"pip\.(?:conf|ini)$|\.condarc$|uv\.toml$|sources\.list$|auth\.conf$|\.Renviron$|\.(?:ya?ml|toml|ini|cfg|conf|properties|json)$"
)
_PLACEHOLDER: Final = re.compile(
    rb"(?i)example|x{5}|\$\{|\$\(|\{\{|<|>|your|change_?me|placeholder|dummy|redacted|not_?real|\*\*\*|\.\.\.|^%|^\$|^(?:password|passwd|secret|token|none|null|true|false|test\w{0,8})$"
)


class SecretSearch:
    """Searches the files of one layer."""

    def __init__(self) -> None:
        self._left = MOST_BYTES
        self.cut_short = False
        """Whether the search for tokens stopped at ``MOST_BYTES``."""
        self._installed, self._other = "/", "/"
        """The last folder that a package manager fills, which includes all below it, and the last other folder."""

    def passes_over(self, path: str) -> bool:
        """Whether a file at this path is skipped, whatever it holds."""
        return path[path.rfind(".") + 1 :] in _CODE and (
            path.startswith(self._installed) or self._is_installed(path)
        )

    def _is_installed(self, path: str) -> bool:
        if path.startswith(self._installed):  # files of one folder come together
            return True
        folder = path[: path.rfind("/") + 1]
        if folder == self._other:
            return False
        match = _INSTALLED.search(folder)
        if match is None:
            self._other = folder
            return False
        self._installed = folder[: match.end()]
        return True

    def rules(self, path: str, chunk: bytes, start: int, stop: int) -> tuple[str, ...]:
        """The sorted names of the rules that match ``chunk[start:stop]``, the content of the file at this path."""
        installed = self._is_installed(path)
        if installed and self.passes_over(path):
            return ()
        if not 0 < stop - start <= LARGEST or chunk.find(b"\0", start, min(stop, start + _HEAD)) >= 0:
            return ()
        found: set[str] = set()
        if chunk.find(PRIVATE_KEY.literal, start, stop) >= 0 and _has(PRIVATE_KEY, chunk, start, stop):
            found.add(PRIVATE_KEY.name)
        if installed:
            return tuple(found)
        if stop - start <= self._left:
            self._left -= stop - start
            for group in _groups():
                if group.search(chunk, start, stop) is not None:
                    found.update(rule.name for rule in group.rules if _has(rule, chunk, start, stop))
        else:
            self.cut_short = True
        if _FILE_NAMES.search(path) is not None:
            found.update(_of_file(path, chunk[start:stop]))
        return tuple(sorted(found))


class _Group(NamedTuple):
    """Rules for tokens whose marks have a byte in common."""

    search: Callable[[bytes, int, int], object]
    """Finds a place where one of the marks may be; None: there is none."""
    rules: tuple[TokenRule, ...]


@cache
def _groups() -> tuple[_Group, ...]:
    """The rules for tokens in groups, each of which one expression searches for. That expression begins with a byte, which
    ``re`` finds by a loop of its own, and only then compares what stands beside it. So five searches of a file replace
    fifty, which took three quarters of the time of scanning a layer of text.
    """
    members: dict[bytes, list[TokenRule]] = {}
    for rule in TOKENS:
        common = next((byte for byte in _IN_MARKS if byte in rule.mark), rule.mark)
        members.setdefault(common, []).append(rule)
    return tuple(
        _Group(_beside(common, {rule.mark for rule in rules}), tuple(rules))
        for common, rules in members.items()
    )


def _beside(common: bytes, marks: Iterable[bytes]) -> Callable[[bytes, int, int], object]:
    """A search for ``common`` with the bytes that stand beside it in one of the marks: some before it, or else all after."""
    after: set[bytes] = set()
    before: dict[int, set[bytes]] = {}
    for mark in marks:
        at = mark.rindex(common)
        if at:
            text = mark[max(0, at - _BEFORE) : at]
            before.setdefault(len(text), set()).add(text)
        else:
            after.add(re.escape(mark[len(common) :]))
    beside = sorted(after)
    if before:
        # An expression that looks back has one length; a first, short one turns most places down.
        nearest = min(before)
        first = _behind(common, {text[-nearest:] for texts in before.values() for text in texts})
        beside.append(first + b"(?:" + b"|".join(_behind(common, texts) for texts in before.values()) + b")")
    return re.compile(re.escape(common) + b"(?:" + b"|".join(beside) + b")").search


def _behind(common: bytes, texts: Iterable[bytes]) -> bytes:
    """An expression that one of these texts, all of one length, is before ``common``, which was just matched."""
    return b"(?<=" + b"|".join(re.escape(text + common) for text in sorted(texts)) + b")"


def _has(rule: TokenRule, chunk: bytes, start: int, stop: int) -> bool:
    """Whether the rule's form matches around one of the first places of its literal, and is not a placeholder."""
    at, pattern = start, rule.pattern
    for _ in range(_MOST_HITS):
        at = chunk.find(rule.literal, at, stop)
        if at < 0:
            return False
        # One more byte before it, so that the form can see where a word begins.
        before = max(start, at - rule.reach - 1)
        for match in pattern.finditer(chunk[before : min(stop, at + _PAST)]):
            if not _is_placeholder(match["secret"] if "secret" in pattern.groupindex else match[0]):
                return True
        at += len(rule.literal)
    return False


def _of_file(path: str, content: bytes) -> Iterator[str]:
    """The names of the rules for this file name that match the content."""
    if is_template(path):
        return
    for rule in FILES:
        if rule.path.fullmatch(path) is None:
            continue
        for match in rule.pattern.finditer(content):
            if not _is_placeholder(match["secret"], least=3):
                yield rule.name
                break
    if ENV_FILE.fullmatch(path) is not None:
        for match in ENV_LINE.finditer(content):
            if names_a_secret(match[1].decode("ascii")) and not _is_placeholder(match[2], least=5):
                yield "env-file"
                break


def _is_placeholder(value: bytes, least: int = 10) -> bool:
    """Whether a value only shows the form: it says so, or has fewer than ``least`` distinct characters."""
    return len(set(value)) < least or _PLACEHOLDER.search(value) is not None
