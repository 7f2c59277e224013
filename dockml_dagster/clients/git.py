"""git, run so that a repository of unknown origin cannot run anything of its own.

Here: starting git (no shell, no prompt, no hooks, bounded in time and output), and the few queries that dockml
makes of a repository. Not here: how the answers are used.

Only commands that read the object database and the index are run. ``git status`` and ``git diff`` are not: they pass files
through the filters that the repository's own configuration names. What a work tree holds is read by ``trees``.
https://git-scm.com/docs/git#_security
"""

from __future__ import annotations

import io
import resource
import signal
import subprocess
import tempfile
import threading
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, cast

from dockml_dagster.clients.git_environment import environment
from dockml_dagster.clients.git_login import login_settings, without_login

TIMEOUT_SECONDS = 300
CLONE_TIMEOUT_SECONDS = 1800
_SHALLOW = ("--depth", "1", "--filter=blob:none", "--no-tags")
_MAX_OUTPUT = 64 * 1024**2
_CHUNK = 1 << 16
_MEMORY = 512 << 20
"""Most address space of a git that reads a repository: a small packed object may expand to gigabytes."""

CPU_SECONDS = 30
"""Most processor time of a git that answers one question."""
LISTING_CPU_SECONDS = 5
"""The same, of one that lists files: a few kilobytes of trees without a file, or of patterns to ignore, would keep it busy
for years. The 85,000 files of Linux take 0.2 s.
"""

_ENDED = "it ended while it read: an object is damaged, or takes too much memory or time"


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


def run(
    arguments: Sequence[str],
    *,
    directory: Path | None = None,
    network: bool = False,
    stdin: bytes = b"",
    timeout: float = TIMEOUT_SECONDS,
    own: Sequence[tuple[str, str]] = (),
) -> bytes:
    """Standard output of ``git ARGUMENTS``. ``directory``: the git directory or the work tree;
    ``own``: further settings of git.

    Raises:
        GitError: git is not installed, took too long, failed, or exceeded the output limit.
    """
    pieces, length = [], 0
    with closing(
        _chunks(arguments, directory, network=network, stdin=stdin, timeout=timeout, own=own)
    ) as chunks:
        for piece in chunks:
            length += len(piece)
            if length > _MAX_OUTPUT:
                raise GitError(f"git gave more than {_MAX_OUTPUT} bytes")
            pieces.append(piece)
    return b"".join(pieces)


def _chunks(
    arguments: Sequence[str],
    directory: Path | None,
    *,
    network: bool = False,
    stdin: bytes = b"",
    timeout: float = TIMEOUT_SECONDS,
    own: Sequence[tuple[str, str]] = (),
    cpu_seconds: int = CPU_SECONDS,
) -> Generator[bytes, None, None]:
    """The output of git as it comes. Closing the generator early ends git."""
    command = ["git", *(["-C", str(directory)] if directory else []), *arguments]
    with tempfile.TemporaryFile() as asked, tempfile.TemporaryFile() as complaints:
        asked.write(stdin)
        asked.seek(0)
        try:
            process = subprocess.Popen(
                command, stdin=asked, stdout=subprocess.PIPE, stderr=complaints,
                env=environment(network=network, directory=directory, own=own),
            )  # fmt: skip
        except FileNotFoundError as error:
            raise GitError("git is not installed") from error
        if not network:
            _bound(process, cpu_seconds)
        late = threading.Event()

        def end() -> None:
            late.set()
            process.kill()

        alarm = threading.Timer(timeout, end)
        alarm.daemon = True
        alarm.start()
        try:
            with cast("io.BufferedReader", process.stdout) as output:
                while piece := output.read1(_CHUNK):
                    yield piece
            status = process.wait()
        finally:
            alarm.cancel()
            process.kill()
            process.wait()
        if late.is_set():
            raise GitError(f"git took longer than {timeout:.0f} s", retryable=True)
        if status == -signal.SIGXCPU:
            raise GitError(f"git took more than {cpu_seconds} s of processor time")
        if status != 0:
            complaints.seek(0)
            said = complaints.read(_CHUNK).decode("utf-8", "replace").strip().splitlines() or [
                "no reason given"
            ]
            raise GitError(said[-1].removeprefix("fatal: ")[:300], retryable=network)


