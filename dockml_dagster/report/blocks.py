"""What a section is made of: paragraphs, figures, tables; and the section itself.

Here: the frozen types between ``sections`` (what is said) and ``page`` (how it is set). Not here: either of them.
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
"""How a cell is set: ``text`` and ``code`` to the left, numbers to the right; ``own``: as the row's ``kind`` says."""


@dataclass(frozen=True, slots=True)
class Paragraph:
    """Running text. ``role`` chooses its look: plain, lead (the summary), note (something is missing)."""

    text: Html
    role: Literal["plain", "lead", "note"] = "plain"


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading inside a section."""

    text: str


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure.

    ``draw(width)`` gives the chart for a column of that many pixels: the page has a wide and a narrow one. ``title`` says
    what is to be seen, ``describes`` is read out to who cannot see it, ``rows`` is its data, ``table`` the finding it
    stands on.
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
    """A table. ``folded`` tables are closed until somebody opens them; printed they are open."""

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
    """A table of parts of a whole: what a part is, how many, of how many (``n``), its ``share``, and what else is known."""
    columns = (*texts, counts, Column("n", "n", "count"), Column("share", "share (%)", "percent"), *after)
    return Table(caption, table, columns, rows)


Block = Paragraph | Heading | Figure | Table


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of a section that stands or falls with its tables.

    ``reads``: tables without whose rows there is nothing to say. ``stage``: the stage of collection whose outcomes tell why
    rows are missing. ``what``: what the part would have shown, as the subject of a sentence. ``without``: what is to be said
    where there is no row, if a reason of collection does not tell it.
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
    """A section with its blocks, and the statements behind them."""

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
