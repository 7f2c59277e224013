"""What is closed at the end of a ``with`` statement.

Here: the one way in which clients and sources do it. Not here: what there is to close.
"""

from __future__ import annotations

from types import TracebackType
from typing import Self


class Closing:
    """Base of what lets go of files or connections at the end of ``with``."""

    __slots__ = ()

    def close(self) -> None:
        """Nothing to let go of, unless a subclass says so."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
