"""The corpus ``local`` over ``https://``: git's own server program behind a loopback server with a certificate of its own.

Here: what an address costs, counted at the server, and what may be wrong with one. Not here: what a repository
holds (``tests/unit/corpora/local``).
"""

import base64
import gzip
import os
import shutil
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from dockml_dagster.corpora.local.corpus import Local
from dockml_dagster.settings import Settings

MISSING = [program for program in ("git", "openssl") if shutil.which(program) is None]
if MISSING:
    pytest.skip(f"needs {', '.join(MISSING)}", allow_module_level=True)

IDENTITY = {
    f"GIT_{who}_{what}": "x@x.example" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")
}
PLAIN = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")} | {
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
}
LOGIN = "Basic " + base64.b64encode(b"someone:secret").decode()
WEIGHTS = 3_000_000


def git(folder: Path, *arguments: str) -> None:
    subprocess.run(
        ["git", "-C", str(folder), *arguments], check=True, capture_output=True, env=PLAIN | IDENTITY
    )


@dataclass
class GitServer:
    """``git http-backend`` for the repositories in ``root``. ``asked``: method, path and service of each request;
    ``sent``: bytes of all bodies. ``discoveries``: after so many the server fails. Below ``private/`` a login is wanted.
    """

    root: Path
    certificate: Path
    key: Path
    asked: list[str] = field(default_factory=list)
    sent: int = 0
    discoveries: int | None = None

    def __post_init__(self) -> None:
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                server.answer(self)

            do_POST = do_GET  # noqa: N815 - http.server's name

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        # A client that refuses the certificate ends the handshake; that is no news.
        self._server.handle_error = lambda *_: None
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate, self.key)
        self._server.socket = context.wrap_socket(
            self._server.socket, server_side=True, do_handshake_on_connect=False
        )
        self.host = f"127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        parts = urlsplit(request.path)
        service = parts.query.removeprefix("service=") if parts.query else ""
        self.asked.append(" ".join(filter(None, (request.command, parts.path, service))))
        if self.discoveries is not None and sum("GET" in one for one in self.asked) > self.discoveries:
            request.send_error(503)
            return
        if parts.path.startswith("/private/") and request.headers.get("Authorization") != LOGIN:
            request.send_response(401)
            request.send_header("WWW-Authenticate", 'Basic realm="git"')
            request.send_header("Content-Length", "0")
            request.end_headers()
            return
        body = request.rfile.read(int(request.headers.get("Content-Length") or 0))
        if request.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        done = subprocess.run(
            ["git", "http-backend"],
            input=body,
            capture_output=True,
            check=False,
            env=PLAIN
            | {
                "GIT_PROJECT_ROOT": str(self.root),
                "GIT_HTTP_EXPORT_ALL": "1",
                "REQUEST_METHOD": request.command,
                "PATH_INFO": parts.path,
                "QUERY_STRING": parts.query,
                "CONTENT_TYPE": request.headers.get("Content-Type") or "",
                "CONTENT_LENGTH": str(len(body)),
                "GIT_PROTOCOL": request.headers.get("Git-Protocol") or "",
                "REMOTE_ADDR": "127.0.0.1",
            },
        )
        head, _, content = done.stdout.partition(b"\r\n\r\n")
        headers = dict(line.split(": ", 1) for line in head.decode().splitlines())
        request.send_response(int(headers.pop("Status", "200").split()[0]))
        for name, value in headers.items():
            request.send_header(name, value)
        request.send_header("Content-Length", str(len(content)))
        request.end_headers()
        request.wfile.write(content)
        self.sent += len(content)

    def since(self) -> list[str]:
        """What was asked since the last time."""
        asked, self.asked = self.asked, []
        return asked


@pytest.fixture
def server(tmp_path: Path) -> Iterator[GitServer]:
    certificate, key = tmp_path / "certificate.pem", tmp_path / "key.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=127.0.0.1", "-days", "2",
         "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(certificate)],
        check=True, capture_output=True,
    )  # fmt: skip
    (tmp_path / "served").mkdir()
    running = GitServer(tmp_path / "served", certificate, key)
    yield running
    running.stop()


