"""Hosts that refuse or do not answer, again and again: they are asked less and less, and one answer ends it."""

import socket
import threading
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from dockml_dagster.clients.http.errors import (
    GoneError,
    LimitedError,
    NoConnectionError,
    SettingError,
    SilentError,
)
from dockml_dagster.clients.http.hosts import HostPolicy, Origin


@pytest.mark.parametrize("body", [b"429 Too Many Requests", b'{"errors": [{"code": "TOOMANYREQUESTS"}]}'])
def test_who_refuses_and_names_no_time_is_left_alone_longer_and_longer(
    serve, make_http, reply, body: bytes
) -> None:
    """Whichever address is asked. Before, each next question went out at once, four times."""
    clock = [1000.0]
    statuses: list[int] = []
    server = serve(lambda asked: reply(statuses.pop(0) if statuses else 429, body))
    http = make_http(server, now=lambda: clock[0])
    http._sleep = lambda seconds: clock.__setitem__(0, clock[0] + seconds)

    def refused() -> float:
        with pytest.raises(LimitedError) as caught:
            http.request("GET", f"{server.url}/{len(server.asked)}")
        return caught.value.retry_after

    assert refused() == 60
    assert len(server.asked) == 4
    for wait, calls in ((120, 5), (240, 6), (480, 7)):
        assert refused() == wait
        # Who asks now is told at once, and the server hears nothing of it.
        assert [round(refused()) for _ in range(5)] == [wait] * 5
        assert len(server.asked) == calls
        clock[0] += wait + 1
    statuses += [200]
    http.request("GET", server.url).close()
    assert refused() == 60, "after an answer a refusal is a first one again"


def test_a_refusal_of_one_thing_is_an_answer(serve, make_http, reply) -> None:
    statuses = [429, 429, 429, 404, 429, 429, 429, 200]
    server = serve(lambda asked: reply(statuses.pop(0)))
    http = make_http(server)
    with pytest.raises(GoneError):
        http.request("GET", server.url)
    http.request("GET", server.url).close()


def test_a_host_that_nobody_reaches_is_tried_once_by_each(
    make_http, serve, reply, unused_port, sleeps
) -> None:
    server = serve(lambda asked: reply(200))
    http = make_http(server)
    address = f"http://127.0.0.1:{unused_port}"
    http.allow(Origin.of(address))
    for _ in range(5):
        with pytest.raises(NoConnectionError):
            http.request("GET", address)
    assert len(sleeps) == 3
    assert http.requests_sent == {"GET": 4 + 4}


@pytest.mark.parametrize("began", [b"", b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\nX: "])
def test_a_host_that_falls_silent_is_soon_tried_once_by_each(make_http, began: bytes) -> None:
    """Whatever it said before: a question takes half of the time of an answer, and after four in vain one read."""
    asked: list[socket.socket] = []

    def answer() -> None:
        with suppress(OSError):
            while True:
                asked.append(listening.accept()[0])
                asked[-1].sendall(began)

    with socket.create_server(("127.0.0.1", 0)) as listening:
        threading.Thread(target=answer, daemon=True).start()
        http = make_http()
        http.settings = replace(http.settings, read_seconds=0.2, answer_seconds=0.6)
        address = f"http://127.0.0.1:{listening.getsockname()[1]}"
        http.allow(Origin.of(address))
        for times in (2, 4, 5, 6):
            with pytest.raises(SilentError):
                http.request("GET", address)
            assert http.requests_sent == {"GET": times}


@pytest.mark.parametrize(
    "proxy", ["foo bar", "socks5://127.0.0.1:1080", "ftp://proxy.example.com:21", "http://", "socks4a://h:1"]
)
@pytest.mark.parametrize("variable", ["HTTPS_PROXY", "ALL_PROXY"])
def test_what_is_no_proxy_names_the_setting(make_http, monkeypatch, proxy: str, variable: str) -> None:
    monkeypatch.setenv(variable, proxy)
    http = make_http()
    http.policy = HostPolicy()
    with pytest.raises(SettingError, match=variable):
        http.request("GET", "https://ghcr.io/v2/")


@pytest.mark.parametrize("variable", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
def test_certificates_that_are_not_there_name_the_setting(
    make_http, serve, reply, monkeypatch, tmp_path: Path, variable: str
) -> None:
    monkeypatch.delenv("REQUESTS_CA_BUNDLE", raising=False)
    monkeypatch.setenv(variable, str(tmp_path / "none.pem"))
    server = serve(lambda asked: reply(200))
    with pytest.raises(SettingError, match=f"{variable} names no file"):
        make_http(server).request("GET", server.url)


def test_a_certificate_that_is_not_believed_names_the_setting(make_http, serve, reply) -> None:
    """A server that speaks plain http where https is said fails alike: nothing secure could be agreed on."""
    server = serve(lambda asked: reply(200))
    http = make_http(server)
    address = server.url.replace("http://", "https://")
    http.allow(Origin.of(address))
    with pytest.raises(NoConnectionError, match="REQUESTS_CA_BUNDLE"):
        http.request("GET", address)


def test_a_proxy_that_wants_a_login_says_how(make_http, serve, reply, monkeypatch) -> None:
    proxy = serve(lambda asked: reply(407, b""))
    monkeypatch.setenv("HTTP_PROXY", proxy.url)
    monkeypatch.setenv("http_proxy", proxy.url)
    http = make_http(proxy)
    http.allow(Origin.of("http://registry.example.com"))
    with pytest.raises(Exception, match=r"the proxy wants a login.*USER:PASSWORD"):
        http.request("GET", "http://registry.example.com/v2/")
