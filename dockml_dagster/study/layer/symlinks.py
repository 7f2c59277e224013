"""Entries that lie behind a symbolic link, moved to where the link leads.

Here: the paths of a layer's rows as an engine resolves them when it unpacks that layer: links in the directories of
a path are followed, inside the image's root (containerd ``fs.RootPath``, umoci ``securejoin``); the last name is not.
Where a link leads nowhere, engines make the directories. Not here: whether an image needs it (``links``: few do, and
this takes as long as merging), and merging.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from operator import itemgetter
from typing import Final, Union

from dockml_dagster.study.layer.classify import WHITEOUT
from dockml_dagster.study.layer.model import EntryKind, LayerEntry
from dockml_dagster.study.layer.spool import Keyed, Spool, entry_of, keyed, line_of

_MOST_HOPS: Final = 40
"""Links on the way of one path, Linux's MAXSYMLINKS. A path with more stays as it is written."""
_MOST_MOVED: Final = 131_072
"""Rows of an image that are moved, which are held in memory (some 0.1 kB each). Further ones stay under the path that is
written, which is recorded (`moved_entries`).
"""
_MOST_NAMES: Final = 1 << 24
"""Names that are looked at in all: with links of 40 hops a row could cost as much as an image."""
_REMOVALS: Final = frozenset({"whiteout", "opaque"})

_Target = tuple[str, ...]
"""What a symbolic link says, its names from the last to the first; `/` at the end for a link from the root."""
_Node = dict[str, Union["_Node", _Target]]
"""A directory: by name, a symbolic link's target or a directory with a link somewhere below; nothing else."""


def resolved(spools: Sequence[Spool]) -> tuple[list[Spool], bool]:
    """The layers with every path, and every target of a hard link, as it is when its layer is unpacked; and whether there
    were more than are followed.
    """
    image = _Image()
    return [image.unpack(spool) for spool in spools], image.is_cut


class _Image:
    """The symbolic links of the layers that were unpacked so far."""

    def __init__(self) -> None:
        self._root: _Node = {}
        self._names_left = _MOST_NAMES
        self._moves_left = _MOST_MOVED
        self._last = "", ""  # a directory and where it is, until a link comes or goes
        self._unmoved = False

    @property
    def is_cut(self) -> bool:
        """Whether an entry may lie elsewhere than is said."""
        return self._unmoved or self._names_left < 0

    def unpack(self, spool: Spool) -> Spool:
        """Take up one layer's links; the layer with its paths resolved."""
        moved: dict[int, bytes] = {}
        # The order in an archive is not kept. Removals are about the layers below, so they come first; then entries as
        # they are sorted, as most archives have them, hard links after what they name.
        for number, entry in _rows(spool):
            if entry.kind in _REMOVALS:
                self._move(number, entry, moved)
                self._remove(self._resolved(entry.path), entry.kind)
        for hard in (False, True):
            for number, entry in _rows(spool):
                if entry.kind not in _REMOVALS and (entry.kind == "hardlink") is hard:
                    self._move(number, entry, moved)
                    self._put(self._resolved(entry.path), entry)
        if not moved:
            return spool
        lines: list[Keyed] = sorted(map(keyed, moved.values()), key=itemgetter(0))

        def rows() -> Iterator[bytes]:
            stayed = (keyed(line) for number, line in enumerate(spool()) if number not in moved)
            return (line for _, line in heapq.merge(stayed, lines, key=itemgetter(0)))

        return rows

    def _move(self, number: int, entry: LayerEntry, moved: dict[int, bytes]) -> None:
        """Note where an entry, or what it is a hard link to, really lies."""
        path, target = self._resolved(entry.path), entry.link_target
        if entry.kind == "hardlink" and target is not None:
            target = self._resolved(target)
        if (path, target) == (entry.path, entry.link_target):
            return
        if self._moves_left <= 0:
            self._unmoved = True
            return
        self._moves_left -= 1
        depth = entry.depth + path.count("/") - entry.path.count("/")
        moved[number] = line_of(entry._replace(path=path, link_target=target, depth=depth))

    def _resolved(self, path: str) -> str:
        """A path with the links in its directories followed; as it is where they lead in a circle."""
        directory, slash, name = path.rpartition("/")
        if not slash:
            return path
        if directory != self._last[0]:
            self._last = directory, self._resolved_directory(directory)
        found = self._last[1]
        return f"{found}/{name}" if found else name

    def _resolved_directory(self, directory: str) -> str:
        nodes: list[_Node] = [self._root]
        found: list[str] = []
        todo = directory.split("/")[::-1]
        hops = 0
        while todo:
            self._names_left -= 1
            if self._names_left < 0:
                return directory
            segment = todo.pop()
            if segment == "..":
                del nodes[max(1, len(nodes) - 1) :], found[max(0, len(found) - 1) :]
                continue
            node = nodes[-1].get(segment, {})
            if isinstance(node, tuple):
                hops += 1
                if hops > _MOST_HOPS:
                    return directory
                todo += node
            elif segment == "/":
                del nodes[1:], found[:]
            else:
                nodes.append(node)
                found.append(segment)
        return "/".join(found)

    def _known(self, path: str) -> tuple[_Node | None, str]:
        """The directory that a resolved path lies in, and the last name. None: there is no link below it."""
        *segments, name = path.split("/")
        node = self._root
        for segment in segments:
            self._names_left -= 1
            below = node.get(segment)
            if not isinstance(below, dict) or self._names_left < 0:
                return None, name
            node = below
        return node, name

    def _remove(self, path: str, kind: EntryKind) -> None:
        node, name = self._known(path)
        if node is None:
            return
        self._last = "", ""
        if kind == "opaque":
            node.clear()
        else:
            node.pop(name.removeprefix(WHITEOUT), None)

    def _put(self, path: str, entry: LayerEntry) -> None:
        """Remember a symbolic link, or that something else took the place of what was there."""
        if entry.kind == "symlink":
            self._link(path, _target(entry.link_target or ""))
            return
        if entry.kind == "hardlink" and entry.link_target is not None:
            node, name = self._known(self._resolved(entry.link_target))
            target = None if node is None else node.get(name)
            if isinstance(target, tuple):  # one more name of a symbolic link
                self._link(path, target)
                return
        node, name = self._known(path)
        known = None if node is None else node.get(name)
        if node is not None and known is not None and (entry.kind != "directory" or isinstance(known, tuple)):
            del node[name]
            self._last = "", ""

    def _link(self, path: str, target: _Target) -> None:
        *segments, name = path.split("/")
        node = self._root
        for segment in segments:
            self._names_left -= 1
            below = node.get(segment)
            if self._names_left < 0:
                return
            if not isinstance(below, dict):
                below = node[segment] = {}
            node = below
        node[name] = target
        self._last = "", ""


def _target(text: str) -> _Target:
    names = [name for name in reversed(text.split("/")) if name not in {"", "."}]
    return (*names, "/") if text.startswith("/") else tuple(names)


def _rows(spool: Spool) -> Iterator[tuple[int, LayerEntry]]:
    return enumerate(map(entry_of, spool()))
