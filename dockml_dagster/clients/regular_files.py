"""Opening files whose folder a stranger filled: a regular file or nothing, and never a wait.

Here: what is opened, and where a link leads. Not here: what is read of it. A named pipe, a device or a link in a
repository would make a reader wait for ever, or show another file of this machine.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import BinaryIO


class NotRegularError(OSError):
    """A link, a folder, a pipe, a device: no file. ``strerror`` says which."""


def work_tree_of(path: Path) -> Path | None:
    """The git work tree that a path lies in, by its name alone; None outside any."""
    return next((parent for parent in path.absolute().parents if (parent / ".git").exists()), None)


def leads_elsewhere(path: Path, root: Path | None = None) -> bool:
    """Whether a path is a link that ends outside ``root``, or the work tree that it lies in, or else its folder.

    A stranger's checkout must not have another file of this machine quoted.
    """
    if not path.is_symlink():
        return False
    within = root or work_tree_of(path) or path.absolute().parent
    return not path.resolve().is_relative_to(within.resolve())


def open_regular(path: Path, *, follow: bool = False) -> BinaryIO:
    """The file at ``path`` for reading. ``follow``: the last part of the path may be a link.

    Raises:
        NotRegularError: it is no file.
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