@pytest.fixture
def trusted(server: GitServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a user whose organisation has a certificate authority of its own would say it."""
    monkeypatch.setenv("GIT_SSL_CAINFO", str(server.certificate))


@pytest.fixture
def serve(server: GitServer, tmp_path: Path) -> Callable[[str], Path]:
    """``serve("team/forecast")``: a served repository with a Dockerfile, a README and weights; its work tree."""

    def make(name: str) -> Path:
        tree, bare = tmp_path / "trees" / name, server.root / f"{name}.git"
        tree.mkdir(parents=True)
        git(tree, "init", "-q", "-b", "main")
        (tree / "Dockerfile").write_text("FROM python:3.12\n")
        (tree / "README.md").write_text("# forecast\n")
        (tree / "weights.bin").write_bytes(os.urandom(WEIGHTS))
        push(tree, bare)
        return tree

    return make


def push(tree: Path, bare: Path) -> None:
    git(tree, "add", "-A")
    git(tree, "commit", "-q", "-m", "x")
    if not bare.exists():
        bare.parent.mkdir(parents=True, exist_ok=True)
        git(tree, "init", "-q", "--bare", "-b", "main", str(bare))
        git(bare, "config", "uploadpack.allowFilter", "true")
        git(bare, "config", "uploadpack.allowAnySHA1InWant", "true")
        git(tree, "remote", "add", "origin", str(bare))
    git(tree, "push", "-q", "origin", "main")


def opened(tmp_path: Path, *given: str) -> Local:
    environment = {"DOCKML_HOME": str(tmp_path / "home"), "DOCKML_LOCAL": ";".join(given)}
    return Local(Settings.from_environment(environment))


def paths(corpus: Local, project: str) -> list[str]:
    return [row["path"] for row in corpus.collect("dockerfiles", project).rows["raw.dockerfiles"]]


@pytest.mark.usefixtures("trusted")
def test_an_address_costs_what_changed(server: GitServer, serve, tmp_path: Path) -> None:
    tree = serve("team/forecast")
    address = f"https://{server.host}/team/forecast.git"
    corpus = opened(tmp_path, address)
    assert corpus.fingerprint_asks_network
    assert corpus.listing().projects == ["local/team/forecast"]
    assert paths(corpus, "local/team/forecast") == ["Dockerfile"]
    files = {
        row["path"]: row
        for row in corpus.collect("dockerfiles", "local/team/forecast").rows["raw.repository_files"]
    }
    assert files["README.md"]["content"] == b"# forecast\n"
    assert files["weights.bin"]["content"] is None
    row = corpus.listing().rows["raw.projects"][0]
    assert (row["source"], row["commits"]) == (address, None), "a shallow clone does not know"
    assert server.sent < WEIGHTS / 100, "contents that nobody wants are not fetched"
    discovery = "GET /team/forecast.git/info/refs git-upload-pack"
    request = "POST /team/forecast.git/git-upload-pack"
    # Where HEAD is; the clone (its references, its tree); the two contents.
    assert server.since().count(discovery) == 3

    mark = corpus.fingerprint()
    again = opened(tmp_path, address)
    assert again.fingerprint() == mark
    assert paths(again, "local/team/forecast") == ["Dockerfile"]
    assert server.since() == [discovery, request], "only where HEAD is"

    (tree / "gpu.Dockerfile").write_text("FROM nvidia/cuda:12.4.1-base-ubuntu22.04\n")
    push(tree, server.root / "team/forecast.git")
    sent = server.sent
    later = opened(tmp_path, address)
    assert later.fingerprint() != mark
    assert paths(later, "local/team/forecast") == ["Dockerfile", "gpu.Dockerfile"]
    assert server.since().count(discovery) == 3
    assert server.sent - sent < WEIGHTS / 100


@pytest.mark.usefixtures("trusted")
def test_what_is_wrong_with_one_address_is_its_outcome(server: GitServer, serve, tmp_path: Path) -> None:
    serve("team/forecast")
    serve("private/secret")
    good, absent, private = (
        f"https://{server.host}/{name}.git" for name in ("team/forecast", "team/none", "private/secret")
    )
    corpus = opened(tmp_path, absent, private, good)
    listing = corpus.listing()
    assert listing.projects == ["local/team/none", "local/private/secret", "local/team/forecast"]
    for project in listing.projects[:2]:
        (outcome,) = corpus.collect("dockerfiles", project).outcomes
        assert (outcome.status, outcome.retryable) == ("failed", True)
        assert "\n" not in (outcome.reason or "\n")
    assert paths(corpus, "local/team/forecast") == ["Dockerfile"]


@pytest.mark.usefixtures("trusted")
def test_a_server_that_fails_between_clone_and_contents(server: GitServer, serve, tmp_path: Path) -> None:
    serve("team/forecast")
    address = f"https://{server.host}/team/forecast.git"
    server.discoveries = 2
    corpus = opened(tmp_path, address)
    assert corpus.listing().projects == ["local/team/forecast"]
    for stage in ("dockerfiles", "manifests"):
        (outcome,) = corpus.collect(stage, "local/team/forecast").outcomes
        assert (outcome.stage, outcome.status, outcome.retryable) == (stage, "failed", True)
    assert len(server.since()) < 10, "asked for once, not at every stage"
    server.discoveries = None
    assert paths(opened(tmp_path, address), "local/team/forecast") == ["Dockerfile"]


@pytest.mark.usefixtures("trusted")
def test_a_login_in_an_address_opens_it_and_is_in_no_row(server: GitServer, serve, tmp_path: Path) -> None:
    serve("private/secret")
    corpus = opened(tmp_path, f"https://someone:secret@{server.host}/private/secret.git")
    listing = corpus.listing()
    assert listing.projects == ["local/private/secret"]
    found = corpus.collect("dockerfiles", "local/private/secret")
    assert [row["path"] for row in found.rows["raw.dockerfiles"]] == ["Dockerfile"]
    assert "someone" not in repr((listing, found))


def test_a_certificate_that_nobody_vouches_for_is_refused(server: GitServer, serve, tmp_path: Path) -> None:
    serve("team/forecast")
    corpus = opened(tmp_path, f"https://{server.host}/team/forecast.git")
    (outcome,) = corpus.collect("dockerfiles", "local/team/forecast").outcomes
    assert (outcome.status, outcome.retryable) == ("failed", True)
    assert "certificate" in (outcome.reason or "")
    assert server.asked == []
