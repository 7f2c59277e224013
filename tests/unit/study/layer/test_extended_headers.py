"""Extended and global headers cost time in proportion to their size, once. The clock is checked while they are read."""

from __future__ import annotations

import gzip

import pytest

from dockml_dagster.study.layer import header as headers
from dockml_dagster.study.layer.model import ScanLimits
from tests.unit.study.layer.test_hostile import END, header, octal


def _record(key: bytes, value: bytes = b"") -> bytes:
    length = len(key) + len(value) + 3
    while len(str(length)) + len(key) + len(value) + 3 != length:
        length = len(str(length)) + len(key) + len(value) + 3
    return b"%d %s=%s\n" % (length, key, value)


def _pax(records: bytes, typeflag: bytes = b"x") -> bytes:
    return header(b"x", typeflag, size=octal(len(records))) + records + bytes(-len(records) % 512)


@pytest.fixture
def looked_at(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many keys of extended headers were looked at for each name of attributes that was asked for."""
    seen: list[int] = []
    real = headers.xattr_names

    def counted(keys):
        seen.append(len(keys))
        return real(keys)

    monkeypatch.setattr(headers, "xattr_names", counted)
    return seen


@pytest.mark.parametrize("chained", [False, True])
def test_each_record_of_extended_headers_is_looked_at_once(
    scanned, looked_at: list[int], chained: bool
) -> None:
    records = [_record(b"SCHILY.xattr.u%d" % number) for number in range(3000)]
    before = b"".join(map(_pax, records)) if chained else _pax(b"".join(records))
    result = scanned(before + header() + END)
    assert result.scan.status == "complete"
    assert result.row("f").xattrs.count(",") == 2999
    assert looked_at == [3000]


def test_a_global_header_is_read_once_whatever_follows(scanned, looked_at: list[int]) -> None:
    told = b"".join(_record(b"SCHILY.xattr.u%d" % number) for number in range(300)) + _record(b"uid", b"7")
    own = _pax(_record(b"SCHILY.xattr.own"))
    result = scanned(_pax(told, b"g") + header(b"a") * 200 + own + header(b"b") + END)
    assert {row.uid for row in result.rows} == {7}
    assert [row.xattrs for row in result.rows[-2:]] == [None, "own"]
    assert looked_at == [1]


def test_a_second_global_header_adds_to_the_first(scanned) -> None:
    result = scanned(
        _pax(_record(b"uid", b"7") + _record(b"gid", b"8"), b"g") + header(b"a") + _pax(_record(b"gid", b"9"), b"g")
        + header(b"b") + END
    )  # fmt: skip
    assert [(row.path, row.uid, row.gid) for row in result.rows] == [("a", 7, 8), ("b", 7, 9)]


@pytest.mark.parametrize(
    "endless",
    [
        pytest.param(header() * 40_000, id="entries"),
        pytest.param(_pax(_record(b"mtime", b"1")) * 20_000, id="extended headers"),
        pytest.param(_pax(b"n", b"L") * 20_000, id="long names"),
    ],
)
def test_the_clock_is_asked_while_a_small_layer_is_walked(scanned, endless: bytes) -> None:
    """The compressed bytes come in one piece, so a clock that is asked where they are read is asked once."""
    ticks = iter(range(1_000_000))
    scan = scanned(
        gzip.compress(endless), limits=ScanLimits(seconds=10), clock=lambda: float(next(ticks))
    ).scan
    assert (scan.status, scan.censored) == ("censored", ("seconds",))
    assert next(ticks) < 50


@pytest.mark.parametrize(
    ("before", "limit"),
    [
        ([_pax(_record(b"uid", b"1")), _pax(b"n", b"L"), _pax(b"n", b"K")], 40),
        ([_pax(_record(b"uid", b"%d" % number)) for number in range(4)], 50 + 10 * 3),
        ([_pax(_record(b"uid", b"1"), b"g")], 20 + 10 * 3),
    ],
    ids=["as archives have them", "a chain", "global"],
)
def test_a_chain_of_extended_headers_counts_as_more(scanned, before: list[bytes], limit: int) -> None:
    layer = (b"".join(before) + header()) * 10 + END
    assert scanned(layer, limits=ScanLimits(entries=limit)).scan.censored == ()
    assert scanned(layer, limits=ScanLimits(entries=limit - 1)).scan.censored == ("entries",)


def test_more_headers_than_compressed_bytes_can_name_are_a_bomb(scanned) -> None:
    limits = ScanLimits(entries_from=1_000)
    scan = scanned(gzip.compress(header() * 20_000 + END), limits=limits).scan
    assert (scan.status, scan.censored) == ("censored", ("ratio",))
    large = _pax(_record(b"mtime", b"1") * 1_000) + header()
    scan = scanned(gzip.compress(large * 100 + END), limits=limits).scan
    assert (scan.status, scan.censored) == ("censored", ("ratio",))
    assert scanned(gzip.compress(large * 3 + END), limits=limits).scan.status == "complete"
    named = b"".join(header(b"%d" % number) for number in range(20_000))
    assert scanned(gzip.compress(named + END), limits=limits).scan.status == "complete"
