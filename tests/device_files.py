"""Files with device code, made byte by byte in the forms that compilers write.

Here: containers of CUDA, bundles of HIP, shared objects around them. Not here: what is to be read in them.
"""

import struct
import zlib

from backports import zstd

ZSTD, LZ4, ACCELERATED, FAMILY = 0x8000, 0x2000, 0x100000, 0x200000


def entry(kind, architecture, payload=64, *, flags=0, inflated=0, header=64):
    """An entry of a container. ``kind``: 1 PTX, 2 binary, 8 for linking."""
    fields = (kind, 0x101, header, payload, 0, 0, 0, 1, architecture, 0, 0, flags, 0, inflated)
    head = struct.pack("<HHIQIIHHIIIQQQ", *fields)
    return head.ljust(header, b"\0") + b"\x5a" * payload


def container(*entries):
    """A container of these entries."""
    body = b"".join(entries)
    return struct.pack("<IHHQ", 0xBA55ED50, 1, 16, len(body)) + body


def bundle(*objects):
    """A plain bundle of (target, bytes), each at a page."""
    table, body, at = b"", b"", 4096
    for target, size in objects:
        name = target if target.startswith("host-") else f"hipv4-amdgcn-amd-amdhsa--{target}"
        table += struct.pack("<QQQ", at, size, len(name)) + name.encode()
        body += b"\x5b" * size + b"\0" * (-size % 4096)
        at += size + (-size % 4096)
    head = b"__CLANG_OFFLOAD_BUNDLE__" + struct.pack("<Q", len(objects)) + table
    return head.ljust(4096, b"\0") + body[: at - 4096]


def packed(plain, *, version=3, method=1):
    """A bundle compressed as a whole."""
    data = zstd.compress(plain) if method else zlib.compress(plain)
    if version == 2:
        return struct.pack("<4sHHIIQ", b"CCOB", 2, method, 24 + len(data), len(plain), 0) + data
    return struct.pack("<4sHHQQQ", b"CCOB", 3, method, 32 + len(data), len(plain), 0) + data


def shared_object(*sections, machine=62, segments=(), table=True, names_before=0, head=2048, kind=3):
    """A shared object of (name, content, alignment). ``segments``: (flags, offset, bytes) of its loaded ones.
    ``names_before``: bytes between the names of sections and their table. ``head``: bytes before the first section.
    ``kind``: 3, or 1 for an object file.
    """
    programs = b"".join(
        struct.pack("<IIQQQQQQ", 1, flags, at, 0, 0, size, size, 4096) for flags, at, size in segments
    )
    body = (bytes(64) + programs).ljust(head, b"\0")
    names, places = b"\0", [(0, 0, 0)]
    for name, content, aligned in (*sections, (".shstrtab", None, 1)):
        body += b"\0" * (-len(body) % aligned)
        at, name_at = len(body), len(names)
        names += name.encode() + b"\0"
        body += names if content is None else content
        places.append((name_at, at, len(names if content is None else content)))
    body += bytes(names_before)
    body += b"\0" * (-len(body) % 8)
    shoff = len(body)
    if table:
        body += b"".join(
            struct.pack("<IIQQQQIIQQ", n, 1, 0, 0, at, size, 0, 0, 0, 0) for n, at, size in places
        )
    fields = (kind, machine, 1, 0, 64, shoff if table else 0, 0, 64, 56, len(segments), 64)
    count = len(places) if table else 0
    header = b"\x7fELF\x02\x01\x01".ljust(16, b"\0")
    header += struct.pack("<HHIQQQIHHHHHH", *fields, count, max(count - 1, 0))
    return header + body[64:]


def device_file(machine, flags, abi=7, size=256):
    """A cubin (190) or a code object of AMD (224)."""
    header = b"\x7fELF\x02\x01\x01\x33" + bytes([abi]) + bytes(7)
    header += struct.pack("<HHIQQQIHHHHHH", 2, machine, 1, 0, 64, 0, flags, 64, 56, 0, 64, 0, 0)
    return header.ljust(size, b"\0")


def archive(*members, names="gnu"):
    """A static library of (name, content), as GNU's or BSD's ar writes it."""
    found = [b"!<arch>\n"]
    for name, content in members:
        title, before = name.encode(), b""
        if names == "bsd":
            title, before = b"#1/%d" % len(title), title
        whole = before + content
        fields = (title, b"0", b"0", b"0", b"644", b"%d" % len(whole))
        widths = (16, 12, 6, 6, 8, 10)
        found += [*(field.ljust(width) for field, width in zip(fields, widths, strict=True)), b"`\n"]
        found += [whole, b"\n" * (len(whole) % 2)]
    return b"".join(found)
