"""The type of a file: by the extension of its name, and by its first bytes.

The two answers are independent, because each fails in its own way: extensions lie or are missing, and by the first
bytes most of what people write is `text`. Here: both rules, and the classes of the study's figures. Not here:
counting (``tally``), rules about what an ML image contains (``content``).
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

OTHER: Final = "(other)"
"""Stands in tables for all types beyond ``ScanLimits.types``."""

_LONGEST_EXTENSION: Final = 12
_REMEMBERED_LENGTH: Final = 64
_COMPOUND: Final = frozenset(
    {
        *("tar.gz", "tar.bz2", "tar.xz", "tar.zst", "tar.lz4"),
        *("nii.gz", "csv.gz", "json.gz", "txt.gz", "xml.gz"),
        *("min.js", "min.css", "d.ts", "js.map", "css.map"),
    }
)
_VERSIONED_LIBRARY: Final = re.compile(r"\.so(?:\.[0-9A-Za-z]{1,16}){1,6}$")
_EXTENSION: Final = re.compile(r"(?=.*[a-z])[a-z0-9_+~-]{1,12}")


def extension(name: str) -> str:
    """The extension of a file's name (no directories), lower case, without the dot; "" for none.

    `libm.so.6` is `so`, `a.tar.gz` is `tar.gz` (likewise a few more pairs), `python3.11` and `.bashrc` have none.
    The study's own rule also gave numbered suffixes (`.nii.1`).
    """
    dot = name.find(".")
    if dot < 0:
        return ""
    # The text before the first dot does not matter, unless the name starts with the dot.
    return _of_suffix(name[dot:]) if dot and len(name) - dot <= _REMEMBERED_LENGTH else _extension(name)


@lru_cache(maxsize=4096)
def _of_suffix(suffix: str) -> str:
    return _extension("_" + suffix)


def _extension(name: str) -> str:
    stem, dot, last = name.lstrip(".").rpartition(".")
    if not dot or not stem:
        return ""
    last = last.lower()
    if last.isalpha() and last.isascii() and len(last) <= _LONGEST_EXTENSION:
        if "." in stem:
            pair = f"{stem[stem.rfind('.') + 1 :].lower()}.{last}"
            if pair in _COMPOUND:
                return pair
        return last
    if ".so." in name and _VERSIONED_LIBRARY.search(name, max(0, len(name) - 120)):
        return "so"
    return last if _EXTENSION.fullmatch(last) else ""


_MAGIC: Final[tuple[tuple[int, bytes, str], ...]] = (
    (0, b"\x7fELF", "elf"),
    (0, b"!<arch>\n", "ar"),
    (0, b"!<thin>\n", "ar"),
    (0, b"\x1f\x8b", "gzip"),
    (0, b"\x28\xb5\x2f\xfd", "zstd"),
    (0, b"BZh", "bzip2"),
    (0, b"\xfd7zXZ\0", "xz"),
    (0, b"\x04\x22\x4d\x18", "lz4"),
    (0, b"7z\xbc\xaf\x27\x1c", "7z"),
    (0, b"PK\x03\x04", "zip"),
    (0, b"PK\x05\x06", "zip"),
    (0, b"Rar!\x1a\x07", "rar"),
    (0, b"\x89HDF\r\n\x1a\n", "hdf5"),
    (0, b"\x93NUMPY", "numpy"),
    (0, b"PAR1", "parquet"),
    (0, b"ARROW1", "arrow"),
    (0, b"GGUF", "gguf"),
    (0, b"ggml", "ggml"),
    (0, b"lmgg", "ggml"),
    (4, b"TFL3", "tflite"),
    (0, b"SQLite format 3\0", "sqlite"),
    (0, b"\x80\x02", "pickle"),
    (0, b"\x80\x03", "pickle"),
    (0, b"\x80\x04\x95", "pickle"),
    (0, b"\x80\x05\x95", "pickle"),
    (0, b"%PDF-", "pdf"),
    (0, b"\x89PNG\r\n\x1a\n", "png"),
    (0, b"\xff\xd8\xff", "jpeg"),
    (0, b"GIF8", "gif"),
    (0, b"RIFF", "riff"),
    (4, b"ftyp", "mp4"),
    (0, b"OggS", "ogg"),
    (0, b"ID3", "mp3"),
    (0, b"II*\0", "tiff"),
    (0, b"MM\0*", "tiff"),
    (0, b"wOFF", "font"),
    (0, b"wOF2", "font"),
    (0, b"\0\x01\0\0\0", "font"),
    (0, b"OTTO", "font"),
    (0, b"MZ", "pe"),
    (0, b"\xca\xfe\xba\xbe", "java_class"),
    (0, b"\xcf\xfa\xed\xfe", "mach_o"),
    (0, b"\0asm", "wasm"),
    (0, b"BC\xc0\xde", "llvm_bitcode"),
    (0, b"PACK\0\0\0", "git_pack"),
    (0, b"\xfftOc", "git_pack_index"),
    (0, b"\xde\x12\x04\x95", "gettext"),
    (0, b"\x95\x04\x12\xde", "gettext"),
    (0, b"\x1a\x01", "terminfo"),
    (0, b"\x1e\x02", "terminfo"),
    (0, b"TZif", "timezone"),
    (0, b"#!", "script"),
    (0, b"<?xml", "xml"),
    (257, b"ustar", "tar"),
)
_BY_FIRST_BYTE: Final[dict[int, list[tuple[bytes, str]]]] = {}
_ELSEWHERE: Final = [(at, magic, name) for at, magic, name in _MAGIC if at]
for _at, _bytes, _name in _MAGIC:
    if not _at:
        _BY_FIRST_BYTE.setdefault(_bytes[0], []).append((_bytes, _name))
_TEXT: Final = frozenset({7, 8, 9, 10, 12, 13, 27, *range(0x20, 0x7F), *range(0x80, 0x100)})
# A table for `translate`: deleting characters and checking the rest would build one at every call.
_NO_TEXT: Final = bytes(0x20 if byte in _TEXT else 0 for byte in range(0x100))


def file_type(head: bytes) -> str:
    """The type by a file's first bytes (``tar_walk.HEAD`` of them): a format's name, else `text` or `data`; `empty` for
    no bytes.
    """
    if not head:
        return "empty"
    for magic, name in _BY_FIRST_BYTE.get(head[0], ()):
        if head.startswith(magic):
            return name
    if 0 not in head.translate(_NO_TEXT):
        return "text" if head.isascii() or _is_utf8(head) else "data"
    if head[2:4] == b"\r\n" and len(head) >= 16:
        return "python_bytecode"
    if head[8:10] == b'{"' and int.from_bytes(head[:8], "little") < 1 << 27:
        return "safetensors"
    for at, magic, name in _ELSEWHERE:
        if head.startswith(magic, at):
            return name
    return "data"


def _is_utf8(head: bytes) -> bool:
    if head.isascii():
        return True
    try:
        head.decode()
    except UnicodeDecodeError as problem:
        # The end of the sample may cut a character in two.
        return problem.start >= len(head) - 3 and len(head) >= 256
    return True


_PUBLISHED: Final[dict[str, str]] = {
    extension: name
    for name, extensions in {
        "python": "py pyc pyo pyx pyi pxd ipynb",
        "C/C++": "c cc cpp cxx h hh hpp hxx cu cuh",
        "lib": "a la lib",
        "archive": "gz tgz tar tar.gz tar.bz2 tar.xz tar.zst bz2 xz zst zip whl egg jar war rpm deb 7z rar",
        "image": "png jpg jpeg gif svg ico bmp tif tiff webp",
        "doc": "txt md rst pdf html htm tex doc docx odt ps man",
        "data/ database": "csv tsv json parquet arrow db sqlite sqlite3 sql h5 hdf5 npy npz mat xml",
        "model/ weights": "pt pth ckpt pb onnx safetensors gguf tflite pkl joblib caffemodel weights",
        "disc/media": "iso img mp3 mp4 wav ogg avi mov flac",
        "font": "ttf otf woff woff2 eot pfb afm",
        "browser": "js min.js mjs ts d.ts css min.css js.map css.map",
        "perl": "pl pm pod",
        "ruby": "rb gem",
        "java": "java class",
        "goland": "go",
        "Julia": "jl",
    }.items()
    for extension in extensions.split()
}
_PACKAGES: Final = re.compile(r"(?:^|/)(?:site|dist)-packages/")


def in_packages(path: str) -> bool:
    """Whether a path leads through a directory of Python packages (site-packages, Debian's dist-packages)."""
    return "-packages/" in path and _PACKAGES.search(path) is not None


def published_class(suffix: str, magic: str, *, packages: bool) -> str:
    """The class of the study's figures (section RQ4, "file types") that a file belongs to.

    The names are the study's. The rules are not, because the study's are substring tests of which the last wins. In
    order: Python packages ("PEP", by ``in_packages`` of the path), binaries by their first bytes, then the extension.
    As in the study, an extension without a class becomes `.` and the extension, and no extension becomes `other`.
    """
    if packages:
        return "PEP"
    if magic in {"elf", "pe", "mach_o"}:
        return "ELF/COFF"
    return _PUBLISHED.get(suffix) or ("." + suffix if suffix else "other")
