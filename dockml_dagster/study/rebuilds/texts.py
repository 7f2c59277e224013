"""Changes of the texts of Dockerfiles: which files a commit added, changed or removed, and instructions by keyword.

Here: one row for each Dockerfile whose text a commit changed. Not here: what is rebuilt because of it (``history``), the
reading of a text (``study.readings``, once for each text), years and shares (SQL).
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from operator import attrgetter
from typing import Any, Literal, NamedTuple

from cachetools import FIFOCache, cachedmethod

from dockml_dagster.study.deadline import check_time
from dockml_dagster.study.dockerfile.reading.reading import read_dockerfile
from dockml_dagster.study.rebuilds.history import Read, dockerfile_of, is_dockerfile
from dockml_dagster.study.rebuilds.model import Change
from dockml_dagster.study.rebuilds.plan import statement

_MOST_REMEMBERED = 200_000
"""Most instructions of the texts that are remembered."""

Event = Literal["added", "changed", "removed"]


class _Text(NamedTuple):
    """One text: its hash, and its instructions as (keyword, words) with their counts."""

    sha256: str | None
    statements: Counter[tuple[str, str]]


_NONE = _Text(None, Counter())


class TextHistory:
    """The Dockerfiles of a branch, commit by commit."""

    def __init__(self, read: Read) -> None:
        self._read = read
        self._oids: dict[str, str] = {}
        self._known = FIFOCache[str, _Text](_MOST_REMEMBERED, getsizeof=lambda text: 1 + len(text.statements))
        self._contents: dict[str, bytes] = {}

    @property
    def contents(self) -> Mapping[str, bytes]:
        """SHA-256 → content, for every text that a row names."""
        return self._contents

    def begin(self, tree: Iterable[Change]) -> None:
        """Start after the commit with this tree."""
        self._oids = {path: new.oid for path, new in _dockerfiles(tree) if new is not None}

    def commit(self, changes: Sequence[Change]) -> Iterator[dict[str, Any]]:
        """A row for each Dockerfile whose text the commit changed. The hash of a text that is not available (too large, or
        absent from the repository) is None.
        """
        for path, new in sorted(_dockerfiles(changes)):
            check_time()
            old = self._oids.pop(path, None)
            if new is not None:
                self._oids[path] = new.oid
            now = new.oid if new is not None else None
            if now == old:
                continue
            event: Event = "removed" if now is None else "added" if old is None else "changed"
            before, after = self._text(old), self._text(now)
            yield {
                "path": path,
                "event": event,
                "sha256": after.sha256,
                "keywords_added": _keywords(after.statements - before.statements),
                "keywords_removed": _keywords(before.statements - after.statements),
            }

    def _text(self, oid: str | None) -> _Text:
        return _NONE if oid is None else self._known_text(oid)

    @cachedmethod(attrgetter("_known"))
    def _known_text(self, oid: str) -> _Text:
        data = dockerfile_of(self._read, oid)
        return _NONE if data is None else self._taken(data)

    def _taken(self, data: bytes) -> _Text:
        sha256 = hashlib.sha256(data).hexdigest()
        self._contents[sha256] = data
        read = read_dockerfile(data).instructions
        return _Text(sha256, Counter((one.keyword, statement(one)) for one in read if one.known))


def _keywords(statements: Counter[tuple[str, str]]) -> list[str]:
    return sorted(keyword for keyword, _ in statements.elements())


def _dockerfiles(changes: Iterable[Change]) -> Iterator[Change]:
    """The changes of Dockerfiles. A link or a submodule at such a path does not count as a Dockerfile."""
    for path, new in changes:
        if is_dockerfile(path):
            yield Change(path, new if new is not None and new.mode.startswith("100") else None)
