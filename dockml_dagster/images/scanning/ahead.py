"""A producer thread that works ahead of its consumer: reading and inflating beside the walk over a layer.

Here: the thread, and the few results that wait between the two. Reading, hashing and inflating release Python's lock, so
that a single large layer uses a second core. Not here: the work (``study.layer.inflate``), the choice of layers (``pool``).
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Final, Generic, TypeVar

_T = TypeVar("_T")

_AT_ONCE: Final = 3
"""Most results in memory at once, including the one being made: some chunks of memory."""


class MadeAhead(Generic[_T]):
    """Calls a function repeatedly in its own thread, and returns the results in order (``inflate.Ahead``)."""

    def __init__(self, make: Callable[[], _T]) -> None:
        """``make``: the function; it is not called again after it has raised."""
        self._make = make
        self._made: SimpleQueue[tuple[_T, None] | tuple[None, BaseException]] = SimpleQueue()
        self._room: SimpleQueue[bool] = SimpleQueue()
        self._ended = False
        for _ in range(_AT_ONCE):
            self._room.put(True)
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def __call__(self) -> _T:
        """The next result. Raises the error that ``make`` raised instead; do not call it again then."""
        value, error = self._made.get()
        if error is not None:
            raise error
        self._room.put(True)
        return value  # type: ignore[return-value]  # None only beside an error

    def stop(self) -> None:
        """Stop; results that were not taken are lost. Returns when a running call has ended."""
        self._ended = True
        self._room.put(False)
        self._thread.join()

    def _run(self) -> None:
        while self._room.get() and not self._ended:
            try:
                self._made.put((self._make(), None))
            except BaseException as error:  # raised again when the result is taken
                self._made.put((None, error))
                return
