"""Layers scanned in parallel processes, each distinct layer once.

Here: the processes. They live with the clients because ``study`` starts none and reads no files. They are
plain Python processes, not those of ``multiprocessing``: its spawn and forkserver import the parent's
main module first, which inside Dagster costs every worker 1.3 s and 150 MB. A worker that dies takes one
layer with it, not the pool. Not here: the scan (``layer_worker``, ``study/layer``).
"""

from __future__ import annotations

import contextlib
import os
import pickle
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from queue import SimpleQueue
from types import TracebackType
from typing import IO, Final, cast

from dockml_dagster.clients.layer_worker import FileSource, LayerResult, LayerSource, LayerTask, run_task
from dockml_dagster.errors import DockmlError
from dockml_dagster.study.layer.model import ScanLimits

__all__ = ["FileSource", "LayerResult", "LayerSource", "LayerTask", "WorkerDiedError", "scan_layers"]

_INLINE_BYTES: Final = 4 << 20
"""Below this, in all, starting a process costs more than scanning."""
_HERE_BYTES: Final = 256 << 20
"""So many plain bytes are read in about the time that a process takes to start."""
_GRACE: Final = 60.0


class WorkerDiedError(DockmlError):
    """A worker ended in the middle of a layer: out of memory, killed, or over the cap on time by far.

    A retry can help only if the machine was short of memory.
    """


def scan_layers(
    tasks: Iterable[LayerTask],
    spools: Path,
    *,
    limits: ScanLimits | None = None,
    workers: int | None = None,
    here: bool = False,
) -> Iterator[LayerResult]:
    """Scan layers, each key once, and yield what became of each as it finishes.

    Rows go to files in the existing directory ``spools``, one a layer, which the caller removes.
    ``workers``: how many processes; None: one a core; 0: none, everything in this process. A little work is
    done in this process anyway. ``here``: this process is one of them, and scans while the others still start; for
    plain archives that lie on this machine, where no decompressor can take the process with it and no server can
    keep it waiting. Closing the iterator ends the workers.
    """
    limits = limits or ScanLimits()
    queue = deque(
        sorted(_distinct(tasks), key=lambda task: -(task.size if task.size is not None else sys.maxsize))
    )
    sizes = [task.size for task in queue]
    total = None if None in sizes else sum(size or 0 for size in sizes)
    count = min(workers if workers is not None else len(os.sched_getaffinity(0)) or 1, len(queue))
    if here and count:
        # What one reads by itself in the time that a worker takes to start needs no worker.
        count = min(count - 1, (total or 0) // _HERE_BYTES)
    if count == 0 or (total is not None and total < _INLINE_BYTES):
        while queue:
            yield run_task(queue.popleft(), spools, limits)
        return
    with _Pool(count, limits) as pool:
        yield from pool.results(queue, spools, here=here)


def _distinct(tasks: Iterable[LayerTask]) -> Iterable[LayerTask]:
    distinct: dict[str, LayerTask] = {}
    for task in tasks:
        other = distinct.setdefault(task.key, task)
        if other.toc_digest != task.toc_digest:
            # Manifests disagree about the layer's table of contents: one must not speak for the other's image.
            distinct[task.key] = replace(task, toc_digest=None)
    return distinct.values()


class _Pool:
    """Some workers and a thread for each that waits for it."""

    def __init__(self, count: int, limits: ScanLimits) -> None:
        self._limits = limits
        self._all = [_Worker() for _ in range(count)]
        self._threads: list[threading.Thread] = []
        self._closed = False

    def __enter__(self) -> _Pool:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closed = True
        for worker in self._all:
            worker.end(kill=kind is not None)
        for thread in self._threads:
            thread.join()

    def results(self, queue: deque[LayerTask], spools: Path, *, here: bool) -> Iterator[LayerResult]:
        finished: SimpleQueue[LayerResult | BaseException] = SimpleQueue()
        missing = len(queue)
        for number in range(len(self._all)):
            thread = threading.Thread(target=self._serve, args=(number, queue, spools, finished), daemon=True)
            self._threads.append(thread)
            thread.start()
        while missing:
            if here and (task := _next(queue)) is not None:
                finished.put(run_task(task, spools, self._limits))
            while True:
                result = finished.get()
                if isinstance(result, BaseException):
                    raise result
                missing -= 1
                yield result
                if not missing or (here and finished.empty()):
                    break

    def _serve(
        self,
        number: int,
        queue: deque[LayerTask],
        spools: Path,
        finished: SimpleQueue[LayerResult | BaseException],
    ) -> None:
        try:
            while not self._closed and (task := _next(queue)) is not None:
                finished.put(self._run(number, task, spools))
        except BaseException as error:  # a bug, which must not leave the others waiting
            finished.put(error)

    def _run(self, number: int, task: LayerTask, spools: Path) -> LayerResult:
        worker = self._all[number]
        try:
            return worker.run(task, spools, self._limits)
        except (EOFError, OSError, pickle.UnpicklingError):
            code = worker.end(kill=True)
            error = WorkerDiedError(f"{task.key}: the scanning process ended early (status {code})")
            if not self._closed:
                self._all[number] = _Worker()
            return LayerResult(task.key, None, None, error)


def _next(queue: deque[LayerTask]) -> LayerTask | None:
    try:
        return queue.popleft()
    except IndexError:
        return None


class _Worker:
    def __init__(self) -> None:
        home = str(Path(__file__).resolve().parents[2])
        paths = [home, *filter(None, [os.environ.get("PYTHONPATH")])]
        # Not `-m`: the module would be `__main__` there, and its classes others than ours to pickle.
        self._process = subprocess.Popen(
            [sys.executable, "-c", "from dockml_dagster.clients.layer_worker import main; main()"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            # Ctrl-C goes to the terminal's whole group: the parent says what happened, once, and ends the workers.
            process_group=0,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
        )
        self._requests = cast("IO[bytes]", self._process.stdin)
        self._answers = cast("IO[bytes]", self._process.stdout)

    def run(self, task: LayerTask, spools: Path, limits: ScanLimits) -> LayerResult:
        # A stream that hangs is not seen by the cap on time, which is looked at between reads.
        alarm = threading.Timer(limits.seconds + _GRACE, self._process.kill)
        alarm.daemon = True
        alarm.start()
        try:
            pickle.dump((task, spools, limits), self._requests)
            self._requests.flush()
            result: LayerResult = pickle.load(self._answers)  # noqa: S301 - our own process
        finally:
            alarm.cancel()
        return result

    def end(self, *, kill: bool) -> int:
        """End the process: when it has nothing more to read, or at once. Its exit status."""
        if kill:
            self._process.kill()
        with contextlib.suppress(OSError):  # a dead reader
            self._requests.close()
        status = self._process.wait()
        self._answers.close()
        return status
