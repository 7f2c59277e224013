"""What GitHub answered, kept on this machine: an answer that was paid for is never paid for again.

Here: one SQLite file with answers by address and their ETags, blobs by git's own hash, and small documents. Every
entry is there as soon as ``put`` returns, so a killed run goes on from its last answer. Not here: what answers mean.

SQLite and not files: tens of thousands of small answers, written one by one by a process that may be killed, read by
several. It is a cache: deleting it costs calls, nothing else.
"""

import hashlib
import json
import sqlite3
import threading
import time
import zlib
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_SCHEMA = """
CREATE TABLE IF NOT EXISTS answers (
    address TEXT PRIMARY KEY, etag TEXT, body BLOB NOT NULL, final TEXT NOT NULL, link TEXT, stored_at REAL NOT NULL
);
CREATE TABLE IF NOT EXISTS blobs (sha TEXT PRIMARY KEY, content BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS documents (
    kind TEXT NOT NULL, name TEXT NOT NULL, value TEXT NOT NULL, stored_at REAL NOT NULL, PRIMARY KEY (kind, name)
);
"""
_CHUNK = 500


@dataclass(frozen=True, slots=True)
class StoredAnswer:
    """A body with its ETag. ``final``: the address it came from after redirects. ``link``: the Link header."""

    etag: str | None
    body: bytes
    final: str
    link: str | None
    stored_at: float


def git_blob_hash(content: bytes) -> str:
    """The name git gives to a file's content: SHA-1 over a header and the content (git-hash-object)."""
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()


class GithubStore:
    """The file ``path``, made when needed. Safe to share between threads, and with other processes."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._lock = threading.Lock()
        self._connection = sqlite3.connect(path, timeout=60, isolation_level=None, check_same_thread=False)
        # With a write-ahead log, what was committed survives the death of the process.
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA synchronous = NORMAL")
        self._connection.executescript(_SCHEMA)

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._connection.close()

    def answer(self, address: str) -> StoredAnswer | None:
        """What ``address`` last answered."""
        row = self._one("SELECT etag, body, final, link, stored_at FROM answers WHERE address = ?", address)
        if row is None:
            return None
        try:
            return StoredAnswer(row[0], zlib.decompress(row[1]), row[2], row[3], row[4])
        except zlib.error:
            return None

    def put_answer(
        self, address: str, *, etag: str | None, body: bytes, final: str, link: str | None
    ) -> None:
        """Keep an answer in place of the one before."""
        self._write(
            "INSERT OR REPLACE INTO answers VALUES (?, ?, ?, ?, ?, ?)",
            (address, etag, zlib.compress(body, 1), final, link, time.time()),
        )

    def blob(self, sha: str) -> bytes | None:
        """The content that git names ``sha``; None if it is not here or damaged."""
        row = self._one("SELECT content FROM blobs WHERE sha = ?", sha)
        if row is None:
            return None
        try:
            content = zlib.decompress(row[0])
        except zlib.error:
            return None
        return content if git_blob_hash(content) == sha else None

    def put_blob(self, sha: str, content: bytes) -> bool:
        """Keep a content under git's name for it; False, and nothing kept, if it is not that content."""
        if git_blob_hash(content) != sha:
            return False
        self._write("INSERT OR REPLACE INTO blobs VALUES (?, ?)", (sha, zlib.compress(content, 1)))
        return True

    def missing_blobs(self, shas: Collection[str]) -> list[str]:
        """Those of ``shas`` that are not here, in their order."""
        unique = list(dict.fromkeys(shas))
        known: set[str] = set()
        for start in range(0, len(unique), _CHUNK):
            chunk = unique[start : start + _CHUNK]
            marks = ",".join("?" * len(chunk))
            with self._lock:
                rows = self._connection.execute(f"SELECT sha FROM blobs WHERE sha IN ({marks})", chunk)
                known.update(row[0] for row in rows.fetchall())
        return [sha for sha in unique if sha not in known]

    def document(self, kind: str, name: str) -> Any:
        """A document that was put, or None."""
        row = self._one("SELECT value FROM documents WHERE kind = ? AND name = ?", kind, name)
        return None if row is None else json.loads(row[0])

    def stored_at(self, kind: str, name: str) -> float | None:
        """When a document was put (unix time); None: never."""
        row = self._one("SELECT stored_at FROM documents WHERE kind = ? AND name = ?", kind, name)
        return None if row is None else float(row[0])

    def count(self, kind: str) -> int:
        """How many documents of a kind there are."""
        return int(self._one("SELECT count(*) FROM documents WHERE kind = ?", kind)[0])

    def documents(self, kind: str) -> Iterator[tuple[str, Any]]:
        """All documents of a kind by name, in the names' order."""
        with self._lock:
            rows = self._connection.execute(
                "SELECT name, value FROM documents WHERE kind = ? ORDER BY name", [kind]
            ).fetchall()
        for name, value in rows:
            yield name, json.loads(value)

    def put_document(self, kind: str, name: str, value: Any) -> None:
        """Keep a document in place of the one before."""
        self.put_documents(kind, {name: value})

    def put_documents(self, kind: str, values: dict[str, Any]) -> None:
        """Keep several documents, all or none."""
        now = time.time()
        rows = [
            (kind, name, json.dumps(value, ensure_ascii=True, sort_keys=True, separators=(",", ":")), now)
            for name, value in values.items()
        ]
        with self._lock:
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                self._connection.executemany("INSERT OR REPLACE INTO documents VALUES (?, ?, ?, ?)", rows)
            except BaseException:
                self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")

    def _one(self, statement: str, *values: str) -> Any:
        with self._lock:
            return self._connection.execute(statement, values).fetchone()

    def _write(self, statement: str, values: tuple[Any, ...]) -> None:
        with self._lock:
            self._connection.execute(statement, values)
