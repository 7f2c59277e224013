"""Numbers, texts and records of tar headers, parsed strictly.

Here: what one field or one extended header means. The forms are POSIX pax (IEEE 1003.1, "pax Interchange
Format"), GNU tar's (base-256 numbers), Schily's star (extended attributes). Not here: the order of headers
in an archive (``tar_walk``), sparse maps (``sparse``).
"""

from __future__ import annotations

from typing import Final

from dockml_dagster.study.layer.inflate import CorruptLayerError

BLOCK: Final = 512
_ESCAPES: Final = {code: f"\\x{code:02x}" for code in (*range(0x20), *range(0x7F, 0xA0))}
_XATTR_PREFIXES: Final = ("SCHILY.xattr.", "LIBARCHIVE.xattr.")


def number(field: bytes, name: str) -> int:
    """A header's number: octal text, or base-256 where the first bit is set. An empty field is 0.

    Raises ``CorruptLayerError`` for anything else; base-256 may be negative, which the caller judges.
    """
    if field[0] & 0x80:
        value = int.from_bytes(field, "big")
        bits = 8 * len(field)
        # 0x80… is positive with the marker bit removed, 0xff… a negative two's complement.
        return value - (1 << bits) if field[0] & 0x40 else value - (1 << (bits - 1))
    text = field.partition(b"\0")[0].strip(b" ")
    if not text:
        return 0
    if not text.isdigit():  # int() would take signs and underscores
        raise CorruptLayerError(f"the header's {name} is not a number")
    try:
        return int(text, 8)
    except ValueError:
        raise CorruptLayerError(f"the header's {name} is not octal") from None


def text(raw: bytes) -> str:
    r"""A path or link target as text: UTF-8; other bytes and control characters as ``\xNN``.

    So a row never holds a tab, a line end or a lone surrogate, and can be written and shown as it is.
    """
    decoded = raw.decode("utf-8", "backslashreplace")
    return decoded if decoded.isprintable() else decoded.translate(_ESCAPES)


def pax_records(block: bytes) -> list[tuple[str, bytes]]:
    """The records `length key=value newline` of an extended header, in order.

    Raises ``CorruptLayerError`` where lengths and newlines do not agree.
    """
    records = []
    at, end = 0, len(block)
    while at < end and block[at]:  # some writers pad with zeros
        space = block.find(b" ", at, at + 21)
        digits = block[at:space] if space > 0 else b""
        if not digits.isdigit():
            raise CorruptLayerError("an extended header's record has no length")
        stop = at + int(digits)
        equals = block.find(b"=", space, stop)
        if stop > end or equals < 0 or block[stop - 1] != 0x0A:
            raise CorruptLayerError("an extended header's record has a wrong length")
        records.append(
            (block[space + 1 : equals].decode("utf-8", "backslashreplace"), block[equals + 1 : stop - 1])
        )
        at = stop
    return records


def pax_number(value: bytes, name: str) -> int:
    """A decimal number of an extended header, its fraction rounded down (times have one)."""
    whole, dot, fraction = value.partition(b".")
    digits = whole.removeprefix(b"-")
    if not digits.isdigit() or len(digits) > 20 or (dot and not (fraction or b"0").isdigit()):
        raise CorruptLayerError(f"an extended header's {name} is not a number")
    result = int(whole)
    return result - 1 if whole[:1] == b"-" and fraction.strip(b"0") else result


def xattr_names(keys: list[str]) -> str | None:
    """Names of the extended attributes among an extended header's keys, sorted, joined by `,`."""
    names = {key.removeprefix(prefix) for key in keys for prefix in _XATTR_PREFIXES if key.startswith(prefix)}
    return ",".join(sorted(text(name.encode()) for name in names)) or None


def clean(path: str) -> tuple[str, str | None]:
    """A path relative to the root of the image, and a note if it tried anything else.

    As engines do: a leading `/` is dropped (`absolute`), `..` stops at the root (`escapes_root` where it
    would have left it, else `dotdot`). The root itself is `.`.
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
