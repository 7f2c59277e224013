"""Moving entries that lie behind a symbolic link to the link's target.

Here: the paths of a layer's rows as an engine resolves them when it unpacks the layer. Links in the directories of a
path are followed within the image's root (containerd ``fs.RootPath``, umoci ``securejoin``); a link at the end of the
path is not. If a link's target does not exist, engines make the directories. Not here: whether an image needs this step
(``links``: few do, and it takes as long as merging), merging (``merge``).
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
"""Most links that are followed in one path, as Linux's MAXSYMLINKS. A path with more stays as written."""
_MOST_MOVED: Final = 131_072
"""Most rows of an image that are moved. They are held in memory (some 0.1 kB each). Further rows keep the path as written,
which is recorded (`moved_entries`).
"""
_MOST_NAMES: Final = 1 << 24
"""Most names that are looked up in all: with links of 40 hops one row could cost as much as an image."""
_REMOVALS: Final = frozenset({"whiteout", "opaque"})

_Target = tuple[str, ...]
"""A symbolic link's target: its names from the last to the first, and `/` at the end if it is absolute."""
_Node = dict[str, Union["_Node", _Target]]
"""A directory: by name, the targets of symbolic links and the directories that have a link somewhere below."""


def resolved(spools: Sequence[Spool]) -> tuple[list[Spool], bool]:
    """The layers with every path, and every target of a hard link, resolved as when the layer is unpacked; and whether a
    cap was hit.
    """
    image = _Image()
    return [image.unpack(spool) for spool in spools], image.is_cut


class _Image:
    """The symbolic links of the layers so far."""

    def __init__(self) -> None:
        self._root: _Node = {}
        self._names_left = _MOST_NAMES
        self._moves_left = _MOST_MOVED
        self._last = "", ""  # the last directory and its resolved path, until a link changes
        self._unmoved = False

    @property
    def is_cut(self) -> bool:
        """Whether some entries may have unresolved paths because of a cap."""
        return self._unmoved or self._names_left < 0

    def unpack(self, spool: Spool) -> Spool:
        """Add one layer's links; returns the layer with its paths resolved."""
        moved: dict[int, bytes] = {}
        # Spools do not keep the order of the archive. Removals affect the layers below, so they come first; then other
        # entries in sorted order, as in most archives; then hard links, after their targets.
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
        """Record the resolved path of an entry and of the target of a hard link, if they differ."""
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
        """A path with the links in its directories followed; unchanged if they form a circle."""
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
        """The directory of a resolved path, and the last name. None: the directory has no link below it."""
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
        """Add a symbolic link, or replace what was at its path by something else."""
        if entry.kind == "symlink":
            self._link(path, _target(entry.link_target or ""))
            return
        if entry.kind == "hardlink" and entry.link_target is not None:
            node, name = self._known(self._resolved(entry.link_target))
            target = None if node is None else node.get(name)
            if isinstance(target, tuple):  # another name of a symbolic link
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
