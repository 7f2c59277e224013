"""A set as shards: read once, kept in one cache file from which each shard can be read alone.

Here: assigning texts to shards, writing and reading the file. Not here: reading the set (``sources``), rows of ``raw``
(``corpus``). The file can be made again at any time; its name contains the hash of its input.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from dockml_dagster.corpora.dataset.sources import Text
from dockml_dagster.warehouse.opening import make_folder

SHARD = 1_000
"""Texts in a shard. Dagster needs 25 to 75 ms per partition and asset, so a partition per text would be too slow."""
_NOT_IN_NAMES = re.compile(r"[^\w.+@-]+")
_LONGEST = 120
_AT_ONCE = 1_000
_LAYOUT = 1
"""Part of the file's name: raised when the format of the file changes."""


@dataclass(frozen=True, slots=True)
class StoredText:
    """One text of a shard. ``number``: its position in the set, from 1."""

    number: int
    project: str
    path: str
    content: bytes | None
    problem: str | None


@dataclass(frozen=True, slots=True)
class StoredProject:
    """A project of the set: its shard, its texts, and the set's facts about it."""

    project: str
    shard: str
    texts: int
    category: str | None
    date: str | None


class Shards:
    """The file of one set."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def hashes(self) -> dict[str, str]:
        """Shard → hash of all its texts, in order."""
        found: dict[str, hashlib._Hash] = {}
        for shard, project, path, sha256, problem in self._rows(
            "SELECT shard, project, path, sha256, problem FROM texts ORDER BY shard, number"
        ):
            part = "\0".join((project, path, sha256 or "", problem or ""))
            found.setdefault(shard, hashlib.sha256()).update(f"{part}\n".encode("utf-8", "surrogatepass"))
        return {shard: digest.hexdigest() for shard, digest in found.items()}

    def projects(self) -> Iterator[StoredProject]:
        """The projects, in the order of their first texts."""
        for row in self._rows(
            "SELECT project, shard, count(*), max(category), max(date) FROM texts GROUP BY project, shard "
            "ORDER BY min(number)"
        ):
            yield StoredProject(*row)

    def texts(self, shard: str) -> list[StoredText]:
        """The texts of one shard."""
        statement = (
            "SELECT number, project, path, content, problem FROM texts WHERE shard = ? ORDER BY number"
        )
        return [StoredText(*row) for row in self._rows(statement, (shard,))]

    def _rows(self, statement: str, values: tuple[str, ...] = ()) -> Iterator[tuple]:  # type: ignore[type-arg]
        with closing(sqlite3.connect(f"file:{self._file}?mode=ro", uri=True)) as connection:
            connection.text_factory = lambda data: data.decode("utf-8", "surrogateescape")
            yield from connection.execute(statement, values)


def shards(texts: Iterable[Text], folder: Path, mark: str) -> Shards:
    """The shards of a set whose hash is ``mark``, made now if missing; files of other hashes are deleted.

    Raises:
        CorpusError: the set cannot be read; nothing is left behind.
    """
    file = folder / f"{_LAYOUT}-{mark}.sqlite"
    if not file.is_file():
        make_folder(folder)
        partial = folder / f"{file.name}.{os.getpid()}.partial"
        try:
            _write(partial, texts)
            partial.replace(file)
        finally:
            partial.unlink(missing_ok=True)
        for other in folder.glob("*.sqlite"):
            if other != file:
                with contextlib.suppress(OSError):
                    other.unlink()
    return Shards(file)


def _write(file: Path, texts: Iterable[Text]) -> None:
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        # No reader opens the file before it is complete.
        connection.execute("PRAGMA journal_mode = OFF")
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute("BEGIN")
        connection.execute(
            "CREATE TABLE texts (shard TEXT, number INTEGER PRIMARY KEY, project TEXT, path TEXT, sha256 TEXT, "
            "content BLOB, problem TEXT, category TEXT, date TEXT)"
        )
        batch: list[tuple[object, ...]] = []
        for row in _placed(texts):
            batch.append(row)
            if len(batch) >= _AT_ONCE:
                _put(connection, batch)
        _put(connection, batch)
        connection.execute("CREATE INDEX by_shard ON texts (shard)")
        connection.execute("COMMIT")


def _put(connection: sqlite3.Connection, batch: list[tuple[object, ...]]) -> None:
    connection.executemany("INSERT INTO texts VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", batch)
    batch.clear()


def _placed(texts: Iterable[Text]) -> Iterator[tuple[object, ...]]:
    """Each text with its shard and project. All texts of a project go to the shard of its first."""
    shard_of: dict[str, int] = {}
    paths: set[str] = set()
    current, room = 0, SHARD
    for number, text in enumerate(texts, start=1):
        path = text.path
        if path in paths:
            path = f"{path}~{number}"  # a table may give two texts the same path
        paths.add(path)
        project = _name(text.project) or f"text/{_clean(path)[-_LONGEST:]}-{_digest(path)}"
        shard = shard_of.get(project)
        if shard is None:
            if room <= 0:
                current, room = current + 1, SHARD
            shard = shard_of[project] = current
        room -= 1
        sha256 = hashlib.sha256(text.content).hexdigest() if text.content is not None else None
        yield (
            f"{shard:05d}", number, project, _bytes(path), sha256, text.content, text.problem, _bytes(text.category),
            _bytes(text.date),
        )  # fmt: skip


def _name(told: str | None) -> str | None:
    """``owner/name`` for a project key; a name without an owner gets the owner ``text``."""
    if not told:
        return None
    owner, slash, name = told.partition("/")
    if not slash:
        owner, name = "text", told
    return f"{_clean(owner)[:_LONGEST]}/{_clean(name)[:_LONGEST]}"


def _clean(text: str) -> str:
    cleaned = _NOT_IN_NAMES.sub("_", text.encode("utf-8", "replace").decode("utf-8")).strip(".")
    return re.sub(r"\.{2,}", ".", cleaned) or "_"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:8]


def _bytes(text: str | None) -> str | None:
    """A text that SQLite can hold: names that are not UTF-8 have lone surrogates."""
    return text if text is None or text.isascii() else text.encode("utf-8", "replace").decode("utf-8")
