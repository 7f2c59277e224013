"""One request: redirects, credentials, retries, limits, caps."""

import time
from contextlib import suppress
from dataclasses import replace
from email.utils import formatdate

import pytest

from dockml_dagster.clients.http import client
from dockml_dagster.clients.http.client import lines_of_link
from dockml_dagster.clients.http.errors import (
    AbuseLimitError,
    BrokenContentError,
    FetchError,
    ForbiddenError,
    GoneError,
    LimitedError,
    PullLimitError,
    RefusedHostError,
    TooLargeError,
    TooSlowError,
    UnauthorizedError,
    UnavailableError,
)
from dockml_dagster.clients.http.retry import NO_RETRY

SECRET = "Bearer s3cret-token"
HUB_PULL_LIMIT = (
    b'{"errors":[{"code":"TOOMANYREQUESTS","message":"You have reached your pull rate limit. '
    b'You may increase the limit by upgrading: https://www.docker.com/increase-rate-limit"}]}'
)


def test_body_and_headers(serve, make_http, reply) -> None:
    server = serve(lambda asked: reply(200, b"hello", {"X-Thing": "1"}))
    http = make_http(server)
    with http.request("GET", server.url + "/a?b=c", headers={"Accept": "x/y"}) as answer:
        assert answer.read(5) == b"hello"
        assert answer.headers["x-thing"] == "1"
    asked = server.asked[0]
    assert (asked.path, asked.query) == ("/a", {"b": "c"})
    assert asked.headers["accept"] == "x/y"
    assert asked.headers["accept-encoding"] == "identity"
    assert asked.headers["user-agent"].startswith("dockml/")


def test_body_beyond_the_cap(serve, make_http, reply) -> None:
    server = serve(lambda asked: reply(200, b"x" * 100, length="none" if asked.path == "/silent" else None))
    http = make_http(server)
    for path in ("/", "/silent"):
        with pytest.raises(TooLargeError), http.request("GET", server.url + path) as answer:
            answer.read(99)


def test_compressed_though_not_asked_for(serve, make_http, reply) -> None:
    server = serve(lambda asked: reply(200, b"\x1f\x8b", {"Content-Encoding": "gzip"}))
    with (
        pytest.raises(BrokenContentError, match="compressed"),
        make_http(server).request("GET", server.url) as answer,
    ):
        answer.read(10)


def test_a_small_body_that_drips_is_given_up(serve, make_http, reply, monkeypatch) -> None:
    """Also one that comes faster than the slowest of large bodies."""
    monkeypatch.setattr(client, "SLOWEST_BYTES", 1)
    server = serve(lambda asked: reply(200, b"x" * 1000, drip_seconds=0.01))
    http = make_http(server, retry=NO_RETRY)
    http.settings = replace(http.settings, body_seconds=0.1)
    started = time.monotonic()
    with pytest.raises(UnavailableError, match="too long"), http.request("GET", server.url) as answer:
        answer.read(2000)
    assert time.monotonic() - started < 2


def test_a_large_body_that_drips_is_given_up(serve, make_http, reply) -> None:
    server = serve(lambda asked: reply(200, b"x" * 1000, drip_seconds=0.01))
    http = make_http(server, retry=NO_RETRY)
    http.settings = replace(http.settings, body_seconds=0.1)
    with pytest.raises(TooSlowError, match="too long"), http.request("GET", server.url) as answer:
        while answer.read_some(1 << 20):
            pass
    assert len(server.asked) == 1


def test_a_reader_that_takes_its_time_is_not_the_server_s_fault(serve, make_http, reply) -> None:
    server = serve(lambda asked: reply(200, b"x" * 100))
    http = make_http(server)
    http.settings = replace(http.settings, body_seconds=0.05)
    with http.request("GET", server.url) as answer:
        assert answer.read_some(1)
        time.sleep(0.1)
        assert answer.read_some(1)


def test_redirects_take_no_longer_than_an_answer_may(serve, make_http, reply) -> None:
    def slowly(asked):
        time.sleep(0.03)
        return reply(302, headers={"Location": "/again"})

    server = serve(slowly)
    http = make_http(server)
    http.settings = replace(http.settings, answer_seconds=0.05)
    with pytest.raises(TooSlowError, match="redirects took too long"):
        http.request("GET", server.url)
    assert len(server.asked) <= 2


def test_an_answer_that_takes_long_to_fail_is_not_asked_for_again(serve, make_http, reply) -> None:
    def slowly(asked):
        time.sleep(0.03)
        return reply(503)

    server = serve(slowly)
    http = make_http(server)
    http.settings = replace(http.settings, answer_seconds=0.05)
    with pytest.raises(UnavailableError):
        http.request("GET", server.url)
    assert len(server.asked) <= 2


