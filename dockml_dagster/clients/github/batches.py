"""How much is asked for at once: as much as worked lately.

Here: a size that is halved where the server does not manage it and grows back where it does. Not here: what is asked.

The size grows by a step and falls by half, as networks share a line (Chiu and Jain 1989, "Analysis of the increase and
decrease algorithms for congestion avoidance"): after an outage it is back in a few calls, and it settles just below what
the server manages.
"""

from dataclasses import dataclass

from dockml_dagster.clients.github.store import GithubStore

PATIENCE = 3
"""Failures of the server in a row, with as little as can be asked for, after which it is asked no more."""


@dataclass(slots=True)
class BatchSize:
    """The size of batches of one kind (``what``), kept for the next run and for other processes.

    ``most``: where it begins and ends; ``fewest``: what it does not fall below; ``step``: what it grows by.
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
        """So many were answered at once."""
        self.failures = 0
        size = self.now
        if asked >= size < self.most:
            self._learn(min(size + self.step, self.most))

    def failed(self, asked: int) -> bool:
        """So many at once were too many. Returns whether that is one too often with the fewest that can be asked for."""
        # Somebody else may have learned of less meanwhile.
        self._learn(max(min(asked // 2, self.now), self.fewest))
        self.failures += asked <= self.fewest
        return self.failures >= PATIENCE

    def _learn(self, size: int) -> None:
        self.store.put_document("capacity", self.what, size)
