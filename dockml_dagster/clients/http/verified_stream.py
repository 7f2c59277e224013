"""A stream that ends normally only if its bytes match its digest and size.

Here: counting, hashing, and the check at the end. Not here: where the bytes come from (``images/sources/files``,
``registry/blob_stream``).
"""

from __future__ import annotations

import hashlib
import io
from abc import abstractmethod
from typing import TYPE_CHECKING

from dockml_dagster.clients.http.errors import DigestMismatchError, UnsupportedError
from dockml_dagster.study.image import media_types
from dockml_dagster.study.image.reference import Digest

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

CHUNK = 1 << 18


class VerifiedStream(io.RawIOBase):
    """Bytes in order, once. ``read`` raises DigestMismatchError if size or digest do not match, at the end at the
    latest; a mismatch is never reported as a normal end of file.

    ``size``: bytes expected, None if unknown. ``verify``: compute the digest while reading; a reader that does so
    itself may turn it off. ``verified``: the end was reached and everything matched.
    """

    def __init__(self, digest: Digest, size: int | None, *, verify: bool) -> None:
        super().__init__()
        self.digest, self.size = digest, size
        self.position = 0
        self.verified = False
        self._hash = hashlib.new(digest.algorithm) if verify else None

    def readable(self) -> bool:
        """True."""
        return True

    def read(self, most: int = -1, /) -> bytes:
        """Up to ``most`` bytes; all the rest for -1; empty at the verified end."""
        if most is None or most < 0:
            return b"".join(iter(lambda: self._next(CHUNK), b""))
        return self._next(most) if most else b""

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        """Read into a buffer; returns the number of bytes, 0 at the verified end."""
        view = memoryview(buffer).cast("B")
        piece = self._next(len(view))
        view[: len(piece)] = piece
        return len(piece)

    @abstractmethod
    def _fetch(self, most: int) -> bytes:
        """The next bytes, at most so many, as they come; empty at the end."""

    def _next(self, most: int) -> bytes:
        if self.closed:
            raise ValueError("read from a closed stream")
        if self.verified:
            return b""
        piece = self._fetch(most)
        self.position += len(piece)
        if self._hash is not None:
            self._hash.update(piece)
        if self.size is not None and (self.position > self.size or (not piece and self.position < self.size)):
            raise self._mismatch(f"not its {self.size} bytes")
        if not piece:
            if self._hash is not None and self._hash.hexdigest() != self.digest.hex:
                raise self._mismatch("the bytes do not have its digest")
            self.verified = True
        return piece

    def _mismatch(self, problem: str) -> DigestMismatchError:
        return DigestMismatchError(problem, subject=str(self.digest))


def refuse_unread(media_type: str, digest: Digest) -> None:
    """Raise UnsupportedError for a layer of a type that is not read."""
    problem = media_types.unread(media_type)
    if problem is not None:
        raise UnsupportedError(problem, subject=str(digest))
