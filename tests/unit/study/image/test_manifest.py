"""Manifests: the cases in manifest_cases/, the caps, schema 1 signatures, and that no input crashes the reader."""

import base64
import json
import pickle
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dockml_dagster.study.image import media_types
from dockml_dagster.study.image.manifest import (
    MAX_INDEX_ENTRIES,
    MAX_MANIFEST_BYTES,
    BrokenManifestError,
    ImageIndex,
    ManifestTooLargeError,
    Schema1Manifest,
    parse_manifest,
)
from dockml_dagster.study.image.manifest_digest import manifest_digest, manifest_has_digest, schema1_payload
from dockml_dagster.study.image.reference import Digest

CASES = sorted(Path(__file__).with_name("manifest_cases").glob("*.json"))


def _digest(number: int) -> str:
    return f"sha256:{number:064x}"


def _load(path: Path) -> dict:
    return json.loads(re.sub(r'"D(\d+)"', lambda found: f'"{_digest(int(found[1]))}"', path.read_text()))


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_case(path: Path) -> None:
    case = _load(path)
    body = case["body"].encode() if "body" in case else json.dumps(case["document"]).encode()
    if "error" in case:
        with pytest.raises(BrokenManifestError, match=case["error"]):
            parse_manifest(body, case.get("content_type"))
        return
    manifest = parse_manifest(body, case.get("content_type"))
    assert {name: _seen(manifest, name) for name in case["expect"]} == case["expect"]
    assert pickle.loads(pickle.dumps(manifest)) == manifest


def _seen(manifest: object, name: str) -> object:
    special = {
        "type": lambda: type(manifest).__name__,
        "layers": lambda: len(manifest.layers),
        "first_layer": lambda: str(manifest.layers[0].digest),
        "entries": lambda: len(manifest.entries),
        "images": lambda: len(manifest.images),
        "platforms": lambda: [str(entry.platform) for entry in manifest.images],
        "problems": lambda: len(manifest.problems),
    }
    return special.get(name, lambda: getattr(manifest, name))()


def test_cases_cover_every_form() -> None:
    assert len(CASES) >= 40


def test_layers_stay_in_order() -> None:
    config = {"mediaType": media_types.OCI_CONFIG, "digest": _digest(1), "size": 1}
    layers = [{"mediaType": "x", "digest": _digest(n), "size": n} for n in (9, 3, 7)]
    manifest = parse_manifest(json.dumps({"config": config, "layers": layers}).encode())
    assert [layer.size for layer in manifest.layers] == [9, 3, 7]


def test_caps() -> None:
    with pytest.raises(ManifestTooLargeError):
        parse_manifest(b"{" + b" " * MAX_MANIFEST_BYTES + b"}")
    config = {"mediaType": media_types.OCI_CONFIG, "digest": _digest(1), "size": 1}
    with pytest.raises(ManifestTooLargeError, match="5000 layers"):
        parse_manifest(json.dumps({"config": config, "layers": [config] * 5000}).encode())
    many = json.dumps({"manifests": [0] * (MAX_INDEX_ENTRIES + 1)}).encode()
    with pytest.raises(ManifestTooLargeError, match="20001 manifests"):
        parse_manifest(many)
    with pytest.raises(BrokenManifestError, match=r"nested too deeply|no JSON"):
        parse_manifest(b'{"layers":' + b"[" * 500_000)


def test_index_of_10_000_platforms_is_read() -> None:
    entries = [
        {"mediaType": media_types.OCI_MANIFEST, "digest": _digest(n), "size": 1, "platform": {"os": "linux"}}
        for n in range(10_000)
    ]
    index = parse_manifest(json.dumps({"manifests": entries}).encode())
    assert isinstance(index, ImageIndex)
    assert len(index.images) == 10_000


def _signed(document: dict) -> tuple[bytes, bytes]:
    """A schema 1 manifest as registries sign it, and the text whose digest names it."""
    payload = json.dumps(document, indent=3).encode()
    head, tail = payload[:-2], payload[-2:]

    def encode(data: bytes) -> str:
        return base64.urlsafe_b64encode(data).decode().rstrip("=")

    protected = encode(
        json.dumps({"formatLength": len(head), "formatTail": encode(tail), "time": "now"}).encode()
    )
    signatures = json.dumps([{"signature": "x", "protected": protected}]).encode()
    return head + b',\n   "signatures": ' + signatures + b"\n}", payload


def test_signed_schema1_is_named_by_its_text_without_signatures() -> None:
    document = {
        "schemaVersion": 1,
        "fsLayers": [{"blobSum": _digest(1)}],
        "history": [{"v1Compatibility": "{}"}],
    }
    body, payload = _signed(document)
    assert schema1_payload(body) == payload
    digest = manifest_digest(payload)
    assert manifest_digest(body) == digest
    assert manifest_has_digest(body, digest)
    assert not manifest_has_digest(body, Digest("sha256", "0" * 64))
    manifest = parse_manifest(body)
    assert isinstance(manifest, Schema1Manifest)
    assert manifest.media_type == media_types.DOCKER_SCHEMA1_SIGNED


@pytest.mark.parametrize(
    "signatures",
    [[], [{}], [1], [{"protected": "%%%"}], [{"protected": "e30"}], [{"protected": "é"}], "x", None, {}],
)
def test_false_signatures_change_nothing(signatures: object) -> None:
    body = json.dumps({"signatures": signatures}).encode()
    assert schema1_payload(body) is None
    assert manifest_has_digest(body, manifest_digest(body))


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=10,
)
_fields = st.sampled_from(
    ["mediaType", "config", "layers", "manifests", "fsLayers", "history", "digest", "size", "platform"]
)
_nearly = st.dictionaries(
    _fields,
    _json | st.dictionaries(_fields, _json) | st.lists(st.dictionaries(_fields, _json), max_size=2),
)


@given(st.binary(max_size=200) | _nearly.map(lambda value: json.dumps(value).encode()))
def test_any_bytes_are_read_or_refused(body: bytes) -> None:
    try:
        parse_manifest(body, None)
    except BrokenManifestError as error:
        assert "\n" not in str(error)
