"""Finding where device code may begin in a file: two aligned words among gigabytes.

Here: the search in one piece. Not here: reading what begins there (``reading``).

One byte of a container's magic is rare in libraries, and a slice takes every eighth byte of a piece in one step of C. So a
search costs a fifth of hashing the same bytes, and no dependency. Where that byte is frequent, which an attacker can
arrange, the whole magic is searched for: slower, but at the same cost whatever the bytes are.
"""

from __future__ import annotations

import re
from typing import Final

from dockml_dagster.study.device_code import amd, nvidia

WORD: Final = 8
"""Bytes that begin a container, and enough of a bundle to recognise it."""

_BLOCKS: Final = (1 << 9, 1 << 12, 1 << 15)
"""Words that are searched at once: few after a container, because the next one is near."""
_RARE: Final = 3
_RARE_BYTE: Final = nvidia.MAGIC[_RARE]
_CHANCES: Final = 256
"""Most words of a block that may hold the rare byte by chance. In compressed data one word of 256 does."""
_BUNDLE: Final = re.compile(b"[C_]").finditer
_BEGINNINGS: Final = (amd.PACKED, amd.PLAIN[:4])


def next_beginning(chunk: bytes | bytearray, at: int, stop: int, offset: int, *, near: bool) -> int | None:
    """The place in ``chunk[at:stop]`` of the first word that may begin a container or bundle, or that continues in the next
    piece; None: there is none. ``offset``: of ``chunk[at]`` in its file. ``near``: a container has just ended.
    """
    first = at + -offset % WORD
    words = max(stop - first, 0) // WORD
    found = _container(chunk, first, words, near=near)
    bundle = _bundle(chunk, at + -offset % amd.ALIGNED, stop if found is None else found, stop)
    if bundle is not None:
        return bundle
    if found is None and first + words * WORD < stop:
        return first + words * WORD
    return found


def _container(chunk: bytes | bytearray, first: int, words: int, *, near: bool) -> int | None:
    done, size = 0, 0 if near else len(_BLOCKS) - 1
    while done < words:
        count = min(_BLOCKS[size], words - done)
        found = _in_block(chunk, first + done * WORD, count)
        if found is not None:
            return found
        done += count
        size = min(size + 1, len(_BLOCKS) - 1)
    return None


def _in_block(chunk: bytes | bytearray, first: int, words: int) -> int | None:
    column = chunk[first + _RARE : first + words * WORD : WORD]
    word = -1
    for _ in range(_CHANCES):
        word = column.find(_RARE_BYTE, word + 1)
        if word < 0:
            return None
        if chunk.startswith(nvidia.MAGIC, first + word * WORD):
            return first + word * WORD
    at, stop = first + word * WORD + 1, first + words * WORD
    while (at := chunk.find(nvidia.MAGIC, at, stop)) >= 0 and (at - first) % WORD:
        at += 1
    return at if at >= 0 else None


def _bundle(chunk: bytes | bytearray, first: int, before: int, stop: int) -> int | None:
    if first >= before:
        return None
    for match in _BUNDLE(chunk[first : before : amd.ALIGNED]):
        at = first + match.start() * amd.ALIGNED
        if at + WORD > stop or chunk.startswith(_BEGINNINGS, at):
            return at
    return None
