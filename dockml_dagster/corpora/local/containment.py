"""Whether a repository stays in its folder: nothing in its git directory makes git read outside the user's folders.

Here: links, `.git` files, alternates, the common directory of work trees, included configuration, and special files, on
which a reader would block. Not here: files of the work tree (``trees`` opens no link and no special file).

git follows all of these without asking, so an untrusted repository could make git read objects of another one, even a
private one, as its own.
"""

from __future__ import annotations

import errno
import os
import re
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final
from urllib.parse import unquote

from dockml_dagster.clients.git import GitError, run
from dockml_dagster.clients.regular_files import NotRegularError, open_regular, walk
from dockml_dagster.corpora.local.places import Place, is_remote

_MOST_ENTRIES: Final = 200_000
_LONGEST: Final = 64 * 1024
_LARGEST_CONFIGURATION: Final = 1 << 20
_LARGEST_SHALLOW: Final = 256 * 1024
"""Bytes of the list of a shallow clone's last commits. git's time grows with the square of its lines: 50 s for 4 MB."""
_LEADS: Final = re.compile(rb"\[\s*include|worktree", re.IGNORECASE)
_LEADING_KEY: Final = re.compile(r"include(?:if\..*)?\.path|core\.worktree", re.DOTALL)
_ALTERNATES: Final = ("objects/info/alternates", "objects/info/http-alternates")


def leads_out(root: Path, allowed: Sequence[Path]) -> str | None:
    """The part of a repository that leads out of the ``allowed`` folders, or would block a reader; None if there is none."""
    inside = [folder.resolve() for folder in allowed]
    git_directory = root / ".git" if os.path.lexists(root / ".git") else root
    try:
        return _problem(git_directory, inside, depth=3) or _odd_ignore_file(root, git_directory)
    except OSError as error:
        return f"its git directory cannot be read: {error.strerror}"


def place_leads_out(place: Place, allowed: Sequence[Path]) -> str | None:
    """``leads_out`` for what git would read at a place. A folder without version control leads nowhere."""
    if place.form == "folder":
        return None
    if place.url is None:
        return leads_out(place.root, allowed)
    if is_remote(place.url):
        return None
    source = Path(
        unquote(place.url.partition("://")[2])
    )  # ``file://``: git reads it and everything that it leads to
    return leads_out(source, [source]) if source.is_dir() else None


def _problem(git_directory: Path, inside: Sequence[Path], depth: int) -> str | None:
    name = git_directory.name if git_directory.name == ".git" else "its git directory"
    if not _is_inside(git_directory, inside):
        return f"{name} is a link that leads out of the folder"
    mode = git_directory.stat().st_mode
    if stat.S_ISREG(mode):
        return _led(_named(git_directory, "gitdir:"), git_directory.parent, ".git", inside, depth)
    if not stat.S_ISDIR(mode):
        return f"{name} is neither a folder nor a file"
    if found := _odd_entry(git_directory, inside):
        return found
    shallow = git_directory / "shallow"
    if shallow.is_file() and shallow.stat().st_size > _LARGEST_SHALLOW:
        return f"a list of shallow commits of more than {_LARGEST_SHALLOW} bytes"
    for name in ("config", "config.worktree"):
        if found := _included(git_directory / name, inside, depth):
            return found
    for line in _lines(git_directory / "commondir"):
        if found := _led(line, git_directory, "commondir", inside, depth):
            return found
    for file in _ALTERNATES:
        for line in _lines(git_directory / file):
            if line and not line.startswith("#"):
                # Within quotes git replaces escapes and reads past the line's end; after them another path may follow.
                if '"' in line:
                    return f"{file} hides where it leads"
                if found := _led(line, git_directory / "objects", file, inside, depth, objects=True):
                    return found
    return None


