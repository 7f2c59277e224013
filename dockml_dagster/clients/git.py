"""git, run so that a repository of unknown origin cannot run anything of its own.

Here: starting git (no shell, no prompt, no hooks, bounded in time and output), and the few questions that are
asked of a repository. Not here: what the answers are for.

Only commands that read the object database and the index are run. ``git status`` and ``git diff`` are not: they pass files
through the filters that the repository's own configuration names. What a work tree holds is read by ``trees``.
https://git-scm.com/docs/git#_security
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

TIMEOUT_SECONDS = 300
CLONE_TIMEOUT_SECONDS = 1800
_SHALLOW = ("--depth", "1", "--filter=blob:none", "--no-tags")
_MAX_OUTPUT = 256 * 1024**2

# The repository's configuration is data; what in it could start a program is overruled.
_OVERRULED = (
    "core.fsmonitor=false", "core.hooksPath=/dev/null", "core.untrackedCache=false", "core.pager=cat",
    "core.attributesFile=/dev/null", "log.showSignature=false", "protocol.ext.allow=never", "diff.external=",
    "core.quotePath=false",
)  # fmt: skip


class GitError(Exception):
    """git failed or is missing; the message is one line. ``retryable``: it may work another time."""

    def __init__(self, message: str, *, retryable: bool = False) -> None:
        super().__init__(message)
        self.retryable = retryable


@dataclass(frozen=True, slots=True)
class Blob:
    """An entry of a tree or of the index. ``mode``: 100644, 100755, 120000 (symbolic link), 160000 (submodule)."""

    path: str
    mode: str
    oid: str


def _environment(*, network: bool, directory: Path | None) -> dict[str, str]:
    kept = ("GIT_SSH", "GIT_SSL", "GIT_PROXY") if network else ()
    inherited = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("GIT_") or name.startswith(kept)
    }
    settings = [("safe.directory", "*"), *(tuple(pair.split("=", 1)) for pair in _OVERRULED)]
    environment = {
        **inherited,
        # No prompt: a run at night must fail, not wait for a password.
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_ASKPASS": "true",
        "GIT_OPTIONAL_LOCKS": "0",
        # Without network no remote may be called at all: a partial clone would call its own for what it lacks, and
        # with the program that its configuration names.
        "GIT_ALLOW_PROTOCOL": "file:https:http:ssh:git" if network else "none",
        "LC_ALL": "C",
        "GIT_CONFIG_COUNT": str(len(settings)),
    }
    for number, pair in enumerate(settings):
        environment[f"GIT_CONFIG_KEY_{number}"], environment[f"GIT_CONFIG_VALUE_{number}"] = pair[0], pair[1]
    if directory is not None:
        # A folder whose .git is broken must not be taken for a part of the repository around it.
        environment["GIT_CEILING_DIRECTORIES"] = str(directory.absolute().parent)
    if not network:
        environment |= {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1", "GIT_NO_LAZY_FETCH": "1"}
    return environment


def run(
    arguments: Sequence[str],
    *,
    directory: Path | None = None,
    network: bool = False,
    stdin: bytes = b"",
    timeout: float = TIMEOUT_SECONDS,
) -> bytes:
    """Standard output of ``git ARGUMENTS``. ``directory`` is the git directory or the work tree.

    Raises:
        GitError: git is not installed, took too long or failed.
    """
    command = ["git", *(["-C", str(directory)] if directory else []), *arguments]
    try:
        done = subprocess.run(
            command, input=stdin, capture_output=True, timeout=timeout, check=False,
            env=_environment(network=network, directory=directory),
        )  # fmt: skip
    except FileNotFoundError as error:
        raise GitError("git is not installed") from error
    except subprocess.TimeoutExpired as error:
        raise GitError(f"git took longer than {timeout:.0f} s", retryable=True) from error
    if done.returncode != 0:
        said = done.stderr.decode("utf-8", "replace").strip().splitlines() or ["no reason given"]
        raise GitError(said[-1].removeprefix("fatal: ")[:300], retryable=network)
    if len(done.stdout) > _MAX_OUTPUT:
        raise GitError(f"git gave more than {_MAX_OUTPUT} bytes")
    return done.stdout


def head_commit(directory: Path) -> str | None:
    """The commit that HEAD leads to; None where there is none yet."""
    try:
        return (
            run(["rev-parse", "--verify", "--quiet", "HEAD^{commit}"], directory=directory).decode().strip()
        )
    except GitError as error:
        if "not installed" in str(error) or "dubious" in str(error):
            raise
        return None


def origin(directory: Path) -> str | None:
    """The address of the remote ``origin``, read as data: nothing it includes is followed."""
    return _configured(directory, "--get", "remote.origin.url").decode("utf-8", "replace").strip() or None


def _configured(directory: Path, *question: str) -> bytes:
    """An answer from the repository's own configuration; empty where there is none."""
    place = (
        run(["rev-parse", "--git-common-dir"], directory=directory).decode("utf-8", "surrogateescape").strip()
    )
    try:
        return run(["config", "--file", str(directory / place / "config"), "--no-includes", *question])
    except GitError:
        return b""


def _is_partial(directory: Path) -> bool:
    """Whether the repository may lack objects that its remote promised."""
    return bool(_configured(directory, "--get-regexp", r"^(extensions\.partialclone|remote\..*\.promisor)$"))


def tree(directory: Path) -> list[Blob]:
    """Every entry of HEAD's tree, submodules and links too."""
    found = []
    for entry in run(["ls-tree", "-r", "-z", "--full-tree", "HEAD"], directory=directory).split(b"\0"):
        about, tab, path = entry.partition(b"\t")
        if tab:
            mode, _, oid = about.decode("ascii").split()
            found.append(Blob(path.decode("utf-8", "surrogateescape"), mode, oid))
    return found


