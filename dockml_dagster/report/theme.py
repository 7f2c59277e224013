"""Colours and type of the figures, in both schemes.

Here: the palette and the configuration that every chart shares. Not here: any chart.

The hues are those of Okabe and Ito's palette (jfly.uni-koeln.de/color), which all common kinds of colour blindness can
distinguish, darkened or lightened until each has a contrast of at least 3:1, text 4.5:1. Readings also differ in shape.
"""

from __future__ import annotations

from typing import Any

INK = "#1c2127"
MUTED = "#55606b"
GRID = "#dfe3e8"
BLUE = "#0b64a8"
ORANGE = "#b84a0a"
GREEN = "#00755a"
PALE = "#a9c9e6"

VARIABLES = {
    INK: "ink",
    MUTED: "muted",
    GRID: "grid",
    BLUE: "blue",
    ORANGE: "orange",
    GREEN: "green",
    PALE: "pale",
}
"""Colour in a drawing → the variable of the style sheet that replaces it in the page."""

FONT = "Arial, Helvetica, 'Liberation Sans', sans-serif"
FONT_SIZE = 12
ROW = 24
"""Height of a row of a chart in pixels."""

READINGS = {"corrected": "corrected", "as_published": "the paper’s way"}
"""Reading → its name in a legend."""


def configuration() -> dict[str, Any]:
    """Vega-Lite configuration: quiet axes, no frame, no background."""
    return {
        "background": None,
        "font": FONT,
        "view": {"stroke": None},
        "axis": {
            "labelColor": INK,
            "titleColor": MUTED,
            "labelFontSize": FONT_SIZE,
            "titleFontSize": FONT_SIZE,
            "titleFontWeight": "normal",
            "titlePadding": 8,
            "gridColor": GRID,
            "tickColor": GRID,
            "domain": False,
            "labelLimit": 260,
            "titleLimit": 600,
        },
        # A label belongs under its line, also at the ends.
        "axisX": {"labelFlush": False, "titleAnchor": "end"},
        "axisY": {"grid": False, "ticks": False, "labelPadding": 8},
        "header": {
            "labelColor": INK,
            "labelFontSize": FONT_SIZE,
            "labelFontWeight": "bold",
            "titleColor": MUTED,
            "labelAnchor": "start",
        },
        "legend": {
            "labelColor": INK,
            "titleColor": MUTED,
            "labelFontSize": FONT_SIZE,
            "titleFontSize": FONT_SIZE,
            "titleFontWeight": "normal",
            "orient": "top",
            "symbolSize": 80,
            "columnPadding": 20,
            "labelLimit": 320,
        },
        "title": {"color": INK, "anchor": "start"},
    }
