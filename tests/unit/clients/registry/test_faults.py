"""Every fault a registry can have, each by a stand-in; each ends in a typed outcome, never a wrong number."""

import hashlib
import json
import os
import tracemalloc
from dataclasses import replace

import pytest

from dockml_dagster.clients.http.errors import (
    BrokenContentError,
    DigestMismatchError,
    FetchError,
    GoneError,
    TooLargeError,
    TooSlowError,
    UnavailableError,
)
from dockml_dagster.images.sources.reading import read_image
from dockml_dagster.images.sources.registry_source import RegistrySource
from dockml_dagster.study.image.manifest import Descriptor
from dockml_dagster.study.image.platform import Platform
from dockml_dagster.study.image.reference import Digest, ImageReference, Repository

INDEX = "application/vnd.oci.image.index.v1+json"
CONTENT = os.urandom(1 << 16) * 48  # 3 MB


def _source(client, server, rest: str = "a/b:1") -> RegistrySource:
    return RegistrySource(client, ImageReference.parse(f"{server.host}/{rest}"))


def _open(client, server, entry: dict, **more):
    descriptor = Descriptor(entry["mediaType"], Digest.parse(entry["digest"]), entry["size"])
    return client.open_blob(Repository.parse(f"{server.host}/a/b"), descriptor, **more)


def _blobs(server) -> list:
    return [asked for asked in server.asked if "/blobs/" in asked.path]


# --- blobs ---


def _cutting(registry, reply, *places: int, honour: bool = True):
    """Cut the first answers off after so many bytes of what they were to send."""
    cuts = iter(places)

    def before(asked):
        if "/blobs/" not in asked.path:
            return None
        cut = next(cuts, None)
        answer = registry._blob(asked.path.rpartition("/")[2], asked)
        if not honour:
            answer.status, answer.body, answer.headers = 200, CONTENT, {}
        answer.cut_at = cut
        return answer

    registry.before = before


@pytest.mark.parametrize("verify", [True, False])
def test_cut_in_the_middle_is_resumed_not_restarted(serve, make_client, registry, reply, verify) -> None:
    entry = registry.blob(CONTENT)
    _cutting(registry, reply, 1_000_000, 700_000)
    server = serve(registry)
    with _open(make_client(server), server, entry, verify=verify) as stream:
        assert stream.read() == CONTENT
        assert (stream.resumed, stream.verified) == (2, True)
    assert [asked.headers.get("range") for asked in _blobs(server)] == [
        None,
        "bytes=1000000-",
        "bytes=1700000-",
    ]


def test_resumed_by_a_server_that_starts_over(serve, make_client, registry, reply) -> None:
    entry = registry.blob(CONTENT)
    _cutting(registry, reply, 1_000_000, honour=False)
    server = serve(registry)
    with _open(make_client(server), server, entry) as stream:
        assert stream.read() == CONTENT


def test_resumed_with_another_range(serve, make_client, registry, reply) -> None:
    entry = registry.blob(CONTENT)

    def before(asked):
        if "range" not in asked.headers:
            return reply(200, CONTENT, cut_at=1_000_000)
        return reply(206, CONTENT[:2_000_000], {"Content-Range": f"bytes 0-1999999/{len(CONTENT)}"})

    registry.before = before
    server = serve(registry)
    with (
        _open(make_client(server), server, entry) as stream,
        pytest.raises(BrokenContentError, match="another range"),
    ):
        stream.read()


def test_resumed_with_other_bytes(serve, make_client, registry, reply) -> None:
    entry = registry.blob(CONTENT)

    def before(asked):
        if "range" not in asked.headers:
            return reply(200, CONTENT, cut_at=1_000_000)
        rest = len(CONTENT) - 1_000_000
        return reply(206, b"x" * rest, {"Content-Range": f"bytes 1000000-{len(CONTENT) - 1}/{len(CONTENT)}"})

    registry.before = before
    server = serve(registry)
    with _open(make_client(server), server, entry) as stream, pytest.raises(DigestMismatchError):
        stream.read()


