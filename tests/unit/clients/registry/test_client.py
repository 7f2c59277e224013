"""The registry client against a registry in the process: what is asked, how often, and what is kept."""

import hashlib
import json
import threading
from dataclasses import replace

import pytest

from dockml_dagster.clients.digest_store import DigestStore
from dockml_dagster.clients.http.errors import (
    BrokenContentError,
    DigestMismatchError,
    GoneError,
    TooLargeError,
    UnavailableError,
    UnsupportedError,
)
from dockml_dagster.clients.registry import client as registry_client
from dockml_dagster.images.sources.reading import read_image
from dockml_dagster.images.sources.registry_source import RegistrySource
from dockml_dagster.study.image.manifest import Descriptor, parse_manifest
from dockml_dagster.study.image.reference import Digest, ImageReference, Repository


def _reference(server, rest: str) -> ImageReference:
    return ImageReference.parse(f"{server.host}/{rest}")


def _descriptor(entry: dict) -> Descriptor:
    return Descriptor(entry["mediaType"], Digest.parse(entry["digest"]), entry["size"])


def test_an_image_is_fetched_once_and_then_costs_one_head(serve, make_client, registry) -> None:
    registry.image("a/b", "1", (b"one", b"two"))
    server = serve(registry)
    client = make_client(server)
    source = RegistrySource(client, _reference(server, "a/b:1"))
    first = read_image(source)
    assert [(asked.method, asked.path.split("/")[4]) for asked in server.asked] == [
        ("HEAD", "manifests"),
        ("GET", "manifests"),
        ("GET", "blobs"),
    ]
    assert "application/vnd.docker.distribution.manifest.list.v2+json" in server.asked[0].headers["accept"]
    server.asked.clear()
    again = read_image(RegistrySource(make_client(server), _reference(server, "a/b:1")))
    assert again.images == first.images
    assert [asked.method for asked in server.asked] == ["HEAD"]
    server.asked.clear()
    read_image(RegistrySource(client, _reference(server, f"a/b@{first.digest}")))
    assert server.asked == []


def test_a_moved_tag_fetches_only_what_is_new(serve, make_client, registry) -> None:
    registry.image("a/b", "1", (b"one",))
    server = serve(registry)
    client = make_client(server)
    read_image(RegistrySource(client, _reference(server, "a/b:1")))
    server.asked.clear()
    registry.image("a/b", "1", (b"two",))  # the same configuration, another layer
    read_image(RegistrySource(client, _reference(server, "a/b:1")))
    assert [asked.method for asked in server.asked] == ["HEAD", "GET"]


def test_a_registry_without_the_digest_header(serve, make_client, registry) -> None:
    entry = registry.image("a/b", "1")
    registry.digest_header = False
    server = serve(registry)
    assert str(make_client(server).resolve(_reference(server, "a/b:1"))) == entry["digest"]


def test_a_registry_that_knows_no_head(serve, make_client, registry, reply) -> None:
    entry = registry.image("a/b", "1")
    registry.before = lambda asked: reply(405) if asked.method == "HEAD" else None
    server = serve(registry)
    assert str(make_client(server).resolve(_reference(server, "a/b:1"))) == entry["digest"]


def test_gone(serve, make_client, registry) -> None:
    server = serve(registry)
    with pytest.raises(GoneError):
        make_client(server).resolve(_reference(server, "a/b:1"))
    assert [asked.method for asked in server.asked] == ["HEAD", "GET"]


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 500, 501, 502, 503, 504])
def test_a_registry_that_refuses_head(serve, make_client, registry, reply, status) -> None:
    entry = registry.image("a/b", "1")
    registry.before = lambda asked: reply(status) if asked.method == "HEAD" else None
    server = serve(registry)
    assert str(make_client(server).resolve(_reference(server, "a/b:1"))) == entry["digest"]


@pytest.mark.parametrize("silent", [{"HEAD"}, {"HEAD", "GET"}])
def test_a_silent_registry_takes_the_time_of_one_answer(serve, make_client, registry, silent) -> None:
    """A HEAD and the GET that stands in for it share it; a silent host is asked once by whoever comes next."""
    entry = registry.image("a/b", "1")
    over = threading.Event()
    registry.before = lambda asked: over.wait(5) and None if asked.method in silent else None
    server = serve(registry)
    client = make_client(server)
    client.http.settings = replace(client.http.settings, read_seconds=0.1, answer_seconds=0.35)
    if "GET" not in silent:
        assert str(client.resolve(_reference(server, "a/b:1"))) == entry["digest"]
    else:
        for most in (2, 3, 4):
            with pytest.raises(UnavailableError, match="no answer in time"):
                client.resolve(_reference(server, "a/b:1"))
            assert max(client.http.requests_sent.values()) <= most
    over.set()


@pytest.mark.parametrize("refused", [False, True])
def test_a_registry_that_names_a_wrong_digest(serve, make_client, registry, reply, refused) -> None:
    """What the tag leads to decides, whether HEAD or GET says so (kaniko#298)."""
    entry = registry.image("a/b", "1")
    wrong = "sha256:" + "0" * 64

    def lie(asked):
        if asked.method == "HEAD":
            return reply(405) if refused else reply(200, b"", {"Docker-Content-Digest": wrong})
        if asked.path.endswith("/manifests/1"):
            found = registry(asked)
            return reply(200, found.body, {**found.headers, "Docker-Content-Digest": wrong})
        return registry(asked)

    server = serve(lie)
    with RegistrySource(make_client(server), _reference(server, "a/b:1")) as source:
        found = read_image(source)
    assert str(found.digest) == entry["digest"]
    assert [str(image.digest) for image in found.images] == [entry["digest"]]