def _bound(process: subprocess.Popen[bytes], cpu_seconds: int) -> None:
    """Limit git's memory and processor time, where the system can. Exceeding a limit ends git and becomes an outcome of the
    project.
    """
    limit = getattr(resource, "prlimit", None)
    if limit is not None:
        with suppress(OSError):  # it has ended already
            limit(process.pid, resource.RLIMIT_AS, (_MEMORY, _MEMORY))
            limit(process.pid, resource.RLIMIT_CPU, (cpu_seconds, cpu_seconds + 1))


def records(
    arguments: Sequence[str],
    directory: Path,
    most: int,
    *,
    most_bytes: int = _MAX_OUTPUT,
    cpu_seconds: int = LISTING_CPU_SECONDS,
) -> Iterator[bytes]:
    """The first ``most`` of git's NUL-separated records: a tree of some kilobytes may stand for a billion files.

    Raises GitError for more than ``most_bytes`` or ``cpu_seconds``.
    """
    held, length = b"", 0
    with closing(_chunks(arguments, directory, cpu_seconds=cpu_seconds)) as chunks:
        for piece in chunks:
            length += len(piece)
            *whole, held = (held + piece).split(b"\0")
            for record in whole:
                if most <= 0:
                    return
                most -= 1
                yield record
            if length > most_bytes or len(held) > _CHUNK:
                raise GitError(f"git gave more than {most_bytes} bytes, or a path of more than {_CHUNK}")


def head_commit(directory: Path) -> str | None:
    """The commit at HEAD; None where there is none yet."""
    try:
        return (
            run(["rev-parse", "--verify", "--quiet", "HEAD^{commit}"], directory=directory).decode().strip()
        )
    except GitError as error:
        if any(cause in str(error) for cause in ("not installed", "dubious", "git took")):
            raise
        return None


def origin(directory: Path) -> str | None:
    """The address of the remote ``origin``, read as data: included configuration files are not followed."""
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


def tree(directory: Path, most: int, most_bytes: int = _MAX_OUTPUT) -> list[Blob]:
    """The first ``most`` entries of HEAD's tree, submodules and links too; none after the one with whose path the paths have
    more than ``most_bytes``.
    """
    command = ["ls-tree", "-r", "-z", "--full-tree", "HEAD"]
    found = []
    for entry in _up_to(records(command, directory, most), most_bytes):
        about, tab, path = entry.partition(b"\t")
        if tab:
            mode, _, oid = about.decode("ascii").split()
            found.append(Blob(path.decode("utf-8", "surrogateescape"), mode, oid))
    return found


def index(directory: Path, most: int, most_bytes: int = _MAX_OUTPUT) -> list[Blob]:
    """The tracked files of a work tree, then its untracked files that are not ignored (mode '', no oid): of each the first,
    as ``tree`` takes them.
    """
    found: dict[str, Blob] = {}
    for entry in _up_to(records(["ls-files", "--stage", "-z"], directory, most), most_bytes):
        about, tab, path = entry.partition(b"\t")
        if tab:
            mode, oid, _ = about.decode("ascii").split()
            name = path.decode("utf-8", "surrogateescape")
            found.setdefault(name, Blob(name, mode, oid))
    others = ["ls-files", "--others", "--exclude-standard", "-z"]
    for path in _up_to(records(others, directory, most), most_bytes):
        name = path.decode("utf-8", "surrogateescape")
        found.setdefault(name, Blob(name, "", ""))
    return sorted(found.values(), key=lambda blob: blob.path)


def _up_to(found: Iterator[bytes], most_bytes: int) -> Iterator[bytes]:
    """Entries up to the one with whose path (what follows the first tab, if there is one) the paths exceed a limit."""
    length = 0
    for entry in found:
        yield entry
        length += len(entry) - entry.find(b"\t") - 1
        if length > most_bytes:
            return


