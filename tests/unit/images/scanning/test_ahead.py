"""What is made ahead comes in order, within bounds, and changes nothing of a scan."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import random
import tarfile
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from backports import zstd

from dockml_dagster.images.scanning.ahead import MadeAhead
from dockml_dagster.images.scanning.pool import _alone
from dockml_dagster.study.layer import inflate
from dockml_dagster.study.layer.inflate import Ahead
from dockml_dagster.study.layer.model import LayerEntry, LayerScan, ScanLimits
from dockml_dagster.study.layer.scan import scan_layer


@pytest.fixture(autouse=True)
def no_thread_is_left() -> Iterator[None]:
    before = set(threading.enumerate())
    yield
    # A thread of an earlier test may end meanwhile.
    assert set(threading.enumerate()) <= before


def test_results_come_in_order() -> None:
    made = MadeAhead(iter(range(1000)).__next__)
    assert [made() for _ in range(1000)] == list(range(1000))
    made.stop()


def test_what_was_raised_is_raised_in_its_place() -> None:
    results = iter([1, 2])
    made = MadeAhead(results.__next__)
    assert [made(), made()] == [1, 2]
    with pytest.raises(StopIteration):
        made()
    made.stop()


def test_no_more_is_made_than_there_is_room_for() -> None:
    calls, waiting = [0], threading.Event()

    def make() -> int:
        calls[0] += 1
        if calls[0] == 3:
            waiting.set()
        return calls[0]

    made = MadeAhead(make)
    assert waiting.wait(10)
    assert made() == 1
    made.stop()  # its thread waits for room
    assert calls[0] <= 4


def _archive() -> bytes:
    draw = random.Random(7)
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for number in range(24):
            info = tarfile.TarInfo(f"opt/{number % 7}/file-{number}.txt")
            info.size = draw.choice([0, 10, 5000, 80_000])
            archive.addfile(
                info, io.BytesIO(draw.randbytes(info.size // 2) + bytes(info.size - info.size // 2))
            )
    return buffer.getvalue()


ARCHIVE = _archive()
PACKED: dict[str, bytes] = {
    "plain": ARCHIVE,
    "gzip": gzip.compress(ARCHIVE),
    "members": gzip.compress(ARCHIVE[:99_999]) + gzip.compress(ARCHIVE[99_999:]),
    "zstd": zstd.compress(ARCHIVE),
    "bzip2": bz2.compress(ARCHIVE),
    "xz": lzma.compress(ARCHIVE, preset=0),
}
DAMAGED: dict[str, Callable[[bytes], bytes]] = {
    "whole": bytes,
    "cut off": lambda data: data[: len(data) // 2],
    "changed": lambda data: data[: len(data) // 3] + b"\xff" * 700 + data[len(data) // 3 + 700 :],
    "followed": lambda data: data + b"something else",
}
LIMITS = {
    "no cap": ScanLimits(),
    "bytes": ScanLimits(compressed_bytes=150_000),
    "inflated bytes": ScanLimits(inflated_bytes=300_000),
    "entries": ScanLimits(entries=6),
    "ratio": ScanLimits(ratio_from=100_000, ratio=1),
    "entries for their bytes": ScanLimits(entries_from=3, entry_bytes=30_000),
    "members for their bytes": ScanLimits(members_from=1, member_bytes=1 << 20),
}


class _InPieces:
    """A stream that gives less than it is asked for, and may break."""

    def __init__(self, data: bytes, breaks_at: int | None = None) -> None:
        self._data, self._at, self._breaks_at = data, 0, breaks_at

    def read(self, size: int, /) -> bytes:
        if self._breaks_at is not None and self._at >= self._breaks_at:
            raise ConnectionError("broken")
        piece = self._data[self._at : self._at + min(size, 10_000)]
        self._at += len(piece)
        return piece


class _FarAhead:
    """Makes everything at once, as a thread may that nobody waits for."""

    def __init__(self, make: Callable[[], Any]) -> None:
        self._make = make
        self._made: list[tuple[Any, Exception | None]] = []
        try:
            while len(self._made) < 500:
                self._made.append((make(), None))
        except Exception as error:
            self._made.append((None, error))

    def __call__(self) -> Any:
        value, error = self._made.pop(0) if self._made else (self._make(), None)
        if error is not None:
            raise error
        return value

    def stop(self) -> None:
        pass


def _scan(
    data: bytes, limits: ScanLimits, *, digest: bool, diff_id: str | None, ahead: Ahead | None
) -> tuple[LayerScan, list[LayerEntry]]:
    rows: list[LayerEntry] = []
    found = scan_layer(
        _InPieces(data),
        sink=rows.extend,
        limits=limits,
        digest=digest,
        expected_diff_id=diff_id,
        ahead=ahead,
    )
    return replace(found, seconds=0), rows


CASES = {
    **{f"{pack}, {damage}": (pack, damage, "no cap") for pack in PACKED for damage in DAMAGED},
    **{f"{pack}, {limit}": (pack, "whole", limit) for pack in ("plain", "gzip") for limit in LIMITS},
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
@pytest.mark.parametrize("digest", [True, False])
def test_a_scan_is_the_same_ahead_or_not(
    case: tuple[str, str, str], digest: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    pack, damage, limit = case
    data, limits = DAMAGED[damage](PACKED[pack]), LIMITS[limit]
    monkeypatch.setattr(inflate, "INFLATED_CHUNK", 20_000)
    for start, diff_id in ((0, None), (100_000, "sha256:0")):
        monkeypatch.setattr(inflate, "AHEAD_FROM", start)
        one = _scan(data, limits, digest=digest, diff_id=diff_id, ahead=None)
        for ahead in (MadeAhead, _FarAhead):
            assert _scan(data, limits, digest=digest, diff_id=diff_id, ahead=ahead) == one


def test_the_chunk_that_went_over_a_cap_is_counted() -> None:
    found, _ = _scan(ARCHIVE, LIMITS["inflated bytes"], digest=False, diff_id=None, ahead=None)
    assert (found.inflated_bytes, found.compressed_bytes) == (310_000, 310_000)


def test_what_the_stream_raises_comes_through(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inflate, "AHEAD_FROM", 0)
    for data in (ARCHIVE, gzip.compress(ARCHIVE)):
        with pytest.raises(ConnectionError):
            scan_layer(_InPieces(data, breaks_at=50_000), ahead=MadeAhead)


def test_what_the_rows_taker_raises_comes_through(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: list[LayerEntry]) -> None:
        raise OSError("no space left")

    monkeypatch.setattr(inflate, "AHEAD_FROM", 0)
    with pytest.raises(OSError, match="no space"):
        scan_layer(_InPieces(gzip.compress(ARCHIVE)), sink=full, ahead=MadeAhead)


@pytest.mark.parametrize(
    ("sizes", "alone"),
    [([9, 1, 2], 0), ([5, 5], None), ([4, 3, 3], None), ([7], 0), ([None, 9], 1), ([], None), ([0], None)],
)
def test_the_layer_that_is_most_of_the_work(sizes: list[int | None], alone: int | None) -> None:
    assert _alone(sizes) == alone
