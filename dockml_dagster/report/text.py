"""Sentences and cells of the report: escaping, and numbers as people read them.

Here: turning values into markup. Not here: where values come from. Every number in a sentence is a ``data`` element
that carries the exact value; a digit outside of one was typed, and a test refuses it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from html import escape, unescape
from string import Formatter

from dockml_dagster.text import printable, size_text

UNKNOWN = "–"
"""What stands for a value that is not known. Never 0."""


@dataclass(frozen=True, slots=True)
class Html:
    """Markup that is safe as it stands."""

    markup: str

    def __str__(self) -> str:
        return self.markup


def say(template: str, **values: Html | str | None) -> Html:
    """Fill a template of ours; what is no Html is others' text, and is escaped."""
    filled = []
    for literal, name, _, _ in Formatter().parse(template):
        filled.append(literal)
        if name is not None:
            value = values[name]
            filled.append(value.markup if isinstance(value, Html) else escape(cell(value)))
    return Html("".join(filled))


def joined(parts: list[Html], separator: str = " ") -> Html:
    """Several pieces of markup as one."""
    return Html(separator.join(part.markup for part in parts))


def words(text: Html) -> str:
    """The words of markup, for places that take none."""
    return unescape(re.sub(r"<[^>]*>", "", text.markup)).replace("\N{NO-BREAK SPACE}", " ")


def count(value: float | None) -> Html:
    """A number of things: ``30,138``."""
    if value is None:
        return Html(UNKNOWN)
    return _data(value, count_text(value))


def count_range(values: Iterable[float]) -> Html:
    """The least and the most of some numbers of things: ``from 12 to 1,405``."""
    known = sorted(values)
    return say("from {least} to {most}", least=count(known[0]), most=count(known[-1]))


def percent(value: float | None) -> Html:
    """A share of 0 to 1, in per cent with one decimal."""
    return Html(UNKNOWN) if value is None else _data(value, f"{percent_text(value)} %")


def decimal(value: float | None) -> Html:
    """A number with three significant digits, or all digits before the point."""
    return Html(UNKNOWN) if value is None else _data(value, decimal_text(value))


def size(value: float | None) -> Html:
    """Bytes, in the decimal unit that leaves 1 to 999."""
    return Html(UNKNOWN) if value is None else _data(value, size_text(value))


def count_text(value: float | None) -> str:
    """``30138`` → ``30,138``; halves, as medians have them, keep their half."""
    if value is None:
        return UNKNOWN
    text = f"{value:,.0f}" if float(value).is_integer() else f"{value:,.1f}"
    return text.replace("-", "\N{MINUS SIGN}")


def percent_text(value: float | None) -> str:
    """``0.4187`` → ``41.9``."""
    if value is None:
        return UNKNOWN
    return f"{100 * value:.1f}"


def decimal_text(value: float | None) -> str:
    """``1.17407`` → ``1.17``; ``1234.5`` → ``1,234``."""
    if value is None:
        return UNKNOWN
    if float(value).is_integer() or abs(value) >= 999.5:  # which three digits would write as 1e+03
        return f"{value:,.0f}"
    return f"{value:.3g}"


def cell(value: object) -> str:
    """A value as text, others' made harmless."""
    return UNKNOWN if value is None else printable(str(value))


def _data(value: float, text: str) -> Html:
    # A space inside a number never breaks across lines.
    return Html(f'<data value="{value:.17g}">{escape(text).replace(" ", "&nbsp;")}</data>')
