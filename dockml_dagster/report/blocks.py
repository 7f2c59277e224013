"""The parts of a section: paragraphs, figures, tables; and the section itself.

Here: the frozen types between ``sections`` (the content) and ``page`` (the layout). Not here: either of them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from dockml_dagster.report.source import Row, Source
from dockml_dagster.report.text import Html

if TYPE_CHECKING:
    import altair

Kind = Literal["text", "code", "count", "decimal", "percent", "size", "own"]
"""How a cell is aligned: ``text`` and ``code`` left, numbers right; ``own``: by the row's ``kind``."""


@dataclass(frozen=True, slots=True)
class Paragraph:
    """Running text. ``role`` chooses its style: plain, lead (the summary), note (something is missing)."""

    text: Html
    role: Literal["plain", "lead", "note"] = "plain"


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading inside a section."""

    text: str


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure.

    ``draw(width)`` returns the chart for a column of that many pixels: the page has a wide and a narrow one. ``title`` says
    what the figure shows, ``describes`` is its text for screen readers, ``rows`` its data, ``table`` the finding that it
    is based on.
    """

    name: str
    title: Html
    describes: str
    table: str
    rows: Sequence[Row]
    draw: Callable[[int], altair.TopLevelMixin]
    note: Html = field(default_factory=lambda: Html(""))


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table: the key of its values, its heading with the unit, and how its cells are set."""

    key: str
    heading: str
    kind: Kind = "text"


@dataclass(frozen=True, slots=True)
class Table:
    """A table. ``folded`` tables are collapsed until a reader opens them; in print they are open."""

    caption: Html
    table: str
    columns: Sequence[Column]
    rows: Sequence[Row]
    folded: bool = False


INTERVAL = (
    Column("low", "95 % interval, from (%)", "percent"),
    Column("high", "to (%)", "percent"),
    Column("clusters", "projects", "count"),
)
"""Columns of a share's interval over projects: ``low``, ``high``, ``clusters``."""


def share_table(
    caption: Html,
    table: str,
    rows: Sequence[Row],
    *,
    texts: Sequence[Column],
    counts: Column,
    after: Sequence[Column] = (),
) -> Table:
    """A table of parts of a whole: the part, its count, the total (``n``), its ``share``, and further columns."""
    columns = (*texts, counts, Column("n", "n", "count"), Column("share", "share (%)", "percent"), *after)
    return Table(caption, table, columns, rows)


Block = Paragraph | Heading | Figure | Table


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of a section that is shown only if its tables have rows.

    ``reads``: the tables that must have rows. ``stage``: the stage of collection whose outcomes explain missing
    rows. ``what``: what the part would have shown, as the subject of a sentence. ``without``: the sentence for the case
    without rows, if no outcome of collection explains it.
    """

    what: str
    reads: tuple[str, ...]
    build: Callable[[Source], Sequence[Block]]
    stage: str | None = None
    without: Html | None = None


@dataclass(frozen=True, slots=True)
class Section:
    """A section: its anchor, its title, its parts in order."""

    name: str
    title: str
    parts: tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class BuiltSection:
    """A section with its blocks, and their SQL statements."""

    section: Section
    blocks: Sequence[Block]
    asked: Sequence[str]


WILSON = """
    (share + 1.96 * 1.96 / (2 * n) - 1.96 * sqrt(share * (1 - share) / n + 1.96 * 1.96 / (4 * n * n)))
        / (1 + 1.96 * 1.96 / n) AS low,
    (share + 1.96 * 1.96 / (2 * n) + 1.96 * sqrt(share * (1 - share) / n + 1.96 * 1.96 / (4 * n * n)))
        / (1 + 1.96 * 1.96 / n) AS high
"""
"""Wilson's 95 % interval of ``share`` over ``n``, as columns of a SELECT."""
