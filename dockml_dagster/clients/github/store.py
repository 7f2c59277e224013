"""GitHub's answers, kept so that no request is spent twice.

Here: answers by address with their ETags, blobs by git's own hash, and small documents. An entry is durable as soon as
``put`` returns, so a killed run resumes after its last answer. Not here: what answers mean, the tables (``store_tables``).

It is a cache: deleting it costs calls, nothing else. On one machine it is a file. Machines that share a catalog keep it
there, so that one machine can collect a project that another visited, and no two pay for one answer.
"""

import hashlib
import json
import time
import zlib
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dockml_dagster.clients.github.store_tables import (
    ANSWERS,
    BLOBS,
    DOCUMENTS,
    Row,
    SharedTables,
    SqliteTables,
    Tables,
)

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
    """Keeps its entries in ``tables``. Safe to share between threads, processes and machines.

    ``realm``: prefix of a document's kind, for tables shared by several servers. Answers need none, since an address names
    its server; neither do blobs, since a content is the same wherever it comes from.
    """

    def __init__(self, tables: Tables, realm: str = "") -> None:
        self._tables, self._realm = tables, realm

    def close(self) -> None:
        """End the connection."""
        self._tables.close()

    def answer(self, address: str) -> StoredAnswer | None:
        """What ``address`` last answered; None if it is not here or damaged."""
        row = self._one("SELECT etag, body, final, link, stored_at FROM {answers} WHERE address = ?", address)
        if row is None:
            return None
        try:
            return StoredAnswer(row[0], zlib.decompress(row[1]), row[2], row[3], row[4])
        except zlib.error:
            return None

    def put_answer(
        self, address: str, *, etag: str | None, body: bytes, final: str, link: str | None
    ) -> None:
        """Keep an answer, replacing the earlier one."""
        self._tables.put(ANSWERS, [(address, etag, zlib.compress(body, 1), final, link, time.time())])

    def blob(self, sha: str) -> bytes | None:
        """The content that git names ``sha``; None if it is not here or damaged."""
        row = self._one("SELECT content FROM {blobs} WHERE sha = ?", sha)
        if row is None:
            return None
        try:
            content = zlib.decompress(row[0])
        except zlib.error:
            return None
        return content if git_blob_hash(content) == sha else None

    def put_blob(self, sha: str, content: bytes) -> bool:
        """Keep a content under its object name; False, and nothing kept, if the name does not match."""
        if git_blob_hash(content) != sha:
            return False
        self._tables.put(BLOBS, [(sha, zlib.compress(content, 1))])
        return True

    def missing_blobs(self, shas: Collection[str]) -> list[str]:
        """Those of ``shas`` that are not here, in their order."""
        unique = list(dict.fromkeys(shas))
        known: set[str] = set()
        for start in range(0, len(unique), _CHUNK):
            chunk = unique[start : start + _CHUNK]
            marks = ", ".join("?" * len(chunk))
            rows = self._tables.rows(f"SELECT sha FROM {{blobs}} WHERE sha IN ({marks})", chunk)
            known.update(sha for (sha,) in rows)
        return [sha for sha in unique if sha not in known]

    def document(self, kind: str, name: str) -> Any:
        """A document, or None."""
        row = self._one("SELECT value FROM {documents} WHERE kind = ? AND name = ?", self._realm + kind, name)
        return None if row is None else json.loads(row[0])

    def stored_at(self, kind: str, name: str) -> float | None:
        """When a document was put (unix time); None: never."""
        row = self._one(
            "SELECT stored_at FROM {documents} WHERE kind = ? AND name = ?", self._realm + kind, name
        )
        return None if row is None else float(row[0])

    def count(self, kind: str) -> int:
        """How many documents of a kind there are."""
        ((count,),) = self._tables.rows(
            "SELECT count(*) FROM {documents} WHERE kind = ?", [self._realm + kind]
        )
        return int(count)

    def documents(self, kind: str) -> Iterator[tuple[str, Any]]:
        """All documents of a kind by name, in the names' order."""
        rows = self._tables.rows(
            "SELECT name, value FROM {documents} WHERE kind = ? ORDER BY name", [self._realm + kind]
        )
        for name, value in rows:
            yield name, json.loads(value)

    def put_document(self, kind: str, name: str, value: Any) -> None:
        """Keep a document, replacing the earlier one."""
        self.put_documents(kind, {name: value})

    def put_documents(self, kind: str, values: Mapping[str, Any]) -> None:
        """Keep several documents, all or none."""
        now = time.time()
        rows = [
            (
                self._realm + kind,
                name,
                json.dumps(value, ensure_ascii=True, sort_keys=True, separators=(",", ":")),
                now,
            )
            for name, value in values.items()
        ]
        self._tables.put(DOCUMENTS, rows)

    def _one(self, statement: str, *values: str) -> Row | None:
        rows = self._tables.rows(statement, values)
        return rows[0] if rows else None


def open_store(folder: Path, server: str, catalog: str | None) -> GithubStore:
    """The store of one GitHub: a file in ``folder``, or the one in ``catalog`` (a libpq address) that machines share."""
    if catalog is not None:
        return GithubStore(SharedTables(catalog), realm=f"{server} ")
    return GithubStore(SqliteTables(folder / f"{server}.sqlite"))
