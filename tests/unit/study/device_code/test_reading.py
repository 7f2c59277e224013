"""Device code of files made byte by byte, in pieces of any length and with all kinds of damage.

Real libraries were compared with ``cuobjdump``. That needs a download, so it is not a test.
"""

import random
import struct
import weakref

import pytest

from dockml_dagster.study.device_code import amd, archives, nvidia, reading, searching
from dockml_dagster.study.device_code.archives import ArchiveReader
from dockml_dagster.study.device_code.loading import parse_gpu, use_by
from dockml_dagster.study.device_code.reading import DeviceBudget, DeviceReader
from dockml_dagster.study.device_code.sections import SectionTable, may_hold_device_code
from tests.device_files import (
    ACCELERATED,
    FAMILY,
    LZ4,
    ZSTD,
    archive,
    bundle,
    container,
    device_file,
    entry,
    packed,
    shared_object,
)

TEXT = bytes(random.Random(7).randbytes(70_000))


def read(data, *, cut=None, path="lib.so", budget=None, of=DeviceReader):
    reader = of(path, len(data), budget or DeviceBudget())
    at = 0
    while at < len(data):
        size = len(data) if cut is None else cut()
        reader.add(b"xyz" + data, at + 3, min(at + size, len(data)) + 3)
        at += size
    return reader.end()


def short(found):
    """section, set, kind, architecture, compression, containers, entries, bytes, inflated"""
    return [(*row[:2], *row[3:10]) for row in found.rows]


FAT = b"".join(
    [
        container(
            entry(2, 80, 640, flags=LZ4, inflated=9000),
            entry(2, 90, 64, flags=ACCELERATED | ZSTD, inflated=800),
            entry(1, 90, 128, flags=LZ4, inflated=700, header=120),
        ),
        container(entry(2, 80, 64), entry(2, 90, 64, flags=ACCELERATED), entry(1, 90, 64)),
        container(entry(2, 100, 72, flags=FAMILY), entry(8, 75, 64), entry(2, 100, 64, flags=FAMILY)),
    ]
)
ROWS = [
    (".nv_fatbin", 1, "cubin", "sm_80", "lz4", 1, 1, 704, 9000),
    (".nv_fatbin", 1, "cubin", "sm_80", "none", 1, 1, 128, 64),
    (".nv_fatbin", 1, "cubin", "sm_90a", "none", 1, 1, 128, 64),
    (".nv_fatbin", 1, "cubin", "sm_90a", "zstd", 1, 1, 128, 800),
    (".nv_fatbin", 1, "ptx", "sm_90", "lz4", 1, 1, 248, 700),
    (".nv_fatbin", 1, "ptx", "sm_90", "none", 1, 1, 128, 64),
    (".nv_fatbin", 2, "cubin", "sm_100f", "none", 1, 2, 264, 136),
    (".nv_fatbin", 2, "lto_ir", "sm_75", "none", 1, 1, 128, 64),
]
LIBRARY = shared_object(
    (".text", TEXT, 16),
    (".nv_fatbin", FAT, 8),
    ("__nv_relfatbin", container(entry(2, 75, 64)), 8),
    (".data", TEXT, 8),
)
RELOCATABLE = ("__nv_relfatbin", 3, "cubin", "sm_75", "none", 1, 1, 128, 64)


def test_every_entry_by_section_set_and_architecture():
    found = read(LIBRARY)
    assert short(found) == [*ROWS, RELOCATABLE]
    assert found.problem is None
    assert sum(row.bytes for row in found.rows if row.section == ".nv_fatbin") == len(FAT) - 3 * 16


@pytest.mark.parametrize("seed", range(6))
def test_pieces_of_any_length(seed):
    random_ = random.Random(seed)
    most = (1, 7, 64, 1000, 5000, 100_000)[seed]
    assert read(LIBRARY, cut=lambda: random_.randint(1, most)) == read(LIBRARY)


