"""Rows on standard output: a table for people, CSV, JSON and Markdown for everything else.

Belongs here: formatting. Does not: where rows come from. Imports nothing heavy: commands answer in under half a second.
"""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Sequence
from typing import Any, Literal, get_args

Format = Literal["table", "csv", "json", "markdown"]
FORMATS: tuple[str, ...] = get_args(Format)


def render(
    columns: Sequence[str], rows: Sequence[Sequence[Any]], format_: Format, *, title: str | None = None
) -> str:
    """The rows as text that ends with a line feed. ``title`` shows in tables only."""
    if format_ == "csv":
        lines = [_csv_line(columns), *(_csv_line([_csv_cell(value) for value in row]) for row in rows)]
        return "".join(lines)
    if format_ == "json":
        objects = [dict(zip(columns, row, strict=True)) for row in rows]
        return json.dumps(objects, ensure_ascii=False, indent=2, default=str) + "\n"
    if format_ == "markdown":
        lines = ["| " + " | ".join(columns) + " |", "|" + "".join(" --- |" for _ in columns)]
        lines += ["| " + " | ".join(_text(value).replace("|", "\\|") for value in row) + " |" for row in rows]
        return "\n".join(lines) + "\n"
    return _table(columns, rows, title)


def _table(columns: Sequence[str], rows: Sequence[Sequence[Any]], title: str | None) -> str:
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    # A table that is piped somewhere keeps its full width; on a terminal it fits the window.
    terminal = os.isatty(1)
    console = Console(file=io.StringIO(), width=None if terminal else 400, color_system=None)
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    for index, column in enumerate(columns):
        numeric = any(isinstance(row[index], int | float) for row in rows)
        table.add_column(column, justify="right" if numeric else "left", overflow="fold")
    for row in rows:
        table.add_row(*(Text(_text(value)) for value in row))
    console.print(table)
    output = console.file
    assert isinstance(output, io.StringIO)
    return "\n".join(line.rstrip() for line in output.getvalue().splitlines()) + "\n"


def _text(value: object) -> str:
    """A cell for people: unknown is –, control characters of collected text are harmless."""
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
    return "".join(character if character.isprintable() else " " for character in str(value))


def _csv_line(cells: Sequence[object]) -> str:
    # The module quotes the characters of its own line end only; with both in it, a carriage return breaks no row.
    stream = io.StringIO()
    csv.writer(stream, lineterminator="\r\n").writerow(cells)
    return stream.getvalue().removesuffix("\r\n") + "\n"


def _csv_cell(value: object) -> object:
    """A cell for programs: lists as JSON; text that a spreadsheet would run as a formula is defused."""
    if isinstance(value, list | tuple | dict):
        return json.dumps(value, ensure_ascii=False, default=str)
    if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r"):
        return "'" + value
    return value
