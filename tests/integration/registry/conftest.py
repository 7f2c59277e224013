"""Debian's docker-registry on loopback, open, with a password and with tokens; and real images.

Everything lives in temporary directories; each server is stopped by its own process.
"""

import base64
import hashlib
import json
import os
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

USER, PASSWORD = "alice", "s3cret"
REPOSITORY = "ml/image"


def run(*command: str, **settings: object) -> str:
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, **settings)
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout}{done.stderr}"
    return done.stdout


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@dataclass
class Server:
    """A running registry. ``log``: one line a request."""

    port: int
    log: Path
    data: Path
    login: bool = False

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.port}"

    def requests(self) -> list[str]:
        """Method and path of every request so far. The log is written a moment after the answer."""
        time.sleep(0.2)
        lines = [line for line in self.log.read_text().splitlines() if '"' in line and " HTTP/1." in line]
        return [
            line.split('"')[1].rsplit(" ", 1)[0]
            for line in lines
            if "skopeo" not in line and "buildah" not in line
        ]

    def push(self, source: str, tag: str, *options: str, repository: str = REPOSITORY) -> None:
        login = ["--dest-creds", f"{USER}:{PASSWORD}"] if self.login else []
        target = f"docker://{self.host}/{repository}:{tag}"
        run("skopeo", "copy", "--quiet", "--dest-tls-verify=false", *login, *options, source, target)

    def inspect(self, tag: str, *options: str) -> str:
        login = ["--creds", f"{USER}:{PASSWORD}"] if self.login else []
        return run(
            "skopeo",
            "inspect",
            "--tls-verify=false",
            *login,
            *options,
            f"docker://{self.host}/{REPOSITORY}:{tag}",
        )


@pytest.fixture(scope="session")
def start_registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Server]]:
    running: list[subprocess.Popen] = []

    def start(settings: dict | None = None, *, login: bool = False, data: Path | None = None) -> Server:
        folder = tmp_path_factory.mktemp("registry")
        server = Server(free_port(), folder / "log", data or folder / "data", login)
        config = {
            "version": "0.1",
            "log": {"level": "error", "accesslog": {"disabled": False}},
            "storage": {"filesystem": {"rootdirectory": str(server.data)}},
            "compatibility": {"schema1": {"enabled": True}},
            "http": {"addr": server.host},
            **(settings or {}),
        }
        # JSON is YAML.
        (folder / "config.yml").write_text(json.dumps(config))
        with server.log.open("w") as log:
            process = subprocess.Popen(
                ["docker-registry", "serve", str(folder / "config.yml")],
                stdout=log,
                stderr=log,
                env={**os.environ, "OTEL_TRACES_EXPORTER": "none"},
            )
        running.append(process)
        for _ in range(100):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", server.port)) == 0:
                    return server
            assert process.poll() is None, server.log.read_text()
            time.sleep(0.1)
        raise AssertionError("the registry did not start")

    yield start
    for process in running:
        process.terminate()
        process.wait(10)


