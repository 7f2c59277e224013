"""Reading untrusted TOML under caps on length, depth and the parts of a key.

Here: the parsing. Not here: what a document means. The caps are needed because the standard library's parser recurses into
nested values, and takes quadratic time on the parts of a key.
"""

from __future__ import annotations

import re
import tomllib
from typing import Any, Final

from dockml_dagster.study.cuts import note_cut
from dockml_dagster.study.formats.errors import RefusedTextError

MAX_BYTES: Final = 256 * 1024
"""Longest text that is read, in characters."""
MAX_DEPTH: Final = 60
"""Deepest nesting of arrays and inline tables."""
MAX_PARTS: Final = 40
"""Most parts of a key or of the name of a table."""

_PART: Final = r"""(?:[\w-]++|"[^"\n]*+"|'[^'\n]*+')"""
_LONG_KEY: Final = re.compile(rf"{_PART}(?:[ \t]*+\.[ \t]*+{_PART}){{{MAX_PARTS}}}")
_TOKENS: Final = re.compile(
    r'"""(?:[^"\\]++|\\.|"(?!""))*+"""' r"|'''(?:[^']++|'(?!''))*+'''"
    r'|"(?:[^"\\\n]++|\\.)*+"' r"|'[^'\n]*+'|#[^\n]*+|[\[{]|[\]}]",
    re.DOTALL,
)  # fmt: skip


def load(text: str) -> dict[str, Any]:
    """The document.

    Raises:
        RefusedTextError: the text is not TOML, too long, too deep, or has a key of too many parts.
    """
    if len(text) > MAX_BYTES:
        raise RefusedTextError(f"longer than {MAX_BYTES} characters")
    if text.count(".") >= MAX_PARTS and _LONG_KEY.search(text):
        raise RefusedTextError(f"a key of more than {MAX_PARTS} parts")
    if text.count("[") + text.count("{") > MAX_DEPTH and _depth(text) > MAX_DEPTH:
        raise RefusedTextError(f"nested deeper than {MAX_DEPTH} levels")
    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        kind = "no TOML" if isinstance(error, tomllib.TOMLDecodeError) else "no TOML that can be read"
        raise RefusedTextError(f"{kind}: {' '.join(str(error).split())[:200]}", "malformed") from None


def load_or_none(text: str) -> dict[str, Any] | None:
    """``load``, or None for a text that it refuses, which is recorded as a cut."""
    try:
        return load(text)
    except RefusedTextError as error:
        note_cut(f"TOML that is refused: {error.kind}")
        return None


def _depth(text: str) -> int:
    depth = deepest = 0
    for found in _TOKENS.finditer(text):
        if found[0] in "[{":
            depth += 1
            deepest = max(deepest, depth)
            if deepest > MAX_DEPTH:
                break
        elif found[0] in "]}":
            depth = max(0, depth - 1)
    return deepest