def sizes(directory: Path, oids: Sequence[str]) -> dict[str, int]:
    """Size in bytes of the blobs that are present; those that a partial clone lacks are left out."""
    if not oids:
        return {}
    question = "--batch-check=%(objectname) %(objecttype) %(objectsize)"
    if _is_partial(directory):
        # Asking for an absent object would make git fetch it; listing the present ones does not.
        answer = run(["cat-file", "--batch-all-objects", "--unordered", question], directory=directory)
    else:
        # A tree of some kilobytes may name one blob a hundred thousand times.
        asked = "\n".join(dict.fromkeys(oids)).encode() + b"\n"
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
        env=environment(network=False, directory=directory),
    )
    assert process.stdin
    assert process.stdout
    _bound(process, CPU_SECONDS)
    try:
        yield BlobReader(process.stdin, process.stdout)
    finally:
        with suppress(BrokenPipeError):
            process.stdin.close()
        process.stdout.close()
        process.wait()


@dataclass(frozen=True, slots=True)
class BlobReader:
    """Asks for blobs; see ``blob_reader``."""

    _asked: IO[bytes]
    _answers: IO[bytes]

    def read(self, oid: str, most: int | None = None) -> bytes | None:
        """A blob's bytes, None if the repository lacks it or it has more than ``most``."""
        try:
            self._asked.write(oid.encode() + b"\n")
            self._asked.flush()
        except BrokenPipeError as error:
            raise GitError(_ENDED) from error
        header = self._answers.readline().split()
        if not header:
            raise GitError(_ENDED)
        if len(header) != 3 or header[1] != b"blob":
            return None
        size = int(header[2])
        if most is not None and size > most:
            left = size + 1
            while left > 0 and (piece := self._answers.read(min(left, _CHUNK))):
                left -= len(piece)
            return None
        data = self._answers.read(size)
        if len(data) < size:  # git states the size before it produces the bytes
            raise GitError(_ENDED)
        self._answers.read(1)
        return data


def remote_head(url: str) -> str:
    """The commit at HEAD of a remote repository, '' where it has none. Raises GitError."""
    plain, login = without_login(url)
    answer = run(["ls-remote", "--", plain, "HEAD"], network=True, own=login_settings(plain, login)).split()
    return answer[0].decode("ascii", "replace") if answer else ""


def clone(url: str, target: Path) -> None:
    """A shallow bare clone without file contents, made in full or not at all; it keeps no password. Raises GitError."""
    plain, login = without_login(url)
    run(
        ["clone", "--quiet", "--bare", *_SHALLOW, "--template=", "--", plain, str(target)],
        network=True, timeout=CLONE_TIMEOUT_SECONDS, own=login_settings(plain, login),
    )  # fmt: skip


def update(directory: Path, url: str) -> None:
    """Update a clone to HEAD of ``url``, still without contents. Raises GitError."""
    plain, login = without_login(url)
    run(
        ["fetch", "--quiet", *_SHALLOW, "--force", plain, "HEAD:refs/heads/dockml"],
        directory=directory, network=True, timeout=CLONE_TIMEOUT_SECONDS, own=login_settings(plain, login),
    )  # fmt: skip
    run(["symbolic-ref", "HEAD", "refs/heads/dockml"], directory=directory)


def fetch_blobs(directory: Path, oids: Sequence[str], url: str) -> None:
    """Fetch the contents that a clone of ``url`` lacks, all in one request, as git does for a checkout. Raises GitError."""
    missing = sorted(set(oids) - sizes(directory, oids).keys())
    if missing:
        plain, login = without_login(url)
        run(
            ["-c", "fetch.negotiationAlgorithm=noop", "fetch", "--quiet", "--no-tags", "--no-write-fetch-head",
             "--recurse-submodules=no", "--filter=blob:none", "--stdin", "origin"],
            directory=directory, network=True, stdin="\n".join(missing).encode() + b"\n",
            timeout=CLONE_TIMEOUT_SECONDS, own=login_settings(plain, login),
        )  # fmt: skip
