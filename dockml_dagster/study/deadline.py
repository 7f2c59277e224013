"""A limit on the time that work on one target (a project, a text, a layer) may take, checked inside the loops.

Here: setting the limit and checking it. Not here: how long it is (the caller that has the target sets it), the caps by
which each reader stays linear. The limit is the last defence behind those caps: an input that reaches it becomes an
outcome with its reason, and the next target follows.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_ASKED_EVERY = 64


class OutOfTimeError(ValueError):
    """The work on a target took longer than allowed. The message is one line. A retry does not help."""


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
    """Within the block, ``check_time`` raises ``OutOfTimeError`` once ``seconds`` have passed. An outer limit holds too.

    The default clock is this thread's processor time: the load of the machine must not decide what is found. The limit
    holds for this thread only.
    """
    token = _current.set(_Limit(seconds, clock, _current.get()))
    try:
        yield
    finally:
        _current.reset(token)


def check_time() -> None:
    """Raise ``OutOfTimeError`` if any limit around this call has passed. Cheap enough for any loop."""
    limit = _current.get()
    if limit is not None:
        limit.asked += 1
        if limit.asked % _ASKED_EVERY == 1:
            limit.check()


def is_over() -> bool:
    """Whether a limit has passed, for callers through which nothing may be raised. Reads the clock each time."""
    limit = _current.get()
    try:
        if limit is not None:
            limit.check()
    except OutOfTimeError:
        return True
    return False
