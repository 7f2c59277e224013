"""Retry policy: whether and when to try again, decided from the error alone.

Here: the number of attempts and the waits between them. Not here: trying again (``client``), pauses that one thread's
limit imposes on all (``budget``).

Exponential backoff with full jitter (threads that failed together do not come back together), never shorter than the
server asked for. Where the server asks for a longer wait than a run can afford, there is no retry.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass

from dockml_dagster.clients.http.errors import FetchError, LimitedError, PullLimitError


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """``attempts`` in all; the wait before the n-th retry is a random part of ``first_wait`` × 2^(n-1)
    seconds, at most ``longest_wait``. A wait that the server asks for is obeyed up to ``longest_obeyed`` seconds; beyond,
    the error is raised. ``obeys_limits``: False leaves limits, and the pauses they ask for, to the caller.
    """

    attempts: int = 4
    first_wait: float = 0.5
    longest_wait: float = 20.0
    longest_obeyed: float = 60.0
    obeys_limits: bool = True

    def wait(
        self, error: FetchError, failures: int, chance: Callable[[], float] = random.random
    ) -> float | None:
        """Seconds to wait after the ``failures``-th failure; None: give up.

        ``chance`` gives a number from 0 to 1.
        """
        if not error.retryable or failures >= self.attempts:
            return None
        if isinstance(error, LimitedError) and not self.obeys_limits:
            return None
        backoff = min(self.longest_wait, self.first_wait * 2 ** (failures - 1)) * chance()
        if error.retry_after is not None:
            return None if error.retry_after > self.longest_obeyed else error.retry_after + backoff
        # An allowance of several hours does not come back in seconds.
        return None if isinstance(error, PullLimitError) else backoff


NO_RETRY = RetryPolicy(attempts=1)
