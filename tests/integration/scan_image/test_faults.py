"""Every fault a registry can have, seen by who runs the command: a typed outcome and the exit code, never a traceback
and never a wrong number. Each by a stand-in.
"""

import base64
import json
import os
import tracemalloc

import pytest

from tests.stand_ins import OCI_INDEX, OCI_MANIFEST, Reply, error_reply

CONTENT = os.urandom(600_000)
REF = "ml/image:1"
FIGURES = ("bytes", "files", "directories", "max_depth", "wasted_bytes", "duplicate_bytes")


@pytest.fixture
def layer(tar, packed) -> bytes:
    return packed(tar({"opt": None, "opt/data": CONTENT, "opt/note": b"n"}))


@pytest.fixture
def image(put_image, layer, tar):
    """Two layers, the lower one 600 KB. Its descriptor."""
    return put_image("1", (layer, "+gzip", {}), tar({"opt/note": b"changed"}))


def whole(found) -> None:
    (image,) = found["images"]
    assert image["status"] == "complete"
    assert [image[name] for name in FIGURES] == [600_007, 2, 1, 1, 1, 0]


def without_figures(found, code: str, *, retryable: bool) -> None:
    """The lower layer could not be read, and everything that depends on it is unknown."""
    (image,) = found["images"]
    assert (image["status"], [image[name] for name in FIGURES]) == ("incomplete", [None] * 6)
    lower, upper = image["layers"]
    assert (lower["code"], lower["retryable"]) == (code, retryable)
    assert lower["bytes"] is lower["files"] is lower["visible_bytes"] is None
    assert not lower["digest_verified"]
    assert (upper["status"], upper["bytes"]) == ("complete", 7)


def of_layer(asked, layer_entry) -> bool:
    return asked.method == "GET" and asked.path.endswith(layer_entry)


@pytest.fixture
def lower(image, registry) -> str:
    body = json.loads(registry.manifests["ml/image", "1"][1])
    return body["layers"][0]["digest"]


@pytest.fixture
def fault(serve, scan, registry, lower):
    """Answers requests for the lower layer by the function given, which gets the request and the true answer."""

    def start(answer):
        def before(asked):
            return answer(asked, registry._blob(lower, asked)) if of_layer(asked, lower) else None

        registry.before = before
        server = serve(registry)
        scan.allow(server)
        return server

    return start


def layer_requests(server, lower) -> list[str | None]:
    return [asked.headers.get("range") for asked in server.asked if of_layer(asked, lower)]


# --- layers ---


def test_cut_in_the_middle_is_resumed(fault, scan, layer, lower) -> None:
    sent: list[int] = []

    def cut(asked, answer):
        answer.cut_at = 250_000 if len(sent) < 2 else None
        sent.append(len(answer.body[: answer.cut_at]))
        return answer

    server = fault(cut)
    whole(scan(f"{server.host}/{REF}"))
    assert layer_requests(server, lower) == [None, "bytes=250000-", "bytes=500000-"]
    assert sum(sent) == len(layer)  # nothing was sent twice


def test_cut_for_ever(fault, scan) -> None:
    def cut(asked, answer):
        answer.cut_at = 10
        return answer

    server = fault(cut)
    without_figures(scan(f"{server.host}/{REF}", code=3), "unavailable", retryable=True)


@pytest.mark.parametrize("retry_after", ["2", "Sat, 01 Jan 2000 00:00:00 GMT"])
def test_too_many_requests_for_a_moment(fault, scan, waits, retry_after) -> None:
    answers = iter([Reply(429, b"Too Many Requests", {"Retry-After": retry_after})])
    server = fault(lambda asked, answer: next(answers, answer))
    whole(scan(f"{server.host}/{REF}"))
    assert any(wait >= 2 for wait in waits) == (retry_after == "2")


def test_too_many_requests_for_ever(fault, scan) -> None:
    server = fault(lambda asked, answer: Reply(429, b"Too Many Requests"))
    without_figures(scan(f"{server.host}/{REF}", code=3), "abuse_limit", retryable=True)


