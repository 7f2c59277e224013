"""Layers scanned in parallel processes, each distinct layer once, and other work for parallel processes.

Here: the processes, which are plain Python processes and not those of ``multiprocessing``: its spawn and forkserver
import the parent's main module first, which inside Dagster costs every worker 1.3 s and 150 MB. A worker that dies
loses one layer, not the pool. They are not in ``study``, which starts no processes and reads no files. Not here: the
scan (``worker``, ``study/layer``).
"""

from __future__ import annotations

import contextlib
import math
import os
import pickle
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from queue import SimpleQueue
from types import TracebackType
from typing import IO, Any, Final, Generic, Self, TypeVar, cast

from dockml_dagster.errors import DockmlError
from dockml_dagster.images.scanning.worker import (
    Failure,
    FileSource,
    LayerResult,
    LayerSource,
    LayerTask,
    run_task,
)
from dockml_dagster.study.layer.model import ScanLimits

__all__ = [
    "FileSource",
    "LayerResult",
    "LayerSource",
    "LayerTask",
    "Pending",
    "ScanPool",
    "WorkerDiedError",
]

_INLINE_BYTES: Final = 4 << 20
"""Below this total, starting a process costs more than scanning."""
_HERE_BYTES: Final = 256 << 20
"""Plain bytes that are read in about the time that a process needs to start."""
_GRACE: Final = 60.0

_T = TypeVar("_T")


class WorkerDiedError(DockmlError):
    """A worker ended in the middle of a layer: out of memory, killed, or far beyond the time limit.

    A retry can help only if the machine was short of memory.
    """


class Pending(Generic[_T]):
    """A call made by a process of the pool, or by this one if none has begun it when the result is needed."""

    def __init__(
        self, function: Callable[..., _T], arguments: tuple[Any, ...], finished: SimpleQueue[Pending[_T]]
    ) -> None:
        self.function, self.arguments = function, arguments
        self.outcome: _T | Failure | None = None
        self._finished = finished
        self._begun = threading.Lock()

    def claim(self) -> bool:
        """Whether the caller must make the call: true for the first who asks."""
        return self._begun.acquire(blocking=False)

    def run(self) -> None:
        """Make the call in this process."""
        self.end(self.function(*self.arguments))

    def end(self, outcome: _T | Failure) -> None:
        """Set the outcome of the call."""
        self.outcome = outcome
        self._finished.put(self)

    def result(self) -> _T:
        """The function's result, to be asked for once. Raises what the function raised."""
        if self.claim():
            return self.function(*self.arguments)
        outcome = self._finished.get().outcome
        if not isinstance(outcome, Failure):
            return cast("_T", outcome)
        if isinstance(outcome.error, (WorkerDiedError, MemoryError)):
            return self.function(*self.arguments)  # in this process memory has no limit but the machine's
        raise outcome.error