@pytest.mark.parametrize(
    "before",
    [
        nvidia.MAGIC[3:4] * 8 * 255,  # as many words with the rare byte as a block may have by chance
        nvidia.MAGIC[3:4] * 8 * 256,
        nvidia.MAGIC[3:4] * 8 * 5000,
        nvidia.MAGIC[3:4] * 8 * 300
        + b"zzzz"
        + FAT
        + b"zzzz",  # containers, but none begins where a word does
        (b"z" * 4 + nvidia.MAGIC + b"z" * 4) * 1000,  # the magic, but never where a word begins
        (b"zzz" + nvidia.MAGIC[3:4] + b"z" * 7 + nvidia.MAGIC + b"z" * 5) * 1000,
    ],
)
def test_a_rare_byte_that_is_frequent(before):
    data = shared_object((".text", TEXT, 16), (".rodata", before, 8), (".nv_fatbin", FAT, 8))
    assert short(read(data)) == ROWS
    random_ = random.Random(3)
    assert read(data, cut=lambda: random_.randint(1, 30_000)) == read(data)


def test_names_of_sections_far_before_their_table():
    sections = [(".text", TEXT, 16), (".nv_fatbin", FAT, 8)]
    assert {row.section for row in read(shared_object(*sections, names_before=3 << 20)).rows} == {
        ".nv_fatbin"
    }
    far = read(shared_object(*sections, names_before=5 << 20))
    assert {row.section for row in far.rows} == {"unknown"}
    assert {row.section for row in read(shared_object(*sections, table=False)).rows} == {"unknown"}


@pytest.mark.parametrize(("sections", "wanted"), [(1 << 14, True), ((1 << 14) + 1, False)])
def test_a_table_of_sections_is_kept_up_to_a_megabyte(sections, wanted):
    head = bytearray(shared_object((".text", TEXT, 16)))[:2048]
    struct.pack_into("<Q", head, 40, 1 << 22)
    struct.pack_into("<HH", head, 58, 64, sections)
    assert SectionTable(head, 1 << 24).wanted is wanted


def test_instructions_between_read_only_segments_are_not_searched():
    # A container among instructions is none: no linker puts read-only data there when it keeps them apart.
    data = shared_object((".text", TEXT + bytes(-len(TEXT) % 8) + FAT, 4096), (".nv_fatbin", FAT, 4096))
    size = len(TEXT) + len(FAT)
    layout = ((4, 0, 4096), (5, 4096, size), (4, 4096 + size, len(data) - 4096 - size))
    apart = shared_object(
        (".text", TEXT + bytes(-len(TEXT) % 8) + FAT, 4096), (".nv_fatbin", FAT, 4096), segments=layout
    )
    merged = shared_object(
        (".text", TEXT + bytes(-len(TEXT) % 8) + FAT, 4096), (".nv_fatbin", FAT, 4096), segments=layout[1:]
    )
    assert {row.section for row in read(apart).rows} == {".nv_fatbin"}
    assert {row.section for row in read(merged).rows} == {".nv_fatbin", ".text"}


@pytest.mark.parametrize("cut", [None, 1, 33, 4096, 5000])
def test_bundles_of_hip(cut):
    plain = bundle(("host-x86_64-unknown-linux-gnu-", 0), ("gfx90a:xnack-", 5000), ("gfx942", 9000))
    once = packed(plain)
    section = plain + once + bytes(-len(once) % 4096) + packed(plain, version=2, method=0)
    data = shared_object((".text", TEXT, 16), (".hip_fatbin", section, 4096))
    found = read(data, cut=None if cut is None else lambda: cut)
    assert found.problem is None
    sums = {(row.architecture, row.compression): row for row in found.rows}
    assert {row.section for row in found.rows} == {".hip_fatbin"}
    assert sums["gfx90a:xnack-", "none"][7:] == (1, 5000, 5000, False)
    assert sums["gfx942", "zstd"].inflated_bytes == 9000
    assert sums["gfx942", "zlib"].estimated
    shares = sum(row.bytes for row in found.rows if row.compression == "zstd")
    assert len(once) - 2 <= shares <= len(once)


@pytest.mark.parametrize(
    ("path", "data", "kind", "architecture"),
    [
        ("k.cubin", device_file(190, 90), "cubin", "sm_90"),
        ("k.cubin", device_file(190, 120 << 8 | 2, abi=8), "cubin", "sm_120"),
        ("k.hsaco", device_file(224, 0x4C), "code_object", "gfx942"),
        ("k.hsaco", device_file(224, 0xFE), "code_object", "machine-0xfe"),
        ("k.fatbin", container(entry(2, 86, 64)), "cubin", "sm_86"),
        ("k.ptx", b"// made\n.version 8.3\n.target sm_90a, debug\n" + b"x" * 90, "ptx", "sm_90a"),
    ],
)
@pytest.mark.parametrize("cut", [1, 1000])
def test_files_that_are_device_code(path, data, kind, architecture, cut):
    found = read(data, path=path, cut=lambda: cut)
    assert [(row.section, row.kind, row.architecture) for row in found.rows] == [
        ("(file)", kind, architecture)
    ]


