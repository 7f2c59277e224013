"""The process that scans layers for ``pool``: calls come in, what they return goes out, rows go to spool files.

Here: everything that must run outside the main process. It imports neither DuckDB nor pandas nor Dagster, so
that a worker stays under 100 MB. Not here: which layers, and what becomes of the rows.
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
from dockml_dagster.images.scanning.inside import InsideReader, LayerInside
from dockml_dagster.study.layer.inflate import ByteStream
from dockml_dagster.study.layer.model import LayerScan, ScanLimits
from dockml_dagster.study.layer.scan import scan_layer
from dockml_dagster.study.layer.spool import SpoolWriter
from dockml_dagster.study.layer.toc import scan_toc

_MEMORY = 1 << 30
"""Address space of a worker: a bound for what the caps did not foresee, far above what a scan takes."""


class LayerSource(Protocol):
    """Where a layer's bytes are; it is pickled and opened in the worker."""

    def open(self) -> AbstractContextManager[ByteStream]:
        """The layer's bytes as stored, from the first on. Errors are the source's own and come through."""
        ...


@runtime_checkable
class RangedSource(LayerSource, Protocol):
    """A source that can also give a part of the layer without the rest."""

    def read_range(self, start: int, length: int) -> bytes:
        """``length`` stored bytes from ``start`` on."""
        ...


@dataclass(frozen=True, slots=True)
class FileSource:
    """A layer in a local file, or in a stretch of one (an archive's member)."""

    path: Path
    offset: int = 0
    length: int | None = None
    """None: to the end of the file."""

    @contextmanager
    def open(self) -> Iterator[ByteStream]:
        """The bytes of the stretch."""
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
    """What tells layers apart: the digest, `sha256:…`. Tasks of one key are done once."""
    source: LayerSource
    size: int | None = None
    """Compressed bytes, where known: large layers start first, so that they do not end last."""
    expected_digest: str | None = None
    expected_diff_id: str | None = None
    digest: bool = True
    """Whether to compute the digest (a local file whose name nobody vouches for may do without)."""
    toc_digest: str | None = None
    """`sha256:…` of the layer's table of contents as the manifest promises it. Where ``source`` is a
    ``RangedSource`` and the table holds what it promises, it is read instead of the layer."""


@dataclass(frozen=True, slots=True)
class LayerResult:
    """What became of one task: a scan with its rows, or the error of its source."""

    key: str
    scan: LayerScan | None
    spool: Path | None
    """Sorted lines (``study/layer/spool``). None: an error, or a mismatch, whose rows are worth nothing."""
    error: Exception | None
    inside: LayerInside | None = None
    """What its files say (``inside``). None: unknown, as of a layer that was read by its table of contents."""


@dataclass(frozen=True, slots=True)
class Failure:
    """What a call raised."""

    error: BaseException


def run_task(task: LayerTask, spools: Path, limits: ScanLimits) -> LayerResult:
    """Scan one layer in this process; its rows become a file in the directory ``spools``.

    A table of contents that cannot be had, is damaged, over a cap or not the promised one decides nothing: the
    layer itself is read then.
    """
    try:
        with tempfile.TemporaryDirectory(prefix=".scan-", dir=spools) as scratch:
            return _run(task, spools, Path(scratch), limits)
    except Exception as error:
        return LayerResult(task.key, None, None, _portable(error))


def _portable(error: Exception) -> Exception:
    """The error, or what it says where it cannot cross to another process."""
    try:
        pickle.dumps(error)
    except Exception:
        return DockmlError(str(error))
    return error


def _run(task: LayerTask, spools: Path, scratch: Path, limits: ScanLimits) -> LayerResult:
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
            )
    if scan.status == "mismatch":
        return LayerResult(task.key, scan, None, None)
    with writer.finish() as rows:
        rows.flush()
        spool = spools / (task.key.replace(":", "-").replace("/", "-") + ".rows")
        Path(rows.name).replace(spool)
    return LayerResult(task.key, scan, spool, None, None if inside is None else inside.found())


def _by_toc(task: LayerTask, writer: SpoolWriter, limits: ScanLimits) -> LayerScan | None:
    """The scan by the layer's table of contents. None: read the layer."""
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
        return None  # reading the layer will tell whether it is only the range that could not be had
    return scan if scan is not None and scan.status == "complete" else None


def main() -> None:
    """Make the calls that standard input asks for until it ends; what they return goes to standard output, pickled."""
    requests, answers = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever prints must not get among the answers
    _bound_memory()
    gc.set_threshold(100_000)  # rows come and go by the million, and none is part of a cycle
    inbox = _Inbox(requests)
    while (request := inbox.next()) is not None:
        function, arguments = request
        try:
            answer = pickle.dumps(function(*arguments))
        except Exception as error:
            answer = pickle.dumps(Failure(_portable(error)))
        answers.write(answer)
        answers.flush()


_Request = tuple[Callable[..., object], tuple[Any, ...]]
"""What is to be called, with which arguments."""


class _Inbox:
    """Requests as they come. The parent asks for one call at a time and ends its side only when all is done: an end
    in the middle of a call means that it was killed, and nobody waits for the rest of an hour's reading.
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
    except (ImportError, ValueError, OSError):  # not every system has it
        pass