def test_ranges(serve, make_client, registry) -> None:
    content = bytes(range(256)) * 10
    descriptor = _descriptor(registry.blob(content))
    server = serve(registry)
    client, repository = make_client(server), Repository.parse(f"{server.host}/a/b")
    assert client.read_range(repository, descriptor, 100, 50) == content[100:150]
    assert client.read_range(repository, descriptor, -7, 7) == content[-7:]
    assert client.read_range(repository, descriptor, -7, 100) == content[-7:]
    assert client.read_range(repository, descriptor, 2555, 100) == content[2555:]
    assert client.read_range(repository, descriptor, 2560, 100) == b""
    with pytest.raises(TooLargeError):
        client.read_range(repository, descriptor, 3000, 10)


def test_ranges_of_a_server_that_knows_none(serve, make_client, registry) -> None:
    content = b"x" * 5_000_000
    descriptor = _descriptor(registry.blob(content))
    registry.ranges = False
    server = serve(registry)
    client, repository = make_client(server), Repository.parse(f"{server.host}/a/b")
    assert client.read_range(repository, descriptor, 0, 10) == b"x" * 10
    with pytest.raises(UnsupportedError, match="ranges"):
        client.read_range(repository, descriptor, 10, 10)


@pytest.mark.parametrize("header", ["bytes 0-9/100", "bytes 11-20/100", "", "items 10-19/100"])
def test_another_range_than_asked_for(serve, make_client, reply, registry, header) -> None:
    descriptor = _descriptor(registry.blob(b"y" * 100))
    registry.before = lambda asked: reply(206, b"y" * 10, {"Content-Range": header})
    server = serve(registry)
    with pytest.raises(BrokenContentError, match="another range"):
        make_client(server).read_range(Repository.parse(f"{server.host}/a/b"), descriptor, 10, 10)


def test_mirrors_are_asked_in_order(serve, make_client, registry, reply) -> None:
    registry.image("proxy/library/x", "1")
    empty = serve(lambda asked: reply(404))
    server = serve(registry)
    client = make_client(empty, server, setting=f"docker.io={empty.url}|{server.url}/proxy")
    image = read_image(RegistrySource(client, ImageReference.parse("x:1")))
    assert len(image.images) == 1
    assert server.asked[0].path == "/v2/proxy/library/x/manifests/1"


def test_when_all_mirrors_fail_the_one_that_may_recover_speaks(serve, make_client, reply) -> None:
    failing, empty = serve(lambda asked: reply(503)), serve(lambda asked: reply(404))
    client = make_client(failing, empty, setting=f"docker.io={failing.url}|{empty.url}")
    with pytest.raises(UnavailableError):
        client.resolve(ImageReference.parse("x:1"))


def test_schema1_gets_its_sizes_by_head(serve, make_client, registry) -> None:
    blob = registry.blob(b"old layer")
    document = {
        "schemaVersion": 1,
        "architecture": "amd64",
        "fsLayers": [{"blobSum": blob["digest"]}] * 3,
        "history": [{"v1Compatibility": json.dumps({"os": "linux", "config": {"User": "u"}})}] * 3,
    }
    body = json.dumps(document).encode()
    registry.manifest("a/b", body, "1", "application/vnd.docker.distribution.manifest.v1+json")
    server = serve(registry)
    image = read_image(RegistrySource(make_client(server), _reference(server, "a/b:1"))).images[0]
    assert [layer.size for layer in image.layers] == [9, 9, 9]
    assert image.config.user == "u"
    assert image.config_bytes is None
    assert server.count("HEAD", "blobs") == 1


def test_store_keeps_only_what_has_its_digest(tmp_path) -> None:
    store = DigestStore(tmp_path)
    digest = Digest("sha256", hashlib.sha256(b"right").hexdigest())
    with pytest.raises(DigestMismatchError):
        store.put(digest, b"wrong")
    assert store.get(digest) is None
    store.put(digest, b"right")
    assert store.get(digest) == b"right"
    store.path(digest).write_bytes(b"damaged")
    assert store.get(digest) is None
    assert [path.name for path in store.path(digest).parent.iterdir()] == [digest.hex]


def test_encrypted_layers_are_unsupported(serve, make_client, registry) -> None:
    server = serve(registry)
    layer = Descriptor("application/vnd.oci.image.layer.v1.tar+gzip+encrypted", Digest("sha256", "0" * 64), 3)
    with pytest.raises(UnsupportedError):
        make_client(server).open_blob(Repository.parse(f"{server.host}/a/b"), layer)
    assert server.asked == []


def test_stored_manifests_are_read_without_their_content_type(registry) -> None:
    registry.image("a/b", "1")
    body = registry.manifests["a/b", "1"][1]
    assert parse_manifest(body) == parse_manifest(body, "application/vnd.oci.image.manifest.v1+json")


def test_a_range_that_is_too_large_is_not_asked_for(serve, make_client, registry, monkeypatch) -> None:
    monkeypatch.setattr(registry_client, "MAX_RANGE", 10)
    descriptor = _descriptor(registry.blob(b"x" * 100))
    server = serve(registry)
    client, repository = make_client(server), Repository.parse(f"{server.host}/a/b")
    assert client.read_range(repository, descriptor, 5, 10) == b"x" * 10
    asked = len(server.asked)
    with pytest.raises(TooLargeError):
        client.read_range(repository, descriptor, 5, 11)
    assert len(server.asked) == asked
