"""Layers in a registry that carry a table of contents: a twentieth of the bytes, the same files, and the layer itself
wherever the table cannot be trusted. Bytes are counted at the server.
"""

import gzip
import hashlib
import os
from typing import Any

import pytest
from backports import zstd

from tests.stand_ins import OCI_LAYER
from tests.toc_layers import chunked, estargz, toc_of

ESTARGZ = "containerd.io/snapshot/stargz/toc.digest"
CHUNKED = "io.github.containers.zstd-chunked.manifest-checksum"
CHUNKED_OLD = "io.containers.zstd-chunked.manifest-checksum"
REF = "ml/image:1"
# What a table cannot know, and what differs in how the answer was found.
FOUND_OTHERWISE = {"hash_algorithms", "file_types", "layers", "duplicates"}


@pytest.fixture
def layers(tar) -> list[bytes]:
    """Two layers as plain archives: the upper one hides and repeats what the lower one has."""
    weights = os.urandom(400_000)
    lower = {"opt": None, "opt/model.bin": weights, "opt/gone.bin": os.urandom(150_000), "etc": None}
    lower |= {f"etc/conf.d/{number:03}.conf": b"x" * number for number in range(1, 60)}
    upper = {"opt/copy.bin": weights, "opt/.wh.gone.bin": b"", "srv/deep/er/data.csv": os.urandom(300_000)}
    return [tar(lower), tar(upper)]


def made(form: str, layer: bytes) -> tuple[bytes, str, dict[str, str]]:
    """A layer of that form, the suffix of its media type, its annotations."""
    toc = toc_of(layer)
    if form == "estargz":
        return estargz(layer, toc), "+gzip", {ESTARGZ: digest(toc)}
    length = 40 if form == "zstd:chunked, old" else 64
    name = CHUNKED_OLD if form == "zstd:chunked, old" else CHUNKED
    annotations = {name: digest(zstd.compress(toc))}
    if form == "zstd:chunked, by stargz":
        annotations |= {ESTARGZ: digest(toc)}
    return chunked(layer, toc, length=length), "+zstd", annotations


def digest(content: bytes) -> str:
    return "sha256:" + hashlib.sha256(content).hexdigest()


class Counted:
    """A registry's behaviour that counts the bytes of layers it sends."""

    def __init__(self, registry, layers: list[bytes]) -> None:
        self._registry, self._layers = registry, {digest(layer) for layer in layers}
        self.bytes = 0

    def __call__(self, asked):
        reply = self._registry(asked)
        if asked.method == "GET" and asked.path.rpartition("/")[2] in self._layers:
            self.bytes += len(reply.body)
        return reply


@pytest.mark.parametrize("form", ["estargz", "zstd:chunked", "zstd:chunked, old", "zstd:chunked, by stargz"])
def test_a_twentieth_of_the_bytes_and_the_same_files(
    serve, scan, registry, put_image, layers, form, tmp_path, monkeypatch
) -> None:
    stored = [made(form, layer) for layer in layers]
    put_image("1", *stored)
    counted = Counted(registry, [layer for layer, _, _ in stored])
    server = serve(counted)
    scan.allow(server)
    told = scan(f"{server.host}/{REF}")["images"][0]
    size = sum(len(layer) for layer, _, _ in stored)
    assert 0 < counted.bytes < size / 20
    assert sum(layer["fetched_bytes"] for layer in told["layers"]) == counted.bytes
    assert [(layer["verified"], layer["digest_verified"]) for layer in told["layers"]] == [("toc", False)] * 2
    assert told["hash_algorithms"] == ["sha256"]
    monkeypatch.setenv("DOCKML_HOME", str(tmp_path / "another"))
    counted.bytes = 0
    whole = scan(f"{server.host}/{REF}", "--whole")["images"][0]
    assert counted.bytes == size
    assert [(layer["verified"], layer["digest_verified"]) for layer in whole["layers"]] == [
        ("content", True)
    ] * 2
    # What is in files is not known from a table of contents.
    assert (told.pop("secrets"), whole.pop("secrets")) == (None, [])
    assert (told.pop("secrets_cut_short"), whole.pop("secrets_cut_short")) == (None, False)
    nothing = {"bytes": 0, "idle_bytes": 0, "architectures": []}
    assert (told.pop("device_code"), whole.pop("device_code")) == (None, nothing)
    assert without(told, FOUND_OTHERWISE) == without(whole, FOUND_OTHERWISE)
    assert (told["files"], told["wasted_bytes"]) == (62, 150_000)
    assert [group["paths"] for group in told["duplicates"]] == [["opt/copy.bin", "opt/model.bin"]]
    assert [group["paths"] for group in whole["duplicates"]] == [["opt/copy.bin", "opt/model.bin"]]
    for one, other in zip(told["layers"], whole["layers"], strict=True):
        same = ("files", "directories", "bytes", "max_depth", "whiteouts", "opaques", "visible_bytes")
        assert [one[name] for name in same] == [other[name] for name in same]


def without(found: dict[str, Any], names: set[str]) -> dict[str, Any]:
    return {name: value for name, value in found.items() if name not in names}


