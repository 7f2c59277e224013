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
from collections.abc import Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
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
) -> Iterator[LayerResult]:
    """Scan layers, each key once, and yield what became of each as it finishes.

    Rows go to files in the existing directory ``spools``, one a layer, which the caller removes.
    ``workers``: how many processes; None: one a core; 0: none, everything in this process. A little work is
    done in this process anyway. Closing the iterator ends the workers.
    """
    limits = limits or ScanLimits()
    distinct: dict[str, LayerTask] = {}
    for task in tasks:
        other = distinct.setdefault(task.key, task)
        if other.toc_digest != task.toc_digest:
            # Manifests disagree about the layer's table of contents: one must not speak for the other's image.
            distinct[task.key] = replace(task, toc_digest=None)
    queue = sorted(distinct.values(), key=lambda task: -(task.size if task.size is not None else sys.maxsize))
    sizes = [task.size for task in queue]
    small = None not in sizes and sum(size or 0 for size in sizes) < _INLINE_BYTES
    if workers == 0 or small:
        for task in queue:
            yield run_task(task, spools, limits)
        return
    count = min(workers or len(os.sched_getaffinity(0)) or 1, len(queue)) if queue else 0
    if count:
        with _Pool(count, limits) as pool:
            yield from pool.results(queue, spools)


class _Pool:
    """Some workers and a thread for each that waits for it."""

    def __init__(self, count: int, limits: ScanLimits) -> None:
        self._limits = limits
        self._idle: SimpleQueue[_Worker] = SimpleQueue()
        self._all = [_Worker() for _ in range(count)]
        for worker in self._all:
            self._idle.put(worker)
        self._threads = ThreadPoolExecutor(count)
        self._closed = False

    def __enter__(self) -> _Pool:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closed = True
        for worker in self._all:
            worker.end(kill=kind is not None)
        self._threads.shutdown(wait=True, cancel_futures=True)

    def results(self, queue: list[LayerTask], spools: Path) -> Iterator[LayerResult]:
        waiting: set[Future[LayerResult]] = {self._threads.submit(self._run, task, spools) for task in queue}
        while waiting:
            done, waiting = wait(waiting, return_when=FIRST_COMPLETED)
            for future in done:
                yield future.result()

    def _run(self, task: LayerTask, spools: Path) -> LayerResult:
        worker = self._idle.get()
        try:
            return worker.run(task, spools, self._limits)
        except (EOFError, OSError, pickle.UnpicklingError):
            code = worker.end(kill=True)
            error = WorkerDiedError(f"{task.key}: the scanning process ended early (status {code})")
            if not self._closed:
                self._all.remove(worker)
                worker = _Worker()
                self._all.append(worker)
            return LayerResult(task.key, None, None, error)
        finally:
            self._idle.put(worker)


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
