"""The chart types of the report: steps, shares with intervals, medians with quartiles, two readings.

Here: chart types, drawn with Vega-Altair from plain rows (no pandas). Not here: which finding they show
(``sections``), colours (``theme``), files (``drawing``). Altair is imported with the first chart, because that takes
half a second.
"""

from __future__ import annotations

import json
import math
import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from dockml_dagster.report.source import Row
from dockml_dagster.report.text import cell
from dockml_dagster.report.theme import BLUE, FONT_SIZE, GREEN, INK, MUTED, ORANGE, PALE, READINGS, ROW
from dockml_dagster.text import size_text

if TYPE_CHECKING:
    import altair

LABEL = 120
"""Most characters of a text in a drawing; a longer one would be unreadable."""
POINT = 70
"""Area of a point in square pixels."""

SIZE_LABEL = (
    "datum.value >= 1e9 ? format(datum.value / 1e9, '~g') + ' GB' : "
    "datum.value >= 1e6 ? format(datum.value / 1e6, '~g') + ' MB' : "
    "datum.value >= 1e3 ? format(datum.value / 1e3, '~g') + ' kB' : format(datum.value, '~g') + ' B'"
)
"""Vega expression: bytes with a decimal unit."""
COUNT_LABEL = "format(datum.value, datum.value < 1000 ? '~r' : '~s')"
"""Vega expression: a count, each with its own SI prefix; the built-in format uses one per axis and prints 0k."""
SHARE_LABEL = "format(100 * datum.value, '~g')"


def _data(rows: Sequence[Row]) -> altair.InlineData:
    import altair

    return altair.InlineData(values=[{key: _plain(value) for key, value in row.items()} for row in rows])


def _plain(value: Any) -> Any:
    """A value that JSON can represent. A control character in a text would crash the renderer's process."""
    if isinstance(value, str):
        return cell(value)[:LABEL]
    return value if value is None or isinstance(value, bool | int | float) else float(value)


def _order(rows: Sequence[Row], key: str) -> list[str]:
    return list(dict.fromkeys(_plain(row[key]) for row in rows))


def _y(rows: Sequence[Row], *, limit: int) -> altair.Y:
    import altair

    broken = _broken(rows, limit)
    # A look-up table, because Vega expressions cannot break lines between words.
    lines = f"({json.dumps(broken)})[datum.label] || datum.label" if broken else altair.Undefined
    axis = altair.Axis(title=None, labelLimit=limit, labelLineHeight=FONT_SIZE, labelExpr=lines)
    return altair.Y("label:N", sort=_order(rows, "label"), axis=axis)


def _broken(rows: Sequence[Row], limit: int) -> dict[str, list[str]]:
    """Labels that are wider than the available space → their lines."""
    characters = int(limit / 6.6)
    return {
        label: textwrap.wrap(label, characters, max_lines=2, placeholder="…")
        for label in _order(rows, "label")
        if len(label) > characters
    }


def label_limit(width: int) -> int:
    """Pixels available for the labels of rows."""
    return 280 if width > 500 else 165


def steps(rows: Sequence[Row], *, width: int, x_title: str) -> altair.TopLevelMixin:
    """The number left after each step, on a logarithmic axis, printed beside its point.

    ``rows``: ``label``, ``n``. Points instead of bars, because such an axis has no zero for a bar to start from.
    """
    import altair

    base = altair.Chart(_data(rows)).encode(y=_y(rows, limit=label_limit(width)))
    top = max(row["n"] for row in rows)
    bottom = 10 ** (len(str(max(min(row["n"] for row in rows), 1))) - 1)
    x = altair.X(
        "n:Q",
        title=x_title,
        scale=altair.Scale(type="log", domain=[bottom, top * 3], nice=False),
        axis=altair.Axis(values=[10**power for power in range(8)], labelExpr=COUNT_LABEL),
    )
    line = base.mark_line(color=PALE, strokeWidth=2).encode(x=x, order=altair.Order("position:Q"))
    points = base.mark_point(filled=True, size=POINT, color=BLUE, opacity=1).encode(x=x)
    labels = base.mark_text(align="left", dx=9, color=INK, fontSize=FONT_SIZE).encode(
        x=x, text=altair.Text("n:Q", format=",")
    )
    return _plot(line + points + labels, rows, width)


