"""A value for the files that an instruction takes from the build context, updated commit by commit.

Here: a value for each source in use. Not here: which sources there are (``plan``), when a step misses (``keys``).

A value is the sum over files of a hash of the path below the source, the mode and the content's id. So a changed path costs
its folders and the sources that take it, and a new source costs what is below it, not a pass over the tree. As in
``cache/contenthash`` of ``moby/buildkit``, times do not count, nor does the name of a file that is itself the source.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import NamedTuple

from dockml_dagster.study.rebuilds.ignore_list import IgnoreList
from dockml_dagster.study.rebuilds.model import Entry, Source
from dockml_dagster.study.rebuilds.path_patterns import glob_expression, is_glob
from dockml_dagster.study.rebuilds.tree import Tree

_MODULUS = 1 << 128
_LINK = "120000"


class SourceKey(NamedTuple):
    """A source in its context. ``ignored``: the text of the ignore list that applies, empty without one."""

    context: str
    source: Source
    ignored: str


@dataclass(slots=True)
class _Live:
    """A source in use: which files it takes, and the sum of their hashes."""

    key: SourceKey
    skipped: int
    depth: int
    glob: re.Pattern[str] | None
    ignored: IgnoreList | None
    excludes: IgnoreList | None
    users: set[str] = field(default_factory=set)
    total: int = 0
    files: int = 0
    is_link: bool = False

    def below(self, path: str) -> str | None:
        """The path of a file below the source; None if the source does not take the file."""
        inner = path[self.skipped :]
        if self.ignored is not None and self.ignored.excludes(inner):
            return None
        if self.glob is None:
            rest = inner[len(self.key.source.pattern) :].lstrip("/")
        else:
            parts = inner.split("/")
            head = "/".join(parts[: self.depth])
            if len(parts) < self.depth or self.glob.fullmatch(head) is None:
                return None
            rest = "/".join([parts[self.depth - 1], *parts[self.depth :]])
        if self.excludes is not None and rest and self.excludes.excludes(rest):
            return None
        return rest

    def count(self, path: str, entry: Entry, sign: int) -> bool:
        below = self.below(path)
        if below is None:
            return False
        digest = blake2b(
            f"{below}\0{entry.mode}\0{entry.oid}".encode("utf-8", "surrogateescape"), digest_size=16
        )
        self.total = (self.total + sign * int.from_bytes(digest.digest(), "big")) % _MODULUS
        self.files += sign
        if not below and entry.mode == _LINK:
            self.is_link = sign > 0
        return True


class ContextFiles:
    """The tree of a commit, and the value of every source in use."""

    def __init__(self) -> None:
        self.tree = Tree()
        self._used: dict[str, set[SourceKey]] = {}
        """User → the sources that it uses."""
        self._live: dict[SourceKey, _Live] = {}
        self._by_place: dict[str, list[_Live]] = {}
        self._lists: dict[str, IgnoreList] = {}

    def change(self, path: str, new: Entry | None) -> set[str]:
        """Apply one change. Returns the users of the sources whose value may have changed."""
        old = self.tree.get(path)
        if old == new:
            return set()
        users: set[str] = set()
        for live in _taking(path, self._by_place):
            moved = live.count(path, old, -1) if old is not None else False
            moved = (live.count(path, new, 1) if new is not None else False) or moved
            if moved:
                users |= live.users
        if new is None:
            self.tree.remove(path)
        else:
            self.tree.put(path, new)
        return users

    def use(self, user: str, keys: Iterable[SourceKey]) -> None:
        """Set the sources that ``user`` uses from now on."""
        wanted = set(keys)
        for key in self._used.pop(user, set()) - wanted:
            live = self._live[key]
            live.users.discard(user)
            if not live.users:
                del self._live[key]
                self._by_place[_place(key)].remove(live)
        for key in wanted:
            known = self._live.get(key)
            if known is None:
                known = self._live[key] = self._made(key)
                self._by_place.setdefault(_place(key), []).append(known)
                for path, entry in self.tree.at_or_below(_place(key)):
                    known.count(path, entry, 1)
            known.users.add(user)
        if wanted:
            self._used[user] = wanted

    def value(self, key: SourceKey) -> tuple[int, int, bool]:
        """The sum, the number of files, and whether the source itself is a symbolic link."""
        live = self._live[key]
        return live.total, live.files, live.is_link

    def excludes(self, ignored: str, path: str) -> bool:
        """Whether an ignore list excludes a path of its context."""
        return bool(ignored) and self._list(ignored).excludes(path)

    def _list(self, text: str) -> IgnoreList:
        if text not in self._lists:
            self._lists[text] = IgnoreList(text)
        return self._lists[text]

    def _made(self, key: SourceKey) -> _Live:
        pattern = key.source.pattern
        excludes = "\n".join(key.source.excludes)
        return _Live(
            key,
            len(key.context) + 1 if key.context else 0,
            pattern.count("/") + 1 if pattern else 0,
            glob_expression(pattern) if is_glob(pattern) else None,
            self._list(key.ignored) if key.ignored else None,
            IgnoreList(excludes) if excludes else None,
        )


def _place(key: SourceKey) -> str:
    """The folder or file that contains everything a source can take."""
    pattern = key.source.pattern
    if is_glob(pattern):
        whole = pattern.split("/")
        first = next(at for at, part in enumerate(whole) if is_glob(part))
        pattern = "/".join(whole[:first])
    return posixpath.join(key.context, pattern).rstrip("/")


def _taking(path: str, by_place: Mapping[str, list[_Live]]) -> Iterator[_Live]:
    """The sources whose place contains a path."""
    yield from by_place.get("", ())
    at = path.find("/")
    while at > 0:
        yield from by_place.get(path[:at], ())
        at = path.find("/", at + 1)
    yield from by_place.get(path, ())
