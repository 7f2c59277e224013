"""Numbers beyond 64 bits: the row is clamped or the layer is corrupt, so that every batch can be stored."""

from __future__ import annotations

import dataclasses
import io
import json
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dockml_dagster.study.layer.image import summarise_image
from dockml_dagster.study.layer.model import LayerEntry
from dockml_dagster.study.layer.toc import scan_toc
from tests.toc_layers import chunked

CASES = tomllib.loads(Path(__file__).with_name("huge_numbers.toml").read_text(encoding="utf-8"))
PLACES = {"uid": 108, "gid": 116, "size": 124, "mtime": 136, "typeflag": 156}
MAP = b"0\n".ljust(512, b"\0")
"""Data of an entry that is, if sparse, one hole."""


def number(text: str) -> int:
    """`2**80`, `-2**80`, `2**63-1`, `1-2**63`, `5`."""
    total = 0
    for part in text.replace("-", " -").split():
        base, _, exponent = part.lstrip("-").partition("**")
        total += (-1 if part.startswith("-") else 1) * int(base) ** int(exponent or 1)
    return total


def block(name: bytes, data_size: int, kind: bytes = b"0", **fields: str) -> bytes:
    made = bytearray(512)
    made[: len(name)] = name
    made[100:156] = b"0000644\x000000000\x000000000\0%011o\x0000000000000\0" % data_size + b" " * 8
    made[156:157] = kind
    made[257:265] = b"ustar\x0000"
    for field, value in fields.items():
        raw = bytes.fromhex(value)
        made[PLACES[field] : PLACES[field] + len(raw)] = raw
    made[148:156] = b"%06o\0 " % sum(made)
    return bytes(made)


def record(key: str, value: str) -> bytes:
    body = f" {key}={value}\n"
    length = len(body) + 2
    return f"{length + (length > 99)}{body}".encode()


def archive(case: dict[str, Any]) -> bytes:
    parts = [block(b"before", 0)]
    if records := b"".join(record(key, str(number(value))) for key, value in case.get("pax", {}).items()):
        parts += [block(b"x", len(records), b"x"), records.ljust(512, b"\0")]
    header = case.get("header", {})
    parts += [block(b"entry", len(MAP), **header), b"" if "typeflag" in header else MAP, bytes(1024)]
    return b"".join(parts)


def numbers(value: object) -> Iterator[int]:
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list | tuple):
        for each in value:
            yield from numbers(each)
    elif isinstance(value, int):
        yield value


@pytest.mark.parametrize("name", CASES)
def test_case(scanned, name: str) -> None:
    case = CASES[name]
    found = scanned(archive(case))
    assert (found.scan.status, found.paths[0]) == (case["status"], "before")
    if "row" in case:
        row = found.row("entry")
        expected = {field: number(value) for field, value in case["row"].items()}
        assert {field: getattr(row, field) for field in expected} == expected
    for value in numbers([*found.rows, dataclasses.asdict(found.scan)]):
        assert -(2**63) <= value < 2**63


def test_holes_of_several_files_are_added_up_within_64_bits(scanned, spooled) -> None:
    data = archive(CASES["a hole of 2**63-1 bytes"])[:-1024] * 2 + bytes(1024)
    summary = scanned(data).scan.summary
    assert (summary.files, summary.bytes, summary.sparse_bytes) == (4, 0, 2**63 - 1)
    assert max(numbers(dataclasses.asdict(summarise_image([spooled(data)])))) < 2**63


@pytest.mark.parametrize(("size", "files", "status"), [(2**62, 3, "corrupt"), (2**40, 3, "complete")])
def test_a_table_of_contents_may_not_claim_more_than_any_layer_holds(
    size: int, files: int, status: str
) -> None:
    entries = [{"name": f"f{number}", "type": "reg", "size": size} for number in range(files)]
    data = chunked(b"", json.dumps({"entries": entries}).encode())
    rows: list[LayerEntry] = []

    def read_range(start: int, length: int) -> bytes:
        stream = io.BytesIO(data)
        stream.seek(start)
        return stream.read(length)

    scan = scan_toc(read_range, len(data), sink=rows.extend)
    assert scan is not None
    assert scan.status == status
    assert max(numbers(dataclasses.asdict(scan))) < 2**63
