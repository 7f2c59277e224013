"""The study's published package as files: a directory, an archive, or a clone made on demand.

Here: getting bytes by path, and recording exactly what was read. Not here: what the files mean (``workbook``,
``images``). The package is not part of dockml and has no licence: it is read in the user's place and never copied.

Archives are untrusted: read as a stream, never unpacked, with limits on count and size.
"""

from __future__ import annotations

import hashlib
import lzma
import os
import subprocess
import tarfile
import zlib
from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import islice, takewhile
from pathlib import Path, PurePosixPath

from dockml_dagster.corpora.base import CorpusError
from dockml_dagster.warehouse.opening import make_folder
from dockml_dagster.warehouse.rows import combined_hash

REPOSITORY_URL = "https://github.com/openjamoses/EASE2022"
ROOT = "Datasets/"
MAX_FILES = 200_000
MAX_FILE_BYTES = 256 * 1024**2
MAX_TOTAL_BYTES = 4 * 1024**3
CLONE_TIMEOUT_SECONDS = 1800


@dataclass(frozen=True)
class Package:
    """The files below ``Datasets/`` by relative path, and the source they were read from."""

    source: str
    fingerprint: str
    files: Mapping[str, bytes | Path]

    def read(self, path: str) -> bytes | None:
        """A file's bytes, or None if this copy of the package does not have it (copies differ)."""
        found = self.files.get(path)
        if isinstance(found, Path):
            try:
                return found.read_bytes()
            except OSError as error:
                raise CorpusError(f"cannot read {found}: {error.strerror}") from error
        return found

    def below(self, prefix: str) -> list[str]:
        """Paths that start with ``prefix``, sorted by code point."""
        paths = self._paths
        start = bisect_left(paths, prefix)
        # In sorted order they are contiguous.
        return list(takewhile(lambda path: path.startswith(prefix), islice(paths, start, None)))

    @cached_property
    def _paths(self) -> list[str]:
        return sorted(self.files)


def fingerprint(location: Path) -> str:
    """A cheap hash of everything at ``location``: an archive's bytes, or a directory's paths, sizes and times.

    Raises:
        CorpusError: nothing is there.
    """
    if location.is_dir():
        commit = _commit(location)
        if commit:
            return commit
        parts: list[str] = []
        for path in sorted((location / ROOT).rglob("*")):
            if path.is_file():
                stat = path.stat()
                parts.append(f"{path.relative_to(location)}\0{stat.st_size}\0{stat.st_mtime_ns}")
        return combined_hash(parts)
    try:
        stat = location.stat()
        return _hash_of(location, stat.st_ino, stat.st_size, stat.st_mtime_ns)
    except OSError as error:
        raise CorpusError(f"DOCKML_EASE2022: cannot read {location}: {error.strerror}") from error


@lru_cache(maxsize=1)
def _hash_of(location: Path, *_: int) -> str:
    """The hash of a file's bytes. A study asks for it eight times; the numbers tell whether it is the same file still."""
    with location.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def open_package(location: Path) -> Package:
    """Read a directory or archive.

    Raises:
        CorpusError: the package is missing, damaged, or has no ``Datasets/``.
    """
    mark = fingerprint(location)
    files = _directory(location) if location.is_dir() else _archive(location)
    if not files:
        raise CorpusError(f"DOCKML_EASE2022: {location} has no folder {ROOT} with files")
    return Package(f"openjamoses/EASE2022 ({location.name}, {mark[:12]})", mark, files)


def clone(cache: Path, url: str = REPOSITORY_URL) -> Path:
    """The folder of a shallow clone in ``cache``, made now if missing.

    Raises:
        CorpusError: git is missing or failed; the message suggests setting DOCKML_EASE2022.
    """
    target = cache / "EASE2022"
    if (target / ".git").is_dir():
        return target
    make_folder(cache)
    partial = cache / "EASE2022.partial"
    command = ["git", "clone", "--quiet", "--depth", "1", "--", url, str(partial)]
    _remove(partial)
    hint = "or set DOCKML_EASE2022 to a directory or archive of openjamoses/EASE2022"
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=CLONE_TIMEOUT_SECONDS,
            check=False,
            # No prompt: an unattended run must fail, not wait for a password.
            env={**os.environ, "GIT_TERMINAL_PROMPT": "0"},
        )
    except FileNotFoundError as error:
        raise CorpusError(f"git is not installed; install it {hint}") from error
    except subprocess.TimeoutExpired as error:
        raise CorpusError(
            f"cloning {url} took longer than {CLONE_TIMEOUT_SECONDS} s; try again {hint}"
        ) from error
    if done.returncode != 0:
        said = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise CorpusError(f"cannot clone {url}: {said}; check the network {hint}")
    partial.rename(target)
    return target


def _remove(path: Path) -> None:
    import shutil

    shutil.rmtree(path, ignore_errors=True)


def _commit(location: Path) -> str | None:
    """HEAD of a clean clone: exact, and cheaper than checking 35,768 files."""
    if not (location / ".git").is_dir():
        return None
    head = subprocess.run(
        ["git", "-C", str(location), "rev-parse", "HEAD"], capture_output=True, text=True, check=False
    )
    status = subprocess.run(
        ["git", "-C", str(location), "status", "--porcelain"], capture_output=True, text=True, check=False
    )
    return (
        head.stdout.strip() if head.returncode == 0 and status.returncode == 0 and not status.stdout else None
    )


def _directory(location: Path) -> dict[str, bytes | Path]:
    base = location / ROOT
    return {
        path.relative_to(base).as_posix(): path
        for path in base.rglob("*")
        # Links are skipped: they could lead anywhere, and the package has none.
        if path.is_file() and not path.is_symlink()
    }


def _archive(location: Path) -> dict[str, bytes | Path]:
    files: dict[str, bytes | Path] = {}
    total = 0
    try:
        with tarfile.open(location, mode="r|*") as archive:
            for member in archive:
                name = _inside(member.name)
                if name is None or not member.isfile():
                    continue
                total += member.size
                if member.size > MAX_FILE_BYTES or total > MAX_TOTAL_BYTES or len(files) >= MAX_FILES:
                    raise CorpusError(
                        f"DOCKML_EASE2022: {location} is larger than the study's package can be"
                    )
                stream = archive.extractfile(member)
                files[name] = stream.read() if stream else b""
    except (tarfile.TarError, lzma.LZMAError, zlib.error, EOFError, OSError) as error:
        raise CorpusError(
            f"DOCKML_EASE2022: {location} is damaged or no archive ({error}); get it again"
        ) from error
    return files


def _inside(name: str) -> str | None:
    """The path below ``Datasets/``, ignoring folders in front of it; None for anything else."""
    parts = PurePosixPath(name).parts
    if ".." in parts or "Datasets" not in parts:
        return None
    return "/".join(parts[parts.index("Datasets") + 1 :]) or None
