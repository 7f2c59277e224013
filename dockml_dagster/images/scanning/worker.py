"""The process that scans layers for ``pool``: it receives calls, returns their results, and writes rows to spool files.

Here: everything that must run outside the main process. It imports neither DuckDB nor pandas nor Dagster, so
that a worker stays under 100 MB. Not here: which layers are scanned, and the use of the rows.
"""

from __future__ import annotations

import gc
import os
import pickle
import sys
import tempfile
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from typing import Any, BinaryIO, Protocol, cast, runtime_checkable

from dockml_dagster.errors import DockmlError
from dockml_dagster.images.scanning.ahead import MadeAhead
from dockml_dagster.images.scanning.inside import InsideReader, LayerInside
from dockml_dagster.study.layer.inflate import ByteStream
from dockml_dagster.study.layer.model import LayerScan, ScanLimits
from dockml_dagster.study.layer.scan import scan_layer
from dockml_dagster.study.layer.spool import SpoolWriter
from dockml_dagster.study.layer.toc import scan_toc

_MEMORY = 1 << 30
"""Address space of a worker: a last limit for unforeseen cases, far above what a scan needs."""


class LayerSource(Protocol):
    """The source of a layer's bytes; it is pickled and opened in the worker."""

    def open(self) -> AbstractContextManager[ByteStream]:
        """The layer's stored bytes, from the first on. Errors of the source are passed on."""
        ...


@runtime_checkable
class RangedSource(LayerSource, Protocol):
    """A source that can also give a part of the layer without the rest."""

    def read_range(self, start: int, length: int) -> bytes:
        """``length`` stored bytes from ``start`` on."""
        ...


@dataclass(frozen=True, slots=True)
class FileSource:
    """A layer in a local file, or in a part of one (an archive's member)."""

    path: Path
    offset: int = 0
    length: int | None = None
    """None: to the end of the file."""

    @contextmanager
    def open(self) -> Iterator[ByteStream]:
        """The bytes of that part."""
        with self.path.open("rb", buffering=0) as file:
            file.seek(self.offset)
            yield file if self.length is None else _Stretch(file, self.length)


class _Stretch:
    def __init__(self, file: BinaryIO | ByteStream, length: int) -> None:
        self._file = file
        self._left = length

    def read(self, size: int, /) -> bytes:
        data = self._file.read(min(size, self._left))
        self._left -= len(data)
        return data


@dataclass(frozen=True, slots=True)
class LayerTask:
    """One layer to scan."""

    key: str
    """Identity of the layer: its digest, `sha256:…`. Tasks with the same key are done once."""
    source: LayerSource
    size: int | None = None
    """Compressed bytes, if known: large layers start first, so that they do not end last."""
    expected_digest: str | None = None
    expected_diff_id: str | None = None
    digest: bool = True
    """Whether to compute the digest (not needed for a local file whose name is not a digest)."""
    toc_digest: str | None = None
    """`sha256:…` of the layer's table of contents, as stated in the manifest. If ``source`` is a ``RangedSource`` and the
    table has this digest, it is read instead of the layer."""


@dataclass(frozen=True, slots=True)
class LayerResult:
    """The result of one task: a scan with its rows, or the error of its source."""

    key: str
    scan: LayerScan | None
    spool: Path | None
    """Sorted lines (``study/layer/spool``). None: an error, or a digest mismatch, whose rows are worthless."""
    error: Exception | None
    inside: LayerInside | None = None
    """Content of its files (``inside``). None: unknown, as after reading only a table of contents."""


@dataclass(frozen=True, slots=True)
class Failure:
    """The error that a call raised."""

    error: BaseException


def run_task(task: LayerTask, spools: Path, limits: ScanLimits, ahead: bool = False) -> LayerResult:
    """Scan one layer in this process; its rows become a file in the directory ``spools``. ``ahead``: a thread reads and
    inflates a large layer beside the walk.

    If the table of contents cannot be fetched, is damaged, exceeds a limit or does not have the stated digest, the
    layer itself is read.
    """
    try:
        with tempfile.TemporaryDirectory(prefix=".scan-", dir=spools) as scratch:
            return _run(task, spools, Path(scratch), limits, ahead=ahead)
    except Exception as error:
        return LayerResult(task.key, None, None, _portable(error))


