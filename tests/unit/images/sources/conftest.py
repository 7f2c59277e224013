"""Images in directories and archives, made on the spot in every form."""

import gzip
import hashlib
import io
import json
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"
OCI_CONFIG = "application/vnd.oci.image.config.v1+json"


def _tar(files: dict[str, bytes | tuple[str, str]], **settings: object) -> bytes:
    """A tar archive; a value ``("link", target)`` is a symbolic link, ``("hard", target)`` a hard one."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", **settings) as archive:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            if isinstance(content, tuple):
                entry.type = tarfile.SYMTYPE if content[0] == "link" else tarfile.LNKTYPE
                entry.linkname = content[1]
                archive.addfile(entry)
            else:
                entry.size = len(content)
                archive.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()


class Layout:
    """An OCI layout as a dictionary of files."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {"oci-layout": b'{"imageLayoutVersion": "1.0.0"}'}
        self.entries: list[dict] = []

    def blob(self, content: bytes, media_type: str) -> dict:
        found = hashlib.sha256(content).hexdigest()
        self.files[f"blobs/sha256/{found}"] = content
        return {"mediaType": media_type, "digest": f"sha256:{found}", "size": len(content)}

    def image(self, layers: tuple[bytes, ...], architecture: str = "amd64", *, compress: bool = True) -> dict:
        diff_ids = ["sha256:" + hashlib.sha256(layer).hexdigest() for layer in layers]
        config = {
            "os": "linux",
            "architecture": architecture,
            "rootfs": {"type": "layers", "diff_ids": diff_ids},
        }
        suffix = "+gzip" if compress else ""
        stored = [gzip.compress(layer, mtime=0) if compress else layer for layer in layers]
        manifest = {
            "schemaVersion": 2,
            "mediaType": OCI_MANIFEST,
            "config": self.blob(json.dumps(config).encode(), OCI_CONFIG),
            "layers": [
                self.blob(layer, "application/vnd.oci.image.layer.v1.tar" + suffix) for layer in stored
            ],
        }
        entry = self.blob(json.dumps(manifest).encode(), OCI_MANIFEST)
        return {**entry, "platform": {"os": "linux", "architecture": architecture}}

    def index(self, *entries: dict) -> dict:
        return self.blob(
            json.dumps({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": entries}).encode(), OCI_INDEX
        )

    def add(self, entry: dict, tag: str | None = None) -> None:
        annotations = {"org.opencontainers.image.ref.name": tag} if tag else {}
        self.entries.append({**entry, "annotations": annotations})
        document = {"schemaVersion": 2, "manifests": self.entries}
        self.files["index.json"] = json.dumps(document).encode()

    def write(self, root: Path) -> Path:
        for name, content in self.files.items():
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        return root

    def archive(self, path: Path) -> Path:
        path.write_bytes(_tar(self.files))
        return path


@pytest.fixture
def tar() -> Callable[..., bytes]:
    return _tar


@pytest.fixture
def layout() -> Layout:
    return Layout()
