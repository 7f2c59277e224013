"""Numbers, texts and records of tar headers, parsed strictly.

Here: the meaning of one field or one extended header. The formats are POSIX pax (IEEE 1003.1, "pax Interchange
Format"), GNU tar (base-256 numbers) and Schily's star (extended attributes). Not here: the order of headers
in an archive (``tar_walk``), sparse maps (``sparse``).
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Final

from dockml_dagster.study.layer.inflate import CorruptLayerError

BLOCK: Final = 512
LARGEST: Final = (1 << 63) - 1
"""The largest value of a 64-bit column."""
_ESCAPES: Final = {code: f"\\x{code:02x}" for code in (*range(0x20), *range(0x7F, 0xA0))}


def number(field: bytes, name: str) -> int:
    """A header's number: octal text, or base-256 where the first bit is set. An empty field is 0.

    Raises ``CorruptLayerError`` for anything else. A base-256 number may be negative; the caller decides about it.
    """
    if field[0] & 0x80:
        value = int.from_bytes(field, "big")
        bits = 8 * len(field)
        # 0x80… is positive with the marker bit removed, 0xff… a negative two's complement.
        return value - (1 << bits) if field[0] & 0x40 else value - (1 << (bits - 1))
    text = field.partition(b"\0")[0].strip(b" ")
    if not text:
        return 0
    if not text.isdigit():  # int() would accept signs and underscores
        raise CorruptLayerError(f"the header's {name} is not a number")
    try:
        return int(text, 8)
    except ValueError:
        raise CorruptLayerError(f"the header's {name} is not octal") from None


def text(raw: bytes) -> str:
    r"""A path or link target as text: UTF-8; other bytes and control characters as ``\xNN``.

    So a row never holds a tab, a line end or a lone surrogate, and can be written and shown unchanged.
    """
    decoded = raw.decode("utf-8", "backslashreplace")
    return decoded if decoded.isprintable() else decoded.translate(_ESCAPES)


def clamped(value: int) -> int:
    """A number clamped to a 64-bit column. No real clock or user id is beyond it."""
    return min(max(value, -LARGEST), LARGEST)


@lru_cache(maxsize=4096)
def cached_time(field: bytes) -> int:
    """A header's time. Cached, because neighbouring entries often share it."""
    return clamped(number(field, "mtime"))


def owner(fields: bytes) -> tuple[int, int, int]:
    """Permission bits, uid and gid, from the 24 bytes at offset 100. Owners out of range are clamped to 63 bits."""
    uid, gid = number(fields[8:16], "uid"), number(fields[16:], "gid")
    return number(fields[:8], "mode") & 0o7777, uid, gid


def verify_checksum(block: bytes) -> None:
    """Raise ``CorruptLayerError`` unless a header's checksum is the sum of its bytes.

    The checksum's own field counts as 8 spaces. Old Sun and BSD tars summed signed bytes.
    """
    summed = block[:148] + block[156:]
    unsigned = sum(summed) + 8 * 0x20
    signed = unsigned - 256 * sum(byte > 127 for byte in summed)
    if number(block[148:156], "checksum") not in {unsigned, signed}:
        raise CorruptLayerError("a header's checksum is wrong, or this is no tar archive")


def low_adler(field: bytes) -> int:
    """The low half of Adler-32 (a sum of bytes) that a header must have if this checksum field is right.

    -1 if the field is not the usual six octal digits; then ``verify_checksum`` decides.
    """
    digits = field[:6]
    if not digits.isdigit() or b"8" in digits or b"9" in digits:
        return -1
    # The checksum counts its own field as 8 spaces. Adler-32 counts the field as it is and starts at 1.
    return (1 + int(digits, 8) - 8 * 0x20 + sum(field)) % 65_521


def raw_name(block: bytes) -> bytes:
    """The name in a header, after the prefix if it is a POSIX header."""
    name = block[:100].partition(b"\0")[0]
    if block[345] and block[257:263] == b"ustar\0":
        # star keeps times after a shorter prefix; the last four bytes mark its headers.
        prefix = block[345:476] if block[508:512] == b"tar\0" else block[345:500]
        return prefix.partition(b"\0")[0] + b"/" + name
    return name


def pax_records(payload: bytes) -> tuple[tuple[bytes, bytes], ...]:
    """Key and value of each record `length key=value newline` of an extended header, in order.

    Raises ``CorruptLayerError`` if lengths and newlines do not agree.
    """
    records = []
    at, end = 0, len(payload)
    while at < end and payload[at]:  # some writers pad with zeros
        space = payload.find(b" ", at, at + 21)
        digits = payload[at:space] if space > 0 else b""
        if not digits.isdigit():
            raise CorruptLayerError("an extended header's record has no length")
        stop = at + int(digits)
        key, equals, value = payload[space + 1 : max(stop - 1, 0)].partition(b"=")
        if not space < stop <= end or not equals or payload[stop - 1] != 0x0A:
            raise CorruptLayerError("an extended header's record has a wrong length")
        records.append((key, value))
        at = stop
    return tuple(records)


def pax_number(value: bytes, name: str) -> int:
    """A decimal number of an extended header, rounded down (times have fractions) and clamped."""
    whole, dot, fraction = value.partition(b".")
    if whole.isdigit() and len(whole) < 19 and (not dot or fraction.isdigit()):
        return int(whole)
    digits = whole.removeprefix(b"-")
    if not digits.isdigit() or len(digits) > 20 or (dot and not (fraction or b"0").isdigit()):
        raise CorruptLayerError(f"an extended header's {name} is not a number")
    result = clamped(int(whole))
    return result - 1 if whole[:1] == b"-" and fraction.strip(b"0") else result


def xattr_names(keys: Iterable[bytes]) -> str | None:
    """The names of extended attributes among an extended header's keys, sorted, joined by `,`."""
    names = {
        text(key.partition(b".xattr.")[2])
        for key in keys
        if key.startswith((b"SCHILY.xattr.", b"LIBARCHIVE.xattr."))
    }
    return ",".join(sorted(names)) or None


def clean(path: str) -> tuple[str, str | None]:
    """A path relative to the image's root, and a note if it was written otherwise.

    As in engines, a leading `/` is dropped (`absolute`) and `..` stops at the root (`escapes_root` if it would have left
    the root, else `dotdot`). The root itself is `.`.
    """
    note = "absolute" if path[:1] == "/" else None
    kept: list[str] = []
    for segment in path.split("/"):
        if segment == "..":
            note = "escapes_root" if not kept or note == "escapes_root" else "dotdot"
            if kept:
                kept.pop()
        elif segment not in {"", "."}:
            kept.append(segment)
    return "/".join(kept) or ".", note