def shares(
    rows: Sequence[Row], *, width: int, x_title: str, limit: float | None = None
) -> altair.TopLevelMixin:
    """Shares with their intervals. ``rows``: ``label``, ``share``, ``low``, ``high`` (0 to 1)."""
    import altair

    base = altair.Chart(_data(rows)).encode(y=_y(rows, limit=label_limit(width)))
    top = limit or min(1.0, max(row["high"] or row["share"] or 0 for row in rows) * 1.05) or 1.0
    x = altair.X(
        "share:Q",
        title=x_title,
        scale=altair.Scale(domain=[0, top], nice=False),
        axis=altair.Axis(labelExpr=SHARE_LABEL, tickCount=6 if width > 500 else 4),
    )
    interval = base.mark_rule(color=BLUE, strokeWidth=2).encode(
        x=altair.X("low:Q", title=x_title), x2="high:Q"
    )
    points = base.mark_point(filled=True, size=POINT, color=BLUE, opacity=1).encode(x=x)
    return _plot(interval + points, rows, width)


def pairs(rows: Sequence[Row], *, width: int, x_title: str, names: Sequence[str]) -> altair.TopLevelMixin:
    """Two shares per row, joined by a line. ``rows``: ``label``, ``group`` (one of ``names``), ``share`` (0 to 1), and
    ``low`` and ``high`` where there is an interval.
    """
    import altair

    base = altair.Chart(_data(rows)).encode(y=_y(rows, limit=label_limit(width)))
    x = altair.X(
        "share:Q",
        title=x_title,
        scale=altair.Scale(domainMin=0),
        axis=altair.Axis(labelExpr=SHARE_LABEL, tickCount=6 if width > 500 else 4),
    )
    apart = _told_apart("group", names, width)
    line = base.mark_line(color=PALE, strokeWidth=2).encode(x=x, detail="label:N")
    interval = (
        base.transform_filter("isValid(datum.low)")
        .mark_rule(strokeWidth=2)
        .encode(x=altair.X("low:Q", title=x_title), x2="high:Q", color=apart["color"])
    )
    points = base.mark_point(size=POINT, strokeWidth=2, opacity=1, filled=True).encode(x=x, **apart)
    return _plot(line + interval + points, rows, width)


def readings(rows: Sequence[Row], *, width: int, x_title: str) -> altair.TopLevelMixin:
    """A share in both readings, joined by a line. ``rows``: those of ``pairs`` with ``reading`` for ``group``."""
    return pairs(_by_reading(rows), width=width, x_title=x_title, names=tuple(READINGS.values()))


def _by_reading(rows: Sequence[Row]) -> list[Row]:
    return [{**row, "group": READINGS.get(row["reading"], row["reading"])} for row in rows]


def _told_apart(key: str, names: Sequence[str], width: int) -> dict[str, Any]:
    """Colour and shape of up to three groups; the shape serves readers who cannot see the colour."""
    import altair

    known = list(names)
    colours = altair.Scale(domain=known, range=[BLUE, ORANGE, GREEN][: len(known)])
    shapes = altair.Scale(domain=known, range=["circle", "diamond", "square"][: len(known)])
    return {
        "color": altair.Color(f"{key}:N", title=None, scale=colours, legend=_legend(width)),
        "shape": altair.Shape(f"{key}:N", title=None, scale=shapes),
    }


def _round_step(least: float) -> float:
    """The smallest of 1, 2 and 5 times a power of ten that is at least ``least``, and at least 1."""
    power = 10.0 ** max(0, math.floor(math.log10(max(least, 1))))
    return next(first * power for first in (1, 2, 5, 10) if first * power >= least)


def savings(rows: Sequence[Row], *, width: int, x_title: str) -> altair.TopLevelMixin:
    """Bytes from zero, each amount written beside its point. ``rows``: ``label``, ``bytes``."""
    import altair

    shown = [{**row, "amount": size_text(row["bytes"]), "zero": 0} for row in rows]
    most = max(float(row["bytes"]) for row in rows)
    step = _round_step(most / (4 if width > 500 else 2))
    # Leave room for the amounts to the right of their points.
    scale = altair.Scale(domain=[0, most * (1.2 if width > 500 else 1.5)], nice=False)
    axis = altair.Axis(labelExpr=SIZE_LABEL, values=[step * place for place in range(int(most / step) + 1)])
    base = altair.Chart(_data(shown)).encode(y=_y(shown, limit=label_limit(width)))
    line = base.mark_rule(color=PALE, strokeWidth=4).encode(
        x=altair.X("zero:Q", title=x_title, scale=scale, axis=axis), x2="bytes:Q"
    )
    x = altair.X("bytes:Q", title=x_title, scale=scale, axis=axis)
    points = base.mark_point(filled=True, size=POINT, color=BLUE, opacity=1).encode(x=x)
    amounts = base.mark_text(align="left", dx=9, color=INK, fontSize=FONT_SIZE).encode(x=x, text="amount:N")
    return _plot(line + points + amounts, shown, width)


