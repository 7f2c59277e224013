"""Tables as ``scan-image`` prints them, and sizes in them; and its JSON.

Here: a title with a table under it, in each format, and the document of one image or several. Not here: what stands in
them (``output``, ``artifacts``).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Final

from dockml_dagster.commands.output import Format, render
from dockml_dagster.text import size_text

SHOWN_DIGEST: Final = 19
"""Characters of a digest in a table: enough to find it again."""


def table(title: str, columns: Sequence[str], rows: Sequence[Sequence[Any]], format_: Format) -> str:
    """A table with its title."""
    text = render(columns, rows, format_, title=title)
    return f"## {title}\n\n{text}" if format_ == "markdown" else text


def json_document(objects: Sequence[object]) -> str:
    """The JSON of one image, or of several in a list; ends with a line feed."""
    return json.dumps(objects[0] if len(objects) == 1 else objects, indent=2) + "\n"


def short_size(size: int | None) -> str | None:
    """For people: `1.21 GB`. None stays None."""
    return None if size is None else size_text(size)


def full_size(size: int | None) -> str | None:
    """For people and for who compares: `1.21 GB (1,207,243,694)`. None stays None."""
    if size is None or size < 1000:
        return None if size is None else f"{size} B"
    return f"{size_text(size)} ({size:,})"
