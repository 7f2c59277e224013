"""Real images with everything that layers can hold, in every compression, for ``test_scan_real_images``.

Here: making them with umoci and buildah, and by hand what no tool here makes. Not here: registries, tests.
"""

import gzip
import hashlib
import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

from tests.toc_layers import estargz, toc_of

PLATFORMS = ("linux/amd64", "linux/arm64")


def run(*command: str | Path, **more: Any) -> str:
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False, **more)
    assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
    return done.stdout


def first(root: Path) -> None:
    for name in (
        "usr/lib/python3/site-packages/torch/lib",
        "etc",
        "root/.cache/pip",
        "app/data/deep/er",
        "empty",
    ):
        (root / name).mkdir(parents=True)
    (root / "usr/lib/python3/site-packages/torch/lib/libtorch.so").write_bytes(
        b"\x7fELF" + os.urandom(300_000)
    )
    for number in range(40):
        (root / f"app/data/deep/er/{number}.csv").write_text("x," * number)
    (root / "root/.cache/pip/wheel").write_bytes(os.urandom(50_000))
    (root / "etc/conf").write_text("a=1")
    (root / "etc/ünï ☃").write_text("n")
    (root / ("n" * 120)).write_text("long")
    os.link(root / "etc/conf", root / "etc/conf2")
    (root / "lib").symlink_to("usr/lib")
    os.mkfifo(root / "pipe")


def second(root: Path) -> None:
    shutil.rmtree(root / "root/.cache")
    shutil.rmtree(root / "app/data")
    (root / "app/data").mkdir()
    (root / "app/data/new.txt").write_text("new")
    (root / "etc/conf").chmod(0o600)
    shutil.copy(root / "usr/lib/python3/site-packages/torch/lib/libtorch.so", root / "app/copy.so")
    (root / "lib").unlink()
    (root / "lib").mkdir()
    (root / "lib/x").write_text("x")


class Maker:
    """An OCI layout with an image a form, each of content of its own, and buildah's storage."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.layout = folder, folder / "layout"
        run("umoci", "init", "--layout", self.layout)

    def rich(self, tag: str) -> str:
        """Two layers, the second with whiteouts, replaced and moved things."""
        image = f"{self.layout}:{tag}"
        run("umoci", "new", "--image", image)
        for number, change in enumerate((first, second)):
            bundle = self.folder / f"{tag}-{number}"
            run("umoci", "unpack", "--image", image, bundle)
            change(bundle / "rootfs")
            run("umoci", "repack", "--image", image, bundle)
            shutil.rmtree(bundle)
        return f"oci:{image}"

    def compressed_by_buildah(self, tag: str, target: str, form: str) -> None:
        places = (
            "--root",
            self.folder / "storage",
            "--runroot",
            self.folder / "state",
            "--storage-driver",
            "vfs",
        )
        identity = run("buildah", *places, "pull", "--quiet", self.rich(tag)).split()[-1]
        options = ("--tls-verify=false", "--format", "oci", "--compression-format", form)
        run("buildah", *places, "push", "--quiet", *options, identity, target)

    def blob(self, content: bytes, media_type: str) -> dict[str, Any]:
        digest = hashlib.sha256(content).hexdigest()
        (self.layout / "blobs/sha256" / digest).write_bytes(content)
        return {"mediaType": media_type, "digest": f"sha256:{digest}", "size": len(content)}

    def read(self, entry: dict[str, Any]) -> bytes:
        return (self.layout / "blobs" / entry["digest"].replace(":", "/")).read_bytes()

    def entry(self, tag: str) -> dict[str, Any]:
        index = json.loads((self.layout / "index.json").read_text())
        name = "org.opencontainers.image.ref.name"
        return next(entry for entry in index["manifests"] if entry["annotations"][name] == tag)

    def name(self, entry: dict[str, Any], tag: str) -> str:
        index = json.loads((self.layout / "index.json").read_text())
        index["manifests"].append({**entry, "annotations": {"org.opencontainers.image.ref.name": tag}})
        (self.layout / "index.json").write_text(json.dumps(index))
        return f"oci:{self.layout}:{tag}"

    def estargz(self, tag: str) -> str:
        """A rich image with its layers as eStargz."""
        self.rich(f"{tag}-plain")
        manifest = json.loads(self.read(self.entry(f"{tag}-plain")))
        layers, diff_ids = [], []
        for layer in manifest["layers"]:
            plain = gzip.decompress(self.read(layer))
            toc = toc_of(plain)
            packed = estargz(plain, toc)
            promise = {
                "containerd.io/snapshot/stargz/toc.digest": "sha256:" + hashlib.sha256(toc).hexdigest()
            }
            layers.append({**self.blob(packed, layer["mediaType"]), "annotations": promise})
            diff_ids.append("sha256:" + hashlib.sha256(gzip.decompress(packed)).hexdigest())
        config = json.loads(self.read(manifest["config"]))
        config["rootfs"]["diff_ids"] = diff_ids
        manifest |= {"layers": layers}
        manifest["config"] = self.blob(json.dumps(config).encode(), manifest["config"]["mediaType"])
        return self.name(
            self.blob(json.dumps(manifest).encode(), self.entry(f"{tag}-plain")["mediaType"]), tag
        )

    def multi(self, tag: str) -> str:
        """An index of two platforms and an attestation, as BuildKit writes it."""
        entries = []
        for platform in PLATFORMS:
            system, architecture = platform.split("/")
            image = self.rich(f"{tag}-{architecture}").removeprefix("oci:")
            run("umoci", "config", "--image", image, "--architecture", architecture)
            entry = {key: self.entry(f"{tag}-{architecture}")[key] for key in ("mediaType", "digest", "size")}
            entries.append({**entry, "platform": {"os": system, "architecture": architecture}})
        manifest_type = entries[0]["mediaType"]
        statement = {
            "schemaVersion": 2,
            "mediaType": manifest_type,
            "config": self.blob(
                b'{"architecture":"unknown","os":"unknown"}', "application/vnd.oci.image.config.v1+json"
            ),
            "layers": [
                self.blob(b'{"_type":"https://in-toto.io/Statement/v0.1"}', "application/vnd.in-toto+json")
            ],
        }
        marks = {
            "vnd.docker.reference.type": "attestation-manifest",
            "vnd.docker.reference.digest": entries[0]["digest"],
        }
        unknown = {"os": "unknown", "architecture": "unknown"}
        attestation = self.blob(json.dumps(statement).encode(), manifest_type)
        entries.append({**attestation, "platform": unknown, "annotations": marks})
        index = {
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.index.v1+json",
            "manifests": entries,
        }
        return self.name(self.blob(json.dumps(index).encode(), index["mediaType"]), tag)
