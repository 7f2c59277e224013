"""Sentences and cells of the report: escaping, and numbers as people read them.

Here: turning values into markup. Not here: where values come from. Every number in a sentence is a ``data`` element
with the exact value; a digit outside of one was typed by hand, and a test refuses it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from html import escape, unescape
from string import Formatter
from typing import Any

from dockml_dagster.text import plural, printable, size_text

UNKNOWN = "–"
"""Shown for an unknown value. Never 0."""


@dataclass(frozen=True, slots=True)
class Html:
    """Markup that needs no escaping."""

    markup: str

    def __str__(self) -> str:
        return self.markup


def say(template: str, **values: Html | str | None) -> Html:
    """Fill one of our templates; a value that is not Html is untrusted text and is escaped."""
    filled = []
    for literal, name, _, _ in Formatter().parse(template):
        filled.append(literal)
        if name is not None:
            value = values[name]
            filled.append(value.markup if isinstance(value, Html) else escape(cell(value)))
    return Html("".join(filled))


def joined(parts: list[Html], separator: str = " ") -> Html:
    """Join several pieces of markup."""
    return Html(separator.join(part.markup for part in parts))


def words(text: Html, *, unbroken: bool = False) -> str:
    """The text of markup, for places without markup. ``unbroken``: keep the non-breaking spaces inside numbers."""
    said = unescape(re.sub(r"<[^>]*>", "", text.markup))
    return said if unbroken else said.replace("\N{NO-BREAK SPACE}", " ")


def count(value: float | None) -> Html:
    """A number of things: ``30,138``."""
    if value is None:
        return Html(UNKNOWN)
    return _data(value, count_text(value))


def or_none(value: float | None) -> Html:
    """A number of things inside a sentence: ``none`` for 0."""
    return Html("none") if value == 0 else count(value)


def leading(rows: Sequence[Mapping[str, Any]], key: str, name: str) -> list[str]:
    """The names of all rows that share the largest value: a ranking may be led by several."""
    most = max((row[key] for row in rows if row[key] is not None), default=None)
    return [str(row[name]) for row in rows if row[key] is not None and row[key] == most]


def listed(names: Sequence[str]) -> str:
    """``A``, ``A and B``, ``A, B and C``."""
    return "".join(names) if len(names) < 2 else f"{', '.join(names[:-1])} and {names[-1]}"


def counted(value: float | None, one: str, many: str | None = None) -> Html:
    """``1 step``, ``9 steps``: a count with its noun in the right number."""
    noun = one if value == 1 else many or plural(one)
    return say("{n} {noun}", n=count(value), noun=noun)


def count_range(values: Iterable[float | None]) -> Html:
    """The smallest and largest of some counts: ``from 12 to 1,405``; one number if all are the same."""
    known = sorted(value for value in values if value is not None)
    if not known or known[0] == known[-1]:
        return count(known[0] if known else None)
    return say("from {least} to {most}", least=count(known[0]), most=count(known[-1]))


def percent(value: float | None) -> Html:
    """A share of 0 to 1, in per cent with one decimal."""
    return Html(UNKNOWN) if value is None else _data(value, f"{percent_text(value)} %")


def points(value: float | None) -> Html:
    """A difference of two shares of 0 to 1, in percentage points with one decimal."""
    return Html(UNKNOWN) if value is None else _data(value, percent_text(value))


def percent_range(low: float | None, high: float | None, joint: str = " (", end: str = ")") -> Html:
    """The interval of a share, `` (36.8 % to 42.5 %)``; '' if there is none, as for a single project."""
    if low is None or high is None:
        return Html("")
    return say("{joint}{low} to {high}{end}", joint=joint, low=percent(low), high=percent(high), end=end)


def decimal(value: float | None) -> Html:
    """A number with three significant digits, or all digits before the point."""
    return Html(UNKNOWN) if value is None else _data(value, decimal_text(value))


def size(value: float | None) -> Html:
    """Bytes, in the decimal unit that leaves 1 to 999."""
    return Html(UNKNOWN) if value is None else _data(value, size_text(value))


def rounded(value: float, digits: int) -> str:
    """A number with that many decimals and thousands separators; halves are rounded away from zero, as readers do."""
    exact = Decimal(repr(float(value))).quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP)
    return f"{exact:,}"


def count_text(value: float | None) -> str:
    """``30138`` → ``30,138``; halves, which medians may have, are kept."""
    if value is None:
        return UNKNOWN
    return rounded(value, 0 if float(value).is_integer() else 1).replace("-", "\N{MINUS SIGN}")


def percent_text(value: float | None) -> str:
    """``0.4187`` → ``41.9``."""
    if value is None:
        return UNKNOWN
    return rounded(100 * value, 1)


def decimal_text(value: float | None) -> str:
    """``1.17407`` → ``1.17``; ``192.5`` and ``1,144.5`` keep their halves."""
    if value is None:
        return UNKNOWN
    if float(value).is_integer():
        return rounded(value, 0)
    return rounded(value, 1) if abs(value) >= 100 else f"{value:.3g}"


def cell(value: object) -> str:
    """A value as text; untrusted text is made harmless."""
    return UNKNOWN if value is None else printable(str(value))


def _data(value: float, text: str) -> Html:
    # A space inside a number never breaks across lines.
    return Html(f'<data value="{value:.17g}">{escape(text).replace(" ", "&nbsp;")}</data>')