def _included(file: Path, inside: Sequence[Path], depth: int) -> str | None:
    """The problem of a configuration or its includes: git reads any file to its end, and blocks on a pipe."""
    try:
        with open_regular(file, follow=True) as opened:
            text = opened.read(_LARGEST_CONFIGURATION + 1)
    except FileNotFoundError:
        return None
    except NotRegularError:
        return "its configuration is no file"
    if len(text) > _LARGEST_CONFIGURATION:
        return f"a configuration of more than {_LARGEST_CONFIGURATION} bytes"
    if not _LEADS.search(text):
        return None
    try:
        said = run(["config", "--file", str(file), "--no-includes", "--list", "-z"])
    except GitError:
        return "its configuration cannot be read"
    for record in said.split(b"\0")[:-1]:
        key, _, place = os.fsdecode(record).partition("\n")
        if _LEADING_KEY.fullmatch(key) is None:
            continue
        target = file.parent / place
        if place.startswith(("~", "%")) or depth <= 0 or not _is_inside(target, inside):
            return f"{key.partition('.')[0]} of its configuration leads out of the folder"
        if key.startswith("include") and (found := _included(target, inside, depth - 1)):
            return found
    return None


def _led(
    place: str, base: Path, what: str, inside: Sequence[Path], depth: int, *, objects: bool = False
) -> str | None:
    """The problem of a path that one of git's files names, or None."""
    target = base / place
    if not place or depth <= 0 or not _is_inside(target, inside):
        return f"{what} leads out of the folder"
    if not target.is_dir():
        return None  # git will report that it is missing
    return _problem(target.parent if objects else target, inside, depth - 1)


def _odd_entry(git_directory: Path, inside: Sequence[Path]) -> str | None:
    for count, entry in enumerate(_entries(git_directory)):
        if count >= _MOST_ENTRIES:
            return f"more than {_MOST_ENTRIES} files in its git directory"
        if entry.is_symlink():
            if not _is_inside(Path(entry.path), inside):
                return "a link in its git directory leads out of the folder"
        elif not entry.is_file(follow_symlinks=False) and not entry.is_dir(follow_symlinks=False):
            return "a special file in its git directory"
    return None


def _odd_ignore_file(root: Path, git_directory: Path) -> str | None:
    """A file of the work tree that git opens and that would block it, such as a pipe. Beyond the limit on entries, git's
    time limit protects us.
    """
    people = root / ".mailmap"
    if git_directory != root and os.path.lexists(people) and not _is_opened(people.lstat().st_mode):
        return "a .mailmap that is a special file"
    seen = 0
    for folder, folders, files in walk(root) if git_directory != root else ():
        folders[:] = [name for name in folders if name != ".git"]
        seen += len(files) + len(folders)
        if ".gitignore" in files and not _is_opened(Path(folder, ".gitignore").lstat().st_mode):
            return "a .gitignore that is a special file"
        if seen > _MOST_ENTRIES:
            break
    return None


def _is_opened(mode: int) -> bool:
    """Whether git reads or refuses it without blocking."""
    return stat.S_ISREG(mode) or stat.S_ISLNK(mode)


def _entries(folder: Path) -> Iterator[os.DirEntry[str]]:
    waiting = [str(folder)]
    while waiting:
        with os.scandir(waiting.pop()) as entries:
            for entry in entries:
                yield entry
                if entry.is_dir(follow_symlinks=False):
                    waiting.append(entry.path)


def _is_inside(path: Path, inside: Sequence[Path]) -> bool:
    target = path.resolve()
    return any(target.is_relative_to(folder) for folder in inside)


def _named(file: Path, key: str) -> str:
    return next((line.removeprefix(key).strip() for line in _lines(file) if line.startswith(key)), "")


def _lines(file: Path) -> list[str]:
    """The lines of a small regular file; empty if there is no such file. Raises OSError for a larger one, which git would
    read to its end.
    """
    try:
        with open_regular(file, follow=True) as opened:
            text = opened.read(_LONGEST + 1)
    except (FileNotFoundError, NotADirectoryError, NotRegularError):
        return []
    if len(text) > _LONGEST:
        raise OSError(errno.EFBIG, os.strerror(errno.EFBIG))
    return [line for line in text.decode("utf-8", "surrogateescape").split("\n") if line]
