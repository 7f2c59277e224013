"""The interface of observers that see the content of files during the walk over an archive.

Here: the protocols. Not here: the walk (``tar_walk``), the observers (``images.scanning``).
"""

from __future__ import annotations

from typing import Protocol


class Parts(Protocol):
    """Receives a file's content piece by piece."""

    def add(self, chunk: bytes, start: int, stop: int) -> None:
        """The next piece, ``chunk[start:stop]``; ``chunk`` must not be kept, only copied from."""

    def end(self) -> None:
        """The content is complete."""


class Look(Protocol):
    """Sees the content of files during the walk. Must not raise, whatever a file holds."""

    def whole(self, path: str, chunk: bytes, start: int, stop: int) -> None:
        """A file with this cleaned path, whose content is ``chunk[start:stop]``."""

    def parts(self, path: str, size: int) -> Parts | None:
        """A receiver for a file that does not lie in one chunk. None: the content is not wanted."""
