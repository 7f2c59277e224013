"""An engine's socket: what is asked, what its answers mean, where it is looked for."""

from __future__ import annotations

import socketserver
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from dockml_dagster.clients.docker_daemon import engine_socket, saved_image
from dockml_dagster.clients.http.errors import GoneError, SettingError, UnavailableError


class Engine(socketserver.ThreadingUnixStreamServer):
    """Answers with ``status`` and ``body`` in chunks of an odd size, and notes what was asked."""

    daemon_threads = True

    def __init__(self, path: Path, status: int, body: bytes, cut: bool) -> None:
        super().__init__(str(path), Handler)
        self.status, self.body, self.cut = status, body, cut
        self.asked: list[str] = []
        threading.Thread(target=self.serve_forever, daemon=True).start()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Engine

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        self.send_response(self.server.status)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for at in range(0, len(self.server.body), 1001):
            piece = self.server.body[at : at + 1001]
            self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
        if not self.server.cut:
            self.wfile.write(b"0\r\n\r\n")
        self.close_connection = True

    def address_string(self) -> str:
        return "socket"

    def log_message(self, *_: object) -> None:
        pass


Start = Callable[..., tuple[Engine, dict[str, str]]]


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Start]:
    running: list[Engine] = []

    def start(status: int = 200, body: bytes = b"", cut: bool = False) -> tuple[Engine, dict[str, str]]:
        running.append(Engine(tmp_path / "d.sock", status, body, cut))
        return running[-1], {"DOCKER_HOST": f"unix://{tmp_path}/d.sock"}

    yield start
    for one in running:
        one.shutdown()
        one.server_close()


def test_the_stream_of_an_image(engine: Start) -> None:
    server, environment = engine(body=b"archive" * 5000)
    with saved_image("a/b:1", environment) as stream:
        assert stream.read() == b"archive" * 5000
    assert server.asked == ["/images/a%2Fb%3A1/get"]


@pytest.mark.parametrize(
    ("status", "body", "kind", "problem"),
    [
        (404, b'{"message": "reference does not exist"}', GoneError, "has no such image"),
        (500, b'{"message": "a/b: No such image"}', GoneError, "has no such image"),
        (500, b'{"message": "disk is\\u001b[2J full"}', UnavailableError, "disk is"),
        (500, b"no JSON", UnavailableError, "status 500"),
        (418, b'["message"]', UnavailableError, "status 418"),
    ],
)
def test_what_answers_mean(
    engine: Start, status: int, body: bytes, kind: type[Exception], problem: str
) -> None:
    _, environment = engine(status, body)
    with pytest.raises(kind, match=problem) as caught, saved_image("a/b", environment):
        pass
    assert str(caught.value).isprintable()


def test_a_stream_that_is_cut(engine: Start) -> None:
    _, environment = engine(body=b"archive" * 5000, cut=True)
    with pytest.raises(UnavailableError), saved_image("a/b", environment) as stream:
        stream.read()


def test_where_an_engine_is_looked_for(tmp_path: Path, engine: Start) -> None:
    engine()
    (tmp_path / "docker.sock").symlink_to(tmp_path / "d.sock")
    rootless = {"XDG_RUNTIME_DIR": str(tmp_path), "HOME": str(tmp_path / "home")}
    assert engine_socket(rootless).name == "docker.sock"
    with pytest.raises(SettingError, match="on this machine"):
        engine_socket({"DOCKER_HOST": "tcp://10.0.0.1:2375"})
    with (
        pytest.raises(SettingError, match="socket"),
        saved_image("a", {"DOCKER_HOST": f"unix://{tmp_path}/not"}),
    ):
        pass