class ScanPool:
    """Processes that scan layers and do other parallel work. They start when there is something
    to do, and end with the ``with`` block. Not thread-safe.
    """

    def __init__(self, *, limits: ScanLimits | None = None, workers: int | None = None) -> None:
        """``workers``: the most processes; None: one per core; 0: none, all work in this process."""
        self._limits = limits or ScanLimits()
        self._most = workers if workers is not None else len(os.sched_getaffinity(0)) or 1
        self._jobs: SimpleQueue[Pending[Any] | None] = SimpleQueue()
        self._workers: list[_Worker] = []
        self._threads: list[threading.Thread] = []
        self._closed = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close(kill=kind is not None)

    def scan(
        self, tasks: Iterable[LayerTask], spools: Path, *, here: bool = False, seconds: float = math.inf
    ) -> Iterator[LayerResult]:
        """Scan layers, each key once, and yield the result of each as it finishes.

        Rows go to files in the existing directory ``spools``, one per layer, which the caller removes. If there is little to
        scan, this process does all of it. ``here``: this process scans too, while the others start; only for uncompressed
        archives on this machine, where no decompressor can crash the process and no server can keep it waiting.
        ``seconds``: time for all layers together; layers that are unfinished then are
        censored. Closing the iterator early ends the pool.
        """
        wanted = sorted(
            _distinct(tasks), key=lambda task: -(task.size if task.size is not None else sys.maxsize)
        )
        sizes = [task.size for task in wanted]
        total = None if None in sizes else sum(size or 0 for size in sizes)
        count = min(self._most, len(wanted))
        if here and count:
            # Work that this process does in the time that a worker needs to start needs no worker.
            count = min(count - 1, (total or 0) // _HERE_BYTES)
        inline = total is not None and total < _INLINE_BYTES
        if inline:
            count = 0
        self.reserve(count)
        finished: SimpleQueue[Pending[LayerResult]] = SimpleQueue()
        limits = replace(self._limits, ends=time.monotonic() + seconds)
        alone = _alone(sizes) if self._most else None
        jobs = [
            Pending(run_task, (task, spools, limits, number == alone), finished)
            for number, task in enumerate(wanted)
        ]
        beside = bool(self._workers) and not inline
        if beside:
            for job in jobs:
                self._jobs.put(job)
        mine = iter(jobs if here or not beside else ())
        missing = len(jobs)
        try:
            while missing:
                own = next((job for job in mine if job.claim()), None)
                if own is not None:
                    own.run()
                while True:
                    result = _layer_result(finished.get())
                    missing -= 1
                    yield result
                    if not missing or finished.empty():
                        break
        finally:
            if missing:
                self._close(kill=True)

    @property
    def is_running(self) -> bool:
        """Whether any process is running."""
        return bool(self._workers)

    def reserve(self, count: int) -> None:
        """Start processes until there are ``count``, at most the allowed number."""
        while len(self._workers) < min(count, self._most) and not self._closed:
            self._workers.append(_Worker())
            number = len(self._workers) - 1
            self._threads.append(threading.Thread(target=self._serve, args=(number,), daemon=True))
            self._threads[-1].start()

    def start(self, function: Callable[..., _T], *arguments: Any) -> Pending[_T]:
        """Have a function called by an idle process, if there are processes (``reserve``).
        Function, arguments and result are pickled.
        """
        job: Pending[_T] = Pending(function, arguments, SimpleQueue())
        if self._workers:
            self._jobs.put(job)
        return job

    def _serve(self, number: int) -> None:
        while (job := self._jobs.get()) is not None:
            if not self._closed and job.claim():
                job.end(self._call(number, job))

    def _call(self, number: int, job: Pending[Any]) -> Any:
        worker = self._workers[number]
        try:
            return worker.call(job.function, job.arguments, self._limits.seconds + _GRACE)
        except (EOFError, OSError, pickle.UnpicklingError):
            code = worker.end(kill=True)
            if not self._closed:
                self._workers[number] = _Worker()
            return Failure(WorkerDiedError(f"the scanning process ended early (status {code})"))
        except BaseException as error:  # a bug must not leave the other calls waiting
            return Failure(error)

    def _close(self, *, kill: bool) -> None:
        self._closed = True
        for _ in self._threads:
            self._jobs.put(None)
        for worker in self._workers:
            worker.end(kill=kill)
        for thread in self._threads:
            thread.join()
        self._workers.clear()
        self._threads.clear()


def _layer_result(job: Pending[LayerResult]) -> LayerResult:
    """The result of a call of ``run_task``. Raises only for a bug of dockml."""
    outcome = job.outcome
    if not isinstance(outcome, Failure):
        return cast("LayerResult", outcome)
    if not isinstance(outcome.error, WorkerDiedError):
        raise outcome.error
    key = job.arguments[0].key
    return LayerResult(key, None, None, WorkerDiedError(f"{key}: {outcome.error}"))


def _alone(sizes: Sequence[int | None]) -> int | None:
    """The layer with more than half of all bytes: read by one processor alone, it would leave the others idle at the end."""
    total = sum(size or 0 for size in sizes)
    return next((number for number, size in enumerate(sizes) if size is not None and 2 * size > total), None)


def _distinct(tasks: Iterable[LayerTask]) -> Iterable[LayerTask]:
    distinct: dict[str, LayerTask] = {}
    for task in tasks:
        other = distinct.setdefault(task.key, task)
        if other.toc_digest != task.toc_digest:
            # Manifests disagree about the layer's table of contents; one must not decide for the other's image.
            distinct[task.key] = replace(task, toc_digest=None)
    return distinct.values()


class _Worker:
    def __init__(self) -> None:
        home = str(Path(__file__).resolve().parents[3])
        paths = [home, *filter(None, [os.environ.get("PYTHONPATH")])]
        # Not `-m`: the module would be `__main__` there, and pickle would see other classes than ours.
        self._process = subprocess.Popen(
            # `-P`: else modules in the current folder, perhaps a foreign project's, would be found before Python's own.
            [sys.executable, "-P", "-c", "from dockml_dagster.images.scanning.worker import main; main()"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            # Ctrl-C reaches the terminal's whole process group; only the parent should report it and end the workers.
            process_group=0,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
        )
        self._requests = cast("IO[bytes]", self._process.stdin)
        self._answers = cast("IO[bytes]", self._process.stdout)

    def call(self, function: Callable[..., Any], arguments: tuple[Any, ...], seconds: float) -> Any:
        """The function's result in the worker, or a ``Failure``. Raises EOFError or OSError if the worker died."""
        # The time limit is checked between reads, so a stream that hangs needs this alarm.
        alarm = threading.Timer(seconds, self._process.kill)
        alarm.daemon = True
        alarm.start()
        try:
            # Pickle before writing: a partial request would corrupt the following ones.
            self._requests.write(pickle.dumps((function, arguments)))
            self._requests.flush()
            return pickle.load(self._answers)  # noqa: S301 - our own process
        finally:
            alarm.cancel()

    def end(self, *, kill: bool) -> int:
        """End the process, after its last request or at once; returns its exit status."""
        if kill:
            self._process.kill()
        with contextlib.suppress(OSError):  # the worker is dead
            self._requests.close()
        status = self._process.wait()
        self._answers.close()
        return status
