"""The command ``scan-image`` over stand-in registries, with waits noted instead of waited.

Here: a home, the command, images in a registry inside the process. Not here: real registries
(``tests/integration/registry``).
"""

import gzip
import hashlib
import io
import json
import tarfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from dockml_dagster.cli import main
from dockml_dagster.clients.http import client as http
from dockml_dagster.clients.registry import client
from tests.stand_ins import OCI_CONFIG, OCI_LAYER, OCI_MANIFEST, Behaviour, FakeRegistry, Reply, StandIn

NAME = "ml/image"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "home"
    monkeypatch.setenv("DOCKML_HOME", str(folder))
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / "no-docker"))
    monkeypatch.delenv("DOCKML_REGISTRIES", raising=False)
    return folder


@pytest.fixture
def serve() -> Iterator[Callable[..., StandIn]]:
    running: list[StandIn] = []

    def start(behaviour: Behaviour, host: str = "127.0.0.1") -> StandIn:
        running.append(StandIn(behaviour, host))
        return running[-1]

    yield start
    for stand_in in running:
        stand_in.stop()


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """What the command would have waited, in seconds; it does not wait."""
    seconds: list[float] = []
    for module, name in ((http, "HttpClient"), (client, "RegistryClient")):
        monkeypatch.setattr(module, name, partial(getattr(module, name), sleep=seconds.append))
    return seconds


@pytest.fixture
def registry() -> FakeRegistry:
    return FakeRegistry()


class Scan:
    """Runs the command on images of stand-in registries."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._monkeypatch = monkeypatch
        self._allowed: list[str] = []

    def allow(self, *servers: StandIn | str) -> None:
        """Add to DOCKML_REGISTRIES."""
        self._allowed += [server if isinstance(server, str) else server.url for server in servers]
        self._monkeypatch.setenv("DOCKML_REGISTRIES", " ".join(self._allowed))

    def run(self, *arguments: str) -> Result:
        return CliRunner().invoke(main, ["scan-image", *arguments], catch_exceptions=False)

    def __call__(self, *arguments: str, code: int = 0) -> Any:
        """What it prints as JSON; None where it prints nothing. Whatever is said besides is one line."""
        result = self.run(*arguments, "--format", "json")
        assert result.exit_code == code, result.stderr
        said = [line for line in result.stderr.splitlines() if not line.startswith("dockml: layers")]
        assert len(said) == (code != 0), said
        self.said = " ".join(said)
        return json.loads(result.stdout) if result.stdout else None


@pytest.fixture
def scan(monkeypatch: pytest.MonkeyPatch, home: Path, waits: list[float]) -> Scan:
    return Scan(monkeypatch)


def tar_of(files: dict[str, bytes | None]) -> bytes:
    """An archive of files, and of directories (None)."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content or b"")
            if content is None:
                entry.type = tarfile.DIRTYPE
            archive.addfile(entry, io.BytesIO(content or b""))
    return buffer.getvalue()


@pytest.fixture
def tar() -> Callable[[dict[str, bytes | None]], bytes]:
    return tar_of


@pytest.fixture
def put_image(registry: FakeRegistry) -> Callable[..., dict[str, Any]]:
    """``put_image(tag, layer, …)``: an image for this and any platform; a layer is bytes (sent as they are), or
    bytes, media type's suffix and annotations. Its manifest's descriptor.
    """

    def put(
        tag: str | None, *layers: Any, name: str = NAME, diff_ids: list[str] | None = None, **config: object
    ) -> dict[str, Any]:
        entries = []
        for layer in layers:
            content, suffix, annotations = layer if isinstance(layer, tuple) else (layer, "", {})
            entry = registry.blob(content, OCI_LAYER + suffix)
            entries.append({**entry, "annotations": annotations} if annotations else entry)
        document = {
            "os": "linux",
            "architecture": "amd64",
            "config": {"Env": ["A=b"]},
            "rootfs": {"type": "layers", "diff_ids": diff_ids or []},
            **config,
        }
        manifest = {
            "schemaVersion": 2,
            "mediaType": OCI_MANIFEST,
            "config": registry.blob(json.dumps(document).encode(), OCI_CONFIG),
            "layers": entries,
        }
        return registry.manifest(name, manifest, tag)

    return put


def sha256(content: bytes) -> str:
    return "sha256:" + hashlib.sha256(content).hexdigest()


@pytest.fixture
def packed() -> Callable[[bytes], bytes]:
    return partial(gzip.compress, mtime=0)


@pytest.fixture
def reply_class() -> type[Reply]:
    return Reply