def test_connections_are_used_again(serve, make_http, reply) -> None:
    server = serve(
        lambda asked: reply(
            404 if asked.path == "/gone" else 200, b"" if asked.path == "/none" else b"x" * 99
        )
    )
    http = make_http(server)
    for method, path in [
        ("HEAD", "/"),
        ("GET", "/none"),
        ("GET", "/unread"),
        ("HEAD", "/gone"),
        ("GET", "/gone"),
    ]:
        with suppress(GoneError):
            http.request(method, server.url + path).close()
    with http.request("GET", server.url) as answer:
        assert len(answer.read(99)) == 99
    http.request("GET", server.url).close()
    assert server.connections == 1


def test_bytes_behind_the_claimed_length_are_no_body(serve, make_http, reply) -> None:
    server = serve(lambda asked: reply(200, b"0123456789", length=4))
    with make_http(server).request("GET", server.url) as answer:
        assert answer.read(99) == b"0123"


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, FetchError),
        (401, UnauthorizedError),
        (403, ForbiddenError),
        (404, GoneError),
        (410, GoneError),
        (413, TooLargeError),
        (451, ForbiddenError),
        (500, UnavailableError),
        (503, UnavailableError),
    ],
)
def test_status_is_an_error_of_its_kind(serve, make_http, reply, status, kind) -> None:
    server = serve(lambda asked: reply(status))
    with pytest.raises(FetchError) as caught:
        make_http(server).request("GET", server.url + "/x?signature=abc", retry=NO_RETRY)
    assert type(caught.value) is kind
    assert caught.value.status == status
    assert "abc" not in str(caught.value)
    assert caught.value.retryable is (kind is UnavailableError)


def test_retries_what_may_pass_and_nothing_else(serve, make_http, reply, sleeps) -> None:
    statuses = iter([500, 503, 200])
    server = serve(lambda asked: reply(next(statuses), b"ok"))
    with make_http(server).request("GET", server.url) as answer:
        assert answer.read(9) == b"ok"
    assert sleeps == [0.25, 0.5]
    gone = serve(lambda asked: reply(404))
    with pytest.raises(GoneError):
        make_http(gone).request("GET", gone.url)
    assert len(gone.asked) == 1


def test_gives_up_after_four(serve, make_http, reply, sleeps) -> None:
    server = serve(lambda asked: reply(500))
    with pytest.raises(UnavailableError):
        make_http(server).request("GET", server.url)
    assert (len(server.asked), len(sleeps)) == (4, 3)


def test_no_server(make_http, serve, reply, unused_port) -> None:
    server = serve(lambda asked: reply())
    http = make_http(server)
    server.stop()
    with pytest.raises(UnavailableError):
        http.request("GET", server.url)


def test_silence_is_a_timeout(serve, make_http, reply) -> None:
    server = serve(lambda asked: time.sleep(2.5) or reply())
    with pytest.raises(UnavailableError, match="in time"):
        make_http(server, retry=NO_RETRY).request("GET", server.url)


# --- limits
# -----------------------------------------------------------------------------------------------------


def test_retry_after_in_seconds_and_as_a_date(serve, make_http, reply, sleeps) -> None:
    now = time.time()
    waits = iter([{"Retry-After": "7"}, {"Retry-After": formatdate(now + 20, usegmt=True)}, None])

    def behave(asked):
        headers = next(waits)
        return reply(200) if headers is None else reply(429, b"", headers)

    server = serve(behave)
    make_http(server, now=lambda: now).request("GET", server.url).close()
    # The wait, its jitter, and the pause that the 429 laid on the host for everyone.
    assert 7 <= sleeps[0] <= 8
    assert any(19 <= wait <= 21 for wait in sleeps)


def test_x_retry_after_is_a_moment(serve, make_http, reply) -> None:
    server = serve(lambda asked: reply(429, b"", {"X-Retry-After": "5000"}))
    with pytest.raises(LimitedError) as caught:
        make_http(server, now=lambda: 4000.0).request("GET", server.url)
    assert caught.value.retry_after == 1000
    assert len(server.asked) == 1


def test_pull_limit_is_not_waited_for(serve, make_http, reply, sleeps) -> None:
    server = serve(
        lambda asked: reply(
            429, HUB_PULL_LIMIT, {"RateLimit-Limit": "100;w=21600", "RateLimit-Remaining": "0;w=21600"}
        )
    )
    http = make_http(server)
    with pytest.raises(PullLimitError, match="pull rate limit") as caught:
        http.request("GET", server.url)
    assert (caught.value.reason, caught.value.retryable, len(server.asked), sleeps) == (
        "pull_limit",
        True,
        1,
        [],
    )
    allowance = http.budget.allowance("127.0.0.1")
    assert (allowance.limit, allowance.remaining, allowance.window) == (100, 0, 21600)


def test_abuse_limit_is_tried_again(serve, make_http, reply, sleeps) -> None:
    statuses = iter([429, 200])
    server = serve(lambda asked: reply(next(statuses), b"429 Too Many Requests"))
    make_http(server).request("GET", server.url).close()
    assert len(sleeps) == 1
    always = serve(lambda asked: reply(429, b"429 Too Many Requests"))
    with pytest.raises(AbuseLimitError):
        make_http(always).request("GET", always.url)


