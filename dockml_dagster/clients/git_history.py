"""The commits of a branch with the paths that each changed, read from objects in one pass.

Here: first-parent history from the oldest commit on, each commit's changes, the tree of one commit, counts of a history. Not
here: how git is started and kept from running anything (``git``), contents (``git.blob_reader``), what the changes mean.

Reading is bounded: in commits, paths of one commit, bytes of the whole answer. A commit with more paths than that is
marked ``censored`` and gives no paths at all: with a part of them, every later tree would be one that never existed.
"""

from __future__ import annotations

import os
import re
from collections.abc import Generator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from dockml_dagster.clients.git import GitError, records, run

MOST_COMMITS = 200_000
MOST_PATHS = 200_000
"""Most paths of one commit, and most of a tree."""
MOST_BYTES = 2 * 1024**3
CPU_SECONDS = 120
"""Most processor time of a git that walks a history: two trees of a few kilobytes may differ in a billion files."""
_MOST_PEOPLE = 256 * 1024
"""Largest list of the addresses of one person (``.mailmap``) that counts. git's time grows with the square of its lines;
that of Linux has 40 KB.
"""
_GONE = "000000"
_OID = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?\Z")
_TIME = re.compile(r"-?\d{1,20}", re.ASCII)
_LOG = (
    "log", "--first-parent", "--diff-merges=first-parent", "--reverse", "--root", "--raw", "-z", "--no-abbrev",
    "--no-renames", "--no-show-signature", "--format=%x01%H%x20%ct",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class ChangedPath:
    """What a commit did to a path: git's mode and the id of the content; both empty if the path was deleted."""

    path: str
    mode: str
    oid: str


@dataclass(frozen=True, slots=True)
class Commit:
    """A commit of the branch. ``time``: Unix time of the commit; None where it has none. ``censored``: it changes more
    paths than are read, so none is given.
    """

    oid: str
    time: int | None
    changes: tuple[ChangedPath, ...]
    censored: bool = False


def is_shallow(directory: Path) -> bool:
    """Whether a repository is a shallow clone, from whose history nothing can be concluded."""
    return run(["rev-parse", "--is-shallow-repository"], directory=directory).strip() == b"true"


def is_ancestor(directory: Path, commit: str, of: str = "HEAD") -> bool:
    """Whether a commit is known and an ancestor of another: only then can its history be continued."""
    if _OID.match(commit) is None:
        return False
    try:
        run(["merge-base", "--is-ancestor", commit, of], directory=directory)
    except GitError:
        return False
    return True


def commits(
    directory: Path, *, since: str | None = None, revision: str = "HEAD"
) -> Generator[Commit, None, None]:
    """The first-parent history of ``revision``, oldest first; only the commits after ``since``, if given.

    Raises:
        GitError: git failed, or a limit was exceeded. Commits yielded before remain valid.
    """
    wanted = f"{since}..{revision}" if since else revision
    oid, count = "", 0
    time: int | None = None
    changes: list[ChangedPath] = []
    about: list[str] | None = None
    paths = 0
    # Each path is two records; a commit is one, which begins with a control character that no id has.
    found = records(
        [*_LOG, wanted, "--"], directory, MOST_COMMITS * 1_000, most_bytes=MOST_BYTES, cpu_seconds=CPU_SECONDS
    )
    for record in found:
        if about is not None:
            paths += 1
            if paths <= MOST_PATHS:
                gone = about[1] == _GONE
                path = record.decode("utf-8", "surrogateescape")
                changes.append(ChangedPath(path, "" if gone else about[1], "" if gone else about[3]))
            about = None
            continue
        text = record.lstrip(b"\n")
        if text.startswith(b":"):
            about = text[1:].decode("ascii").split(" ")
            continue
        if not text.startswith(b"\x01"):
            continue
        if oid:
            yield _commit(oid, time, changes, paths)
            count += 1
            if count >= MOST_COMMITS:
                raise GitError(f"more than {MOST_COMMITS} commits")
        oid, _, seconds = text[1:].decode("ascii").partition(" ")
        # A commit may hold any text as its time; git prints nothing for an invalid one.
        time = int(seconds) if _TIME.fullmatch(seconds) else None
        changes, paths = [], 0
    if oid:
        yield _commit(oid, time, changes, paths)


def _commit(oid: str, time: int | None, changes: list[ChangedPath], paths: int) -> Commit:
    if paths > MOST_PATHS:
        return Commit(oid, time, (), censored=True)
    return Commit(oid, time, tuple(changes))


def tree_of(directory: Path, commit: str) -> list[ChangedPath]:
    """Every file of a commit's tree, links and submodules too. Raises GitError for more than are read."""
    found = []
    arguments = ["ls-tree", "-r", "-z", "--full-tree", commit]
    for entry in records(arguments, directory, MOST_PATHS + 1):
        about, tab, path = entry.partition(b"\t")
        if tab:
            mode, _, oid = about.decode("ascii").split()
            found.append(ChangedPath(path.decode("utf-8", "surrogateescape"), mode, oid))
    if len(found) > MOST_PATHS:
        raise GitError(f"a tree of more than {MOST_PATHS} files")
    return found


@dataclass(frozen=True, slots=True)
class History:
    """Facts of the history; None is unknown (a shallow clone knows only its last commit)."""

    commits: int | None
    contributors: int | None
    tags: int | None
    first: int | None
    last: int | None


def history(directory: Path, head: str | None) -> History:
    """Counts and Unix times of the commits that lead to ``head``. Contributors are distinct author addresses, only counted.

    Raises:
        GitError: git failed.
        ValueError, IndexError: a commit has no number as its time.
    """
    if head is None:
        return History(0, 0, 0, None, None)
    if is_shallow(directory):
        last = int(run(["log", "-1", "--format=%ct", head], directory=directory).split()[0])
        return History(None, None, None, None, last)
    author = "%aE" if _people_bytes(directory) <= _MOST_PEOPLE else "%ae"
    lines = run(["log", f"--format=%ct {author}", head], directory=directory).splitlines()
    times = [int(line.split(b" ", 1)[0]) for line in lines]
    authors = {line.split(b" ", 1)[1].strip().lower() for line in lines if b" " in line}
    tags = run(["for-each-ref", "--format=x", "refs/tags"], directory=directory).count(b"x")
    return History(len(lines), len(authors), tags, min(times), times[0])


def _people_bytes(directory: Path) -> int:
    """The size of the ``.mailmap`` that git would read for ``%aE``: of the work tree, of HEAD in a bare repository."""
    with suppress(OSError):
        return os.lstat(directory / ".mailmap").st_size
    with suppress(GitError):
        return int(run(["cat-file", "-s", "HEAD:.mailmap"], directory=directory))
    return 0
