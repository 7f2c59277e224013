"""The index of an archive equals tarfile's, and no bytes make it wait, crash or grow."""

import gzip
import io
import random
import tarfile
import zlib
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dockml_dagster.clients.http.errors import BrokenContentError, FetchError, TooLargeError, UnsupportedError
from dockml_dagster.images.sources.checkpointed_gzip import CheckpointedGzip, Checkpoints
from dockml_dagster.images.sources.tar_index import read_tar_index
from dockml_dagster.study.layer.model import ScanLimits

_names = st.text(st.characters(codec="utf-8", exclude_characters="\x00/"), min_size=1, max_size=150).filter(
    lambda name: name not in {".", ".."}
)


@given(
    st.dictionaries(
        st.lists(_names, min_size=1, max_size=3).map("/".join), st.binary(max_size=1500), max_size=6
    ),
    st.sampled_from([tarfile.GNU_FORMAT, tarfile.PAX_FORMAT]),
)
def test_equals_tarfile(files: dict[str, bytes], form: int) -> None:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=form) as archive:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    index = read_tar_index(buffer)
    data = buffer.getvalue()
    found = {name: data[member.offset : member.offset + member.size] for name, member in index.items()}
    assert found == files


@given(st.binary(max_size=3000))
def test_any_bytes(data: bytes) -> None:
    with suppress(FetchError):
        read_tar_index(io.BytesIO(data))


def _header(kind: bytes = b"0", size: bytes = b"00000000000\x00", name: bytes = b"x") -> bytes:
    header = bytearray(512)
    header[: len(name)] = name
    header[124:136] = size
    header[156:157] = kind
    header[257:265] = b"ustar\x0000"
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\x00 " % sum(header)
    return bytes(header)


def test_hostile_headers() -> None:
    pax_of_1_gb = _header(b"x", b"10000000000\x00")
    with pytest.raises(TooLargeError, match="header of"):
        read_tar_index(io.BytesIO(pax_of_1_gb + b"\x00" * 2048))
    for size in (b"\xff" * 12, b"\x80" + b"\xff" * 11, b"9" * 11 + b"\x00", b"-0000000001\x00"):
        with pytest.raises(BrokenContentError):
            read_tar_index(io.BytesIO(_header(size=size)))
    with pytest.raises(BrokenContentError, match="PAX"):
        read_tar_index(
            io.BytesIO(_header(b"x", b"00000000020\x00") + b"99999999999999999999 a=b".ljust(512, b"\x00"))
        )
    with pytest.raises(UnsupportedError, match="sparse"):
        read_tar_index(io.BytesIO(_header(b"S")))
    # A size of 8 EiB is passed over by seeking, and then the archive is at its end.
    beyond = _header(size=b"\x80\x00\x00\x00\x30" + b"\x00" * 7)
    assert read_tar_index(io.BytesIO(beyond)).keys() == {"x"}


def test_headers_are_capped_together() -> None:
    records = b"6 a=b\n" * 1000
    one = _header(b"x", b"%011o\x00" % len(records)) + records + bytes(-len(records) % 512)
    archive = one * 10 + _header(name=b"kept")
    assert read_tar_index(io.BytesIO(archive)).keys() == {"kept"}
    with pytest.raises(TooLargeError, match="bytes of headers"):
        read_tar_index(io.BytesIO(one * 700))


@pytest.mark.parametrize("kind", [b"L", b"K"], ids=["name", "target of a link"])
def test_names_are_capped(kind: bytes) -> None:
    for length, refused in ((4096, False), (4097, True)):
        name = b"a" * length
        long = _header(kind, b"%011o\x00" % length) + name + bytes(-length % 512) + _header(b"2")
        if refused:
            with pytest.raises(TooLargeError, match="names beyond"):
                read_tar_index(io.BytesIO(long))
        else:
            assert len(read_tar_index(io.BytesIO(long))) == 1


def test_members_are_capped(monkeypatch) -> None:
    monkeypatch.setattr("dockml_dagster.images.sources.tar_index.MAX_MEMBERS", 10)
    with pytest.raises(TooLargeError, match="entries"):
        read_tar_index(io.BytesIO(_header() * 11))


@pytest.mark.parametrize("members", [1, 3])
def test_gzip_reads_the_same_from_every_place(members: int) -> None:
    chance = random.Random(7)
    content = b"".join(chance.randbytes(50) * chance.randint(1, 400) for _ in range(300))
    step = -(-len(content) // members)
    packed = (
        b"".join(gzip.compress(content[at : at + step]) for at in range(0, len(content), step))
        + b"\x00" * 600
    )
    places = Checkpoints()
    reader = CheckpointedGzip(io.BytesIO(packed), places)
    for position in sorted(chance.sample(range(len(content)), 20)):
        reader.seek(position)
        reader.remember()
    other = CheckpointedGzip(io.BytesIO(packed), places)
    for _ in range(60):
        position, length = chance.randrange(len(content)), chance.randrange(100_000)
        assert other.seek(position) == position
        assert other.read(length) == content[position : position + length]
    assert other.seek(len(content) + 5) == len(content)
    assert other.read(5) == b""


def test_a_checkpoint_spares_the_way_there() -> None:
    content = random.Random(1).randbytes(4_000_000)
    packed = gzip.compress(content, 1)
    places = Checkpoints()
    first = CheckpointedGzip(io.BytesIO(packed), places)
    first.seek(3_900_000)
    first.remember()

    class Counting(io.BytesIO):
        bytes_read = 0

        def read(self, size: int | None = -1, /) -> bytes:
            piece = super().read(size)
            Counting.bytes_read += len(piece)
            return piece

    second = CheckpointedGzip(Counting(packed), places)
    second.seek(3_900_000)
    assert second.read(1000) == content[3_900_000:3_901_000]
    assert Counting.bytes_read < 300_000


def test_what_lies_before_a_member_may_not_be_a_bomb(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "dockml_dagster.images.sources.checkpointed_gzip._LIMITS", ScanLimits(ratio_from=1 << 20)
    )
    with pytest.raises(TooLargeError, match="cap on ratio"):
        CheckpointedGzip(io.BytesIO(gzip.compress(bytes(8 << 20))), Checkpoints()).seek(7 << 20)
    content = random.Random(1).randbytes(2 << 20)
    assert CheckpointedGzip(io.BytesIO(gzip.compress(content)), Checkpoints()).seek(len(content))


@pytest.mark.parametrize(
    "data",
    [gzip.compress(b"x" * 9999)[:-9], b"\x1f\x8b" + b"x" * 99, zlib.compress(b"x")],
    ids=["cut", "rubbish", "zlib"],
)
def test_damaged_gzip(data: bytes) -> None:
    with pytest.raises(BrokenContentError):
        CheckpointedGzip(io.BytesIO(data), Checkpoints()).read(100_000)
