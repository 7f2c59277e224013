"""Servers that send something without end: headers, interim answers, lines between chunks.

Here: what no timeout of the socket ends. Not here: bodies (``test_client``).
"""

import socket
import threading
from contextlib import suppress
from dataclasses import replace

import pytest

from dockml_dagster.clients.http.errors import UnavailableError
from dockml_dagster.clients.http.hosts import Origin
from dockml_dagster.clients.http.retry import NO_RETRY


def test_headers_that_drip_are_given_up(make_http) -> None:
    """A line comes before each timeout of the socket, and there is no end of lines."""
    listener = socket.create_server(("127.0.0.1", 0))
    over = threading.Event()

    def drip() -> None:
        connection, _ = listener.accept()
        with connection, suppress(OSError):
            connection.recv(4096)
            connection.sendall(b"HTTP/1.1 200 OK\r\n")
            while not over.wait(0.05):
                connection.sendall(b"X: y\r\n")

    thread = threading.Thread(target=drip, daemon=True)
    thread.start()
    http = make_http(retry=NO_RETRY)
    http.settings = replace(http.settings, header_seconds=0.3, read_seconds=5.0)
    address = f"http://127.0.0.1:{listener.getsockname()[1]}"
    http.allow(Origin.of(address))
    with pytest.raises(UnavailableError, match="no answer in time"):
        http.request("GET", address)
    over.set()
    thread.join(5)
    listener.close()


@pytest.mark.parametrize(("interim", "status"), [(10, 200), (11, None)])
def test_interim_answers_without_end_are_given_up(make_http, interim: int, status: int | None) -> None:
    listener = socket.create_server(("127.0.0.1", 0))

    def answer() -> None:
        connection, _ = listener.accept()
        with connection, suppress(OSError):
            connection.recv(4096)
            connection.sendall(b"HTTP/1.1 100 Continue\r\nX: y\r\n\r\n" * interim)
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
            connection.recv(1)

    thread = threading.Thread(target=answer, daemon=True)
    thread.start()
    http = make_http(retry=NO_RETRY)
    address = f"http://127.0.0.1:{listener.getsockname()[1]}"
    http.allow(Origin.of(address))
    if status is None:
        with pytest.raises(UnavailableError, match="the connection failed"):
            http.request("GET", address)
    else:
        with http.request("GET", address) as given:
            assert given.status == status
    http.close()
    thread.join(5)
    listener.close()


@pytest.mark.parametrize("line", [b"X: y\r\n", b"0"])
def test_lines_between_and_after_chunks_are_given_up(make_http, line: bytes) -> None:
    """No trailer is the last, or no size of a chunk ends."""
    listener = socket.create_server(("127.0.0.1", 0))
    over = threading.Event()

    def drip() -> None:
        connection, _ = listener.accept()
        with connection, suppress(OSError):
            connection.recv(4096)
            connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n")
            connection.sendall(b"0\r\n" if line.endswith(b"\n") else b"")
            while not over.wait(0.05):
                connection.sendall(line)

    thread = threading.Thread(target=drip, daemon=True)
    thread.start()
    http = make_http(retry=NO_RETRY)
    http.settings = replace(http.settings, body_seconds=0.4, read_seconds=5.0)
    address = f"http://127.0.0.1:{listener.getsockname()[1]}"
    http.allow(Origin.of(address))
    with pytest.raises(UnavailableError, match="no answer in time"), http.request("GET", address) as answer:
        answer.read(100)
    over.set()
    thread.join(5)
    listener.close()
