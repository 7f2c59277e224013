"""How long the work on one target (a project, a text, a layer) may take, asked inside the loops that do it.

Here: the limit and the question. Not here: how long is long enough (whoever has a target says it), what is linear
anyway (every reader's own caps). A limit is the last line behind those caps: an input that reaches it is an outcome
with its reason, and the next target goes on.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_ASKED_EVERY = 64


class OutOfTimeError(ValueError):
    """The work on a target took longer than it may. The text is one line. Doing it again takes as long."""


class _Limit:
    def __init__(self, seconds: float, clock: Callable[[], float], outer: _Limit | None) -> None:
        self.seconds = seconds
        self.clock = clock
        self.ends = clock() + seconds
        self.outer = outer
        self.asked = 0

    def check(self) -> None:
        if self.clock() > self.ends:
            raise OutOfTimeError(f"not read within {self.seconds:g} s")
        if self.outer is not None:
            self.outer.check()


_current: ContextVar[_Limit | None] = ContextVar("time limit", default=None)


@contextmanager
def time_limit(seconds: float, clock: Callable[[], float] = time.thread_time) -> Iterator[None]:
    """Inside, ``check_time`` raises ``OutOfTimeError`` once ``seconds`` have passed; a limit around it holds too.

    Seconds are this thread's processor time, unless ``clock`` is another: what others do on the machine must not decide
    what is found. It holds for this thread alone.
    """
    token = _current.set(_Limit(seconds, clock, _current.get()))
    try:
        yield
    finally:
        _current.reset(token)


def check_time() -> None:
    """Raise ``OutOfTimeError`` if the time of any limit around this call is over. Cheap enough for any loop."""
    limit = _current.get()
    if limit is not None:
        limit.asked += 1
        if limit.asked % _ASKED_EVERY == 1:
            limit.check()


def is_over() -> bool:
    """Whether ``check_time`` would raise, for callers that cannot be raised through. Asks the clock each time."""
    limit = _current.get()
    try:
        if limit is not None:
            limit.check()
    except OutOfTimeError:
        return True
    return False
