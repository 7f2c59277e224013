"""Files of an image by name, in a directory or inside a tar archive, and verified streams of
them.

Here: opening only regular files, links inside an archive, whole small files. Not here: what the files mean
(``oci_layout``, ``docker_archive``, ``skopeo_directory``).
"""

import os
import stat
import threading
from pathlib import Path
from typing import BinaryIO, Protocol

from dockml_dagster.clients.http.errors import (
    BrokenContentError,
    GoneError,
    SettingError,
    TooLargeError,
    UnavailableError,
    UnsupportedError,
)
from dockml_dagster.clients.http.verified_stream import CHUNK, VerifiedStream
from dockml_dagster.images.sources.checkpointed_gzip import CheckpointedGzip, Checkpoints
from dockml_dagster.images.sources.tar_index import Member, read_tar_index
from dockml_dagster.study.image.reference import Digest

MAX_LINKS = 16
# Only data of this size are worth a checkpoint in a compressed archive.
_WORTH_REMEMBERING = 1 << 20

_GZIP_MAGIC = b"\x1f\x8b"
COMPRESSIONS = {b"\x28\xb5\x2f\xfd": "zstd", b"\xfd7zX": "xz", b"BZh": "bzip2"}
"""First bytes of archives that must be inflated before they are read (``local_copy``)."""
MAGIC = 64
"""Number of first bytes that identify a file's format."""


class Region(Protocol):
    """An open file from some byte on."""

    def read(self, most: int, /) -> bytes:
        """Up to ``most`` bytes, empty at the end."""
        ...

    def close(self) -> None:
        """Close the file."""
        ...


class Files(Protocol):
    """Named files. Names are relative, with ``/``."""

    def size(self, name: str) -> int:
        """Bytes. Raises GoneError if there is no such file."""
        ...

    def open(self, name: str, start: int = 0) -> Region:
        """The file from ``start`` on; the caller closes it. Raises GoneError."""
        ...


def has(files: Files, name: str) -> bool:
    """Whether there is a file of that name."""
    try:
        files.size(name)
    except GoneError:
        return False
    return True


def read_whole(files: Files, name: str, most: int) -> bytes:
    """A small file whole. Raises GoneError, TooLargeError."""
    size = files.size(name)
    if size > most:
        raise TooLargeError(f"{size} bytes, more than the {most} that are read", subject=name)
    return read_part(files, name, 0, size)


def read_part(files: Files, name: str, start: int, length: int) -> bytes:
    """``length`` bytes from ``start`` on; a negative ``start`` counts from the end; fewer bytes at the end."""
    size = files.size(name)
    start = max(0, size + start) if start < 0 else min(start, size)
    missing = min(length, size - start)
    region = files.open(name, start)
    try:
        pieces = []
        while missing > 0 and (piece := region.read(min(CHUNK, missing))):
            pieces.append(piece)
            missing -= len(piece)
    finally:
        region.close()
    if missing > 0:
        raise BrokenContentError("ends early", subject=name)
    return b"".join(pieces)


class DirectoryFiles:
    """Files below a directory. Anything other than a regular file (a pipe, a device) counts as absent."""

    def __init__(self, root: Path) -> None:
        if not root.is_dir():
            raise SettingError("no such directory", subject=str(root))
        self.root = root

    def size(self, name: str) -> int:
        """See Files."""
        with self._file(name) as file:
            return os.fstat(file.fileno()).st_size

    def open(self, name: str, start: int = 0) -> Region:
        """See Files."""
        file = self._file(name)
        file.seek(start)
        return file

    def _file(self, name: str) -> BinaryIO:
        return open_regular(self.root / name, name)


class ArchiveFiles:
    """Files inside a tar archive, plain or gzip. The archive is indexed once, at the first request for a file."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.Lock()
        self._members: dict[str, Member] | None = None
        self._checkpoints = Checkpoints()
        with open_regular(path, str(path), missing=SettingError) as file:
            magic = file.read(MAGIC)
        for prefix, form in COMPRESSIONS.items():
            if magic.startswith(prefix):
                raise UnsupportedError(
                    f"an archive compressed with {form}; unpack that first", subject=str(path)
                )
        if magic[32:41] == b"SIF_MAGIC" or magic.startswith(b"hsqs"):
            raise UnsupportedError(
                "an image of Apptainer (SIF) or a SquashFS, which has no layers and is not read",
                subject=str(path),
            )
        self._is_gzip = magic.startswith(_GZIP_MAGIC)

    def size(self, name: str) -> int:
        """See Files."""
        return self._member(name).size

    def open(self, name: str, start: int = 0) -> Region:
        """See Files."""
        member = self._member(name)
        file = open_regular(self.path, str(self.path))
        if not self._is_gzip:
            file.seek(member.offset + start)
            return _Part(file, member.size - start)
        unzipped = CheckpointedGzip(file, self._checkpoints)
        unzipped.seek(member.offset + start)
        return _Part(unzipped, member.size - start)

    def _member(self, name: str) -> Member:
        members = self._index()
        for _ in range(MAX_LINKS):
            member = members.get(name)
            if member is None:
                break
            if member.target is None:
                return member
            name = member.target
        raise GoneError("not in the archive", subject=name)

    def _index(self) -> dict[str, Member]:
        with self._lock:
            if self._members is None:
                with open_regular(self.path, str(self.path)) as file:
                    self._members = self._read_index(file)
            return self._members

    def _read_index(self, file: BinaryIO) -> dict[str, Member]:
        if not self._is_gzip:
            return read_tar_index(file)
        unzipped = CheckpointedGzip(file, self._checkpoints)

        def remember(_: int, size: int) -> None:
            if size >= _WORTH_REMEMBERING:
                unzipped.remember()

        return read_tar_index(unzipped, remember=remember)


class _Part:
    """At most ``length`` bytes of an open file."""

    def __init__(self, file: BinaryIO | CheckpointedGzip, length: int) -> None:
        self._file, self._left = file, max(0, length)

    def read(self, most: int, /) -> bytes:
        piece = self._file.read(min(most, self._left))
        self._left -= len(piece)
        return piece

    def close(self) -> None:
        self._file.close()


class FileStream(VerifiedStream):
    """A file as a stream that verifies its size and digest (see VerifiedStream)."""

    def __init__(self, region: Region, digest: Digest, size: int | None, *, verify: bool = True) -> None:
        super().__init__(digest, size, verify=verify)
        self._region = region

    def close(self) -> None:
        """Close the file."""
        if not self.closed:
            self._region.close()
        super().close()

    def _fetch(self, most: int) -> bytes:
        try:
            return self._region.read(most)
        except OSError as error:
            raise UnavailableError(f"cannot be read ({error.strerror})", subject=str(self.digest)) from None


def open_regular(
    path: Path, subject: str, missing: type[GoneError] | type[SettingError] = GoneError
) -> BinaryIO:
    """Open a regular file. Raises ``missing`` if there is none; never blocks on a pipe in its place."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError, ValueError):
        raise missing("no such file", subject=subject) from None
    except OSError as error:
        raise SettingError(f"cannot be opened ({error.strerror})", subject=subject) from None
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise missing("no regular file", subject=subject)
    return os.fdopen(handle, "rb")