def test_cut_each_time_without_progress(serve, make_client, registry, reply) -> None:
    entry = registry.blob(CONTENT)
    registry.before = lambda asked: (
        reply(200, CONTENT, cut_at=0)
        if "range" not in asked.headers
        else reply(206, CONTENT, {"Content-Range": "bytes 0-1/2"}, cut_at=0)
    )
    server = serve(registry)
    with _open(make_client(server), server, entry) as stream, pytest.raises(UnavailableError):
        stream.read()
    assert len(_blobs(server)) <= 5


def test_dripping_connections_end(serve, make_client, registry, reply) -> None:
    """A server that gives a little each time cannot hold a reader for ever."""
    entry = registry.blob(CONTENT)

    def before(asked):
        start = int(asked.headers.get("range", "bytes=0-")[6:-1])
        headers = {"Content-Range": f"bytes {start}-{len(CONTENT) - 1}/{len(CONTENT)}"}
        return reply(206 if start else 200, CONTENT[start:], headers if start else {}, cut_at=10)

    registry.before = before
    server = serve(registry)
    with _open(make_client(server), server, entry) as stream, pytest.raises(UnavailableError):
        stream.read()
    assert len(_blobs(server)) <= 5


def test_server_error_in_between(serve, make_client, registry, reply) -> None:
    entry = registry.blob(CONTENT)
    answers = iter([reply(200, CONTENT, cut_at=1_000_000), reply(500), reply(502)])
    registry.before = lambda asked: next(answers, None)
    server = serve(registry)
    with _open(make_client(server), server, entry) as stream:
        assert stream.read() == CONTENT


def test_gone_in_between(serve, make_client, registry, reply) -> None:
    entry = registry.blob(CONTENT)
    answers = iter([reply(200, CONTENT, cut_at=1_000_000), reply(404)])
    registry.before = lambda asked: next(answers, None)
    server = serve(registry)
    with _open(make_client(server), server, entry) as stream, pytest.raises(GoneError):
        stream.read()


@pytest.mark.parametrize(
    "body",
    [CONTENT[:-1] + b"?", b"", CONTENT[:-1], CONTENT + b"?"],
    ids=["flipped", "empty", "short", "long"],
)
@pytest.mark.parametrize("length", [None, "none"])
def test_body_that_is_another(serve, make_client, registry, reply, body, length) -> None:
    entry = registry.blob(CONTENT)
    registry.before = lambda asked: reply(200, body, length=length)
    server = serve(registry)
    with pytest.raises(DigestMismatchError), _open(make_client(server), server, entry) as stream:
        stream.read()


@pytest.mark.parametrize("claimed", [len(CONTENT) + 5, len(CONTENT) - 5, 0, -1, 10**30, "many"])
def test_content_length_that_lies(serve, make_client, registry, reply, claimed) -> None:
    entry = registry.blob(CONTENT)
    registry.before = lambda asked: reply(200, CONTENT, {"Content-Length": str(claimed)})
    server = serve(registry)
    kind = DigestMismatchError if isinstance(claimed, int) and 0 <= claimed < 10**18 else BrokenContentError
    with pytest.raises(kind), _open(make_client(server), server, entry) as stream:
        stream.read()


def test_unverified_streams_still_have_their_size(serve, make_client, registry, reply) -> None:
    entry = registry.blob(CONTENT)
    registry.before = lambda asked: reply(200, CONTENT + b"?", length="none")
    server = serve(registry)
    with (
        pytest.raises(DigestMismatchError),
        _open(make_client(server), server, entry, verify=False) as stream,
    ):
        stream.read()


def test_blob_by_redirect_to_another_host(serve, make_client, registry, reply) -> None:
    """The content network gets no credential, and is asked again after a cut."""
    entry = registry.blob(CONTENT)
    pieces = iter([1_000_000])

    def network(asked):
        answer = registry._blob(entry["digest"], asked)
        answer.cut_at = next(pieces, None)
        return answer

    other = serve(network, "127.0.0.2")
    registry.before = lambda asked: (
        reply(307, b"", {"Location": other.url + "/data"}) if "/blobs/" in asked.path else None
    )

    def guarded(asked):
        if "authorization" not in asked.headers:
            return reply(401, b"", {"WWW-Authenticate": 'Basic realm="x"'})
        return registry(asked)

    server = serve(guarded)
    config = {"auths": {server.host: {"auth": "YWxpY2U6czNjcmV0"}}}
    client = make_client(server, other, config=config)
    with _open(client, server, entry) as stream:
        assert stream.read() == CONTENT
    assert len(other.asked) == 2
    assert not any("authorization" in asked.headers for asked in other.asked)


