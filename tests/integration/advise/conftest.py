"""Images in OCI layouts, built layer by layer, and the command ``advise`` on them.

Here: building and calling. Not here: what is advised.
"""

import hashlib
import io
import json
import platform
import random
import tarfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from click.testing import CliRunner, Result

from dockml_dagster.cli import main

Layer = Mapping[str, bytes | str]
"""Path → content; a text is the path of an earlier file of the layer that a hard link names."""
OCI = "application/vnd.oci.image"
HERE = "arm64" if platform.machine() in {"arm64", "aarch64"} else "amd64"


class Built(NamedTuple):
    """``reference``: what the command takes. ``bytes``: of the layers' archives, uncompressed."""

    reference: str
    bytes: int


def noise(name: str, size: int) -> bytes:
    """Bytes that are the same in every run and in no other file."""
    return random.Random(name).randbytes(size)


def archive(layer: Layer) -> bytes:
    """A tar archive as builders write it: directories first, then what is in them."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        folders: set[str] = set()
        for path, content in layer.items():
            for parent in reversed(Path(path).parents[:-1]):
                if parent.as_posix() not in folders:
                    folders.add(parent.as_posix())
                    folder = tarfile.TarInfo(parent.as_posix())
                    folder.type, folder.mode = tarfile.DIRTYPE, 0o755
                    tar.addfile(folder)
            entry = tarfile.TarInfo(path)
            if isinstance(content, str):
                entry.type, entry.linkname = tarfile.LNKTYPE, content
                tar.addfile(entry)
            else:
                entry.size = len(content)
                tar.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()


@pytest.fixture
def build(tmp_path: Path) -> Callable[..., Built]:
    """``build(name, layers, **config)``: an image in a layout of its own."""

    def make(name: str, layers: Sequence[Layer], history: Sequence[Any] = (), **config: Any) -> Built:
        root = tmp_path / name
        blobs = root / "blobs" / "sha256"
        blobs.mkdir(parents=True)

        def blob(content: bytes, kind: str) -> dict[str, Any]:
            digest = hashlib.sha256(content).hexdigest()
            (blobs / digest).write_bytes(content)
            return {"mediaType": f"{OCI}.{kind}", "digest": f"sha256:{digest}", "size": len(content)}

        archives = [archive(layer) for layer in layers]
        descriptors = [blob(content, "layer.v1.tar") for content in archives]
        document = {
            "os": "linux",
            "architecture": HERE,
            "config": config,
            "rootfs": {"type": "layers", "diff_ids": [layer["digest"] for layer in descriptors]},
            "history": list(history),
        }
        manifest = {
            "schemaVersion": 2,
            "mediaType": f"{OCI}.manifest.v1+json",
            "config": blob(json.dumps(document).encode(), "config.v1+json"),
            "layers": descriptors,
        }
        index = {"schemaVersion": 2, "manifests": [blob(json.dumps(manifest).encode(), "manifest.v1+json")]}
        (root / "index.json").write_text(json.dumps(index))
        (root / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
        return Built(f"oci:{root}", sum(map(len, archives)))

    return make


class Advise:
    """Runs the command; ``json`` is what it prints as JSON, by recommendation."""

    def run(self, *arguments: str | Path) -> Result:
        return CliRunner().invoke(main, ["advise", *map(str, arguments)], catch_exceptions=False)

    def json(self, *arguments: str | Path, code: int = 0) -> list[dict[str, Any]]:
        result = self.run(*arguments, "--format", "json")
        assert result.exit_code == code, result.stderr
        found: list[dict[str, Any]] = json.loads(result.stdout)
        return found


@pytest.fixture
def advise(home: Path) -> Advise:
    return Advise()
