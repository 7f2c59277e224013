"""Compression by first bytes, in any series of members or frames, with the digests of both sides."""

from __future__ import annotations

import bz2
import gzip
import hashlib
import lzma
import struct

import pytest
from backports import zstd

from dockml_dagster.study.layer.model import ScanLimits

EMPTY_GZIP = gzip.compress(b"", mtime=0)


def skippable(payload: bytes, kind: int = 0) -> bytes:
    return struct.pack("<II", 0x184D2A50 + kind, len(payload)) + payload


def halves(data: bytes) -> tuple[bytes, bytes]:
    return data[: len(data) // 3], data[len(data) // 3 :]


FORMS = {
    "none": lambda data: data,
    "gzip": gzip.compress,
    "gzip, several members": lambda data: b"".join(gzip.compress(part) for part in halves(data)) + EMPTY_GZIP,
    "gzip, a member a block": lambda data: b"".join(
        gzip.compress(data[at : at + 512]) for at in range(0, len(data), 512)
    ),
    "gzip, padded": lambda data: gzip.compress(data) + bytes(4096),
    "gzip, rubbish after": lambda data: gzip.compress(data) + b"rubbish that is no member",
    "gzip, thousands of empty members": lambda data: EMPTY_GZIP * 5000 + gzip.compress(data),
    "zstd": zstd.compress,
    "zstd, several frames": lambda data: b"".join(zstd.compress(part) for part in halves(data)),
    "zstd, skippable frames": lambda data: (
        skippable(b"first")
        + b"".join(zstd.compress(part) + skippable(b"x" * 300_000, 5) for part in halves(data))
    ),
    "bzip2": bz2.compress,
    "bzip2, several members": lambda data: b"".join(map(bz2.compress, halves(data))),
    "xz": lzma.compress,
}


def checked_frame(data: bytes) -> bytes:
    """A frame with a checksum, which zstd omits by default."""
    return zstd.compress(data, options={zstd.CompressionParameter.checksum_flag: 1})


class Dribble:
    """A stream that gives few bytes at a time, like a network."""

    def __init__(self, data: bytes, portion: int) -> None:
        self.data, self.portion = data, portion

    def read(self, size: int) -> bytes:
        size = min(size, self.portion)
        part, self.data = self.data[:size], self.data[size:]
        return part


@pytest.fixture
def layer(tar) -> bytes:
    return tar(
        [("d/", None), ("d/a.py", "import os\n" * 30_000), ("d/b", bytes(range(256)) * 900), ("c", "x")]
    )


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("portion", [1 << 20, 777])
def test_every_form_gives_the_same_rows(scanned, layer: bytes, form: str, portion: int) -> None:
    packed = FORMS[form](layer)
    digest = "sha256:" + hashlib.sha256(packed).hexdigest()
    diff_id = "sha256:" + hashlib.sha256(layer).hexdigest()
    result = scanned(Dribble(packed, portion), expected_digest=digest, expected_diff_id=diff_id)
    assert result.rows == scanned(layer).rows
    scan = result.scan
    assert (scan.status, scan.reason) == ("complete", None)
    assert scan.compression == form.split(",", maxsplit=1)[0]
    assert (scan.digest, scan.digest_holds) == (digest, True)
    assert (scan.diff_id, scan.diff_id_holds) == (diff_id, True)
    assert (scan.compressed_bytes, scan.inflated_bytes) == (len(packed), len(layer))


@pytest.mark.parametrize("form", ["gzip", "zstd", "bzip2", "xz", "zstd, several frames"])
@pytest.mark.parametrize("keep", [0.3, 0.9])
def test_a_cut_stream_is_corrupt_but_hashed(scanned, layer: bytes, form: str, keep: float) -> None:
    packed = FORMS[form](layer)
    cut = packed[: int(len(packed) * keep)]
    scan = scanned(cut, expected_digest="sha256:" + hashlib.sha256(packed).hexdigest()).scan
    assert scan.status == "corrupt"
    assert "ends" in (scan.reason or "")
    assert scan.digest == "sha256:" + hashlib.sha256(cut).hexdigest()
    assert scan.digest_holds is False
    assert scan.retryable


@pytest.mark.parametrize("form", ["gzip", "zstd", "bzip2", "xz"])
def test_damaged_data_is_corrupt(scanned, layer: bytes, form: str) -> None:
    packed = bytearray(checked_frame(layer) if form == "zstd" else FORMS[form](layer))
    packed[len(packed) // 2] ^= 0xFF
    packed[len(packed) // 2 + 1] ^= 0xFF
    scan = scanned(bytes(packed)).scan
    assert scan.status == "corrupt"
    assert scan.digest == "sha256:" + hashlib.sha256(packed).hexdigest()
    assert not scan.retryable  # no digest says that other bytes were expected


def test_a_wrong_digest_and_a_wrong_diff_id_are_mismatches(scanned, layer: bytes) -> None:
    wrong = "sha256:" + "0" * 64
    scan = scanned(gzip.compress(layer), expected_digest=wrong).scan
    assert (scan.status, scan.digest_holds, scan.retryable) == ("mismatch", False, True)
    scan = scanned(gzip.compress(layer), expected_diff_id=wrong).scan
    assert (scan.status, scan.diff_id_holds) == ("mismatch", False)


def test_no_digest_where_none_is_asked_for(scanned, layer: bytes) -> None:
    assert scanned(layer, digest=False).scan.digest is None
    with pytest.raises(ValueError, match="cannot be expected"):
        scanned(layer, digest=False, expected_digest="sha256:0")


def test_an_empty_layer_is_complete(scanned, tar) -> None:
    for data in (tar([]), gzip.compress(bytes(1024))):
        scan = scanned(data).scan
        assert (scan.status, scan.summary.entries, scan.end_marker) == ("complete", 0, True)
    scan = scanned(b"").scan
    assert (scan.status, scan.summary.entries, scan.end_marker) == ("complete", 0, False)


def test_what_the_stream_raises_comes_through(scanned) -> None:
    class Broken:
        def read(self, size: int) -> bytes:
            raise ConnectionResetError("gone")

    with pytest.raises(ConnectionResetError):
        scanned(Broken())


def test_a_window_larger_than_a_worker_may_hold_is_refused(scanned, layer: bytes) -> None:
    packed = bytearray(zstd.compress(layer, options={zstd.CompressionParameter.content_size_flag: 0}))
    packed[5] = (30 - 10) << 3  # the window descriptor: 1 GiB
    scan = scanned(bytes(packed), limits=ScanLimits()).scan
    assert scan.status == "corrupt"