def fat(content):
    return shared_object((".text", TEXT, 16), (".nv_fatbin", content, 8))


@pytest.mark.parametrize(
    ("data", "kinds", "problem"),
    [
        # A magic by chance: a container that ends beyond its file, or has no room for an entry.
        (fat(struct.pack("<IHHQ", 0xBA55ED50, 1, 16, 1 << 60) + FAT), len(ROWS), None),
        (fat(struct.pack("<IHHQ", 0xBA55ED50, 1, 16, 8) + FAT), len(ROWS), None),
        # An entry beyond its container, of another version, or with a header beyond reason.
        (fat(container(entry(2, 80)[:8] + b"\xff" * 56) + FAT), len(ROWS), "a container is damaged"),
        (fat(container(entry(2, 80), bytes(64))), 1, "a container is damaged"),
        (fat(FAT)[: 2048 + len(TEXT) + 700], 0, None),
        (b"\x7fELF\x02\x01" + bytes(100_000), 0, None),
        (b"\x7fELF\x02\x02" + FAT, 0, None),  # big-endian
        (b"\x7fELF\x01\x01" + FAT, 0, None),  # 32 bits
    ],
)
def test_what_is_wrong_is_said_or_passed_over(data, kinds, problem):
    found = read(data)
    assert (0 if found is None else len(found.rows)) == kinds
    assert (None if found is None else found.problem) == problem


def test_kinds_beyond_those_told_apart():
    found = read(fat(container(*(entry(2, number) for number in range(1000)))))
    assert len(found.rows) == 257
    assert sum(row.entries for row in found.rows) == 1000
    many = b"".join(
        container(*(entry(2, number + each) for each in range(100))) for number in range(0, 6000, 100)
    )
    assert "more than are told apart" in read(fat(many)).problem


@pytest.mark.parametrize(("count", "read_"), [(1024, True), (1025, False)])
def test_members_of_a_bundle_are_bounded(count, read_):
    member = struct.pack("<QQQ", 0, 1, 1) + b"x"
    table = b"__CLANG_OFFLOAD_BUNDLE__" + struct.pack("<Q", count) + member * count
    assert (amd.read_members(table) is not None) is read_


@pytest.mark.parametrize(("most", "sets"), [(3, {1, 2, 3}), (2, {0, 1, 2})])
def test_containers_beyond_those_told_apart(most, sets, monkeypatch):
    monkeypatch.setattr(reading, "_MOST_CONTAINERS", most)
    found = read(fat(b"".join(container(entry(2, number)) for number in (70, 80, 90))))
    assert {row.device_set for row in found.rows} == sets
    assert sum(row.entries for row in found.rows) == 3


def test_headers_of_one_layer_are_bounded():
    budget = DeviceBudget()
    budget.steps = 20
    found = read(fat(FAT * 10), budget=budget)
    assert found.problem.startswith("more headers")
    assert read(LIBRARY, budget=budget) is None


def test_small_files_are_told_by_their_sections():
    assert may_hold_device_code(memoryview(LIBRARY))
    assert not may_hold_device_code(memoryview(shared_object((".text", TEXT, 16))))
    assert may_hold_device_code(memoryview(shared_object((".text", TEXT, 16), table=False)))
    assert not may_hold_device_code(memoryview(b"\x7fELF"))


@pytest.mark.parametrize("size", [len(LIBRARY), len(LIBRARY) - 5, 40])
def test_a_reader_that_has_ended_goes_without_the_collector_of_cycles(size):
    # It keeps megabytes of a section table, and the scanning processes collect cycles seldom.
    reader = DeviceReader("lib.so", size, DeviceBudget())
    reader.add(LIBRARY, 0, size)
    reader.end()
    gone = weakref.ref(reader)
    del reader
    assert gone() is None


def an_object(*containers, before=b"x"):
    return shared_object((".text", before, 1), (".nv_fatbin", b"".join(containers), 8), head=64, kind=1)