def quartiles(
    rows: Sequence[Row],
    *,
    width: int,
    x_title: str,
    log: bool = False,
    size: bool = False,
    share: bool = False,
) -> altair.TopLevelMixin:
    """Medians with the interquartile range. ``rows``: ``label``, ``median``, ``q25``, ``q75``, and ``median_low`` and
    ``median_high`` where the median has an interval.

    ``size``: the values are bytes; ``share``: they are shares, 0 to 1, shown in per cent.
    """
    import altair

    base = altair.Chart(_data(rows)).encode(y=_y(rows, limit=label_limit(width)))
    axis = altair.Axis(tickCount=6 if width > 500 else 4, labelExpr=SHARE_LABEL if share else COUNT_LABEL)
    if size:
        axis = altair.Axis(labelExpr=SIZE_LABEL, values=_size_ticks(rows, width))
    elif log:
        axis = altair.Axis(values=[10**power for power in range(10)], labelExpr=COUNT_LABEL)
    scale = altair.Scale(type="log", nice=False, domain=_around(rows)) if log else altair.Scale(domainMin=0)
    x = altair.X("median:Q", title=x_title, scale=scale, axis=axis)
    half = base.mark_rule(color=PALE, strokeWidth=9).encode(
        x=altair.X("q25:Q", title=x_title, scale=scale, axis=axis), x2="q75:Q"
    )
    points = base.mark_point(filled=True, size=POINT, color=BLUE, opacity=1).encode(x=x)
    return _plot(half + _median_interval(base, x_title, scale, axis) + points, rows, width)


def _median_interval(base: altair.Chart, title: str, scale: altair.Scale, axis: altair.Axis) -> altair.Chart:
    import altair

    line: altair.Chart = (
        base.transform_filter("isValid(datum.median_low)")
        .mark_rule(color=BLUE, strokeWidth=2)
        .encode(x=altair.X("median_low:Q", title=title, scale=scale, axis=axis), x2="median_high:Q")
    )
    return line


def _around(rows: Sequence[Row]) -> list[float]:
    """The range of all quartiles with a margin, for a logarithmic axis."""
    low = min(value for row in rows for value in (row["q25"], row["median"]) if value > 0)
    high = max(row["q75"] for row in rows)
    return [low / 1.3, high * 1.3]


