"""Closing at the end of a ``with`` statement.

Here: the base class that clients and sources share. Not here: what each of them closes.
"""

from __future__ import annotations

from types import TracebackType
from typing import Self


class Closing:
    """Base of classes that release files or connections at the end of ``with``."""

    __slots__ = ()

    def close(self) -> None:
        """Release nothing, unless a subclass overrides this."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