def test_a_wait_of_hours_is_not_waited(fault, scan, waits) -> None:
    server = fault(lambda asked, answer: Reply(429, b"Too Many Requests", {"Retry-After": "7200"}))
    (image,) = scan(f"{server.host}/{REF}", code=3)["images"]
    assert [image[name] for name in FIGURES] == [None] * 6
    # The other layer is not even asked for: the server spoke for all of itself.
    codes = sorted((layer["code"], layer["retryable"]) for layer in image["layers"])
    assert codes == [("abuse_limit", True), ("limited", True)]
    assert sum(waits) < 120


def test_the_pull_limit(serve, scan, image, registry) -> None:
    message = (
        "You have reached your unauthenticated pull rate limit. https://www.docker.com/increase-rate-limit"
    )
    registry.before = lambda asked: (
        error_reply(429, "TOOMANYREQUESTS", message)
        if asked.method == "GET" and "/manifests/" in asked.path
        else None
    )
    server = serve(registry)
    scan.allow(server)
    assert scan(f"{server.host}/{REF}", code=3) is None
    assert "pull rate limit" in scan.said
    assert server.count("GET") == 1  # waiting seconds is no use
    found, _ = scan(f"{server.host}/{REF}", f"{server.host}/{REF}", code=3)
    assert (found["error"]["code"], found["error"]["retryable"]) == ("pull_limit", True)


@pytest.mark.parametrize("status", [500, 502, 503])
def test_a_server_that_fails_once(fault, scan, status) -> None:
    answers = iter([Reply(status), Reply(status)])
    server = fault(lambda asked, answer: next(answers, answer))
    whole(scan(f"{server.host}/{REF}"))


def test_a_server_that_fails_always(fault, serve, scan, lower) -> None:
    server = fault(lambda asked, answer: Reply(500))
    without_figures(scan(f"{server.host}/{REF}", code=3), "unavailable", retryable=True)
    broken = serve(lambda asked: Reply(500))
    scan.allow(broken)
    assert scan(f"{broken.host}/{REF}", code=3) is None
    assert "500" in scan.said


@pytest.mark.parametrize("how", ["flipped", "short", "long", "empty", "another layer"])
@pytest.mark.parametrize("length", [None, "none"])
def test_a_body_that_is_not_the_layer(fault, scan, layer, packed, tar, how, length) -> None:
    bodies = {
        # In the header's time, which no reader looks at: only the digest tells.
        "flipped": layer[:4] + b"?" + layer[5:],
        "short": layer[:-1],
        "long": layer + b"?",
        "empty": b"",
        "another layer": packed(tar({"opt/data": b"other"})),
    }
    server = fault(lambda asked, answer: Reply(200, bodies[how], length=length))
    retryable = how == "flipped"  # the scanner's own finding; it may have been damaged on the way
    without_figures(scan(f"{server.host}/{REF}", code=3), "digest_mismatch", retryable=retryable)


@pytest.mark.parametrize("claimed", ["5", "900000", "0", "-1", "many", "9" * 30])
def test_a_length_that_lies(fault, scan, claimed) -> None:
    server = fault(lambda asked, answer: Reply(200, answer.body, {"Content-Length": claimed}))
    known = claimed.isdigit() and len(claimed) < 20
    code = "digest_mismatch" if known else "broken_content"
    without_figures(scan(f"{server.host}/{REF}", code=3), code, retryable=False)


def test_a_layer_that_is_gone(fault, scan) -> None:
    server = fault(lambda asked, answer: error_reply(404, "BLOB_UNKNOWN"))
    without_figures(scan(f"{server.host}/{REF}", code=3), "gone", retryable=False)


# --- logins ---

LOGIN = base64.b64encode(b"alice:s3cret").decode()


@pytest.fixture
def alice(tmp_path, monkeypatch):
    """Docker's config.json with a login for each server given."""

    def login(*servers) -> None:
        (tmp_path / "docker").mkdir(exist_ok=True)
        auths = {server.host: {"auth": LOGIN} for server in servers}
        (tmp_path / "docker" / "config.json").write_text(json.dumps({"auths": auths}))
        monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / "docker"))

    return login


