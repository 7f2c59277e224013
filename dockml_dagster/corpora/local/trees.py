"""The files of one project: a work tree, the tree of HEAD, or a plain folder, behind one interface.

Here: listing and reading without leaving the tree. Not here: which files are wanted (``study.project.files``).
Symbolic links are never followed; a submodule's files are another repository's.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from dockml_dagster.clients import git
from dockml_dagster.clients.regular_files import open_regular, walk
from dockml_dagster.corpora.base import FILE_LIST, Outcome
from dockml_dagster.corpora.files import FoundFile
from dockml_dagster.study.project.files import (
    MAX_DOCKERFILE_BYTES,
    choose,
    dockerfiles_left_out,
    is_taken_as_dockerfile,
)
from dockml_dagster.warehouse.rows import combined_hash

MAX_FILES = 100_000
"""Most files listed per project; the rest is an outcome."""
MAX_PATH_BYTES = 8 * 1024 * 1024
"""Most bytes of their paths together: a path may have 4,096, and each goes through a dozen rules and into tables. The 85,000
files of Linux have 3.5 MiB.
"""
_SKIPPED_FOLDERS = frozenset(
    {".git", ".hg", ".svn", "node_modules", ".venv", "__pycache__", ".tox", ".mypy_cache"}
)


@dataclass(frozen=True, slots=True)
class Tree:
    """The content of a project: its files, with sizes where known, and outcomes for entries that are not its own files."""

    files: tuple[FoundFile, ...]
    outcomes: tuple[Outcome, ...]
    state: str
    """A cheap hash that changes whenever a file may have changed; contents are not read."""


Reader = Callable[[str], bytes | None]


_LEADS_OUT = re.compile(r"(?:\A|/)\.{0,2}(?:/|\Z)")
"""A part of a path that is empty, ``.`` or ``..``."""


def _is_inside(path: str) -> bool:
    """Whether a path stays below the repository. git never adds another, but lists whatever is in a tree or an index."""
    return _LEADS_OUT.search(path) is None


def _not_a_file(path: str, mode: str, *, is_inside: bool) -> Outcome | None:
    if not is_inside:
        return Outcome("dockerfiles", path, "unreadable", "its path leads out of the repository")
    if mode == "160000":
        return Outcome(
            "dockerfiles", path, "not_available", "a submodule: its files are another repository's"
        )
    if mode == "120000" and is_taken_as_dockerfile(path):
        return Outcome("dockerfiles", path, "not_available", "a symbolic link: not followed")
    return None


def _tree(entries: Iterator[tuple[str, str, int | None, str]]) -> Tree:
    """A tree from (path, mode, size, state)."""
    files: list[FoundFile] = []
    outcomes: list[Outcome] = []
    states: list[str] = []
    seen: set[str] = set()
    room = MAX_PATH_BYTES
    for path, mode, size, state in entries:
        if path in seen:
            outcomes.append(Outcome("dockerfiles", path, "unreadable", "named twice: the first was taken"))
            continue
        seen.add(path)
        is_inside = _is_inside(path)
        outcome = _not_a_file(path, mode, is_inside=is_inside)
        if outcome:
            outcomes.append(outcome)
        room -= len(path.encode("utf-8", "surrogateescape"))
        if len(files) >= MAX_FILES or room < 0:
            reason = (
                f"more than {MAX_FILES} files" if room >= 0 else f"paths of more than {MAX_PATH_BYTES} bytes"
            )
            outcomes.append(
                Outcome("dockerfiles", FILE_LIST, "not_selected", f"{reason}; the first were taken")
            )
            break
        states.append(f"{path}\0{mode}\0{state}")
        if mode not in ("120000", "160000") and is_inside:
            files.append(FoundFile(path, size, source_file=path))
    if not any(outcome.subject == FILE_LIST for outcome in outcomes):
        outcomes.append(Outcome("dockerfiles", FILE_LIST, "collected"))
    return Tree(tuple(files), tuple(outcomes), combined_hash(states))


def work_tree(root: Path) -> Tree:
    """Tracked files, and new ones that are not ignored, as they are in the work tree."""

    def entries() -> Iterator[tuple[str, str, int | None, str]]:
        for blob in git.index(root, MAX_FILES + 1, MAX_PATH_BYTES):
            if blob.mode == "160000" or blob.path.endswith("/"):  # a nested repository that is no submodule
                yield blob.path.rstrip("/"), "160000", None, blob.oid
                continue
            if not _is_inside(blob.path):
                yield blob.path, blob.mode, None, ""
                continue
            about = _lstat(root, blob.path)
            if about is not None:
                yield blob.path, _mode(about), about.st_size, _state(about)

    return _tree(entries())


def folder(root: Path) -> Tree:
    """Every regular file of a folder without version control."""

    def entries() -> Iterator[tuple[str, str, int | None, str]]:
        for where, folders, files in walk(root):
            folders[:] = sorted(name for name in folders if name not in _SKIPPED_FOLDERS)
            below = where[len(str(root)) :].strip("/")
            for name in sorted(files):
                path = f"{below}/{name}" if below else name
                about = _lstat(root, path)
                if about is not None:
                    yield path, _mode(about), about.st_size, _state(about)

    return _tree(entries())


def head_tree(directory: Path) -> Tree:
    """The files of HEAD in a repository without a work tree."""
    blobs = git.tree(directory, MAX_FILES + 1, MAX_PATH_BYTES)
    known = git.sizes(directory, [blob.oid for blob in blobs if blob.mode != "160000"])
    return _tree((blob.path, blob.mode, known.get(blob.oid), blob.oid) for blob in blobs)


def _lstat(root: Path, path: str) -> os.stat_result | None:
    try:
        # No Path: joining one takes three times as long as asking for the file.
        about = os.lstat(f"{root}/{path}")
    except (OSError, ValueError):
        return None
    return about if stat.S_ISREG(about.st_mode) or stat.S_ISLNK(about.st_mode) else None


def _state(about: os.stat_result) -> str:
    """The second time is that of other changes, such as a permission to read."""
    return f"{about.st_size} {about.st_mtime_ns} {about.st_ctime_ns}"


def _mode(about: os.stat_result) -> str:
    return "120000" if stat.S_ISLNK(about.st_mode) else "100644"


def file_reader(root: Path) -> Reader:
    """Reads files below ``root``. No link in the path is followed, and no file beyond the size limit is read."""
    base = root.resolve()

    def read(path: str) -> bytes | None:
        parent = (root / path).parent
        try:
            # A folder in the path may be a link out of the tree.
            if not parent.resolve().is_relative_to(base):
                return None
            with open_regular(root / path) as opened:
                return opened.read(MAX_DOCKERFILE_BYTES + 1)
        except (OSError, ValueError):
            return None

    return read


@contextmanager
def head_reader(directory: Path, *, url: str | None = None) -> Iterator[Reader]:
    """Reads files of HEAD. ``url``: of a clone; wanted contents that are missing are fetched first, in one request."""
    # If a path occurs twice, the first counts, as in ``head_tree``.
    listed = reversed(git.tree(directory, MAX_FILES + 1, MAX_PATH_BYTES))
    blobs = {blob.path: blob.oid for blob in listed if blob.mode.startswith("100")}
    known = git.sizes(directory, list(blobs.values()))
    if url is not None:
        about_files = [(path, known.get(oid)) for path, oid in blobs.items()]
        too_much = dockerfiles_left_out(about_files)
        wanted = [
            blobs[choice.path]
            for choice in choose(about_files)
            if choice.kept or (is_taken_as_dockerfile(choice.path) and choice.path not in too_much)
        ]
        git.fetch_blobs(directory, wanted, url)
        known = git.sizes(directory, list(blobs.values()))
    with git.blob_reader(directory) as reader:

        def read(path: str) -> bytes | None:
            oid = blobs.get(path)
            size = known.get(oid) if oid else None
            return reader.read(oid) if oid and size is not None and size <= MAX_DOCKERFILE_BYTES else None

        yield read