def test_what_is_on_this_machine_is_read_whole(registry, put_image, layers, scan, tmp_path) -> None:
    content, suffix, annotations = made("estargz", layers[0])
    put_image("1", (content, suffix, annotations))
    (tmp_path / "dir").mkdir()
    for name, blob in registry.blobs.items():
        (tmp_path / "dir" / name.partition(":")[2]).write_bytes(blob)
    (tmp_path / "dir" / "version").write_text("Directory Transport Version: 1.1\n")
    (tmp_path / "dir" / "manifest.json").write_bytes(registry.manifests["ml/image", "1"][1])
    (layer,) = scan(f"dir:{tmp_path / 'dir'}")["images"][0]["layers"]
    assert (layer["verified"], layer["digest_verified"]) == ("content", True)


def lying(form: str, layer: bytes) -> Any:
    """The layer with a table or a promise that cannot be used."""
    content, suffix, annotations = made("estargz", layer)
    toc = toc_of(layer)
    other = toc.replace(b"model", b"MODEL")
    return {
        "another table than the manifest names": (estargz(layer, other), suffix, annotations),
        "no table at all": (gzip.compress(layer), suffix, annotations),
        "a damaged table": (estargz(layer, toc[:-100]), suffix, {ESTARGZ: digest(toc[:-100])}),
        "a promise that is no digest": (content, suffix, {ESTARGZ: "sha256:zz"}),
        "no promise": (content, suffix, {}),
    }[form]


@pytest.mark.parametrize(
    "form",
    [
        "another table than the manifest names",
        "no table at all",
        "a damaged table",
        "a promise that is no digest",
        "no promise",
    ],
)
def test_a_table_nobody_vouches_for_decides_nothing(serve, scan, registry, put_image, layers, form) -> None:
    put_image("1", lying(form, layers[0]))
    server = serve(registry)
    scan.allow(server)
    image = scan(f"{server.host}/{REF}")["images"][0]
    assert (image["layers"][0]["verified"], image["layers"][0]["digest_verified"]) == ("content", True)
    assert "opt/model.bin" in [file["path"] for file in image["largest"]]


@pytest.mark.parametrize("how", ["no ranges", "another range", "500 for ranges", "cut off"])
def test_a_server_without_usable_ranges(serve, scan, registry, reply_class, put_image, layers, how) -> None:
    stored = made("estargz", layers[0])
    put_image("1", stored)
    registry.ranges = how != "no ranges"

    def before(asked):
        if "range" not in asked.headers or "/blobs/" not in asked.path or how == "no ranges":
            return None
        if how == "another range":
            headers = {"Content-Range": f"bytes 0-71/{len(stored[0])}"}
            return reply_class(206, stored[0][:72], headers)
        if how == "500 for ranges":
            return reply_class(500)
        answer = registry._blob(asked.path.rpartition("/")[2], asked)
        answer.cut_at = 3
        return answer

    registry.before = before
    server = serve(registry)
    scan.allow(server)
    (layer,) = scan(f"{server.host}/{REF}")["images"][0]["layers"]
    assert (layer["verified"], layer["status"]) == ("content", "complete")


def test_manifests_that_disagree_about_a_table_get_the_layer_itself(
    serve, scan, registry, put_image, layers
) -> None:
    """Of two platforms with the same layer, one vouches for a table that lies: it must not speak for the other."""
    lie = toc_of(layers[0]).replace(b"model", b"MODEL")
    content = estargz(layers[0], lie)
    liar = put_image(None, (content, "+gzip", {ESTARGZ: digest(lie)}))
    honest = put_image(None, (content, "+gzip", {}), architecture="arm64")
    entries = [
        {**liar, "platform": {"os": "linux", "architecture": "amd64"}},
        {**honest, "platform": {"os": "linux", "architecture": "arm64"}},
    ]
    index = {"schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": entries}
    registry.manifest("ml/image", index, "1")
    server = serve(registry)
    scan.allow(server)
    for image in scan(f"{server.host}/{REF}", "--platform", "all")["images"]:
        assert image["layers"][0]["verified"] == "content"
        assert image["largest"][0]["path"] == "opt/model.bin"


def test_a_lying_table_does_not_outlive_its_manifest(serve, scan, registry, put_image, layers) -> None:
    """Scans are kept over commands: one by a table only for manifests that vouch for that very table."""
    lie = toc_of(layers[0]).replace(b"model", b"MODEL")
    content = estargz(layers[0], lie)
    put_image("liar", (content, "+gzip", {ESTARGZ: digest(lie)}), name="ml/liar")
    put_image("1", (content, "+gzip", {}))
    server = serve(registry)
    scan.allow(server)
    refs = [f"{server.host}/ml/liar:liar", f"{server.host}/{REF}"]
    assert [largest(scan(ref)) for ref in refs] == ["opt/MODEL.bin", "opt/model.bin"]
    # Now the layer is known whole, and that is believed for both.
    assert [largest(found) for found in scan(*refs)] == ["opt/model.bin", "opt/model.bin"]


def largest(found: dict[str, Any]) -> str:
    return found["images"][0]["largest"][0]["path"]


def test_media_type_of_the_layer_is_not_asked(serve, scan, registry, put_image, layers) -> None:
    content, _, annotations = made("zstd:chunked", layers[0])
    put_image("1", (content, "+gzip", annotations))
    assert registry.blobs[digest(content)] is content
    server = serve(registry)
    scan.allow(server)
    (layer,) = scan(f"{server.host}/{REF}")["images"][0]["layers"]
    assert (layer["verified"], layer["compression"], layer["media_type"]) == (
        "toc",
        "zstd",
        OCI_LAYER + "+gzip",
    )
