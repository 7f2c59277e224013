"""Small documents kept for ever under their digest: manifests and configurations, each fetched once.

Here: storing and loading bytes, verified both times. Not here: layers, which are read as streams; which tag had which
digest when, which the warehouse records.
"""

import hashlib
import os
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

from dockml_dagster.catalog import Session, SharedCatalog
from dockml_dagster.clients.http.errors import DigestMismatchError
from dockml_dagster.study.image.reference import Digest

Check = Callable[[bytes, Digest], bool]


def has_digest(content: bytes, digest: Digest) -> bool:
    """Whether ``digest`` names exactly these bytes."""
    return hashlib.new(digest.algorithm, content).hexdigest() == digest.hex


class DigestStore:
    """Files ``ROOT/sha256/ab/abcd…``. Several processes may share one: files appear whole, by rename.

    A file whose content no longer matches its digest counts as absent and is written again.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    def path(self, digest: Digest) -> Path:
        """Where the content of ``digest`` is or would be. Digests are hexadecimal, so the path stays below the root."""
        return self.root / digest.algorithm / digest.hex[:2] / digest.hex

    def get(self, digest: Digest, check: Check = has_digest) -> bytes | None:
        """The content, or None if it is not there or damaged."""
        try:
            content = self.path(digest).read_bytes()
        except OSError:
            return None
        return content if check(content, digest) else None

    def put(self, digest: Digest, content: bytes, check: Check = has_digest) -> None:
        """Keep the content. Raises DigestMismatchError and keeps nothing if it does not have the digest."""
        if not check(content, digest):
            raise DigestMismatchError(
                "the content does not have the digest that names it", subject=str(digest)
            )
        target = self.path(digest)
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary = target.with_name(f".new-{os.getpid()}-{threading.get_ident()}-{digest.hex[:16]}")
        try:
            temporary.write_bytes(content)
            temporary.replace(target)
        except BaseException:
            with suppress(OSError):
                temporary.unlink()
            raise


class SharedDigestStore(DigestStore):
    """A digest store for all machines that share a catalog: a table of its database behind this machine's files, so that
    the whole fleet fetches a manifest, which counts as a pull, only once.
    """

    _TABLE: Final = """
    CREATE SCHEMA IF NOT EXISTS dockml;
    CREATE TABLE IF NOT EXISTS dockml.documents (digest text PRIMARY KEY, content bytea NOT NULL);
    """

    def __init__(self, root: Path, catalog: str) -> None:
        """``catalog``: the database, as libpq takes it."""
        super().__init__(root)
        self._session = Session(SharedCatalog(catalog), tables=self._TABLE)

    def get(self, digest: Digest, check: Check = has_digest) -> bytes | None:
        """See ``DigestStore.get``. Raises UnreachableError."""
        found = super().get(digest, check)
        if found is not None:
            return found
        rows = self._session.run("SELECT content FROM dockml.documents WHERE digest = %s", [str(digest)])
        content = bytes(rows[0][0]) if rows else None
        if content is None or not check(content, digest):
            return None
        super().put(digest, content, check)
        return content

    def put(self, digest: Digest, content: bytes, check: Check = has_digest) -> None:
        """See ``DigestStore.put``. Raises UnreachableError."""
        super().put(digest, content, check)
        self._session.run(
            "INSERT INTO dockml.documents (digest, content) VALUES (%s, %s) "
            "ON CONFLICT (digest) DO UPDATE SET content = excluded.content",
            [str(digest), content],
        )


def open_digest_store(root: Path, catalog: str | None) -> DigestStore:
    """The store of this machine alone, or of all machines that share a catalog."""
    return DigestStore(root) if catalog is None else SharedDigestStore(root, catalog)