# --- manifests ---


@pytest.mark.parametrize("status", [500, 502, 503])
def test_server_errors(serve, make_client, registry, reply, status) -> None:
    registry.image("a/b", "1")
    registry.before = lambda asked: reply(status)
    server = serve(registry)
    with pytest.raises(UnavailableError) as caught:
        read_image(_source(make_client(server), server))
    assert caught.value.retryable
    # Where HEAD alone may fail, GET is asked too.
    assert len(server.asked) == 8


def test_manifest_that_does_not_match_its_digest(serve, make_client, registry, reply, tmp_path) -> None:
    entry = registry.image("a/b", "1")
    lie = {"Docker-Content-Digest": entry["digest"], "Content-Type": entry["mediaType"]}
    registry.before = lambda asked: (
        reply(200, b'{"schemaVersion": 2, "layers": []}', lie) if asked.method == "GET" else None
    )
    server = serve(registry)
    with pytest.raises(DigestMismatchError):
        read_image(_source(make_client(server), server))
    assert not list((tmp_path / "store").rglob("*"))[2:]


def test_manifest_of_50_mb(serve, make_client, registry, reply) -> None:
    """By its claimed length not read at all, and without one read no further than the cap."""
    huge = b'{"schemaVersion": 2, "layers": [' + b" " * 50_000_000 + b"]}"
    for length in (None, "none"):
        server = serve(lambda asked, length=length: reply(200, huge, length=length))
        client = make_client(server)
        tracemalloc.start()
        with pytest.raises(TooLargeError):
            read_image(_source(client, server))
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 30_000_000


def _index(registry, entries: list[dict], tag: str | None = None) -> dict:
    return registry.manifest("a/b", {"schemaVersion": 2, "mediaType": INDEX, "manifests": entries}, tag)


def test_10_000_platforms(serve, make_client, registry) -> None:
    image = registry.image("a/b")
    entries = [
        {
            **image,
            "digest": f"sha256:{number:064x}",
            "platform": {"os": "linux", "architecture": f"a{number}"},
        }
        for number in range(9_999)
    ]
    _index(registry, [*entries, {**image, "platform": {"os": "linux", "architecture": "amd64"}}], "1")
    server = serve(registry)
    client = make_client(server)
    with pytest.raises(TooLargeError, match="choose one"):
        read_image(_source(client, server))
    assert len(server.asked) == 2
    reading = read_image(_source(client, server), Platform.parse("linux/amd64"))
    assert [str(image.platform) for image in reading.images] == ["linux/amd64"]


def test_index_that_contains_itself(serve, make_client, registry, reply) -> None:
    """No digest can be inside its own content, so such an index is one whose server lies about it."""
    child = "sha256:" + "5" * 64
    body = json.dumps(
        {
            "schemaVersion": 2,
            "mediaType": INDEX,
            "manifests": [{"mediaType": INDEX, "digest": child, "size": 9}],
        }
    ).encode()
    own = "sha256:" + hashlib.sha256(body).hexdigest()
    registry.before = lambda asked: reply(200, body, {"Content-Type": INDEX, "Docker-Content-Digest": own})
    server = serve(registry)
    reading = read_image(_source(make_client(server), server))
    assert reading.images == ()
    assert [type(failure.error) for failure in reading.failures] == [DigestMismatchError]
    assert len(server.asked) == 3


def test_indexes_inside_each_other_without_end(serve, make_client, registry) -> None:
    entry = registry.image("a/b")
    for _ in range(20):
        entry = _index(registry, [entry])
    _index(registry, [entry], "1")
    server = serve(registry)
    reading = read_image(_source(make_client(server), server))
    assert reading.images == ()
    assert "deep inside" in str(reading.failures[0].error)
    assert len(server.asked) < 8


def test_an_index_that_lists_one_manifest_many_times(serve, make_client, registry) -> None:
    image = registry.image("a/b")
    _index(registry, [{**image, "platform": {"os": "linux", "architecture": "amd64"}}] * 500, "1")
    server = serve(registry)
    assert len(read_image(_source(make_client(server), server)).images) == 1


