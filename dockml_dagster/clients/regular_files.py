"""Opening files in untrusted folders: only regular files, and never blocking.

Here: what may be opened, and where a link leads. Not here: reading the content. A named pipe, a device or a link in a
repository would make a reader wait for ever, or show another file of this machine.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import BinaryIO


class NotRegularError(OSError):
    """A link, folder, pipe or device instead of a regular file. ``strerror`` says which."""


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
