"""Reading untrusted JSON under caps on bytes, depth and nodes.

Here: the parsing. Not here: what a document means (``json_facts`` has the facts of an object).
"""

from __future__ import annotations

import json
import re
from typing import Any, Final

from dockml_dagster.study.cuts import note_cut
from dockml_dagster.study.formats.errors import RefusedTextError

MAX_DEPTH: Final = 64
"""Deepest nesting. An image's config has five levels."""
MAX_NODES: Final = 1_000_000
"""Most values. A value takes some 60 bytes of memory, and as few as two of text."""

_BRACKETS: Final = re.compile(rb'"(?:[^"\\]++|\\.)*+"|[\[{]|[\]}]', re.DOTALL)


def load(body: bytes | str, most_bytes: int) -> Any:
    """The value of a document. Constants that JSON does not have (NaN) are refused.

    Raises:
        RefusedTextError: the text is not JSON, longer than ``most_bytes``, too deep, or has too many values.
    """
    data = body.encode("utf-8", "surrogatepass") if isinstance(body, str) else body
    if len(data) > most_bytes:
        raise RefusedTextError(
            f"{len(data)} bytes, more than the {most_bytes} that are read", f"more than {most_bytes} bytes"
        )
    if data.count(b",") + data.count(b"[") + data.count(b"{") > MAX_NODES:
        raise RefusedTextError(f"more than {MAX_NODES} values")
    if data.count(b"[") + data.count(b"{") > MAX_DEPTH and _depth(data) > MAX_DEPTH:
        raise RefusedTextError("nested too deeply")
    try:
        return json.loads(body, parse_constant=_refuse_constant)
    except ValueError as error:
        # UnicodeDecodeError or JSONDecodeError. Both quote the document, so their texts are dropped.
        raise RefusedTextError(f"no JSON ({type(error).__name__})", "malformed") from None


def load_or_none(body: bytes | str, most_bytes: int) -> Any:
    """``load``, or None for what it refuses, which is recorded as a cut. JSON's null is None too, and no cut."""
    try:
        return load(body, most_bytes)
    except RefusedTextError as error:
        note_cut(f"JSON that is refused: {error.kind}")
        return None


def _depth(data: bytes) -> int:
    """The deepest nesting of brackets outside strings, or the first depth above the cap."""
    depth = deepest = 0
    for found in _BRACKETS.finditer(data):
        first = found[0][:1]
        if first in b"[{":
            depth += 1
            deepest = max(deepest, depth)
            if deepest > MAX_DEPTH:
                break
        elif first in b"]}":
            depth -= 1
    return deepest


def _refuse_constant(name: str) -> object:
    raise ValueError(name)