def test_a_long_pause_keeps_every_later_request_back(serve, make_http, reply) -> None:
    server = serve(lambda asked: reply(429, b"", {"Retry-After": "3600"}))
    http = make_http(server)
    for _ in range(3):
        with pytest.raises(LimitedError) as caught:
            http.request("GET", server.url)
        assert 3590 < caught.value.retry_after <= 3600
    assert len(server.asked) == 1


# --- redirects
# ----------------------------------------------------------------------------------------------------


def test_redirect_to_another_host_without_the_credential(serve, make_http, reply) -> None:
    other = serve(lambda asked: reply(200, b"blob"), "127.0.0.2")
    server = serve(lambda asked: reply(307, b"", {"Location": other.url + "/data?sig=1"}))
    with make_http(server, other).request(
        "GET", server.url, authorization=SECRET, headers={"Range": "bytes=1-"}
    ) as answer:
        assert answer.read(9) == b"blob"
    assert server.asked[0].headers["authorization"] == SECRET
    assert "authorization" not in other.asked[0].headers
    assert other.asked[0].headers["range"] == "bytes=1-"


def test_redirect_to_another_port_is_another_origin(serve, make_http, reply) -> None:
    other = serve(lambda asked: reply())
    server = serve(lambda asked: reply(302, b"", {"Location": other.url}))
    make_http(server, other).request("GET", server.url, authorization=SECRET).close()
    assert "authorization" not in other.asked[0].headers


def test_redirect_out_and_back_does_not_regain_the_credential(serve, make_http, reply) -> None:
    homes = []
    other = serve(lambda asked: reply(302, b"", {"Location": homes[0] + "/end"}), "127.0.0.2")
    server = serve(
        lambda asked: reply(302, b"", {"Location": other.url}) if asked.path != "/end" else reply()
    )
    homes.append(server.url)
    make_http(server, other).request("GET", server.url + "/start", authorization=SECRET).close()
    assert ["authorization" in asked.headers for asked in server.asked] == [True, False]


def test_redirect_within_the_origin_keeps_it(serve, make_http, reply) -> None:
    server = serve(lambda asked: reply(302, b"", {"Location": "/b"}) if asked.path == "/a" else reply())
    make_http(server).request("GET", server.url + "/a", authorization=SECRET).close()
    assert server.asked[1].headers["authorization"] == SECRET


def test_redirect_to_a_private_address_is_refused(serve, make_http, reply) -> None:
    other = serve(lambda asked: reply(), "127.0.0.2")
    for target in (
        other.url,
        "https://127.0.0.2/",
        "https://169.254.169.254/",
        "file:///etc/passwd",
        "//127.0.0.2:1/",
    ):
        server = serve(lambda asked, target=target: reply(302, b"", {"Location": target}))
        with pytest.raises(RefusedHostError):
            make_http(server).request("GET", server.url)
    assert other.asked == []


@pytest.mark.parametrize(
    "target", ["http://[", "https://" + "a" * 64 + ".example/", "https://a..b/", "https:///x", "\x7f://"]
)
def test_redirects_to_no_address_at_all(serve, make_http, reply, target) -> None:
    server = serve(lambda asked: reply(302, b"", {"Location": target} if asked.path == "/" else {}))
    with pytest.raises(FetchError):
        make_http(server, retry=NO_RETRY).request("GET", server.url + "/")


def test_endless_redirects(serve, make_http, reply) -> None:
    server = serve(lambda asked: reply(302, b"", {"Location": "/again"}))
    with pytest.raises(BrokenContentError, match="redirects"):
        make_http(server).request("GET", server.url)
    assert len(server.asked) == 6


def test_a_form_is_not_sent_on(serve, make_http, reply) -> None:
    server = serve(lambda asked: reply(307, b"", {"Location": "/b"}))
    with pytest.raises(BrokenContentError, match="redirect"):
        make_http(server).request("POST", server.url, data={"a": "b"})


def test_an_echoed_token_stays_out_of_the_error(serve, make_http, reply, error_reply) -> None:
    server = serve(lambda asked: error_reply(403, "DENIED", "no: " + asked.headers["authorization"]))
    with pytest.raises(ForbiddenError, match="DENIED") as caught:
        make_http(server).request("GET", server.url, authorization=SECRET)
    assert "s3cret" not in str(caught.value)


def test_cookies_and_netrc_are_not_sent(serve, make_http, reply, tmp_path, monkeypatch) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login a password b\n")
    monkeypatch.setenv("NETRC", str(netrc))
    server = serve(lambda asked: reply(200, b"", {"Set-Cookie": "id=1"}))
    http = make_http(server)
    for _ in range(2):
        http.request("GET", server.url).close()
    assert not any({"authorization", "cookie"} & set(asked.headers) for asked in server.asked)


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (None, []),
        ('</v2/a/tags/list?last=x&n=3>; rel="next"', [("next", "/v2/a/tags/list?last=x&n=3")]),
        ("<a>; rel=prev, <b>; foo=1; rel=NEXT", [("prev", "a"), ("next", "b")]),
        ("garbage", []),
        ("<a; rel=next", []),
    ],
)
def test_links(header, expected) -> None:
    assert list(lines_of_link(header)) == expected
