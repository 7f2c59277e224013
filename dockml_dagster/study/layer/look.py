"""Who sees the content of files while the walk passes them.

Here: what is asked of whoever looks. Not here: the walk (``tar_walk``), what is looked for.
"""

from __future__ import annotations

from typing import Protocol


class Parts(Protocol):
    """Takes a file's content piece by piece."""

    def add(self, chunk: bytes, start: int, stop: int) -> None:
        """The next piece, ``chunk[start:stop]``; ``chunk`` must not be kept, only copied from."""

    def end(self) -> None:
        """That was all."""


class Look(Protocol):
    """Sees the content of files as it passes. Must not raise for what a file holds."""

    def whole(self, path: str, chunk: bytes, start: int, stop: int) -> None:
        """A file, by its cleaned path, whose content is ``chunk[start:stop]``."""

    def parts(self, path: str, size: int) -> Parts | None:
        """Who takes a file that does not lie in one chunk. None: nobody."""
