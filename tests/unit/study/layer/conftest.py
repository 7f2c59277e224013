"""Fixtures that make archives and scan them."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Callable, Iterable
from typing import Any

import pytest

from dockml_dagster.study.layer.model import LayerEntry, LayerScan
from dockml_dagster.study.layer.scan import scan_layer
from dockml_dagster.study.layer.spool import Spool, SpoolWriter

Member = tuple[str, str | bytes | None]
"""Path, and content; a path ending in `/` is a directory, content `-> x` a symbolic link, `=> x` a hard
one."""


def archive_of(members: Iterable[Member], **fields: Any) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=fields.pop("format", tarfile.PAX_FORMAT)) as archive:
        for path, content in members:
            info = tarfile.TarInfo(path.rstrip("/") if path != "/" else path)
            info.mtime, info.mode = 1_600_000_000, 0o644
            for name, value in fields.items():
                setattr(info, name, value)
            data = None
            if path.endswith("/"):
                info.type, info.mode = tarfile.DIRTYPE, 0o755
            elif isinstance(content, str) and content[:3] in {"-> ", "=> "}:
                info.type = tarfile.SYMTYPE if content[0] == "-" else tarfile.LNKTYPE
                info.linkname = content[3:]
            else:
                data = content.encode() if isinstance(content, str) else content or b""
                info.size = len(data)
            archive.addfile(info, io.BytesIO(data) if data is not None else None)
    return buffer.getvalue()


@pytest.fixture
def tar() -> Callable[..., bytes]:
    return archive_of


class Scanned:
    """A scan and its rows."""

    def __init__(self, data: bytes | Any, **options: Any) -> None:
        self.rows: list[LayerEntry] = []
        stream = io.BytesIO(data) if isinstance(data, bytes) else data
        self.scan: LayerScan = scan_layer(stream, sink=self.rows.extend, **options)

    @property
    def paths(self) -> list[str]:
        return [row.path for row in self.rows]

    def row(self, path: str) -> LayerEntry:
        return next(row for row in self.rows if row.path == path)


@pytest.fixture
def scanned() -> type[Scanned]:
    return Scanned


@pytest.fixture
def spooled() -> Callable[[bytes], Spool]:
    def spool(data: bytes) -> Spool:
        writer = SpoolWriter(io.BytesIO)
        scan_layer(io.BytesIO(data), sink=writer.extend)
        lines = writer.finish().readlines()
        return lambda: lines

    return spool