def test_a_redirect_takes_no_login_along(serve, scan, image, registry, lower, alice) -> None:
    network = serve(lambda asked: registry._blob(lower, asked), "127.0.0.2")

    def guarded(asked):
        if asked.headers.get("authorization") != f"Basic {LOGIN}":
            return Reply(401, b"", {"WWW-Authenticate": 'Basic realm="x"'})
        if of_layer(asked, lower):
            return Reply(307, b"", {"Location": f"{network.url}/data?sig=s3cret"})
        return registry(asked)

    server = serve(guarded)
    scan.allow(server, network)
    alice(server)
    whole(scan(f"{server.host}/{REF}"))
    assert len(network.asked) == 1
    assert "authorization" not in network.asked[0].headers


def test_a_redirect_to_a_host_nobody_allowed(serve, scan, image, registry, lower) -> None:
    network = serve(lambda asked: registry._blob(lower, asked), "127.0.0.2")
    registry.before = lambda asked: (
        Reply(307, b"", {"Location": f"{network.url}/data?sig=s3cret"}) if of_layer(asked, lower) else None
    )
    server = serve(registry)
    scan.allow(server)
    without_figures(scan(f"{server.host}/{REF}", code=3), "refused_host", retryable=False)
    assert network.asked == []
    assert "s3cret" not in scan.said


def test_a_token_realm_on_another_host_gets_no_login(serve, scan, image, registry, alice) -> None:
    """Anonymous tokens are taken from there; the login for the registry is not its to have."""
    realm = serve(lambda asked: Reply(200, b'{"token": "anonymous"}'), "127.0.0.2")

    def guarded(asked):
        if asked.headers.get("authorization") == "Bearer anonymous":
            return registry(asked)
        challenge = f'Bearer realm="{realm.url}/token",service="x",scope="repository:ml/image:pull"'
        return Reply(401, b"", {"WWW-Authenticate": challenge})

    server = serve(guarded)
    scan.allow(server, realm)
    alice(server)
    whole(scan(f"{server.host}/{REF}"))
    assert realm.asked
    assert not any("authorization" in asked.headers or asked.body for asked in realm.asked)


def test_a_token_realm_that_may_not_be_asked(serve, scan, registry, image, alice) -> None:
    realm = serve(lambda asked: Reply(200, b'{"token": "anonymous"}'), "127.0.0.2")
    challenge = f'Bearer realm="{realm.url}/token",service="x",scope="repository:ml/image:pull"'
    server = serve(lambda asked: Reply(401, b"", {"WWW-Authenticate": challenge}))
    scan.allow(server)
    alice(server)
    assert scan(f"{server.host}/{REF}", code=3) is None
    assert "127.0.0.2" in scan.said
    assert realm.asked == []


def test_a_wrong_password_is_not_repeated(serve, scan, registry, image, alice) -> None:
    server = serve(lambda asked: Reply(401, b"", {"WWW-Authenticate": 'Basic realm="x"'}))
    scan.allow(server)
    alice(server)
    assert scan(f"{server.host}/{REF}", code=3) is None
    assert "s3cret" not in scan.said
    assert LOGIN not in scan.said


# --- manifests ---


def test_a_manifest_that_is_another(serve, scan, registry, image) -> None:
    lie = {"Docker-Content-Digest": image["digest"], "Content-Type": OCI_MANIFEST}
    registry.before = lambda asked: (
        Reply(200, b'{"schemaVersion": 2, "layers": []}', lie) if asked.method == "GET" else None
    )
    server = serve(registry)
    scan.allow(server)
    assert scan(f"{server.host}/{REF}", code=3) is None
    assert "digest" in scan.said


