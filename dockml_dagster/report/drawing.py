"""A figure as a drawing: SVG inside the page, and SVG, PDF and CSV as files.

Here: rendering with vl-convert (no browser), and what a drawing needs inside a page: colours of the current scheme,
unique names, a text for screen readers. Not here: what is drawn.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from html import escape
from importlib.util import find_spec
from typing import Any

from dockml_dagster.errors import BadInputError
from dockml_dagster.report.blocks import Figure
from dockml_dagster.report.text import cell, words
from dockml_dagster.report.theme import VARIABLES, configuration

WIDE = 720
NARROW = 340
"""Widths of the column in pixels: on a screen or page, and on a telephone."""

_ROOT = re.compile(r"<svg\b[^>]*\bwidth=\"([\d.]+)\" height=\"([\d.]+)\" viewBox=\"([^\"]+)\">")
_READ_OUT = re.compile(r' (?:aria-[a-z]+|role|aria-roledescription)="[^"]*"')
_NAMED = re.compile(r'\b(id="|url\(#)')


@dataclass(frozen=True, slots=True)
class Drawn:
    """A figure in all its output formats."""

    figure: Figure
    wide: str
    narrow: str
    svg: bytes
    pdf: bytes
    csv: bytes

    def files(self) -> Iterator[tuple[str, bytes]]:
        """Suffix and content of each file."""
        yield ".svg", self.svg
        yield ".pdf", self.pdf
        yield ".csv", self.csv


def require_drawing() -> None:
    """Raises BadInputError if the drawing packages are not installed."""
    if not all(find_spec(name) for name in ("altair", "vl_convert")):
        raise BadInputError(
            "the packages that draw figures are not installed; run: pip install 'dockml[report]'"
        )


def draw(figure: Figure) -> Drawn:
    """Render a figure in both widths and every format."""
    import vl_convert

    wide, narrow = _specification(figure, WIDE), _specification(figure, NARROW)
    plain = str(vl_convert.vegalite_to_svg(wide))
    paper = _on_paper(plain, figure)
    return Drawn(
        figure,
        wide=_in_page(plain, figure, "wide"),
        narrow=_in_page(str(vl_convert.vegalite_to_svg(narrow)), figure, "narrow"),
        svg=paper.encode(),
        # From the finished SVG: laying out the figure again takes five times as long.
        pdf=bytes(vl_convert.svg_to_pdf(paper)),
        csv=_csv(figure).encode(),
    )


def preview(figure: Figure) -> bytes:
    """The figure as a small PNG on white, for places that cannot show SVG."""
    import vl_convert

    return bytes(vl_convert.vegalite_to_png({**_specification(figure, WIDE), "background": "white"}, scale=1))


def _specification(figure: Figure, width: int) -> dict[str, Any]:
    specification: dict[str, Any] = figure.draw(width).to_dict()
    # Altair puts its own theme there, with a white background.
    specification["config"] = configuration()
    return specification


def _in_page(svg: str, figure: Figure, variant: str) -> str:
    """The drawing for the page: colours of the scheme, scaling with its column, a role and a text."""
    name = f"figure-{figure.name}-{variant}"
    found = _ROOT.search(svg)
    assert found, "the renderer's SVG begins otherwise than it used to"
    body = _READ_OUT.sub("", svg[found.end() :])
    body = _NAMED.sub(rf"\g<1>{name}-", body)
    for colour, variable in VARIABLES.items():
        body = body.replace(f'"{colour}"', f'"var(--{variable})"')
    body = re.sub(r' font-family="[^"]*"', "", body)
    return (
        f'<svg class="{variant}" role="img" aria-labelledby="{name}-title {name}-text" '
        f'width="{found[1]}" height="{found[2]}" viewBox="{found[3]}" style="max-width:{found[1]}px">'
        f'<title id="{name}-title">{escape(words(figure.title))}</title>'
        f'<desc id="{name}-text">{escape(cell(figure.describes))}</desc>{body}'
    )


def _on_paper(svg: str, figure: Figure) -> str:
    """The drawing as a file: on white, with title and text."""
    found = _ROOT.search(svg)
    assert found, "the renderer's SVG begins otherwise than it used to"
    ground = f'<rect width="{found[1]}" height="{found[2]}" fill="white"/>'
    texts = f"<title>{escape(words(figure.title))}</title><desc>{escape(cell(figure.describes))}</desc>"
    return svg[: found.end()] + texts + ground + svg[found.end() :]


def _csv(figure: Figure) -> str:
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    columns = list(dict.fromkeys(key for row in figure.rows for key in row))
    writer.writerow(columns)
    for row in figure.rows:
        writer.writerow([_cell(row.get(key)) for key in columns])
    return stream.getvalue()


def _cell(value: object) -> object:
    # A spreadsheet would run such text as a formula.
    if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r"):
        return "'" + value
    return value
