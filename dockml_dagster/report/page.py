"""The page: one HTML file with style, drawings and files inside, without scripts or external resources.

Here: markup. Not here: the content (``sections``), the style (``page.css``).
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping, Sequence
from html import escape
from importlib.resources import files
from typing import Any

from dockml_dagster.report.blocks import Block, BuiltSection, Column, Figure, Heading, Paragraph, Table
from dockml_dagster.report.drawing import Drawn
from dockml_dagster.report.source import Row
from dockml_dagster.report.text import UNKNOWN, cell, count_text, decimal_text, percent_text
from dockml_dagster.text import size_text

TITLE = "How machine-learning projects use Docker"
POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
"""Content-Security-Policy: the page may run no script and make no request."""

PROSE = 50
"""A cell of at least this many characters counts as a sentence and gets a wider column."""
_MIME = {".svg": "image/svg+xml", ".pdf": "application/pdf", ".csv": "text/csv"}
_SETTERS = {"count": count_text, "decimal": decimal_text, "percent": percent_text, "size": size_text}


def page(
    corpus: str, sections: Sequence[BuiltSection], figures: Mapping[str, Drawn], versions: Mapping[str, str]
) -> str:
    """The whole file."""
    style = files("dockml_dagster.report").joinpath("page.css").read_text(encoding="utf-8")
    numbering = _Numbering(corpus, figures)
    body = "\n".join(_section(built, numbering) for built in sections)
    contents = "".join(
        f'<li><a href="#{built.section.name}">{escape(built.section.title)}</a></li>' for built in sections
    )
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="{POLICY}">
<meta name="color-scheme" content="light dark">
<meta name="generator" content="dockml {escape(versions.get("dockml", ""))}">
<title>{TITLE}: {escape(corpus)}</title>
<style>
{style}</style>
</head>
<body>
<header>
<p class="kicker">Report on the corpus <strong>{escape(corpus)}</strong></p>
<h1>{TITLE}</h1>
<p class="subtitle">A rerun of “Studying the Practices of Deploying Machine Learning Projects on Docker”
(EASE 2022, <a href="https://doi.org/10.1145/3530019.3530039">10.1145/3530019.3530039</a>), repeated, corrected
and continued.</p>
</header>
<nav aria-label="Contents"><h2>Contents</h2><ol>{contents}</ol></nav>
<main>
{body}
{_versions(versions)}
</main>
<footer><p>Made by dockml from the published file alone. Every number is a row of a table named beside it.</p></footer>
</body>
</html>
"""


class _Numbering:
    """Numbers figures and tables in the order of the page."""

    def __init__(self, corpus: str, figures: Mapping[str, Drawn]) -> None:
        self.corpus = corpus
        self.figures = figures
        self._figure = 0
        self._table = 0

    def figure(self) -> int:
        self._figure += 1
        return self._figure

    def table(self) -> int:
        self._table += 1
        return self._table


def _section(built: BuiltSection, numbering: _Numbering) -> str:
    name = built.section.name
    blocks = "\n".join(_block(block, numbering) for block in built.blocks)
    return f"""<section id="{name}" aria-labelledby="{name}-title">
<h2 id="{name}-title">{escape(built.section.title)}</h2>
{blocks}
{_statements(built.asked)}
</section>"""


def _statements(asked: Sequence[str]) -> str:
    if not asked:
        return ""
    shown = "\n".join(f"<pre><code>{escape(_pasted(statement))}</code></pre>" for statement in asked)
    return (
        '<details class="statements"><summary>The SQL behind this section</summary>'
        f"<p>Each can be pasted into a shell as it stands.</p>{shown}</details>"
    )


def _pasted(statement: str) -> str:
    """A statement as a shell command, whatever quotes it contains."""
    return f"dockml sql - <<'END'\n{statement}\nEND"


def _block(block: Block, numbering: _Numbering) -> str:
    if isinstance(block, Paragraph):
        role = "" if block.role == "plain" else f' class="{block.role}"'
        return f"<p{role}>{block.text}</p>"
    if isinstance(block, Heading):
        return f"<h3>{escape(block.text)}</h3>"
    if isinstance(block, Figure):
        return _figure(block, numbering)
    return _table(block, numbering)


