"""Every sentence of a report with the values in it and the queries behind it, as a table.

    python tests/integration/report/sentences.py PUBLISHED.duckdb CORPUS > sentences.tsv

For whoever reads a report line by line: a row is a sentence, a title or a note of a figure, or a caption; its exact values,
in the order of the text; and the statements that its part asked. Here: taking sections apart. Not here: any statement.
"""

from __future__ import annotations

import csv
import re
import sys
from collections.abc import Iterator
from pathlib import Path

from dockml_dagster.report.blocks import Block, Figure, Paragraph, Table
from dockml_dagster.report.sections import SECTIONS
from dockml_dagster.report.source import opened
from dockml_dagster.report.text import Html, words

COLUMNS = ("section", "part", "kind", "text", "values", "queries")


def texts(block: Block) -> Iterator[tuple[str, Html]]:
    """The running texts of a block, and what each is."""
    if isinstance(block, Paragraph):
        yield "sentence", block.text
    elif isinstance(block, Figure):
        yield "title", block.title
        yield "note", block.note
    elif isinstance(block, Table):
        yield "caption", block.caption


def rows(published: Path, corpus: str) -> Iterator[tuple[str, str, str, str, str, str]]:
    """A row a text of the report of one corpus, by ``COLUMNS``."""
    with opened(published, corpus) as source:
        for section in SECTIONS:
            for part in section.parts:
                source.asked.clear()
                blocks = part.build(source) if all(source.has_rows(table) for table in part.reads) else []
                queries = " ;; ".join(" ".join(statement.split()) for statement in source.asked)
                for block in blocks:
                    for kind, text in texts(block):
                        values = re.findall(r'<data value="([^"]*)"', text.markup)
                        if text.markup:
                            yield section.name, part.what, kind, words(text), "; ".join(values), queries


def main() -> None:
    """Print them."""
    writer = csv.writer(sys.stdout, dialect="excel-tab", lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(rows(Path(sys.argv[1]), sys.argv[2]))


if __name__ == "__main__":
    main()