def _size_ticks(rows: Sequence[Row], width: int) -> list[float]:
    """1, 2 and 5 of each power of ten inside the range, at most one tick for every 110 pixels of the column."""
    low, high = _around(rows)
    round_values = (first * 10.0**power for power in range(18) for first in (1, 2, 5))
    inside = [value for value in round_values if low <= value <= high]
    every = -(-len(inside) // max(width // 110, 2))
    return inside[::-every] if every else inside


def panels(rows: Sequence[Row], *, width: int, across: int) -> altair.TopLevelMixin:
    """Medians with quartiles of several measures, each in a panel with its own axis.

    ``rows``: ``panel`` and those of ``quartiles``.
    """
    import altair

    # Row names are printed once per line of panels, and take part of its width.
    inner = (width - 130 - 24 * across) // across
    charts = []
    for place, name in enumerate(_order(rows, "panel")):
        part = [row for row in rows if _plain(row["panel"]) == name]
        labelled = place % across == 0
        base = altair.Chart(_data(part)).encode(
            y=altair.Y(
                "label:N",
                sort=_order(part, "label"),
                axis=altair.Axis(title=None, labelLimit=130, labels=labelled),
            )
        )
        axis = altair.Axis(tickCount=3, labelExpr=COUNT_LABEL)
        scale = altair.Scale(domainMin=0)
        x = altair.X("median:Q", title=name, scale=scale, axis=axis)
        half = base.mark_rule(color=PALE, strokeWidth=9).encode(
            x=altair.X("q25:Q", title=name, scale=scale, axis=axis), x2="q75:Q"
        )
        points = base.mark_point(filled=True, size=POINT, color=BLUE, opacity=1).encode(x=x)
        charts.append(
            (half + _median_interval(base, name, scale, axis) + points).properties(
                width=max(inner, 90), height=ROW * len(_order(part, "label"))
            )
        )
    joined = altair.concat(*charts, columns=across, spacing={"column": 14, "row": 18})
    return joined.properties(padding=padding(rows))


def ratios(rows: Sequence[Row], *, width: int, x_title: str) -> altair.TopLevelMixin:
    """The ratio of each repeated value to the printed value; 1 means equal.

    ``rows``: ``label``, ``reading``, ``ratio``.
    """
    import altair

    shown = _by_reading(rows)
    x = altair.X(
        "ratio:Q",
        title=x_title,
        scale=altair.Scale(
            type="log",
            nice=False,
            domain=[min(row["ratio"] for row in rows) / 1.15, max(row["ratio"] for row in rows) * 1.15],
        ),
        axis=altair.Axis(values=[2.0**power for power in range(-6, 7)], format="~r"),
    )
    points = (
        altair.Chart(_data(shown))
        .mark_point(size=POINT, strokeWidth=1.6, opacity=1)
        .encode(
            x=x,
            y=_y(shown, limit=label_limit(width)),
            **_told_apart("group", tuple(READINGS.values()), width),
        )
    )
    one = altair.Chart(_data([{"ratio": 1}])).mark_rule(color=MUTED, strokeWidth=1.5).encode(x="ratio:Q")
    return _plot(one + points, rows, width)


def effects(
    rows: Sequence[Row], *, width: int, x_title: str, key: str, least: float, top: float | None = None
) -> altair.TopLevelMixin:
    """Effect sizes as points, with a line at zero.

    ``rows``: ``label`` and ``key``; ``least`` and ``top``: where the axis begins and ends (None: at the largest value).
    """
    import altair

    top = max(float(row[key]) for row in rows) * 1.05 if top is None else top
    x = altair.X(
        f"{key}:Q",
        title=x_title,
        scale=altair.Scale(domain=[least, top or 1.0], nice=False),
        axis=altair.Axis(tickCount=6 if width > 500 else 2),
    )
    points = (
        altair.Chart(_data(rows))
        .mark_point(filled=True, size=POINT, color=BLUE, opacity=1)
        .encode(x=x, y=_y(rows, limit=label_limit(width)))
    )
    zero = altair.Chart(_data([{key: 0}])).mark_rule(color=MUTED, strokeWidth=1.5).encode(x=f"{key}:Q")
    return _plot(zero + points, rows, width)


def groups(rows: Sequence[Row], *, width: int, x_title: str, names: Sequence[str]) -> altair.TopLevelMixin:
    """Shares with intervals of two or three groups beside each other.

    ``rows``: ``label``, ``group``, ``share``, ``low``, ``high``; ``names``: the groups in the order of the legend.
    """
    import altair

    apart = _told_apart("group", names, width)
    base = altair.Chart(_data(rows)).encode(
        y=_y(rows, limit=label_limit(width)),
        yOffset=altair.YOffset("group:N", sort=list(names)),
        color=apart["color"],
    )
    axis = altair.Axis(labelExpr=SHARE_LABEL, tickCount=6 if width > 500 else 4)
    scale = altair.Scale(domainMin=0)
    interval = base.mark_rule(strokeWidth=2).encode(
        x=altair.X("low:Q", title=x_title, scale=scale, axis=axis), x2="high:Q"
    )
    points = base.mark_point(filled=True, size=POINT, opacity=1).encode(
        x=altair.X("share:Q", title=x_title, scale=scale, axis=axis), shape=apart["shape"]
    )
    return _plot(interval + points, rows, width, row=12)


def _legend(width: int) -> altair.Legend:
    import altair

    return altair.Legend(orient="top", direction="horizontal" if width > 500 else "vertical", title=None)


def _plot(
    chart: altair.LayerChart, rows: Sequence[Row], width: int, *, row: int = ROW
) -> altair.TopLevelMixin:
    import altair

    # "fit" makes the whole drawing as wide as the column, including labels and titles.
    fitting = altair.AutoSizeParams(type="fit-x", contains="padding")
    height = altair.Step(row * 1.2 if _broken(rows, label_limit(width)) else row)
    return chart.properties(width=width, height=height, autosize=fitting, padding=padding(rows))


def padding(rows: Sequence[Row]) -> dict[str, float]:
    """Space around a drawing. A reader's font may be wider than the measured one, so long labels get more space."""
    longest = max(len(_plain(row["label"])) for row in rows)
    return {"left": 6 + 0.9 * min(longest, 40), "right": 16, "top": 6, "bottom": 4}