class Threaded:
    """An HTTP server in a thread; ``seen`` are the headers of every request."""

    def __init__(self, handler: type[BaseHTTPRequestHandler], host: str) -> None:
        self.server = ThreadingHTTPServer((host, 0), handler)
        self.url = f"http://{host}:{self.server.server_port}"
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05})
        self.thread.start()

    def stop(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


@pytest.fixture(scope="session")
def token_service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Threaded, Path, list[dict]]]:
    """Signs tokens (RS256) as distribution's token specification wants them, with openssl alone."""
    folder = tmp_path_factory.mktemp("tokens")
    key, certificate = folder / "key.pem", folder / "certificate.pem"
    run("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=test", "-days", "2",
        "-keyout", str(key), "-out", str(certificate))  # fmt: skip
    der = "".join(line for line in certificate.read_text().splitlines() if "-----" not in line)
    seen: list[dict] = []

    def signed(claims: dict) -> str:
        def encode(data: bytes) -> str:
            return base64.urlsafe_b64encode(data).decode().rstrip("=")

        header = {"typ": "JWT", "alg": "RS256", "x5c": [der]}
        text = f"{encode(json.dumps(header).encode())}.{encode(json.dumps(claims).encode())}"
        signature = subprocess.run(
            ["openssl", "dgst", "-sha256", "-sign", str(key)],
            input=text.encode(),
            capture_output=True,
            check=True,
        ).stdout
        return f"{text}.{encode(signature)}"

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            query = parse_qs(urlsplit(self.path).query)
            seen.append(
                {"scope": query.get("scope", [""])[0], "authorization": self.headers.get("Authorization")}
            )
            user = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
            known = self.headers.get("Authorization") == f"Basic {user}"
            access = []
            for scope in query.get("scope", []):
                kind, name, actions = scope.rsplit(":", 2)
                granted = actions.split(",") if known else [] if name.startswith("private/") else ["pull"]
                access.append({"type": kind.split("(")[0], "name": name, "actions": granted})
            now = int(time.time())
            claims = {
                "iss": "test",
                "sub": USER if known else "",
                "aud": query["service"][0],
                "exp": now + 300,
                "nbf": now - 5,
                "iat": now,
                "jti": str(len(seen)),
                "access": access,
            }
            refused = self.headers.get("Authorization") is not None and not known
            body = json.dumps({"token": signed(claims), "expires_in": 300}).encode()
            self.send_response(401 if refused else 200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    service = Threaded(Handler, "127.0.0.1")
    yield service, certificate, seen
    service.stop()


@pytest.fixture(scope="session")
def open_registry(start_registry) -> Server:
    return start_registry()


@pytest.fixture(scope="session")
def password_registry(start_registry, tmp_path_factory: pytest.TempPathFactory) -> Server:
    path = tmp_path_factory.mktemp("htpasswd") / "htpasswd"
    path.write_text(run("htpasswd", "-Bbn", USER, PASSWORD))
    return start_registry({"auth": {"htpasswd": {"realm": "test", "path": str(path)}}}, login=True)


@pytest.fixture(scope="session")
def token_registry(start_registry, token_service) -> Server:
    service, certificate, _ = token_service
    settings = {
        "realm": f"{service.url}/token",
        "service": "registry.test",
        "issuer": "test",
        "rootcertbundle": str(certificate),
    }
    return start_registry({"auth": {"token": settings}}, login=True)


@pytest.fixture(scope="session")
def content_network(open_registry) -> Iterator[tuple[Threaded, list[dict]]]:
    """The open registry's files on another host, as content networks hold them."""
    seen: list[dict] = []
    root = str(open_registry.data)

    class Handler(SimpleHTTPRequestHandler):
        def __init__(self, *arguments: object, **settings: object) -> None:
            super().__init__(*arguments, directory=root, **settings)

        def do_GET(self) -> None:
            seen.append(dict(self.headers))
            super().do_GET()

        def log_message(self, *_: object) -> None:
            pass

    network = Threaded(Handler, "127.0.0.2")
    yield network, seen
    network.stop()


class Images:
    """Real images, each with content of its own, so that no tool puts one in the place of another."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.layout = folder, folder / "layout"
        self.environment = {**os.environ, "STORAGE_DRIVER": "vfs", "BUILDAH_ISOLATION": "chroot"}
        self._count = 0
        run("umoci", "init", "--layout", str(self.layout))

    def by_umoci(self, tag: str) -> str:
        """Two layers, the second with a whiteout; user, environment, label."""
        image = f"{self.layout}:{tag}"
        self._count += 1
        run("umoci", "new", "--image", image)
        for number in range(2):
            tree = self.folder / f"{tag}-{number}"
            (tree / "deep").mkdir(parents=True)
            (tree / "deep/file").write_text(f"{tag} {number} {self._count}\n" * 5000)
            run(
                "umoci",
                "insert",
                "--image",
                image,
                "--history.created_by",
                f"step {number}",
                str(tree),
                f"/opt/{number}",
            )
        run("umoci", "insert", "--image", image, "--whiteout", "/opt/0/deep")
        run(
            "umoci",
            "config",
            "--image",
            image,
            "--config.user",
            "app",
            "--config.env",
            "A=b",
            "--config.label",
            f"made={tag}",
        )
        return f"oci:{image}"

    def by_buildah(self, tag: str) -> str:
        """From scratch, with an entry point, a volume and a port; in buildah's own storage."""
        tree = self.folder / tag
        tree.mkdir()
        (tree / "run.sh").write_text(f"#!/bin/sh\necho {tag}\n")
        (tree / "data").write_bytes(os.urandom(100_000))
        container = self._buildah("from", "scratch").strip()
        self._buildah("copy", container, str(tree), "/app")
        facts = ("--entrypoint", '["/app/run.sh"]', "--volume", "/data", "--port", "8080/tcp")
        self._buildah("config", *facts, container)
        self._buildah("commit", "--quiet", "--rm", "--format", "oci", container, f"localhost/{tag}")
        return f"localhost/{tag}"

    def push_by_buildah(self, name: str, server: Server, tag: str, *options: str) -> None:
        login = ["--creds", f"{USER}:{PASSWORD}"] if server.login else []
        target = f"docker://{server.host}/{REPOSITORY}:{tag}"
        self._buildah(
            "push", "--quiet", "--tls-verify=false", "--format", "oci", *login, *options, name, target
        )

    def _buildah(self, *arguments: str) -> str:
        places = ("--root", str(self.folder / "storage"), "--runroot", str(self.folder / "state"))
        return run("buildah", *places, "--storage-driver", "vfs", *arguments, env=self.environment)

    def index(self, tag: str) -> str:
        """Two platforms and an attestation for one of them, as BuildKit writes it."""
        one, two = self.by_umoci(f"{tag}-amd64"), self.by_umoci(f"{tag}-arm64")
        run("umoci", "config", "--image", two.removeprefix("oci:"), "--architecture", "arm64")
        document = json.loads((self.layout / "index.json").read_text())
        by_name = {
            entry["annotations"]["org.opencontainers.image.ref.name"]: entry
            for entry in document["manifests"]
        }
        entries = []
        for source, architecture in ((one, "amd64"), (two, "arm64")):
            entry = {key: by_name[source.rpartition(":")[2]][key] for key in ("mediaType", "digest", "size")}
            entries.append({**entry, "platform": {"os": "linux", "architecture": architecture}})
        statement = self._blob(
            b'{"_type": "https://in-toto.io/Statement/v0.1"}', "application/vnd.in-toto+json"
        )
        config = self._blob(
            b'{"architecture":"unknown","os":"unknown"}', "application/vnd.oci.image.config.v1+json"
        )
        manifest = {
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": config,
            "layers": [statement],
        }
        entries.append(
            {
                **self._blob(json.dumps(manifest).encode(), manifest["mediaType"]),
                "platform": {"os": "unknown", "architecture": "unknown"},
                "annotations": {
                    "vnd.docker.reference.type": "attestation-manifest",
                    "vnd.docker.reference.digest": entries[0]["digest"],
                },
            }
        )
        index = {
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.index.v1+json",
            "manifests": entries,
        }
        top = self._blob(json.dumps(index).encode(), index["mediaType"])
        document["manifests"].append({**top, "annotations": {"org.opencontainers.image.ref.name": tag}})
        (self.layout / "index.json").write_text(json.dumps(document))
        return f"oci:{self.layout}:{tag}"

    def _blob(self, content: bytes, media_type: str) -> dict:
        found = hashlib.sha256(content).hexdigest()
        (self.layout / "blobs/sha256" / found).write_bytes(content)
        return {"mediaType": media_type, "digest": f"sha256:{found}", "size": len(content)}


@pytest.fixture(scope="session")
def images(tmp_path_factory: pytest.TempPathFactory) -> Images:
    return Images(tmp_path_factory.mktemp("images"))


@pytest.fixture(scope="session")
def pushed(
    images: Images, open_registry: Server, password_registry: Server, token_registry: Server
) -> dict[str, str]:
    """What each tag in all three registries is; the value is its source."""
    forms = {
        "umoci": (images.by_umoci("umoci"), ()),
        "docker-v2": (images.by_umoci("docker-v2"), ("--format", "v2s2")),
        "multi": (images.index("multi"), ("--all",)),
    }
    servers = (open_registry, password_registry, token_registry)
    for tag, (source, options) in forms.items():
        for server in servers:
            server.push(source, tag, *options)
    for tag, options in {
        "buildah": (),
        "zstd": ("--compression-format", "zstd"),
        "chunked": ("--compression-format", "zstd:chunked"),
    }.items():
        # An image for each server: the tools remember blobs and would send one of another compression.
        for number, server in enumerate(servers):
            images.push_by_buildah(images.by_buildah(f"{tag}{number}"), server, tag, *options)
    return {tag: source for tag, (source, _) in forms.items()}
