"""Three readers of one format agree: the index of archives, the walk over layers, and Python's tarfile."""

import io
import tarfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dockml_dagster.clients.http.errors import BrokenContentError, TooLargeError, UnsupportedError
from dockml_dagster.images.sources.tar_index import read_tar_index
from dockml_dagster.study.layer.inflate import CapHitError, CorruptLayerError
from dockml_dagster.study.layer.model import ScanLimits
from dockml_dagster.study.layer.tar_walk import TarWalk

_CHARACTERS = st.characters(codec="utf-8", exclude_categories=("C", "Z"), exclude_characters="/\\.")
_NAMES = st.lists(st.text(_CHARACTERS, min_size=1, max_size=90), min_size=1, max_size=3).map("/".join)
_FILES = st.lists(
    st.tuples(
        _NAMES,
        st.binary(max_size=1200),
        st.dictionaries(
            st.sampled_from(["SCHILY.xattr.user.a", "comment", "mtime", "uid"]), st.just("7"), max_size=2
        ),
    ),
    min_size=1,  # tarfile does not open an archive that holds a global header alone
    max_size=5,
)


def _archive(files, form, told):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=form, pax_headers=told) as archive:
        for name, content, records in files:
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            entry.pax_headers = records
            archive.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()


def _walked(data):
    chunks = iter([data])
    entries = []
    TarWalk(lambda: next(chunks, b""), ScanLimits()).read_entries(entries, 10_000)
    last = {entry.path: entry for entry in entries if entry.kind in ("file", "hardlink", "symlink")}
    return {path: entry.size for path, entry in last.items() if entry.kind == "file"}


def _indexed(data):
    members = read_tar_index(io.BytesIO(data))
    # A row of the walk has no line end in it.
    return {
        name.replace("\n", "\\x0a"): member.size for name, member in members.items() if member.target is None
    }


def _python(data):
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        return {entry.name: entry.size for entry in archive if entry.isreg()}


@given(
    _FILES,
    st.sampled_from([tarfile.GNU_FORMAT, tarfile.PAX_FORMAT]),
    st.sampled_from([None, {"comment": "x"}, {"uid": "5"}]),
)
def test_the_same_files_of_one_archive(files, form, told):
    data = _archive(files, form, told)
    assert _walked(data) == _indexed(data) == _python(data)


_LINKED = st.lists(
    st.tuples(
        st.sampled_from(["a", "b/c", "n" * 120, "d/" + "m" * 99]),
        st.sampled_from(
            [tarfile.REGTYPE, tarfile.AREGTYPE, tarfile.LNKTYPE, tarfile.SYMTYPE, tarfile.DIRTYPE]
        ),
        st.sampled_from(["a", "b/c", "n" * 120]),
        st.binary(max_size=700),
        st.sampled_from([0, 8**7 - 1, 8**7, 2**40]),
    ),
    max_size=8,
)


@given(_LINKED, st.sampled_from([tarfile.GNU_FORMAT, tarfile.PAX_FORMAT]))
def test_names_given_twice_links_and_numbers_beyond_octal(entries, form):
    """GNU tar writes numbers that octal digits cannot hold in base 256, pax in a record."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=form) as archive:
        for name, kind, target, content, user in entries:
            entry = tarfile.TarInfo(name)
            entry.type, entry.uid = kind, user
            if kind in (tarfile.LNKTYPE, tarfile.SYMTYPE):
                entry.linkname = target
            elif kind != tarfile.DIRTYPE:
                entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    chunks = iter([buffer.getvalue()])
    walked = []
    TarWalk(lambda: next(chunks, b""), ScanLimits()).read_entries(walked, 10_000)
    with tarfile.open(fileobj=io.BytesIO(buffer.getvalue())) as archive:
        python = list(archive)
    kinds = {tarfile.LNKTYPE: "hardlink", tarfile.SYMTYPE: "symlink", tarfile.DIRTYPE: "directory"}
    assert [(one.path, one.kind, one.size, one.link_target, one.uid) for one in walked] == [
        (one.name, kinds.get(one.type, "file"), one.size, one.linkname or None, one.uid) for one in python
    ]
    last = {one.name: one for one in python if not one.isdir()}
    indexed = read_tar_index(io.BytesIO(buffer.getvalue()))
    assert {name: member.target is None for name, member in indexed.items()} == {
        name: one.isreg() for name, one in last.items()
    }
    assert {
        name: (member.offset, member.size) for name, member in indexed.items() if member.target is None
    } == {name: (one.offset_data, one.size) for name, one in last.items() if one.isreg()}


def _block(kind, size, name=b"f"):
    head = bytearray(512)
    head[: len(name)] = name
    head[100:136] = b"0000644\0" + b"0000000\0" * 2 + b"%011o\0" % size
    head[136:148] = b"00000000000\0"
    head[156:157] = kind
    head[257:265] = b"ustar\00000"
    head[148:156] = b" " * 8
    head[148:156] = b"%06o\0 " % sum(head)
    return bytes(head)


def _extended(kind, payload):
    return _block(kind, len(payload)) + payload + bytes(-len(payload) % 512)


_PAYLOADS = [
    b"22 path=manifest.json\n" + bytes(10),
    b"10 path=g\n",
    b"10 path=h\n10 path=i\n",
    b"7 path=\n8 path=\n",
    b"8 path=\n",
    b"11 size=600\n",
    b"11 size=512\n",
    b"9 size=0\n",
    b"11 size=-00\n",
    b"99 path=x\n",
    b"0 path=x\n",
    b"12 linkpath=",
    b"16 SCHILY.xattr.a=\n",
    b"24 GNU.sparse.major=abc\n",
    b"long/name" + bytes(3),
    b"",
]
_HEADERS = st.tuples(st.sampled_from([b"x", b"g", b"L", b"K", b"X"]), st.sampled_from(_PAYLOADS))
_DATA = st.tuples(st.sampled_from([b"0", b"7", b"1", b"2", b"5", b"6"]), st.sampled_from([0, 5, 512]))


def _outcome(read, data):
    try:
        return read(data)
    except (BrokenContentError, CorruptLayerError):
        return "damaged"
    except (TooLargeError, CapHitError):
        return "too large"
    except UnsupportedError:
        return "sparse"


@given(st.lists(st.one_of(_HEADERS, _DATA), max_size=6))
def test_the_same_of_archives_that_no_writer_writes(parts):
    data = b""
    for kind, rest in parts:
        data += (
            _extended(kind, rest)
            if isinstance(rest, bytes)
            else _block(kind, rest) + bytes(-(-rest // 512) * 512)
        )
    data += bytes(1024)
    walked, indexed = _outcome(_walked, data), _outcome(_indexed, data)
    # The index does not read sparse files, and passes over data by seeking: it cannot see that an archive ends in them.
    if indexed != "sparse" and walked != "damaged":
        assert walked == indexed


@pytest.mark.parametrize("payload", _PAYLOADS)
def test_a_padded_or_damaged_extended_header_ends_in_an_answer(payload):
    data = _extended(b"x", payload) + _block(b"0", 3, b"wrong") + b"{}\n" + bytes(509) + bytes(1024)
    assert _outcome(_walked, data) == _outcome(_indexed, data) or _outcome(_indexed, data) == "sparse"


def test_a_padded_extended_header_names_its_file():
    """As GNU tar lists it."""
    data = _extended(b"x", b"22 path=manifest.json\n" + bytes(10)) + _block(b"0", 0, b"wrong") + bytes(1024)
    assert _indexed(data) == _walked(data) == {"manifest.json": 0}
