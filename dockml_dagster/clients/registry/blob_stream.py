"""A blob as a stream that survives cut connections and is verified at its end.

Here: resuming by Range where the last connection ended, checking that the server continued at the requested byte. Not
here: size and digest of the whole (``clients/http/verified_stream``), requests and logins (``client``).
"""

import re
import time
from collections.abc import Callable

from dockml_dagster.clients.http.client import Answer
from dockml_dagster.clients.http.errors import (
    BrokenContentError,
    FetchError,
    TooLargeError,
    TooSlowError,
    UnsupportedError,
)
from dockml_dagster.clients.http.retry import RetryPolicy
from dockml_dagster.clients.http.verified_stream import CHUNK, VerifiedStream
from dockml_dagster.study.image.reference import Digest

# Connections for one blob. A server that sends 64 KiB per connection would exceed this for any sizeable layer.
MOST_CONNECTIONS = 100
_PROGRESS = 1 << 16
_CONTENT_RANGE = re.compile(r"bytes (\d{1,18})-(\d{1,18})/(\d{1,18}|\*)")

# Opens the blob at a byte offset: a 206, or a 200 from a server without ranges.
Open = Callable[[int], Answer]


def first_byte(answer: Answer, asked: int) -> int:
    """The position of an answer's first byte: the requested one, or 0 if the server sent the whole blob.

    Raises BrokenContentError for a range other than the requested one.
    """
    if answer.status == 200:
        return 0
    found = _CONTENT_RANGE.fullmatch(answer.headers.get("content-range", "").strip())
    if found is None or int(found[1]) != asked:
        raise BrokenContentError("answered with another range than was asked for", subject=answer.address)
    return asked


class BlobStream(VerifiedStream):
    """The bytes of a blob (see VerifiedStream). ``read`` also raises UnavailableError, when even new connections
    fail. ``size`` None: as the server states. ``resumed``: the number of new connections.
    """

    def __init__(
        self,
        opener: Open,
        digest: Digest,
        size: int | None,
        *,
        verify: bool = True,
        retry: RetryPolicy | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        super().__init__(digest, size, verify=verify)
        self._open, self._sleep = opener, sleep
        self._retry = retry or RetryPolicy()
        self.resumed = 0
        self._failures = 0
        self._progress_at = 0
        self._answer: Answer | None = None
        self._answer = self._connect()
        self._check_length(self._answer)

    def close(self) -> None:
        """Drop the connection. Unread bytes stay unverified."""
        if self._answer is not None:
            self._answer.close()
            self._answer = None
        super().close()

    def _fetch(self, most: int) -> bytes:
        while True:
            try:
                if self._answer is None:
                    self._answer = self._connect()
                piece = self._answer.read_some(most)
            except FetchError as error:
                self._after_failure(error)
                continue
            if not piece and self.size is not None and self.position < self.size:
                # The server closed the connection as if the body were complete (no length, or a false one).
                self._after_failure(BrokenContentError("ended early", subject=str(self.digest)), cut=True)
                continue
            return piece

    def _connect(self) -> Answer:
        answer = self._open(self.position)
        try:
            start = first_byte(answer, self.position)
            if self.position:
                self._skip(answer, self.position - start)
        except BaseException:
            answer.close()
            raise
        return answer

    def _skip(self, answer: Answer, distance: int) -> None:
        # The server began again at byte 0. These bytes were read and hashed before; the digest of the whole
        # also detects a mismatch here.
        while distance > 0:
            piece = answer.read_some(min(CHUNK, distance))
            if not piece:
                raise BrokenContentError("shorter than before", subject=answer.address)
            distance -= len(piece)

    def _check_length(self, answer: Answer) -> None:
        claimed = answer.content_length
        if answer.headers.get("content-encoding", "identity").strip().lower() not in {"", "identity"}:
            answer.close()
            raise BrokenContentError("a blob compressed once more on the way", subject=answer.address)
        if self.size is None:
            self.size = claimed
        elif claimed is not None and claimed != self.size:
            answer.close()
            raise self._mismatch(f"announced with {claimed} bytes, not with its {self.size}")

    def _after_failure(self, error: FetchError, *, cut: bool = False) -> None:
        """Decide whether to connect again; raises the error if not."""
        if self._answer is not None:
            self._answer.close()
            self._answer = None
        if not (error.retryable or cut) or isinstance(error, TooSlowError):
            raise error
        if self.position - self._progress_at >= _PROGRESS:
            self._failures = 0
        self._progress_at = self.position
        self._failures += 1
        self.resumed += 1
        if self._failures >= self._retry.attempts or self.resumed >= MOST_CONNECTIONS:
            raise self._mismatch("ends early each time") if cut else error
        self._sleep(min(self._retry.longest_wait, self._retry.first_wait * 2 ** (self._failures - 1)))


def read_range(answer: Answer, start: int, length: int) -> bytes:
    """The bytes of an answer to a range request. Reads no more than requested.

    Raises UnsupportedError if the server sends the whole blob and the range does not begin at 0.
    """
    with answer:
        if answer.status == 200 and start > 0:
            raise UnsupportedError("does not honour ranges", subject=answer.address)
        first_byte(answer, start)
        pieces, missing = [], length
        while missing > 0 and (piece := answer.read_some(min(CHUNK, missing))):
            pieces.append(piece)
            missing -= len(piece)
        if missing > 0:
            raise BrokenContentError(f"{missing} bytes of a range missing", subject=answer.address)
        if answer.status == 206 and answer.read_some(1):
            raise TooLargeError("more bytes than the range has", subject=answer.address)
        return b"".join(pieces)
