"""A small ``local`` corpus with images, in a folder: what a user's own projects look like.

    python tests/integration/local_corpus.py DIR
    dockml study --corpus local --path DIR

Three projects with Dockerfiles, and four images as OCI layouts that ``projects.yaml`` names: one of 50,001 files, one whose
directories are 18 deep, one of few large files and with six variables, and one for arm64. So every claim about images can
be told there, either way.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import subprocess
import sys
import tarfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

GIT = {
    **{name: value for name, value in os.environ.items() if not name.startswith("GIT_")},
    "GIT_CONFIG_GLOBAL": os.devnull,
    **{f"GIT_{who}_{what}": "x@x.example" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")},
}
PROJECTS: dict[str, dict[str, str]] = {
    "birds/egret": {
        "Dockerfile": "FROM python:3.11-slim AS build\nRUN pip install torch==2.4.0\nFROM python:3.11-slim\n"
        'COPY --from=build /usr/lib /usr/lib\nRUN apt-get update && apt-get install -y curl\nUSER 1000\nCMD ["serve"]\n',
        "README.md": "A service that predicts where egrets nest.\n",
    },
    "birds/heron": {
        "Dockerfile": 'FROM nvidia/cuda:12.4.1-runtime-ubuntu22.04\nRUN pip install tensorflow\nCMD ["train"]\n',
        "README.md": "Training of models.\n",
    },
    "birds/stork": {
        "Dockerfile": "FROM ubuntu:22.04\nRUN mkdir /data && make install\n",
        "README.md": "A toolkit.\n",
    },
}
CATALOGUE = """\
projects:
  - {path: birds/egret, category: Application System, purposes: [Hosting],
     images: ["oci:images/egret:1", "oci:images/egret:arm"]}
  - {path: birds/heron, category: Model, purposes: [Model management], images: ["oci:images/heron:1"]}
  - {path: birds/stork, category: Toolkit, purposes: [Build and packaging], images: ["oci:images/stork:1"]}
"""
IMAGES: dict[str, dict[str, tuple[str, int, Iterable[tuple[str, int]]]]] = {
    # Layout → tag → processor, variables, files with their bytes.
    "egret": {
        "1": ("amd64", 6, [("models/large.bin", 3_000_000), *((f"etc/{i}", 10) for i in range(300))]),
        "arm": ("arm64", 2, [("bin/serve", 2_000)]),
    },
    "heron": {"1": ("amd64", 9, [(f"usr/{i % 200}/{i}.py", 0) for i in range(50_001)])},
    "stork": {"1": ("amd64", 3, [("/".join("d" * 18) + "/tool", 500), ("usr/lib/libx.so", 40_000)])},
}


def write(folder: Path, projects: Iterable[str] = tuple(PROJECTS)) -> None:
    """Write the corpus below ``folder``, or some of its projects."""
    chosen = tuple(projects)
    for project in chosen:
        for path, text in PROJECTS[project].items():
            (folder / project).mkdir(parents=True, exist_ok=True)
            (folder / project / path).write_text(text, encoding="utf-8")
        for arguments in (["init", "-q"], ["add", "-A"], ["commit", "-q", "-m", "first"]):
            subprocess.run(["git", "-C", str(folder / project), *arguments], check=True, env=GIT)
    entries = "".join(
        "  - " + one for one in CATALOGUE.split("  - ")[1:] if any(name in one for name in chosen)
    )
    (folder / "projects.yaml").write_text("projects:\n" + entries, encoding="utf-8")
    for name, tags in IMAGES.items():
        if any(project.endswith("/" + name) for project in chosen):
            _layout(folder / "images" / name, tags)


def _layout(layout: Path, tags: dict[str, tuple[str, int, Iterable[tuple[str, int]]]]) -> None:
    (layout / "blobs" / "sha256").mkdir(parents=True, exist_ok=True)
    (layout / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
    manifests = []
    for tag, (processor, variables, files) in tags.items():
        layer = _tar(files)
        config = {
            "architecture": processor,
            "os": "linux",
            "config": {"Env": [f"V{i}=x" for i in range(variables)]},
            "rootfs": {"type": "layers", "diff_ids": [f"sha256:{hashlib.sha256(layer).hexdigest()}"]},
        }
        kind = "application/vnd.oci.image"
        manifest = {
            "schemaVersion": 2,
            "mediaType": f"{kind}.manifest.v1+json",
            "config": _blob(layout, json.dumps(config).encode(), f"{kind}.config.v1+json"),
            "layers": [_blob(layout, layer, f"{kind}.layer.v1.tar")],
        }
        entry = _blob(layout, json.dumps(manifest).encode(), f"{kind}.manifest.v1+json")
        manifests.append({**entry, "annotations": {"org.opencontainers.image.ref.name": tag}})
    (layout / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": manifests}))


def _blob(layout: Path, data: bytes, media_type: str) -> dict[str, Any]:
    digest = hashlib.sha256(data).hexdigest()
    (layout / "blobs" / "sha256" / digest).write_bytes(data)
    return {"mediaType": media_type, "digest": f"sha256:{digest}", "size": len(data)}


def _tar(files: Iterable[tuple[str, int]]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for path, size in files:
            entry = tarfile.TarInfo(path)
            entry.size = size
            archive.addfile(entry, io.BytesIO(b"x" * size))
    return out.getvalue()


if __name__ == "__main__":
    write(Path(sys.argv[1]))
