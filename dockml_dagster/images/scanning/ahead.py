"""What one thread makes while another uses what came before: reading and inflating beside the walk.

Here: the thread and the few results that wait between the two. Reading, hashing and inflating leave Python's lock alone, so
that a single large layer uses a second core. Not here: what is made (``study.layer.inflate``), for which layers (``pool``).
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Final, Generic, TypeVar

_T = TypeVar("_T")

_AT_ONCE: Final = 3
"""Results that may be there at once, the one that is being made among them: some chunks of memory."""


class MadeAhead(Generic[_T]):
    """Calls a function again and again, in a thread of its own, and gives what it returned in order (``inflate.Ahead``)."""

    def __init__(self, make: Callable[[], _T]) -> None:
        """``make`` is not called after it raised."""
        self._make = make
        self._made: SimpleQueue[tuple[_T, None] | tuple[None, BaseException]] = SimpleQueue()
        self._room: SimpleQueue[bool] = SimpleQueue()
        self._ended = False
        for _ in range(_AT_ONCE):
            self._room.put(True)
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def __call__(self) -> _T:
        """The next result. Raises what ``make`` raised in its place; not to be called again then."""
        value, error = self._made.get()
        if error is not None:
            raise error
        self._room.put(True)
        return value  # type: ignore[return-value]  # None only beside an error

    def stop(self) -> None:
        """Make nothing more; what was made and not taken is lost. Returns when a call that is under way has ended."""
        self._ended = True
        self._room.put(False)
        self._thread.join()

    def _run(self) -> None:
        while self._room.get() and not self._ended:
            try:
                self._made.put((self._make(), None))
            except BaseException as error:  # raised where the result is taken
                self._made.put((None, error))
                return
