"""Opening files in untrusted folders: only regular files, and never blocking.

Here: the folders below one, what may be opened, and where a link leads. Not here: reading the content. A named pipe, a
device or a link in a repository would make a reader wait for ever, or show another file of this machine.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO


class NotRegularError(OSError):
    """A link, folder, pipe or device instead of a regular file. ``strerror`` says which."""


def walk(
    root: Path, refused: Callable[[OSError], object] | None = None
) -> Iterator[tuple[str, list[str], list[str]]]:
    """Each folder with the names of its folders and its files, from ``root`` down, as ``os.walk`` gives them; links to
    folders are not followed. The caller may change the list of folders. ``refused`` is told of folders that cannot be read.

    ``os.walk`` calls itself for every level before Python 3.12, and fails for a folder that is a thousand deep.
    """
    waiting = [os.fspath(root)]
    while waiting:
        where = waiting.pop()
        folders: list[str] = []
        files: list[str] = []
        links: set[str] = set()
        try:
            with os.scandir(where) as entries:
                for entry in entries:
                    (folders if _is_folder(entry) else files).append(entry.name)
                    if entry.is_symlink():
                        links.add(entry.name)
        except OSError as error:
            if refused is not None:
                refused(error)
            continue
        yield where, folders, files
        waiting += [f"{where.rstrip('/')}/{name}" for name in reversed(folders) if name not in links]


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False


def work_tree_of(path: Path) -> Path | None:
    """The git work tree that contains a path, judged without resolving links; None if there is none."""
    return next((parent for parent in path.absolute().parents if (parent / ".git").exists()), None)


def leads_elsewhere(path: Path, root: Path | None = None) -> bool:
    """Whether a path is a link that ends outside ``root`` (default: the work tree that contains it, else its folder).

    An untrusted checkout must not make dockml quote another file of this machine.
    """
    if not path.is_symlink():
        return False
    within = root or work_tree_of(path) or path.absolute().parent
    return not path.resolve().is_relative_to(within.resolve())


def open_regular(path: Path, *, follow: bool = False) -> BinaryIO:
    """The file at ``path`` for reading. ``follow``: the last part of the path may be a link.

    Raises:
        NotRegularError: it is no regular file.
        OSError: it is not there or cannot be opened.
    """
    flags = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | (0 if follow else os.O_NOFOLLOW)
    try:
        handle = os.open(path, flags)
    except OSError as error:
        if not follow and path.is_symlink():
            raise NotRegularError(error.errno, "a link is not followed") from None
        raise
    try:
        mode = os.fstat(handle).st_mode
        if not stat.S_ISREG(mode):
            raise NotRegularError(0, "a folder" if stat.S_ISDIR(mode) else "no regular file")
        return os.fdopen(handle, "rb")
    except BaseException:
        os.close(handle)
        raise