ONE, TWO = (
    container(entry(2, 80, 64), entry(1, 90, 64)),
    container(entry(2, 75, 640, flags=LZ4, inflated=900)),
)
MEMBERS = [
    ("/", b"symbols of odd length"),
    (
        "a.o/",
        an_object(ONE, before=b"odd") + b"?",
    ),  # the next one begins at an offset that is no multiple of 8
    ("text/", TEXT),
    ("b.o/", an_object(TWO, ONE, ONE)),
    ("whole/", device_file(190, 0x5A, size=301)),
    ("short/", b"\x7fELF"),
    ("empty/", b""),
    ("c.o/", an_object(TWO, before=TEXT)),
]
STATIC = [
    ("(archive)", 1, "cubin", "sm_75", "lz4", 2, 2, 1408, 1800),
    ("(archive)", 2, "cubin", "sm_80", "none", 3, 3, 384, 192),
    ("(archive)", 2, "ptx", "sm_90", "none", 3, 3, 384, 192),
    ("(archive)", 3, "cubin", "sm_90", "none", 1, 1, 301, 301),
]


@pytest.mark.parametrize("names", ["gnu", "bsd"])
@pytest.mark.parametrize("seed", range(6))
def test_objects_of_a_static_library(names, seed):
    draw = random.Random(seed)
    cut = (lambda: draw.choice([1, 7, 60, 61, 4000, 90_000])) if seed else None
    found = read(archive(*MEMBERS, names=names), cut=cut, path="x.a", of=ArchiveReader)
    wanted = {row[2:] for row in STATIC}
    assert {row[2:] for row in short(found)} == wanted
    assert len({(row.section, row.device_set) for row in found.rows}) == 3
    assert found.problem is None
    # It is linked into programs, never loaded from there.
    assert use_by(parse_gpu("sm_80"), found.rows).chosen == 0


@pytest.mark.parametrize(
    ("data", "kinds", "problem"),
    [
        (archive(*MEMBERS)[:-40_000], 4, "an archive is damaged"),
        (archive(*MEMBERS[:2]) + b"no header" * 9, 2, "an archive is damaged"),
        (
            archive(*MEMBERS[:2]) + archive(("x", b""))[8:].replace(b"0         `", b"9         `"),
            2,
            "an archive is damaged",
        ),
        (
            archive(*MEMBERS[:2]) + archive(("x", b""))[8:].replace(b"0         `", b"-1        `"),
            2,
            "an archive is damaged",
        ),
        (archive(*MEMBERS[:2]) + archive(("#1/99", b"ab"))[8:], 2, "an archive is damaged"),
        (archive(("a", TEXT)), None, None),
        (
            archive(("a", an_object(*(container(entry(2, n)) for n in range(5000))))),
            0,
            "5000 kinds of device code, more than are told apart",
        ),
        (b"!<thin>\n" + archive(*MEMBERS)[8:68], None, None),
    ],
)
def test_archives_that_are_wrong(data, kinds, problem):
    found = read(data, path="x.a", of=ArchiveReader)
    assert (None if found is None else len(found.rows)) == kinds
    assert (None if found is None else found.problem) == problem


def test_members_of_one_layer_are_bounded():
    budget = DeviceBudget()
    budget.steps = 9
    found = read(archive(*MEMBERS), budget=budget, of=ArchiveReader)
    assert found.problem == "more headers of device code than are read of one layer"


@pytest.mark.parametrize(("most", "kinds"), [(4, 4), (3, 3)])
def test_kinds_of_an_archive_beyond_those_told_apart(most, kinds, monkeypatch):
    monkeypatch.setattr(archives, "_MOST_ROWS", most)
    found = read(archive(*MEMBERS), of=ArchiveReader)
    assert len(found.rows) == kinds
    assert found.problem == (
        None if most == 4 else "more than 3 kinds of device code, which are not told apart"
    )


@pytest.mark.parametrize(
    "chance",
    [container(), struct.pack("<IHHQ", 0xBA55ED50, 1, 16, 1 << 60), container(b"x" * 8)],
    ids=["empty", "too long", "no room"],
)
def test_magics_by_chance_are_searched_for_as_near_ones(chance, monkeypatch):
    sound, words = searching._in_block, []
    monkeypatch.setattr(searching, "_in_block", lambda *asked: words.append(asked[2]) or sound(*asked))
    assert read(fat(chance * 4096)) is None
    assert sum(words) < 4096 * 600
