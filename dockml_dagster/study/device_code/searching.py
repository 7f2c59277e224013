"""Finding where device code may begin in a file: two aligned words among gigabytes.

Here: the search in one piece. Not here: what stands there (``reading``). By numpy a search takes a tenth of hashing the same
bytes; its import takes as long as searching some 250 MB without it, so it comes after the first files.
"""

from __future__ import annotations

import re
from typing import Final

from dockml_dagster.study.device_code import amd, nvidia

WORD: Final = 8
"""Bytes that begin a container, and that of a bundle tell enough."""

_WITHOUT_NUMPY: Final = 96 << 20
"""Bytes that are searched before numpy is imported."""
_BLOCKS: Final = (1 << 9, 1 << 12, 1 << 15)
"""Words that are compared at once: few after a container, where the next one is near."""
_MAGIC: Final = int.from_bytes(nvidia.MAGIC, "little")
_CONTAINER: Final = re.compile(re.escape(nvidia.MAGIC)).search
_BUNDLE: Final = re.compile(b"[C_]").finditer
_BEGINNINGS: Final = (amd.PACKED, amd.PLAIN[:4])


class Search:
    """Searches pieces of the files of one layer."""

    def __init__(self) -> None:
        self._searched = 0

    def next(self, view: memoryview, at: int, offset: int, *, near: bool) -> int | None:
        """Where in ``view``, from ``at`` on, a word begins that may begin a container, or that goes on in the next piece.
        None: nowhere. ``offset``: of ``view[at]`` in its file. ``near``: a container has just ended.
        """
        first = at + -offset % WORD
        words = (len(view) - first) // WORD
        found = None
        if words > 0:
            self._searched += words * WORD
            found = self._container(view, first, words, near=near)
        bundle = self._bundle(view, at + -offset % amd.ALIGNED, len(view) if found is None else found)
        if bundle is not None:
            return bundle
        if found is None and first + max(words, 0) * WORD < len(view):
            return first + max(words, 0) * WORD
        return found

    def _container(self, view: memoryview, first: int, words: int, *, near: bool) -> int | None:
        if self._searched < _WITHOUT_NUMPY:
            at = first
            while (match := _CONTAINER(view, at)) is not None:
                if (match.start() - first) % WORD == 0:
                    return match.start()
                at = match.start() + 1
            return None
        import numpy as np

        every = np.frombuffer(view, "<u8", words, first)
        done, size = 0, 0 if near else len(_BLOCKS) - 1
        while done < words:
            hits = every[done : done + _BLOCKS[size]] == _MAGIC
            if hits.any():
                return first + (done + int(hits.argmax())) * WORD
            done += _BLOCKS[size]
            size = min(size + 1, len(_BLOCKS) - 1)
        return None

    @staticmethod
    def _bundle(view: memoryview, first: int, before: int) -> int | None:
        if first >= before:
            return None
        for match in _BUNDLE(bytes(view[first : before : amd.ALIGNED])):
            at = first + match.start() * amd.ALIGNED
            if at + WORD > len(view) or bytes(view[at : at + 4]) in _BEGINNINGS:
                return at
        return None
