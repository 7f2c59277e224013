"""Local copies of images that cannot be read in place: from an engine, a store or standard input.

Here: one pass from there to a plain archive (or a directory of layers) in a scratch folder, removed at the end. An
archive that is already a plain file, even as standard input, is read in place. Not here: reading it
(``opening``). ``docker save`` puts the list of an archive at its end, so it cannot be read without a copy.
"""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO, Final, Protocol

from dockml_dagster.clients.http.errors import (
    BrokenContentError,
    FetchError,
    GoneError,
    SettingError,
    TooLargeError,
    UnavailableError,
)
from dockml_dagster.images.sources.files import COMPRESSIONS, MAGIC, open_regular
from dockml_dagster.study.image.reference import ImageReference, LocalForm, LocalImage
from dockml_dagster.study.layer.inflate import CapHitError, CompressedBytes, CorruptLayerError, InflatedBytes
from dockml_dagster.study.layer.model import ScanLimits

STANDARD_INPUT: Final = "-"
MOST_BYTES: Final = 512 << 30
_LEFT_FREE: Final = 256 << 20
"""Bytes of free disk space that a copy must leave."""
_CHUNK: Final = 1 << 20
_ARCHIVES: Final = frozenset({LocalForm.OCI_ARCHIVE, LocalForm.DOCKER_ARCHIVE})
_PATIENCE: Final = 3600.0
_TOOLS: Final = (("skopeo", ("copy", "--quiet", "containers-storage:{}", "dir:{}")),
                 ("buildah", ("push", "--quiet", "{}", "dir:{}")),
                 ("podman", ("push", "--quiet", "{}", "dir:{}")))  # fmt: skip


class Readable(Protocol):
    """A stream to copy."""

    def read(self, size: int, /) -> bytes:
        """Up to ``size`` bytes; none at the end."""
        ...


@contextmanager
def readable_here(
    location: ImageReference | LocalImage, scratch: Path
) -> Iterator[ImageReference | LocalImage]:
    """The location, or one in ``scratch`` with the same image, valid inside the block.

    Raises FetchError: no such image, too large, no engine, no tool, no disk space.
    """
    if isinstance(location, ImageReference):
        yield location
        return
    with tempfile.TemporaryDirectory(prefix="copy-", dir=scratch) as folder:
        yield _here(location, Path(folder))


def _here(location: LocalImage, folder: Path) -> LocalImage:
    known = replace(location, shown=str(location))
    if location.form is LocalForm.DOCKER_DAEMON:
        from dockml_dagster.clients.docker_daemon import saved_image

        with saved_image(location.path) as stream:
            path = _copied(stream, folder)
        return replace(known, form=LocalForm.DOCKER_ARCHIVE, path=str(path))
    if location.form is LocalForm.CONTAINERS_STORAGE:
        return replace(known, form=LocalForm.SKOPEO_DIRECTORY, path=str(_from_storage(location.path, folder)))
    if location.form not in _ARCHIVES:
        return location
    if location.path == STANDARD_INPUT:
        if sys.stdin.isatty():
            raise SettingError("standard input is a terminal: pipe an archive into it", subject=str(location))
        path = _standard_input() or _copied(sys.stdin.buffer, folder)
        location = replace(known, path=str(path))
    return _inflated(location, folder)


def _standard_input() -> Path | None:
    """The file behind standard input, if at its start. None: it is a pipe."""
    if not stat.S_ISREG(os.fstat(0).st_mode) or os.lseek(0, 0, os.SEEK_CUR):
        return None
    link = Path("/proc/self/fd/0")
    path = link.readlink() if link.is_symlink() else None
    return path if path is not None and path.is_file() else None


def _inflated(location: LocalImage, folder: Path) -> LocalImage:
    """The archive, inflated if its compression does not allow seeking (gzip does: ``checkpointed_gzip``)."""
    path = Path(location.path)
    with open_regular(path, str(path), missing=SettingError) as file:
        magic = file.read(MAGIC)
        form = next((name for prefix, name in COMPRESSIONS.items() if magic.startswith(prefix)), None)
        if form is None:
            return location
        file.seek(0)
        try:
            plain = _copied(_Inflated(file), folder, "inflated.tar")
        except CapHitError as error:
            raise TooLargeError(
                f"an archive that stopped at the cap on {error.cap}", subject=str(location)
            ) from None
        except CorruptLayerError as error:
            raise BrokenContentError(f"{form} data is damaged: {error}", subject=str(location)) from None
    return replace(location, path=str(plain), shown=str(location))


class _Inflated:
    """The inflated bytes of an archive, under the limits of a layer: a compressed megabyte must not fill the disk."""

    def __init__(self, file: BinaryIO) -> None:
        limits = ScanLimits()
        source = CompressedBytes(file, limits, time.monotonic, digest=False)
        self._inflated = InflatedBytes(source, limits, diff_id=False)

    def read(self, _: int, /) -> bytes:
        return self._inflated.read()


def _copied(stream: Readable, folder: Path, name: str = "image.tar") -> Path:
    path, count = folder / name, 0
    try:
        with path.open("wb") as file:
            while piece := stream.read(_CHUNK):
                count += len(piece)
                if count > MOST_BYTES:
                    raise TooLargeError(f"more than the {MOST_BYTES >> 30} GiB that are copied")
                if not count & (64 << 20) - 1 and shutil.disk_usage(folder).free < _LEFT_FREE:
                    raise TooLargeError("no room for it on the disk of DOCKML_HOME", subject=str(folder))
                file.write(piece)
    except OSError as error:
        if error.filename is None and error.errno is None:
            raise
        raise UnavailableError(f"cannot be copied ({error.strerror})", subject=str(folder)) from None
    return path


def _from_storage(name: str, folder: Path) -> Path:
    """An image of podman's and buildah's store, as a skopeo directory; its layers are uncompressed, as in the store."""
    subject = f"containers-storage:{name}"
    for tool, arguments in _TOOLS:
        program = shutil.which(tool)
        if program is None:
            continue
        target = folder / tool
        values = iter((name, str(target)))
        command = [program, *(part.format(next(values)) if "{}" in part else part for part in arguments)]
        try:
            done = subprocess.run(
                command, capture_output=True, timeout=_PATIENCE, check=False, stdin=subprocess.DEVNULL
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise UnavailableError(f"{tool}: {error}", subject=subject) from None
        if done.returncode == 0:
            return target
        raise _tool_error(tool, done.stderr.decode(errors="replace"), subject)
    raise SettingError("needs skopeo, buildah or podman, which know the store", subject=subject)


def _tool_error(tool: str, said: str, subject: str) -> FetchError:
    lines = said.strip().splitlines() or ["no reason given"]
    if (
        "does not resolve to an image ID" in said
        or "identifier is not an image" in said
        or "not known" in said
    ):
        return GoneError("no such image in the containers storage", subject=subject)
    return UnavailableError(f"{tool}: {lines[-1]}", subject=subject)
