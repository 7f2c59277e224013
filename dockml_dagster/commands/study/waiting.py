"""Work that a limit kept a study from doing: what it is, when it can go on, and waiting for that.

Here: the closing line of a study that a limit stopped, and the loop of ``--wait``. Not here: the study itself
(``bring_up_to_date``), what a limit is (``clients``).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from dockml_dagster.corpora.base import Unasked
from dockml_dagster.errors import DockmlError
from dockml_dagster.progress import Listener
from dockml_dagster.warehouse.due.delayed import Delayed

EXIT_CODE: Final = 7
"""Exit code of a study that is not finished: run it again."""
FIRST_WAIT: Final = 60.0
LONGEST_WAIT: Final = 900.0
"""Waits where no time is stated: the first, doubled after each round without progress, and the longest."""
TRIES: Final = 12
"""Most consecutive rounds without progress and without a stated time to wait for."""
_SLICE: Final = 60.0


@dataclass(frozen=True, slots=True)
class Waiting:
    """What is left. ``what``: each part with its count. ``reason``, ``retry_at``: of the part that can go on first (unix
    time; None: not known). ``runs``: about how many more runs without ``--wait``; None: not known.
    """

    what: tuple[str, ...]
    reason: str
    retry_at: float | None
    runs: int | None = None

    def said(self) -> str:
        """The closing line: what is left and why, when to run the command again, and how often."""
        when = f"after {moment(self.retry_at)}" if self.retry_at is not None else "later"
        times = ""
        if self.runs is not None:
            times = ", about once more" if self.runs < 2 else f", about {self.runs} times an hour apart"
        left = ", ".join(self.what)
        return f"not at its end: {left}; {self.reason}; run the same command again {when}{times}, or once with --wait"


def waiting(unasked: Unasked | None, delayed: Delayed, runs: int | None = None) -> Waiting | None:
    """What is left of a study; None if no limit or outage left anything undone."""
    parts, reasons = [], []
    if unasked is not None:
        for count, one, more in (
            (unasked.searches, "a search is not ended", "searches are not ended"),
            (unasked.candidates, "1 repository was not asked for", "repositories were not asked for"),
            (unasked.projects, "1 project was not looked at again", "projects were not looked at again"),
        ):
            if count:
                parts.append(one if count == 1 else f"{count:,} {more}")
        reasons.append((unasked.retry_at, unasked.reason))
    if delayed.limited:
        some = "1 project is" if delayed.limited == 1 else f"{delayed.limited:,} projects are"
        parts.append(f"{some} not collected whole")
        reasons.append((delayed.retry_at, delayed.reason or "a limit"))
    if not parts:
        return None
    first = min(reasons, key=lambda one: one[0] if one[0] is not None else float("inf"))
    return Waiting(tuple(parts), first[1], first[0], runs)


def until_done(
    study: Callable[[], tuple[str, Waiting | None]],
    tell: Callable[[str], None],
    listener: Listener,
    *,
    now: Callable[[], float] = time.time,
    sleep: Callable[[float], None] = time.sleep,
) -> tuple[str, Waiting | None]:
    """Repeat ``study`` until nothing is left, waiting in between; returns the last round's summary and what is left.

    ``tell`` is called with each round's summary. A service that does not answer is waited for like a limit.
    Raises the errors of ``study`` that a retry cannot help, and a retryable one that does not go away.
    """
    vain = 0
    before: tuple[str, ...] = ()
    while True:
        try:
            summary, left = study()
        except DockmlError as error:
            if not error.retryable or vain + 1 >= TRIES:
                raise
            summary, left = "", Waiting(("a service does not answer",), str(error), None)
        if left is None:
            return summary, None
        # A stated time that has passed without progress is no time to wait for.
        known = left.retry_at if left.retry_at is not None and left.retry_at > now() else None
        vain = vain + 1 if known is None and left.what == before else 0
        before = left.what
        if vain >= TRIES:
            return summary, left
        seconds = min(FIRST_WAIT * 2**vain, LONGEST_WAIT) if known is None else known - now() + 1.0
        tell(f"{summary}\n  {', '.join(left.what)}; {left.reason}" if summary else left.reason)
        _wait(seconds, listener, now, sleep)


def _wait(
    seconds: float, listener: Listener, now: Callable[[], float], sleep: Callable[[float], None]
) -> None:
    what = f"seconds waited, until {moment(now() + seconds)}"
    listener(what, 0, round(seconds))
    ends = now() + seconds
    while (left := ends - now()) > 0:
        part = min(left, _SLICE)
        sleep(part)
        listener(what, round(part), None)


def moment(at: float) -> str:
    """A unix time as people read it."""
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M} UTC"