def _figure(figure: Figure, numbering: _Numbering) -> str:
    drawn = numbering.figures[figure.name]
    links = " ".join(
        f'<a download="{figure.name}{suffix}" href="data:{_MIME[suffix]};base64,{base64.b64encode(content).decode()}">'
        f"{suffix[1:].upper()}</a>"
        for suffix, content in drawn.files()
    )
    return f"""<figure id="figure-{figure.name}">
<p class="title"><span class="number">Figure {numbering.figure()}.</span> {figure.title}</p>
{drawn.wide}
{drawn.narrow}
<figcaption>{figure.note} <span class="way">{_way(figure.table, numbering.corpus)}</span>
<span class="files">{links}</span></figcaption>
</figure>"""


def _way(table: str, corpus: str) -> str:
    """The source of the rows: the table, and the command that prints it."""
    schema, name = table.split(".")
    if name == "*":
        return ""
    if schema == "findings":
        return f"Rows: <code>dockml show {escape(name)} --corpus {escape(corpus)}</code>"
    return f"Rows: <code>{escape(table)}</code>"


def _table(table: Table, numbering: _Numbering) -> str:
    number = numbering.table()
    head = "".join(
        f'<th scope="col"{_align(column, table.rows)}>{escape(column.heading)}</th>'
        for column in table.columns
    )
    aligned = [(column, _align(column, table.rows)) for column in table.columns]
    rows = "\n".join(
        "<tr>"
        + "".join(_cell(column, row, align, place) for place, (column, align) in enumerate(aligned))
        + "</tr>"
        for row in table.rows
    )
    title = f'<span class="number">Table {number}.</span> {table.caption}'
    way = f'<p class="way">{_way(table.table, numbering.corpus)}</p>' if table.table[-1] != "*" else ""
    # A table wider than its column scrolls inside it, so the keyboard must reach it. Its caption does not scroll.
    inner = (
        f'<div class="scroll" role="region" tabindex="0" aria-label="Table {number}">'
        f'<table aria-labelledby="table-{number}"><thead><tr>{head}</tr></thead><tbody>\n{rows}\n</tbody></table></div>{way}'
    )
    if table.folded:
        return f'<details class="table"><summary id="table-{number}">{title}</summary>{inner}</details>'
    return f'<div class="table"><p class="caption" id="table-{number}">{title}</p>{inner}</div>'


def _align(column: Column, rows: Sequence[Row]) -> str:
    if column.kind not in {"text", "code"}:
        return ' class="number"'
    longest = max((len(str(row.get(column.key) or "")) for row in rows), default=0)
    return ' class="prose"' if longest > PROSE and column.kind == "text" else ""


def _cell(column: Column, row: Row, align: str, place: int) -> str:
    value = row.get(column.key)
    kind = row["kind"] if column.kind == "own" else column.kind
    text = _set(value, kind)
    if column.kind == "code" and value is not None:
        text = f"<code>{text}</code>"
    if place == 0:
        return f'<th scope="row"{align}>{text}</th>'
    return f"<td{align}>{text}</td>"


def _set(value: Any, kind: str) -> str:
    if value is None:
        return f'<span class="unknown" title="not known">{UNKNOWN}</span>'
    if kind in _SETTERS and isinstance(value, int | float):
        return escape(_SETTERS[kind](value)).replace(" ", "&nbsp;")
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return ", ".join(escape(cell(item)) for item in value)
    # Descriptions mark code as Markdown does.
    return re.sub(r"`([^`<]+)`", r"<code>\1</code>", escape(cell(value)))


def _versions(versions: Mapping[str, str]) -> str:
    rows = "".join(
        f'<tr><th scope="row"><code>{escape(name)}</code></th><td>{escape(version)}</td></tr>'
        for name, version in versions.items()
    )
    return f"""<section id="versions" aria-labelledby="versions-title">
<h2 id="versions-title">Libraries</h2>
<div class="table"><p class="caption" id="table-libraries">What computed and set this report.</p>
<table aria-labelledby="table-libraries">
<thead><tr><th scope="col">library</th><th scope="col">version</th></tr></thead><tbody>{rows}</tbody></table></div>
</section>"""
