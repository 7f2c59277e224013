"""Tables of contents list what a full scan lists, from a small part of the bytes; damaged ones are reported."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import struct

import pytest
from backports import zstd

from dockml_dagster.study.layer.inflate import CorruptLayerError
from dockml_dagster.study.layer.model import LayerEntry, ScanLimits
from dockml_dagster.study.layer.scan import scan_layer
from dockml_dagster.study.layer.toc import find_toc, scan_toc, toc_objects
from tests.toc_layers import chunked, empty_member, estargz, toc_of

MEMBERS = [
    ("usr/", None),
    ("usr/bin/", None),
    ("usr/bin/app", os.urandom(200_000)),
    ("usr/lib.so.1", os.urandom(300_000)),
    ("usr/link", "-> bin/app"),
    ("usr/hard", "=> usr/bin/app"),
    ("usr/empty", b""),
    ("usr/.wh.old", b""),
    ("opt/.wh..wh..opq", b""),
    ("opt/ünï ☃.txt", b"x" * 10),
]


class Ranges:
    def __init__(self, data: bytes) -> None:
        self.data = data
        self.asked: list[tuple[int, int]] = []

    def __call__(self, offset: int, length: int) -> bytes:
        self.asked.append((offset, length))
        return self.data[offset : offset + length]


@pytest.fixture
def layer(tar) -> bytes:
    return tar(MEMBERS)


@pytest.fixture
def blobs(layer: bytes) -> dict[str, bytes]:
    toc = toc_of(layer)
    return {
        "estargz": estargz(layer, toc),
        "stargz": estargz(layer, toc, legacy=True),
        "zstd:chunked": chunked(layer, toc),
        "zstd:chunked, 40": chunked(layer, toc, length=40),
    }


FORMS = ["estargz", "stargz", "zstd:chunked", "zstd:chunked, 40"]


@pytest.mark.parametrize("form", FORMS)
def test_the_table_lists_what_the_archive_holds(blobs, layer: bytes, form: str, scanned) -> None:
    ranges = Ranges(blobs[form])
    rows: list[LayerEntry] = []
    scan = scan_toc(ranges, len(ranges.data), sink=rows.extend)
    assert scan is not None
    assert (scan.status, scan.verified, scan.file_hash, scan.digest) == ("complete", "toc", "sha256", None)
    assert len(ranges.asked) == 2
    assert scan.fetched_bytes == sum(length for _, length in ranges.asked)
    assert scan.fetched_bytes < len(ranges.data) / 50
    full = scanned(layer).rows
    told = [row._replace(file_hash=None, file_type="") for row in rows]
    assert told == [row._replace(file_hash=None, file_type="") for row in full]
    hashes = {row.path: row.file_hash for row in rows}
    assert hashes["usr/bin/app"] == "sha256:" + hashlib.sha256(dict(MEMBERS)["usr/bin/app"]).hexdigest()
    assert hashes["usr/link"] is None


@pytest.mark.parametrize("form", FORMS)
def test_a_full_scan_reads_these_layers_too(blobs, form: str, scanned) -> None:
    result = scanned(blobs[form])
    assert result.scan.status == "complete"
    assert "usr/bin/app" in result.paths
    if form.endswith("stargz"):
        assert result.row("stargz.index.json").kind == "metadata"


def test_the_promised_digest_is_checked(blobs, layer: bytes) -> None:
    toc = toc_of(layer)
    promises = {
        "estargz": hashlib.sha256(toc).hexdigest(),
        "zstd:chunked": hashlib.sha256(zstd.compress(toc)).hexdigest(),
    }
    for form, digest in promises.items():
        data = blobs[form]
        good = scan_toc(Ranges(data), len(data), expected_toc_digest="sha256:" + digest)
        assert (good.status, good.digest_holds) == ("complete", True)
        bad = scan_toc(Ranges(data), len(data), expected_toc_digest="sha256:" + "0" * 64)
        assert (bad.status, bad.digest_holds) == ("mismatch", False)


def test_other_layers_have_none(layer: bytes) -> None:
    for data in (layer, gzip.compress(layer), zstd.compress(layer), b"", b"x" * 20, bytes(100)):
        assert scan_toc(Ranges(data), len(data)) is None


def test_the_footer_that_containers_image_writes() -> None:
    footer = bytes.fromhex(
        "502a4d18280000002ca0de0000000000e05303000000000066501300000000000100000000000000476e556c496e5578"
    )
    place = find_toc(bytes(24) + footer, 14_808_124)
    assert place is not None
    assert (place.form, place.offset, place.length) == ("zstd:chunked", 14_589_996, 218_080)


def test_footers_that_point_nowhere_are_none() -> None:
    for offset in (b"ffffffffffffffff", b"zzzzzzzzzzzzzzzz", b"-000000000000001"):
        footer = empty_member(b"SG" + struct.pack("<H", 22) + offset + b"STARGZ")
        assert find_toc(footer, 1 << 20) is None
    assert find_toc(chunked(b"", b"")[-72:], 10) is None


@pytest.mark.parametrize(
    "toc",
    [
        b"",
        b"[]",
        b'{"entries": [1]}',
        b'{"entries": {}}',
        b'{"entries": [{"name": 5, "type": "reg"}]}',
        b'{"entries": [{"name": "a", "type": "reg", "size": -1}]}',
        b'{"entries": [{"name": "a", "type": "reg", "size": true}]}',
        b'{"entries": [{"name": "a", "type": "reg"}',
        b'{"entries": [' + b"[" * 100_000,
        b'{"entries": [{"name": "' + b"a" * (2 << 20) + b'"}]}',
        b'{"entries": [{"name": "a", "type": "reg", "size": ' + b"9" * 5000 + b"}]}",
    ],
)
def test_damaged_tables_are_corrupt(toc: bytes, layer: bytes) -> None:
    data = chunked(layer, toc)
    assert scan_toc(Ranges(data), len(data)).status == "corrupt"


def test_hostile_names_and_times_are_bounded(layer: bytes) -> None:
    entries = [
        {"name": "../../etc/x", "type": "reg", "modtime": "not a time"},
        {"name": "bad\ud800\tname", "type": "reg", "modtime": "0001-01-01T00:00:00Z"},
        {"name": "odd", "type": "what", "modtime": "2020-09-13T12:26:40.999999999+02:00"},
    ]
    data = chunked(layer, json.dumps({"entries": entries}).encode())
    rows: list[LayerEntry] = []
    assert scan_toc(Ranges(data), len(data), sink=rows.extend).status == "complete"
    assert [(row.path, row.kind, row.mtime) for row in rows] == [
        ("etc/x", "file", 0),
        ("bad\\xed\\xa0\\x80\\x09name", "file", -62135596800),
        ("odd", "unknown", 1599992800),
    ]


def test_caps_hold_for_tables_too(layer: bytes) -> None:
    toc = json.dumps({"entries": [{"name": f"f{i}", "type": "reg"} for i in range(100)]}).encode()
    data = chunked(layer, toc)
    scan = scan_toc(Ranges(data), len(data), limits=ScanLimits(entries=10))
    assert (scan.status, scan.censored) == ("censored", ("entries",))


@pytest.mark.parametrize(
    ("name", "cap"), [("_MOST_COMPRESSED", "compressed_bytes"), ("_MOST_INFLATED", "inflated_bytes")]
)
def test_a_table_has_caps_of_its_own(
    layer: bytes, monkeypatch: pytest.MonkeyPatch, name: str, cap: str
) -> None:
    data = estargz(layer, toc_of(layer))
    monkeypatch.setattr(f"dockml_dagster.study.layer.toc.{name}", 100)
    scan = scan_toc(Ranges(data), len(data))
    assert scan is not None
    assert (scan.status, scan.censored) == ("censored", (cap,))


def test_an_object_without_end_is_not_read_to_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each further part would be parsed with all before it."""
    monkeypatch.setattr("dockml_dagster.study.layer.toc._STEP", 1)
    monkeypatch.setattr("dockml_dagster.study.layer.toc._MOST_OBJECT", 50)
    parts = iter([b'{"entries":[{"name":"', *[b"a"] * 1000, b'"}]}'])
    with pytest.raises(CorruptLayerError):
        list(toc_objects(parts))
    assert len(list(parts)) > 900


@pytest.mark.parametrize("size", [1, 2, 3, 7, 100_000])
def test_the_reader_does_not_mind_where_parts_end(size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dockml_dagster.study.layer.toc._STEP", size)
    objects = [{"name": "ü☃𝄞" * number, "number": number} for number in range(30)]
    raw = json.dumps({"a": 12, "entries": objects, "b": None}, ensure_ascii=False, indent=1).encode()
    assert list(toc_objects(raw[at : at + size] for at in range(0, len(raw), size))) == objects


def test_rows_of_a_table_and_of_its_layer_sum_up_alike(blobs, layer: bytes) -> None:
    data = blobs["estargz"]
    told, full = scan_toc(Ranges(data), len(data)).summary, scan_layer(io.BytesIO(layer)).summary
    for name in ("entries", "files", "directories", "empty_directories", "whiteouts", "max_depth", "bytes"):
        assert getattr(told, name) == getattr(full, name)
    assert told.extensions == full.extensions
