"""Rows on standard output: a table for people, CSV, JSON and Markdown for everything else.

Here: formatting. Not here: where rows come from. Nothing heavy is imported: commands answer in under half a second.
"""

from __future__ import annotations

import csv
import io
import json
import os
import re
import shutil
import sys
from collections.abc import Sequence
from typing import Any, Literal, get_args

import click

from dockml_dagster.text import printable

Format = Literal["table", "csv", "json", "markdown"]
FORMATS: tuple[str, ...] = get_args(Format)

_KEPT = ("\n", "\r", "\t")
GAP = 3
"""Characters between two columns of a table."""
FOLDED_CHARACTERS = 24
"""The smallest width to which long texts of a table are wrapped on a narrow terminal."""
_SIDE_BY_SIDE = 2
_FEW = 5
"""Only tables with at most this many columns wrap several of them: wrapped words in a dozen columns are unreadable."""


def say(text: object = "", *, err: bool = False, nl: bool = True) -> None:
    """Write to standard output or standard error: the one function for output that a person may see.

    Untrusted text is made harmless here, whatever a command forgot: no escapes, no bidirectional controls.
    Line ends and tabs stay. Where the program that reads it has ended (head, less), the rest is written nowhere, and the
    command goes on: its exit code is that of its work.
    """
    try:
        click.echo("\n".join(map(_harmless, str(text).split("\n"))), err=err, nl=nl)
    except BrokenPipeError:
        stream = sys.stderr if err else sys.stdout
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _harmless(line: str) -> str:
    return line if line.isprintable() else "\t".join(map(printable, line.split("\t")))


def json_text(value: object) -> str:
    """JSON that is safe to display: the same value, with unprintable characters as escapes."""
    text = json.dumps(value, ensure_ascii=False, indent=2, default=str)
    return "\n".join(line if line.isprintable() else _escaped(line) for line in text.split("\n")) + "\n"


def _escaped(line: str) -> str:
    return "".join(one if one.isprintable() else json.dumps(one)[1:-1] for one in line)


def render(
    columns: Sequence[str], rows: Sequence[Sequence[Any]], format_: Format, *, title: str | None = None
) -> str:
    """The rows as text that ends with a line feed. Only tables show ``title``."""
    if format_ == "csv":
        lines = [
            _csv_line([printable(column) for column in columns]),
            *(_csv_line([_csv_cell(value) for value in row]) for row in rows),
        ]
        return "".join(lines)
    if format_ == "json":
        objects = [dict(zip(columns, row, strict=True)) for row in rows]
        return json_text(objects)
    if format_ == "markdown":
        lines = ["| " + " | ".join(map(printable, columns)) + " |", "|" + "".join(" --- |" for _ in columns)]
        lines += ["| " + " | ".join(_text(value).replace("|", "\\|") for value in row) + " |" for row in rows]
        return "\n".join(lines) + "\n"
    return _table([printable(column) for column in columns], rows, title and printable(title))


def _table(columns: Sequence[str], rows: Sequence[Sequence[Any]], title: str | None) -> str:
    # A piped table keeps its full width unless COLUMNS is set; on a terminal it fits the window.
    room = width()
    if room is None or sum(_widths(columns, rows)) + GAP * len(columns) <= room:
        return _drawn(columns, rows, title, room or 400)
    return _narrowed(columns, rows, title, room)


def width() -> int | None:
    """Characters in a line: ``COLUMNS``, else the width of the terminal; ``None`` where output is piped."""
    if os.isatty(1) or os.environ.get("COLUMNS", "").isdigit():
        return shutil.get_terminal_size().columns
    return None


def _narrowed(columns: Sequence[str], rows: Sequence[Sequence[Any]], title: str | None, width: int) -> str:
    """A table too wide for the window: values that are the same in every row are moved above it.

    If that is not enough, each row becomes a block of lines: wrapped words in a dozen columns are unreadable.
    """
    same = [
        index
        for index in range(len(columns))
        if len(rows) > 1 and all(row[index] == rows[0][index] for row in rows)
    ]
    kept = [index for index in range(len(columns)) if index not in same]
    above = " · ".join(f"{columns[index]}: {_text(rows[0][index])}" for index in same)
    heading = "\n".join(part for part in (title, above) if part) or None
    names = [columns[index] for index in kept]
    cells = [[row[index] for index in kept] for row in rows]
    for folded in range(1, _SIDE_BY_SIDE + 1 if len(names) <= _FEW else _SIDE_BY_SIDE):
        for heads in (names, [_folded(name) for name in names]):
            widths = _widths(heads, cells)
            texts = [place for place in range(len(heads)) if not _numeric(cells, place)]
            longest = sorted(texts, key=lambda place: -widths[place])[:folded]
            for place in longest:
                widths[place] = min(widths[place], FOLDED_CHARACTERS)
            if sum(widths) + GAP * len(widths) <= width:
                return _drawn(heads, cells, heading, width, folded=longest)
    room = max(map(len, names))
    blocks = [
        "\n".join(f"{name:>{room}}  {_text(value)}" for name, value in zip(names, row, strict=True))
        for row in cells
    ]
    return "\n\n".join(part for part in (heading, *blocks) if part) + "\n"


def _folded(name: str) -> str:
    """A heading over several lines, broken at its underscores."""
    return name.replace("_", "_\n")


def _widths(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> list[int]:
    return [
        max([*map(len, column.split("\n")), *(len(_text(row[index])) for row in rows)])
        for index, column in enumerate(columns)
    ]


def _numeric(rows: Sequence[Sequence[Any]], index: int) -> bool:
    return any(isinstance(row[index], int | float) for row in rows)


def _drawn(
    columns: Sequence[str],
    rows: Sequence[Sequence[Any]],
    title: str | None,
    width: int,
    *,
    folded: Sequence[int] | None = None,
) -> str:
    """The table; ``folded``: the only columns whose cells may break into lines."""
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(file=io.StringIO(), width=width, color_system=None)
    table = Table(
        title=Text(title) if title else None, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False
    )
    for index, column in enumerate(columns):
        table.add_column(
            column,
            justify="right" if _numeric(rows, index) else "left",
            overflow="fold",
            no_wrap=folded is not None and index not in folded,
        )
    for row in rows:
        table.add_row(*(Text(_text(value)) for value in row))
    console.print(table)
    output = console.file
    assert isinstance(output, io.StringIO)
    return "\n".join(line.rstrip() for line in output.getvalue().splitlines()) + "\n"


def _text(value: object) -> str:
    """A cell for people: unknown is –, control characters are made harmless."""
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        if abs(value) < 1000:
            return f"{value:.4g}"
        return f"{value:,.0f}" if value.is_integer() else f"{value:,.1f}"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, list | tuple):
        return ", ".join(_text(item) for item in value)
    return printable(str(value))


def _csv_line(cells: Sequence[object]) -> str:
    # csv quotes only the characters of its own line terminator. With "\r\n", a carriage return in a cell is quoted too.
    stream = io.StringIO()
    csv.writer(stream, lineterminator="\r\n").writerow(cells)
    return stream.getvalue().removesuffix("\r\n") + "\n"


def _csv_cell(value: object) -> object:
    """A cell for programs: lists as JSON; text that a spreadsheet would run as a formula is made harmless."""
    if isinstance(value, list | tuple | dict):
        return _escaped(json.dumps(value, ensure_ascii=False, default=str))
    if isinstance(value, str) and not value.isprintable():
        # White space is kept here; other unprintable characters are replaced.
        value = "".join(part if part in _KEPT else printable(part) for part in re.split(r"([\n\r\t])", value))
    if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r"):
        return "'" + value
    return value
