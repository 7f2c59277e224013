"""Decoding bytes into text and lines, and the facts about them: encoding, byte-order mark, newlines, NUL.

Here: decoding, and the definition of white space that the whole reading uses. Not here: what a line means.
"""

from dockml_dagster.study.dockerfile.model import TextFacts

SPACES = (
    "\t\n\v\f\r \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u2028\u2029\u202f\u205f\u3000"
)
"""What Go's ``unicode.IsSpace`` accepts. ``str.strip`` without an argument also strips U+001C to U+001F."""

MAX_LINE_BYTES = 65_536
"""Go's ``bufio.MaxScanTokenSize``: BuildKit refuses a file with a physical line of this many bytes or more
(including the line end, if there is one; a line that exactly fills the buffer with its line end is still read).
"""

_BYTE_ORDER_MARKS = ((b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be"))


def decode(data: bytes) -> tuple[str, TextFacts]:
    """Text without its byte-order mark, and the facts. Never fails: undecodable bytes become U+FFFD.

    BuildKit works on bytes and knows only UTF-8. A UTF-16 file (PowerShell's ``>`` used to write them) is decoded
    all the same; ``encoding`` tells the caller that BuildKit would refuse it.
    """
    encoding, mark = "utf-8", data.startswith(b"\xef\xbb\xbf")
    body = data[3:] if mark else data
    for signature, name in _BYTE_ORDER_MARKS:
        if data.startswith(signature):
            encoding, mark, body = name, True, data[2:]
    undecodable = 0
    try:
        text = body.decode(encoding)
    except UnicodeDecodeError:
        text = body.decode(encoding, "replace")
        undecodable = max(1, text.count("\ufffd") - body.count("\ufffd".encode(encoding)))
    longest = max(map(len, data.split(b"\n")))
    newlines, crlf = text.count("\n"), text.count("\r\n")
    return text, TextFacts(
        size=len(data),
        encoding=encoding,
        byte_order_mark=mark,
        newline="none" if not newlines else "lf" if not crlf else "crlf" if crlf == newlines else "mixed",
        final_newline=text.endswith("\n"),
        nul_bytes=text.count("\0"),
        undecodable_bytes=undecodable,
        lines=newlines + (1 if text and not text.endswith("\n") else 0),
        longest_line=longest,
    )


def split_lines(text: str) -> list[str]:
    """Lines without their ``\\n``, as the scanner of BuildKit's parser splits them. A ``\\r`` stays, and no other
    character ends a line.
    """
    lines = text.split("\n")
    if lines[-1] == "":
        lines.pop()
    return lines


def first_too_long(data: bytes) -> int | None:
    """The number of the first line that BuildKit's scanner cannot hold, or ``None``."""
    start, number = 0, 0
    while start < len(data):
        number += 1
        end = data.find(b"\n", start)
        if (end < 0 and len(data) - start >= MAX_LINE_BYTES) or end - start >= MAX_LINE_BYTES:
            return number
        if end < 0:
            return None
        start = end + 1
    return None
