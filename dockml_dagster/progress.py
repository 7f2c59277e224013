"""Telling whoever watches how far long work is, without knowing who watches.

Here: the channel. The bar itself is drawn by ``cli``; under the daemon and in the UI nobody listens.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_listener: ContextVar[Callable[[str, int], None] | None] = ContextVar("progress_listener", default=None)


def advance(what: str, steps: int = 1) -> None:
    """Say that ``steps`` more units of ``what`` are done."""
    listener = _listener.get()
    if listener is not None:
        listener(what, steps)


@contextmanager
def listening(listener: Callable[[str, int], None]) -> Iterator[None]:
    """Call ``listener(what, steps)`` for all that advances inside."""
    token = _listener.set(listener)
    try:
        yield
    finally:
        _listener.reset(token)
