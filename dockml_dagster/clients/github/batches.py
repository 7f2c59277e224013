"""Adaptive batch sizes: ask for as much at once as worked lately.

Here: a size that is halved when the server cannot answer a batch, and grows back when it can. Not here: what is asked.

Additive increase, multiplicative decrease, as in congestion control (Chiu and Jain 1989, "Analysis of the increase and
decrease algorithms for congestion avoidance"): after an outage the size recovers in a few calls, and it settles just below
what the server can answer.
"""

from dataclasses import dataclass

from dockml_dagster.clients.github.store import GithubStore

PATIENCE = 3
"""Consecutive failures of the server at the smallest batch size after which it is asked no more."""


@dataclass(slots=True)
class BatchSize:
    """The size of batches of one kind (``what``), kept for the next run and for other processes.

    ``most``: the initial and largest size; ``fewest``: the smallest; ``step``: the increment.
    """

    store: GithubStore
    what: str
    most: int
    fewest: int
    step: int
    failures: int = 0

    @property
    def now(self) -> int:
        """How many to ask for at once."""
        learned = self.store.document("capacity", self.what)
        return max(min(learned, self.most), self.fewest) if isinstance(learned, int) else self.most

    def worked(self, asked: int) -> None:
        """Record that a batch of ``asked`` was answered."""
        self.failures = 0
        size = self.now
        if asked >= size < self.most:
            self._learn(min(size + self.step, self.most))

    def failed(self, asked: int) -> bool:
        """Record that a batch of ``asked`` failed. Returns whether the smallest size has now failed ``PATIENCE`` times."""
        # Another process may have lowered the size meanwhile.
        self._learn(max(min(asked // 2, self.now), self.fewest))
        self.failures += asked <= self.fewest
        return self.failures >= PATIENCE

    def _learn(self, size: int) -> None:
        self.store.put_document("capacity", self.what, size)
