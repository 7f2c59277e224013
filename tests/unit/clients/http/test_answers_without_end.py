"""Servers that send something without end, or what is no HTTP: headers, interim answers, lines between chunks.

Here: what no timeout of the socket ends, and whose fault it is said to be. Not here: bodies (``test_client``).
"""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace

import pytest

from dockml_dagster.clients.http.errors import BrokenContentError, UnavailableError
from dockml_dagster.clients.http.hosts import Origin
from dockml_dagster.clients.http.retry import NO_RETRY


@contextmanager
def served(answer: Callable[[socket.socket, threading.Event], None]) -> Iterator[str]:
    """The address of a server that answers its one request so, until it is told that it is over."""
    listener = socket.create_server(("127.0.0.1", 0))
    over = threading.Event()

    def run() -> None:
        connection, _ = listener.accept()
        with connection, suppress(OSError):
            connection.recv(4096)
            answer(connection, over)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    over.set()
    thread.join(5)
    listener.close()


def test_headers_that_drip_are_given_up(make_http) -> None:
    """A line comes before each timeout of the socket, and there is no end of lines."""

    def drip(connection: socket.socket, over: threading.Event) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\n")
        while not over.wait(0.05):
            connection.sendall(b"X: y\r\n")

    http = make_http(retry=NO_RETRY)
    http.settings = replace(http.settings, header_seconds=0.3, read_seconds=5.0)
    with served(drip) as address:
        http.allow(Origin.of(address))
        with pytest.raises(UnavailableError, match="no answer in time"):
            http.request("GET", address)


@pytest.mark.parametrize(("interim", "status"), [(10, 200), (11, None)])
def test_interim_answers_without_end_are_given_up(make_http, interim: int, status: int | None) -> None:
    def answer(connection: socket.socket, _: threading.Event) -> None:
        connection.sendall(b"HTTP/1.1 100 Continue\r\nX: y\r\n\r\n" * interim)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        connection.recv(1)

    http = make_http(retry=NO_RETRY)
    with served(answer) as address:
        http.allow(Origin.of(address))
        if status is None:
            with pytest.raises(UnavailableError, match="the connection failed"):
                http.request("GET", address)
        else:
            with http.request("GET", address) as given:
                assert given.status == status
        http.close()


@pytest.mark.parametrize("line", [b"X: y\r\n", b"0"])
def test_lines_between_and_after_chunks_are_given_up(make_http, line: bytes) -> None:
    """No trailer is the last, or no size of a chunk ends."""

    def drip(connection: socket.socket, over: threading.Event) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n")
        connection.sendall(b"0\r\n" if line.endswith(b"\n") else b"")
        while not over.wait(0.05):
            connection.sendall(line)

    http = make_http(retry=NO_RETRY)
    http.settings = replace(http.settings, body_seconds=0.4, read_seconds=5.0)
    with served(drip) as address:
        http.allow(Origin.of(address))
        with (
            pytest.raises(UnavailableError, match="no answer in time"),
            http.request("GET", address) as answer,
        ):
            answer.read(100)


@pytest.mark.parametrize(
    ("answer", "kind", "reason"),
    [
        (b"HTTP/1.1 2\xb2\xb2 x\r\n\r\n", UnavailableError, "the connection failed"),
        (b"HTTP/1.1 abc x\r\n\r\n", UnavailableError, "the connection failed"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", UnavailableError, "ended early"),
        (
            b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 9\r\n\r\nabc",
            BrokenContentError,
            "two lengths",
        ),
    ],
)
def test_an_answer_that_is_no_http_is_not_the_address_s_fault(make_http, answer, kind, reason) -> None:
    http = make_http(retry=NO_RETRY)
    with served(lambda connection, _: connection.sendall(answer)) as address:
        http.allow(Origin.of(address))
        with pytest.raises(kind, match=reason), http.request("GET", address) as given:
            given.read(100)
