"""Telling whoever watches how far long work is, without knowing who watches.

Here: the channel. The bar itself is drawn by ``cli``; under the daemon and in the UI nobody listens.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Protocol


class Listener(Protocol):
    """Who watches a command: hears of bars, not of where the work is done."""

    def __call__(self, what: str, steps: int, total: int | None = None, unit: str = "") -> None:
        """``total`` announces the bar ``what`` (0: not known), ``steps`` advance it, ``unit`` is worked on now."""


_listener: ContextVar[Callable[[str, int], None] | None] = ContextVar("progress_listener", default=None)


def advance(what: str, steps: int = 1) -> None:
    """Say that ``steps`` more units of ``what`` are done."""
    listener = _listener.get()
    if listener is not None:
        listener(what, steps)


def at(unit: str) -> None:
    """Say which unit (a project, say) is worked on from now on; nothing is counted."""
    advance(unit, 0)


@contextmanager
def listening(listener: Callable[[str, int], None]) -> Iterator[None]:
    """Call ``listener(what, steps)`` for all that advances inside; with 0 steps ``what`` is the unit that is worked on."""
    token = _listener.set(listener)
    try:
        yield
    finally:
        _listener.reset(token)
