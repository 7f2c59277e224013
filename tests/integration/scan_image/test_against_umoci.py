"""The union of an image's layers is what umoci unpacks, for an image that umoci made itself."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from dockml_dagster.images.scanning.pool import FileSource, LayerTask, ScanPool
from dockml_dagster.study.layer.image import summarise_image
from dockml_dagster.study.layer.spool import Spool
from dockml_dagster.study.layer.union import Merged

UMOCI = shutil.which("umoci")
pytestmark = pytest.mark.skipif(UMOCI is None or os.geteuid() != 0, reason="needs umoci, and root to unpack")


def umoci(*arguments: str | Path) -> None:
    subprocess.run([UMOCI, *arguments], check=True, capture_output=True)


def first(root: Path) -> None:
    for name in (
        "usr/lib/python3/site-packages/torch/lib",
        "etc",
        "root/.cache/pip",
        "app/tests/data",
        "empty",
    ):
        (root / name).mkdir(parents=True)
    (root / "usr/lib/python3/site-packages/torch/lib/libtorch.so").write_bytes(os.urandom(50_000))
    for number in range(30):
        (root / f"app/tests/data/{number}.txt").write_text("x" * number)
    (root / "root/.cache/pip/wheel").write_bytes(os.urandom(2000))
    (root / "etc/conf").write_text("a=1")
    (root / "etc/names ü\n").write_text("n")
    os.link(root / "etc/conf", root / "etc/conf2")
    (root / "lib").symlink_to("usr/lib")


def second(root: Path) -> None:
    shutil.rmtree(root / "root/.cache")
    shutil.rmtree(root / "app/tests")
    (root / "app/tests").mkdir()
    (root / "app/tests/new.txt").write_text("new")
    (root / "etc/conf").chmod(0o600)
    (root / "app/copy.so").write_bytes(
        (root / "usr/lib/python3/site-packages/torch/lib/libtorch.so").read_bytes()
    )


def third(root: Path) -> None:
    shutil.rmtree(root / "empty")
    (root / "empty").write_text("a file now")
    (root / "lib").unlink()
    (root / "lib").mkdir()
    (root / "lib/x").write_text("x")
    (root / "app/copy.so").unlink()


def test_files_are_those_that_umoci_unpacks(tmp_path: Path) -> None:
    layout = tmp_path / "layout"
    umoci("init", "--layout", layout)
    umoci("new", "--image", f"{layout}:image")
    for number, change in enumerate((first, second, third)):
        bundle = tmp_path / f"bundle{number}"
        umoci("unpack", "--image", f"{layout}:image", bundle)
        change(bundle / "rootfs")
        umoci("repack", "--image", f"{layout}:image", bundle)
    umoci("unpack", "--image", f"{layout}:image", tmp_path / "whole")
    root = tmp_path / "whole" / "rootfs"

    def blob(digest: str) -> Path:
        return layout / "blobs" / digest.replace(":", "/")

    index = json.loads((layout / "index.json").read_text())
    manifest = json.loads(blob(index["manifests"][0]["digest"]).read_text())
    diff_ids = json.loads(blob(manifest["config"]["digest"]).read_text())["rootfs"]["diff_ids"]
    spools = tmp_path / "spools"
    spools.mkdir()
    tasks = [
        LayerTask(layer["digest"], FileSource(blob(layer["digest"])), layer["size"], layer["digest"], diff_id)
        for layer, diff_id in zip(manifest["layers"], diff_ids, strict=True)
    ]
    with ScanPool() as pool:
        results = {result.key: result for result in pool.scan(tasks, spools)}
    assert all(r.scan.status == "complete" and r.scan.diff_id_holds for r in results.values())

    def spool(path: Path) -> Spool:
        return lambda: path.read_bytes().splitlines(keepends=True)

    merged: list[Merged] = []
    summary = summarise_image([spool(results[task.key].spool) for task in tasks], visitors=[merged.extend])
    seen = {m.entry.path: m.entry.kind for m in merged if m.hidden_by is None and m.entry.path != "."}
    unpacked = {}
    for directory, directories, files in os.walk(root):
        for name in (*directories, *files):
            path = Path(directory, name)
            shown = str(path.relative_to(root)).replace("\n", "\\x0a")
            unpacked[shown] = "symlink" if path.is_symlink() else "directory" if path.is_dir() else "file"
    assert {path: "file" if kind == "hardlink" else kind for path, kind in seen.items()} == unpacked
    assert summary.files == sum(kind == "file" for kind in unpacked.values())
    assert summary.directories == sum(kind == "directory" for kind in unpacked.values())
    inodes = {
        os.lstat(root / m.entry.path.replace("\\x0a", "\n"))
        for m in merged
        if m.hidden_by is None and m.entry.kind in {"file", "hardlink"}
    }
    assert summary.bytes == sum({s.st_ino: s.st_size for s in inodes}.values())
    assert summary.wasted_bytes > 50_000
