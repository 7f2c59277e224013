"""Text for people: terminal, table, log, report.

Here: making untrusted text harmless, sizes, and counted nouns. Not here: markup (``report.text``),
tables (``commands.output``).
"""

from __future__ import annotations

from typing import Final

_UNITS: Final = ("B", "kB", "MB", "GB", "TB", "PB")


def printable(text: str) -> str:
    """Untrusted text without characters that move the cursor, reorder or hide their neighbours, or cannot be encoded.

    White space becomes a space, every other character that does not print U+FFFD: escapes, bidirectional controls,
    surrogates.
    """
    if text.isprintable():
        return text
    return "".join(one if one.isprintable() else " " if one.isspace() else "\ufffd" for one in text)


def counted(count: int, noun: str) -> str:
    """``1 file``, ``2 files``: a count with its noun in the right number."""
    return f"{count:,} {noun if count == 1 else plural(noun)}"


def plural(noun: str) -> str:
    """The plural of a noun: ``files``, ``repositories``, ``days``."""
    ends_in_ies = noun.endswith("y") and noun[-2:-1] not in "aeiou"
    return f"{noun[:-1]}ies" if ends_in_ies else f"{noun}s"


def size_text(count: float) -> str:
    """Bytes in the decimal unit that leaves 1 to 999, with three significant digits: ``1207243694`` → ``1.21 GB``."""
    amount, unit = float(count), _UNITS[0]
    for unit in _UNITS:
        # Compare the rounded value: 999,700 is 1 MB, not 1,000 kB.
        if abs(float(f"{amount:.3g}")) < 1000 or unit == _UNITS[-1]:
            break
        amount /= 1000
    digits = f"{amount:,.0f}" if abs(amount) >= 100 else f"{amount:.3g}"
    return f"{digits} {unit}"
