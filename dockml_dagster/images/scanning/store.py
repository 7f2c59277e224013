"""Scans of layers stored by digest, so that a layer known from another image costs nothing.

Here: one file per layer: a line of JSON (the scan without its rows, the content of its files) and the rows, as one zstd
frame with a checksum. Only immutable results are stored: complete scans of layers whose digest was verified, or of tables
of contents whose digest a manifest states (stored under that digest too). A file that is damaged or of another version of
the scan counts as absent. Not here: the layers of studies (``warehouse.layer_files``). The two stores are separate on
purpose. This one serves a command of half a second without DuckDB, drops what was not used for longest, and accepts tables
of contents. The other is the table ``raw.layer_files``: it keeps every layer for ever, only from whole scans, and is read
by SQL.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from dockml_dagster.images.scanning.inside import LayerInside
from dockml_dagster.images.scanning.kept_inside import from_json, to_json
from dockml_dagster.images.scanning.worker import LayerResult, LayerTask
from dockml_dagster.study.layer.model import SCAN_VERSION, LargeFile, LayerScan, LayerSummary, TypeCount

_MOST_BYTES: Final = 1 << 30
"""Most bytes of all scans together; a million files take some 30 MB."""
_MOST_HEAD: Final = 128 << 20
_LEVEL: Final = 1
_CHUNK: Final = 1 << 20


class ScanStore:
    """Files ``ROOT/scan-VERSION/ab/abcd….zst``. Several processes may share one: files appear whole, by rename."""

    def __init__(self, root: Path, *, most_bytes: int = _MOST_BYTES) -> None:
        self._root, self._most = root, most_bytes
        self._grown = False

    def get(self, task: LayerTask, spools: Path) -> LayerResult | None:
        """The layer's scan with its rows as a file in ``spools``; None: not stored. A scan of the whole layer is
        preferred to one of its table of contents. ``fetched_bytes`` is 0, since nothing was fetched.
        """
        for name in _names(task):
            path = self._path(name)
            result = _read(path, task, spools)
            if result is not None:
                with suppress(OSError):
                    os.utime(path)
                return result
        return None

    def put(self, task: LayerTask, result: LayerResult) -> None:
        """Store a scan if it qualifies. One that cannot be written is not stored."""
        scan, spool = result.scan, result.spool
        if scan is None or spool is None or scan.status != "complete" or scan.digest_holds is not True:
            return
        path = self._path(_names(task)[-1 if scan.verified == "toc" else 0])
        temporary = path.with_name(f".new-{os.getpid()}-{threading.get_ident()}-{path.name}")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            _write(temporary, scan, spool, result.inside)
            temporary.replace(path)
            self._grown = True
        except OSError:
            with suppress(OSError):
                temporary.unlink()

    def prune(self) -> None:
        """Remove the least recently used scans, of any version, until at most ``most_bytes`` are left."""
        if not self._grown:
            return
        found: list[tuple[float, int, Path]] = []
        for path in self._root.rglob("*.zst"):
            with suppress(OSError):
                facts = path.stat()
                found.append((facts.st_mtime, facts.st_size, path))
        excess = sum(size for _, size, _ in found) - self._most
        for _, size, path in sorted(found):
            if excess <= 0:
                return
            with suppress(OSError):
                path.unlink()
                excess -= size

    def _path(self, name: str) -> Path:
        own = hashlib.sha256(name.encode()).hexdigest()
        return self._root / f"scan-{SCAN_VERSION}" / own[:2] / f"{own}.zst"


def _names(task: LayerTask) -> list[str]:
    return [task.key] if task.toc_digest is None else [task.key, f"{task.key} {task.toc_digest}"]


def _write(path: Path, scan: LayerScan, spool: Path, inside: LayerInside | None) -> None:
    from backports import zstd

    parameter = zstd.CompressionParameter
    options: dict[int, int] = {parameter.checksum_flag: 1, parameter.compression_level: _LEVEL}
    with zstd.open(path, "wb", options=options) as packed, spool.open("rb") as rows:
        head = dataclasses.asdict(scan) | {"inside": None if inside is None else to_json(inside)}
        packed.write(json.dumps(head).encode() + b"\n")
        while data := rows.read(_CHUNK):
            packed.write(data)


def _read(path: Path, task: LayerTask, spools: Path) -> LayerResult | None:
    from backports import zstd

    spool = spools / (path.stem + ".rows")
    try:
        with zstd.open(path, "rb") as packed:
            head = json.loads(packed.readline(_MOST_HEAD))
            inside = from_json(head.pop("inside", None))
            scan = _scan_of(head)
            with spool.open("wb") as rows:
                while data := packed.read(_CHUNK):  # to the end, where the checksum is checked
                    rows.write(data)
    except (OSError, EOFError, ValueError, LookupError, TypeError, zstd.ZstdError):
        return None  # missing, truncated or damaged: the layer is scanned again
    return LayerResult(task.key, scan, spool, None, inside)


def _scan_of(values: dict[str, Any]) -> LayerScan:
    summary = values["summary"]
    summary["largest"] = tuple(LargeFile(*file) for file in summary["largest"])
    for name in ("extensions", "file_types"):
        summary[name] = tuple(TypeCount(*count) for count in summary[name])
    values |= {"summary": LayerSummary(**summary), "censored": tuple(values["censored"]), "fetched_bytes": 0}
    return LayerScan(**values)
