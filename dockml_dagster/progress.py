"""Progress of long work, reported without knowing who displays it.

Here: the channel. Not here: the bar itself (``commands``). Under the daemon and in the UI nobody listens.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Protocol


class Listener(Protocol):
    """Displays progress: learns of bars and steps, not of where the work is done."""

    def __call__(self, what: str, steps: int, total: int | None = None, unit: str = "") -> None:
        """``total`` announces the bar ``what`` (0: length unknown), ``steps`` advance it, ``unit`` is worked on now."""


_listener: ContextVar[Callable[[str, int], None] | None] = ContextVar("progress_listener", default=None)


def advance(what: str, steps: int = 1) -> None:
    """Report that ``steps`` more units of ``what`` are done."""
    listener = _listener.get()
    if listener is not None:
        listener(what, steps)


def at(unit: str) -> None:
    """Report which unit (for example a project) is being worked on now; nothing is counted."""
    advance(unit, 0)


@contextmanager
def listening(listener: Callable[[str, int], None]) -> Iterator[None]:
    """Call ``listener(what, steps)`` for all progress inside; with 0 steps ``what`` is the unit that is being worked on."""
    token = _listener.set(listener)
    try:
        yield
    finally:
        _listener.reset(token)