def test_one_broken_platform_does_not_hide_the_others(serve, make_client, registry) -> None:
    good = registry.image("a/b")
    broken = registry.manifest("a/b", {"schemaVersion": 2, "mediaType": good["mediaType"], "layers": []})
    missing = {**good, "digest": "sha256:" + "7" * 64}
    attestation = {
        **good,
        "digest": "sha256:" + "8" * 64,
        "platform": {"os": "unknown", "architecture": "unknown"},
    }
    _index(
        registry,
        [
            {**broken, "platform": {"os": "linux", "architecture": "arm64"}},
            {**missing, "platform": {"os": "linux", "architecture": "s390x"}},
            {**good, "platform": {"os": "linux", "architecture": "amd64"}},
            attestation,
        ],
        "1",
    )
    server = serve(registry)
    reading = read_image(_source(make_client(server), server))
    assert [str(image.platform) for image in reading.images] == ["linux/amd64"]
    assert [(str(failure.platform), failure.error.reason) for failure in reading.failures] == [
        ("linux/arm64", "broken_content"),
        ("linux/s390x", "gone"),
    ]
    assert [str(entry.digest)[-1] for entry in reading.not_images] == ["8"]


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"null", b"\x00" * 100, b'{"layers": "x", "config": 1}', b"<html>"]
)
def test_manifests_that_are_none(serve, make_client, registry, body) -> None:
    registry.manifest("a/b", body, "1", "application/vnd.oci.image.manifest.v1+json")
    server = serve(registry)
    with pytest.raises(BrokenContentError):
        read_image(_source(make_client(server), server))


@pytest.mark.parametrize("config", [b"", b"[]", b"{" * 1000])
def test_configurations_that_are_none(serve, make_client, registry, config) -> None:
    entry = registry.blob(config, "application/vnd.oci.image.config.v1+json")
    document = {
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": entry,
        "layers": [registry.blob(b"x")],
    }
    registry.manifest("a/b", document, "1")
    server = serve(registry)
    with pytest.raises(BrokenContentError):
        read_image(_source(make_client(server), server))


def test_a_configuration_said_to_be_huge_is_not_fetched(serve, make_client, registry) -> None:
    entry = {**registry.blob(b"{}", "application/vnd.oci.image.config.v1+json"), "size": 1 << 40}
    document = {
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": entry,
        "layers": [registry.blob(b"x")],
    }
    registry.manifest("a/b", document, "1")
    server = serve(registry)
    with pytest.raises(TooLargeError):
        read_image(_source(make_client(server), server))
    assert server.count("GET", "blobs") == 0


@pytest.mark.parametrize(
    "garbage", [b"not http at all\r\n\r\n", b"", b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 500 + b"\r\n"]
)
def test_answers_that_are_no_http(make_client, serve, registry, garbage) -> None:
    import socketserver
    import threading

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            self.request.recv(65536)
            self.request.sendall(garbage)

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        host = f"127.0.0.1:{server.server_address[1]}"
        stand_in = type("Server", (), {"url": f"http://{host}", "host": host})
        try:
            with pytest.raises(FetchError) as caught:
                make_client(stand_in).resolve(ImageReference.parse(f"{host}/a/b:1"))
        finally:
            server.shutdown()
            thread.join()
    assert caught.value.reason == "unavailable"


@pytest.mark.parametrize("slowest", [0.001, 4096])
def test_a_configuration_that_drips_is_given_up(
    monkeypatch, serve, make_client, registry, reply, slowest
) -> None:
    """Each byte comes before the timeout of the socket. A small body has one deadline, whatever a large one may take."""
    monkeypatch.setattr("dockml_dagster.clients.http.client.SLOWEST_BYTES", slowest)
    registry.image("a/b", "1")
    config = next(iter(registry.blobs))
    registry.before = lambda asked: (
        reply(200, registry.blobs[config], drip_seconds=0.01) if config in asked.path else None
    )
    server = serve(registry)
    client = make_client(server)
    client.http.settings = replace(client.http.settings, body_seconds=0.1)
    with pytest.raises(TooSlowError):
        read_image(_source(client, server))
    assert len(_blobs(server)) == 1, "nothing is tried again"
