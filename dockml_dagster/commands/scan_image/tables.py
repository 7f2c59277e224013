"""The tables of ``scan-image``, sizes in them, and its JSON.

Here: a table under its title in each format, and the document of one or several images. Not here: their content
(``output``, ``artifacts``).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Final

from dockml_dagster.commands.output import Format, render, width
from dockml_dagster.text import size_text

SHOWN_DIGEST: Final = 19
"""Characters of a digest in a table: enough to find it again."""
_LEAST_WIDTHS: Final = {"digest": 110, "compressed": 84, "group": 84}
"""Terminal widths below which these columns are left out: with them, each layer would become a block of lines."""


def table(title: str, columns: Sequence[str], rows: Sequence[Sequence[Any]], format_: Format) -> str:
    """A table with its title; on a narrow terminal without the columns of ``_LEAST_WIDTHS``."""
    room = width()
    if format_ == "table" and room is not None:
        kept = [place for place, name in enumerate(columns) if room >= _LEAST_WIDTHS.get(name, 0)]
        columns, rows = [columns[place] for place in kept], [[row[place] for place in kept] for row in rows]
    text = render(columns, rows, format_, title=title)
    return f"## {title}\n\n{text}" if format_ == "markdown" else text


def json_document(objects: Sequence[object]) -> str:
    """The JSON of one image, or of several in a list; ends with a line feed."""
    return json.dumps(objects[0] if len(objects) == 1 else objects, indent=2) + "\n"


def short_size(size: int | None) -> str | None:
    """For people: `1.21 GB`. None stays None."""
    return None if size is None else size_text(size)


def full_size(size: int | None) -> str | None:
    """For people, with the exact number for comparing: `1.21 GB (1,207,243,694)`. None stays None."""
    if size is None or size < 1000:
        return None if size is None else f"{size} B"
    return f"{size_text(size)} ({size:,})"