def test_an_index_that_contains_itself(serve, scan, registry) -> None:
    """As its server says: no digest can truly be inside its own content."""
    child = "sha256:" + "5" * 64
    entry = {"mediaType": OCI_INDEX, "digest": child, "size": 9}
    body = json.dumps({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [entry]}).encode()
    server = serve(
        lambda asked: Reply(200, body, {"Content-Type": OCI_INDEX, "Docker-Content-Digest": child})
    )
    scan.allow(server)
    for platform in ("all", "linux/amd64"):
        assert scan(f"{server.host}/{REF}", "--platform", platform, code=3) is None
    assert len(server.asked) < 10


@pytest.mark.parametrize("length", [None, "none"])
def test_a_manifest_of_50_mb(serve, scan, length) -> None:
    huge = b'{"schemaVersion": 2, "layers": [' + b" " * 50_000_000 + b"]}"
    server = serve(lambda asked: Reply(200, huge, {"Content-Type": OCI_MANIFEST}, length=length))
    scan.allow(server)
    tracemalloc.start()
    try:
        assert scan(f"{server.host}/{REF}", code=3) is None
        assert tracemalloc.get_traced_memory()[1] < 30_000_000
    finally:
        tracemalloc.stop()


def test_10_000_platforms(serve, scan, registry, put_image, tar) -> None:
    image = put_image(None, tar({"a": b"1"}))
    entries = [
        {
            **image,
            "digest": f"sha256:{number:064x}",
            "platform": {"os": "linux", "architecture": f"a{number}"},
        }
        for number in range(9_999)
    ]
    entries.append({**image, "platform": {"os": "linux", "architecture": "amd64"}})
    registry.manifest("ml/image", {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": entries}, "1")
    server = serve(registry)
    scan.allow(server)
    assert scan(f"{server.host}/{REF}", "--platform", "all", code=3) is None
    assert "choose one" in scan.said
    assert len(server.asked) == 2
    assert [
        each["files"] for each in scan(f"{server.host}/{REF}", "--platform", "linux/amd64")["images"]
    ] == [1]


def test_one_platform_of_two_cannot_be_read(serve, scan, registry, put_image, tar) -> None:
    good = put_image(None, tar({"a": b"1"}))
    entries = [
        {**good, "platform": {"os": "linux", "architecture": "amd64"}},
        {**good, "digest": "sha256:" + "7" * 64, "platform": {"os": "linux", "architecture": "arm64"}},
    ]
    registry.manifest("ml/image", {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": entries}, "1")
    server = serve(registry)
    scan.allow(server)
    found = scan(f"{server.host}/{REF}", "--platform", "all", code=3)
    assert [image["files"] for image in found["images"]] == [1]
    assert [(each["platform"], each["code"]) for each in found["failures"]] == [("linux/arm64", "gone")]


def schema1(registry, *layers: bytes, tag: str = "1") -> None:
    blobs = [registry.blob(layer)["digest"] for layer in layers]
    compatibility = json.dumps({"architecture": "amd64", "os": "linux", "config": {"Env": ["A=b"]}})
    document = {
        "schemaVersion": 1,
        "name": "ml/image",
        "tag": tag,
        "architecture": "amd64",
        "fsLayers": [{"blobSum": digest} for digest in reversed(blobs)],
        "history": [{"v1Compatibility": compatibility}] * len(blobs),
    }
    served_as = "application/vnd.docker.distribution.manifest.v1+json"
    registry.manifest("ml/image", json.dumps(document).encode(), tag, served_as)


def test_schema_1(serve, scan, registry, layer, tar, packed) -> None:
    upper = packed(tar({"opt/note": b"changed"}))
    schema1(registry, layer, upper)
    server = serve(registry)
    scan.allow(server)
    found = scan(f"{server.host}/{REF}")
    whole(found)
    assert [each["compressed_bytes"] for each in found["images"][0]["layers"]] == [len(layer), len(upper)]
    assert found["images"][0]["env_count"] == 1


def test_schema_1_without_its_layer(serve, scan, registry, tar) -> None:
    schema1(registry, tar({"a": b"1"}))
    registry.blobs.clear()
    server = serve(registry)
    scan.allow(server)
    assert scan(f"{server.host}/{REF}", code=3) is None