def index(directory: Path) -> list[Blob]:
    """What a work tree has under version control, and what it has beside that and does not ignore (mode '', no oid)."""
    found: dict[str, Blob] = {}
    for entry in run(["ls-files", "--stage", "-z"], directory=directory).split(b"\0"):
        about, tab, path = entry.partition(b"\t")
        if tab:
            mode, oid, _ = about.decode("ascii").split()
            name = path.decode("utf-8", "surrogateescape")
            found.setdefault(name, Blob(name, mode, oid))
    for path in run(["ls-files", "--others", "--exclude-standard", "-z"], directory=directory).split(b"\0"):
        if path:
            name = path.decode("utf-8", "surrogateescape")
            found.setdefault(name, Blob(name, "", ""))
    return sorted(found.values(), key=lambda blob: blob.path)


def sizes(directory: Path, oids: Sequence[str]) -> dict[str, int]:
    """Size in bytes of the blobs that are there; those a partial clone lacks are left out."""
    if not oids:
        return {}
    question = "--batch-check=%(objectname) %(objecttype) %(objectsize)"
    if _is_partial(directory):
        # Asking for what is absent would be an attempt to fetch it; listing what is there is none.
        answer = run(["cat-file", "--batch-all-objects", "--unordered", question], directory=directory)
    else:
        asked = "\n".join(oids).encode() + b"\n"
        answer = run(["cat-file", question], directory=directory, stdin=asked)
    wanted = set(oids)
    rows = (line.split() for line in answer.decode("ascii", "replace").splitlines())
    return {
        row[0]: int(row[2])
        for row in rows
        if len(row) == 3 and row[0] in wanted and row[1] == "blob" and row[2].isdigit()
    }


@contextmanager
def blob_reader(directory: Path) -> Iterator[BlobReader]:
    """One ``git cat-file --batch`` that answers one blob at a time."""
    process = subprocess.Popen(
        ["git", "-C", str(directory), "cat-file", "--batch"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=_environment(network=False, directory=directory),
    )
    assert process.stdin
    assert process.stdout
    try:
        yield BlobReader(process.stdin, process.stdout)
    finally:
        process.stdin.close()
        process.stdout.close()
        process.wait()


@dataclass(frozen=True, slots=True)
class BlobReader:
    """Asks for blobs; see ``blob_reader``."""

    _asked: IO[bytes]
    _answers: IO[bytes]

    def read(self, oid: str) -> bytes | None:
        """A blob's bytes, None if the repository lacks it."""
        self._asked.write(oid.encode() + b"\n")
        self._asked.flush()
        header = self._answers.readline().split()
        if len(header) != 3 or header[1] != b"blob":
            return None
        data = self._answers.read(int(header[2]))
        self._answers.read(1)
        return data


@dataclass(frozen=True, slots=True)
class History:
    """What the history tells; None is unknown (a shallow clone knows only its last commit)."""

    commits: int | None
    contributors: int | None
    tags: int | None
    first: int | None
    last: int | None


def history(directory: Path) -> History:
    """Counts and Unix times of the commits that lead to HEAD. Contributors are distinct author addresses, only counted."""
    if head_commit(directory) is None:
        return History(0, 0, 0, None, None)
    shallow = run(["rev-parse", "--is-shallow-repository"], directory=directory).strip() == b"true"
    last = int(run(["log", "-1", "--format=%ct", "HEAD"], directory=directory).split()[0])
    if shallow:
        return History(None, None, None, None, last)
    lines = run(["log", "--format=%ct %aE", "HEAD"], directory=directory).splitlines()
    times = [int(line.split(b" ", 1)[0]) for line in lines]
    authors = {line.split(b" ", 1)[1].strip().lower() for line in lines if b" " in line}
    tags = run(["for-each-ref", "--format=x", "refs/tags"], directory=directory).count(b"x")
    return History(len(lines), len(authors), tags, min(times), last)


def remote_head(url: str) -> str:
    """What HEAD of a remote repository is now, '' where it has no commit. Raises GitError."""
    answer = run(["ls-remote", "--", url, "HEAD"], network=True).split()
    return answer[0].decode("ascii", "replace") if answer else ""


def clone(url: str, target: Path) -> None:
    """A shallow bare clone without file contents, made in full or not at all. Raises GitError."""
    run(
        ["clone", "--quiet", "--bare", *_SHALLOW, "--template=", "--", url, str(target)],
        network=True,
        timeout=CLONE_TIMEOUT_SECONDS,
    )  # fmt: skip


def update(directory: Path) -> None:
    """Bring a clone to what HEAD of its remote is now, still without contents. Raises GitError."""
    run(
        ["fetch", "--quiet", *_SHALLOW, "--force", "origin", "HEAD:refs/heads/dockml"],
        directory=directory, network=True, timeout=CLONE_TIMEOUT_SECONDS,
    )  # fmt: skip
    run(["symbolic-ref", "HEAD", "refs/heads/dockml"], directory=directory)


def fetch_blobs(directory: Path, oids: Sequence[str]) -> None:
    """Fetch contents that a clone lacks, all in one request, as git itself does for a checkout. Raises GitError."""
    missing = sorted(set(oids) - sizes(directory, oids).keys())
    if missing:
        run(
            ["-c", "fetch.negotiationAlgorithm=noop", "fetch", "--quiet", "--no-tags", "--no-write-fetch-head",
             "--recurse-submodules=no", "--filter=blob:none", "--stdin", "origin"],
            directory=directory, network=True, stdin="\n".join(missing).encode() + b"\n", timeout=CLONE_TIMEOUT_SECONDS,
        )  # fmt: skip