def _portable(error: Exception) -> Exception:
    """The error, or one with its text if it cannot be pickled."""
    try:
        pickle.dumps(error)
    except Exception:
        return DockmlError(str(error))
    return error


def _run(task: LayerTask, spools: Path, scratch: Path, limits: ScanLimits, *, ahead: bool) -> LayerResult:
    def new_file() -> BinaryIO:
        return cast("BinaryIO", tempfile.NamedTemporaryFile(dir=scratch, delete=False))

    writer, inside = SpoolWriter(new_file), None
    scan = _by_toc(task, writer, limits)
    if scan is None:
        writer, inside = SpoolWriter(new_file), InsideReader(new_file)
        with task.source.open() as stream:
            scan = scan_layer(
                stream,
                sink=writer.extend,
                limits=limits,
                expected_digest=task.expected_digest,
                expected_diff_id=task.expected_diff_id,
                digest=task.digest,
                look=inside,
                ahead=MadeAhead if ahead else None,
            )
    if scan.status == "mismatch":
        return LayerResult(task.key, scan, None, None)
    with writer.finish() as rows:
        rows.flush()
        spool = spools / (task.key.replace(":", "-").replace("/", "-") + ".rows")
        Path(rows.name).replace(spool)
    return LayerResult(task.key, scan, spool, None, None if inside is None else inside.found())


def _by_toc(task: LayerTask, writer: SpoolWriter, limits: ScanLimits) -> LayerScan | None:
    """A scan of the layer's table of contents. None: read the layer."""
    source = task.source
    if task.toc_digest is None or task.size is None or not isinstance(source, RangedSource):
        return None
    try:
        scan = scan_toc(
            source.read_range,
            task.size,
            sink=writer.extend,
            limits=limits,
            expected_toc_digest=task.toc_digest,
        )
    except DockmlError:
        return None  # reading the layer will show whether only the range request failed
    return scan if scan is not None and scan.status == "complete" else None


def main() -> None:
    """Make the calls read from standard input until it ends; pickled results go to standard output."""
    requests, answers = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # printed text must not get among the answers
    _bound_memory()
    # Millions of rows are allocated and freed, and none is part of a reference cycle.
    gc.set_threshold(100_000)
    # The thread that reads ahead waits for Python's lock after each chunk: at most so long (`ahead`).
    sys.setswitchinterval(0.0001)
    inbox = _Inbox(requests)
    while (request := inbox.next()) is not None:
        function, arguments = request
        try:
            answer = pickle.dumps(function(*arguments))
        except Exception as error:
            answer = pickle.dumps(Failure(_portable(error)))
        answers.write(answer)
        answers.flush()
    gc.freeze()  # the process ends: a last search for reference cycles took half a second, and the parent waits


_Request = tuple[Callable[..., object], tuple[Any, ...]]
"""A function to call, and its arguments."""


class _Inbox:
    """Requests as they come. The parent sends one call at a time and closes its side only when all are done: an end of
    input during a call means that the parent was killed, and the worker must not go on for an hour.
    """

    def __init__(self, requests: BinaryIO) -> None:
        self._requests = requests
        self._queue: SimpleQueue[_Request | None] = SimpleQueue()
        self._busy = False
        threading.Thread(target=self._receive, daemon=True).start()

    def next(self) -> _Request | None:
        """The next request; None: the end."""
        self._busy = False
        request = self._queue.get()
        self._busy = request is not None
        return request

    def _receive(self) -> None:
        try:
            while True:
                self._queue.put(pickle.load(self._requests))  # noqa: S301 - from the parent process only
        except EOFError:
            if self._busy:
                os._exit(1)
            self._queue.put(None)
        except BaseException:
            traceback.print_exc()
            os._exit(1)


def _bound_memory() -> None:
    try:
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    except (ImportError, ValueError, OSError):  # not every system supports it
        pass
