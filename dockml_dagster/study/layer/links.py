"""The links among the rows of an image's layers: one cheap pass that decides whether any of them matters.

Here: which names are hard links, and whether any entry lies behind a symbolic link. Not here: where such a link leads
(``symlinks``), which file a hard link names (``hard_links``).
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from dockml_dagster.study.layer.classify import LINK_TARGETS
from dockml_dagster.study.layer.model import LayerEntry
from dockml_dagster.study.layer.spool import Spool, entry_of

_MOST: Final = 131_072
_MOST_BYTES: Final = 16 << 20
"""Most hard links of an image that are followed, and most bytes of their names. A link takes some 2.8 kB in the end, so
all of them 300 MB. Further links count as names of nothing, which is recorded (`hard_links`).
"""
_ASIDE: Final = LINK_TARGETS.encode()
_HARD, _SYMBOLIC, _METADATA = b"hsm"  # the first letters of these kinds, which no other kind has


class HardLink(NamedTuple):
    """A hard link: the layer and path of its entry, and the path that it names."""

    layer: int
    path: str
    target: str


@dataclass(frozen=True, slots=True)
class Links:
    """The links in an image's layers."""

    lead_elsewhere: bool
    """Whether an entry, or the target of a hard link, may lie behind a symbolic link of its layer or one below."""
    hard: Sequence[HardLink]
    aside: dict[tuple[int, str], LayerEntry]
    """By layer and path: contents that AUFS put where no container sees them, as targets of hard links."""
    cut: bool
    """Whether there are more hard links, or contents that AUFS put aside, than are followed."""


class _Found:
    def __init__(self) -> None:
        self.hard: list[HardLink] = []
        self.aside: dict[tuple[int, str], LayerEntry] = {}
        self.bytes_left = _MOST_BYTES
        self.cut = False

    def add_hard(self, layer: int, path: bytes, target: bytes) -> bool:
        self.bytes_left -= len(path) + len(target)
        if len(self.hard) >= _MOST or self.bytes_left < 0:
            self.cut = True
            return False
        self.hard.append(HardLink(layer, path.decode(), target.decode()))
        return True

    def add_aside(self, layer: int, line: bytes) -> None:
        self.bytes_left -= len(line)
        if len(self.aside) >= _MOST or self.bytes_left < 0:
            self.cut = True
            return
        entry = entry_of(line)
        self.aside[layer, entry.path] = entry


def links_of(spools: Sequence[Spool]) -> Links:
    """The links, from one pass over all rows. A row costs a tenth of what merging it costs."""
    found = _Found()
    lower: list[bytes] = []
    symbolic: set[bytes] = set()
    elsewhere = False
    for layer, spool in enumerate(spools):
        own: list[bytes] = []
        targets: set[bytes] = set()
        hard: list[tuple[bytes, bytes]] = []
        last = b""
        for line in spool():
            tab = line.index(b"\t")
            slash = line.rfind(b"/", 0, tab)
            if slash > 0 and line[:slash] != last:
                last = line[:slash]
                elsewhere = elsewhere or _is_behind(_key(last), lower, own)
            kind = line[tab + 1]
            if kind == _SYMBOLIC:
                _add_topmost(own, _key(line[:tab]))
                if len(symbolic) < _MOST:
                    symbolic.add(line[:tab])
            elif kind == _HARD:
                target = line.split(b"\t", 10)[9]
                if found.add_hard(layer, line[:tab], target):
                    targets.add(target.rpartition(b"/")[0])
                    hard.append((line[:tab], target))
            elif kind == _METADATA and line.startswith(_ASIDE):
                found.add_aside(layer, line)
        elsewhere = elsewhere or any(_is_behind(_key(target), lower, own) for target in targets)
        # A hard link to a symbolic link is a symbolic link, too. If there are more than are held, any may be one.
        more = [path for path, target in hard if target in symbolic or len(symbolic) == _MOST]
        symbolic.update(more[: _MOST - len(symbolic)])
        topmost: list[bytes] = []
        for key in sorted([*lower, *own, *map(_key, more)]):
            _add_topmost(topmost, key)
        lower = topmost
    return Links(elsewhere, found.hard, found.aside, found.cut)


def _key(path: bytes) -> bytes:
    """The sort key of a path, as in ``spool.merge_key``."""
    return path.replace(b"/", b"\0")


def _add_topmost(keys: list[bytes], key: bytes) -> None:
    """Append a key to the sorted ones before it, unless it lies below one of them. So the predecessor of a key decides
    whether it lies below any.
    """
    if not keys or not _is_below(key, keys[-1]):
        keys.append(key)


def _is_behind(key: bytes, *symbolic: Sequence[bytes]) -> bool:
    """Whether a directory is one of the topmost symbolic links of several lists, or lies below one."""
    for keys in symbolic:
        at = bisect_right(keys, key)
        if at and _is_below(key, keys[at - 1]):
            return True
    return False


def _is_below(key: bytes, other: bytes) -> bool:
    """Whether a key is another one or lies below it."""
    return key.startswith(other) and key[len(other) : len(other) + 1] in {b"", b"\0"}
