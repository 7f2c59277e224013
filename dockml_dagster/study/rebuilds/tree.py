"""The files of a commit by path, and what is in each folder.

Here: looking up, and walking what is at or below a place, at the cost of what is there. Not here: which places a
Dockerfile asks for (``sources``, ``contexts``), reading a tree (``clients.git``). A place is a path without a slash at its
end; the root is empty.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator

from dockml_dagster.study.deadline import check_time
from dockml_dagster.study.rebuilds.model import Entry


class Tree:
    """Path → entry of every file, kept up to date change by change."""

    def __init__(self) -> None:
        self._files: dict[str, Entry] = {}
        self._inside: dict[str, set[str]] = {}
        """Folder → the paths of the files and folders directly in it."""

    def get(self, path: str) -> Entry | None:
        """The file of this path, if there is one."""
        return self._files.get(path)

    def put(self, path: str, entry: Entry) -> None:
        """Add or replace a file."""
        self._files[path] = entry
        while path:
            folder = posixpath.dirname(path)
            known = folder in self._inside
            self._inside.setdefault(folder, set()).add(path)
            if known:
                return
            path = folder

    def remove(self, path: str) -> None:
        """Remove a file that is there."""
        del self._files[path]
        # Within a commit a name may be a file and a folder, until the one or the other is removed.
        while path and path not in self._files and path not in self._inside:
            folder = posixpath.dirname(path)
            self._inside[folder].discard(path)
            if not self._inside[folder]:
                del self._inside[folder]
            path = folder

    def has(self, place: str) -> bool:
        """Whether a file or folder is there."""
        return place in self._files or place in self._inside

    def at_or_below(self, place: str) -> Iterator[tuple[str, Entry]]:
        """The file of a place, and the files below it."""
        left = [place]
        while left:
            check_time()
            path = left.pop()
            if (entry := self._files.get(path)) is not None:
                yield path, entry
            left.extend(self._inside.get(path, ()))

    def below(self, folder: str, depth: int) -> Iterator[str]:
        """The paths, relative to a folder, of the files and folders exactly so many names below it."""
        left = [(folder, depth)]
        while left:
            check_time()
            path, deeper = left.pop()
            if deeper:
                left.extend((inner, deeper - 1) for inner in self._inside.get(path, ()))
            else:
                yield path[len(folder) + 1 :] if folder else path
