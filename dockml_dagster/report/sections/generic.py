"""Any findings table as it stands: for those that no section lays out, so that no finding is left out.

Belongs here: choosing columns and how their cells are set, from names and types alone.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

from dockml_dagster.report.blocks import Block, Column, Heading, Kind, Part, Table
from dockml_dagster.report.source import Row, Source
from dockml_dagster.report.text import Html, count, say
from dockml_dagster.warehouse.rows import qualified

ROWS = 60
"""Rows that a table of this kind shows; the caption says that there are more."""

_SHARES = ("share", "low", "high", "followed_share")


def part(
    table: str,
    *,
    what: str,
    heading: str | None = None,
    stage: str | None = None,
    only: str = "",
    order: str = "",
    caption: str = "",
    left_out: Collection[str] = (),
) -> Part:
    """A part that shows one findings table.

    ``only``: a condition on its rows; ``order``: how they are sorted; ``caption``: what they are; ``left_out``: columns.
    """
    build = shown(table, heading, only=only, order=order, caption=caption, left_out=left_out)
    return Part(what, (table,), build, stage=stage)


def shown(
    table: str,
    heading: str | None = None,
    *,
    only: str = "",
    order: str = "",
    caption: str = "",
    left_out: Collection[str] = (),
) -> Callable[[Source], Sequence[Block]]:
    """What such a part does."""

    def build(source: Source) -> Sequence[Block]:
        conditions = [
            *(["corpus = $corpus"] if "corpus" in source.columns(table) else []),
            *([only] if only else []),
        ]
        where = f"WHERE {' AND '.join(conditions)}" if conditions else ""
        sorting = f"ORDER BY {order}" if order else ""
        total = source.row(f"SELECT count(*) AS n FROM {qualified(table)} {where}")["n"]
        rows = source.rows(f"SELECT * FROM {qualified(table)} {where} {sorting} LIMIT {ROWS}")
        if not rows:
            return []
        blocks: list[Block] = [Heading(heading)] if heading else []
        return [
            *blocks,
            Table(
                caption=_caption(caption or table, total),
                table=table,
                columns=columns_of(rows, left_out),
                rows=rows,
            ),
        ]

    return build


def columns_of(rows: Sequence[Row], left_out: Collection[str] = ()) -> list[Column]:
    """Columns of rows: those of the corpus and of one value only are left out."""
    names = [name for name in rows[0] if name != "corpus" and name not in left_out]
    kept = [name for name in names if any(row[name] is not None for row in rows)]
    return [Column(name, name.replace("_", " "), _kind(name, rows)) for name in kept]


def _kind(name: str, rows: Sequence[Row]) -> Kind:
    values = [row[name] for row in rows if row[name] is not None]
    if not all(isinstance(value, int | float) and not isinstance(value, bool) for value in values):
        return "text"
    if name.endswith("bytes"):
        return "size"
    if name.startswith(_SHARES) and all(0 <= value <= 1 for value in values):
        return "percent"
    return "count" if all(float(value).is_integer() for value in values) else "decimal"


def _caption(what: str, total: int) -> Html:
    if total <= ROWS:
        return say("{what}.", what=what)
    return say("{what}; of its {total} rows only the first are shown.", what=what, total=count(total))
