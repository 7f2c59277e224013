"""Building a report: query every section, draw every figure, lay out the page.

Here: the order of the steps, and the text of a part without rows. Not here: the content of sections, the layout.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from dockml_dagster.errors import DockmlError
from dockml_dagster.report.blocks import Block, BuiltSection, Figure, Paragraph, Part
from dockml_dagster.report.drawing import Drawn, draw, require_drawing
from dockml_dagster.report.source import Source, opened
from dockml_dagster.report.text import Html, count, say, words


@dataclass(frozen=True, slots=True)
class Report:
    """A report of one corpus: the page, and its figures by name."""

    corpus: str
    html: str
    figures: Mapping[str, Drawn]


def build_report(published: Path, corpus: str | None, versions: Mapping[str, str]) -> Report:
    """The report of one corpus; ``corpus`` None: the only one.

    ``versions``: what computed it, name → version, for the section on method.

    Raises:
        BadInputError: the drawing packages are not installed, nothing is published, the corpus is not in it, or it has
            several and none was named.
    """
    from dockml_dagster.report.page import page

    require_drawing()
    with opened(published, corpus) as source:
        built = build_sections(source)
        corpus = source.corpus
    figures: dict[str, Drawn] = {}
    built = [
        replace(section, blocks=[_drawn(block, figures) for block in section.blocks]) for section in built
    ]
    return Report(corpus, page(corpus, built, figures, versions), figures)


def _drawn(block: Block, figures: dict[str, Drawn]) -> Block:
    """Draw a figure into ``figures``; if that fails, return a sentence that says so."""
    if isinstance(block, Figure):
        try:
            figures[block.name] = draw(block)
        except Exception as error:  # as for a part
            return _failed(words(block.title), error)
    return block


def _failed(what: str, error: Exception) -> Paragraph:
    said = "{what}: could not be made from these rows ({error})."
    return Paragraph(say(said, what=what, error=type(error).__name__), role="note")


def build_sections(source: Source) -> list[BuiltSection]:
    """Query every section; a part without rows becomes one sentence."""
    from dockml_dagster.report.sections import SECTIONS

    built = []
    for section in SECTIONS:
        source.asked.clear()
        blocks = [block for part in section.parts for block in _blocks(source, part)]
        built.append(BuiltSection(section, blocks, tuple(source.asked)))
    return built


def _blocks(source: Source, part: Part) -> Sequence[Block]:
    import duckdb

    missing = next((table for table in part.reads if not source.has_rows(table)), None)
    if missing is None:
        try:
            blocks = part.build(source)
        except (duckdb.BinderException, duckdb.CatalogException):
            # A table with other columns than in this version.
            said = "{what}: not in this file; it was published by another version. Publish it again: dockml study."
            return [Paragraph(say(said, what=_begun(part)), role="note")]
        except DockmlError:
            raise
        except Exception as error:  # unforeseen rows in one part must not lose the other parts
            return [_failed(_begun(part), error)]
        if blocks:
            return blocks
        return [Paragraph(say("{what}: no value is known in this corpus.", what=_begun(part)), role="note")]
    return [Paragraph(_nothing(source, part, missing), role="note")]


def _begun(part: Part) -> str:
    return part.what[:1].upper() + part.what[1:]


def _nothing(source: Source, part: Part, missing: str) -> Html:
    """Why a part has nothing to show, in a sentence."""
    what = _begun(part)
    if not source.columns(missing):
        return say(
            "{what}: not in this file; it was published by a version without the table <code>{table}</code>.",
            what=what,
            table=missing,
        )
    if part.without is not None:
        return say("{what}: {without}", what=what, without=part.without)
    reasons = source.reasons(part.stage) if part.stage else []
    if not reasons:
        return say(
            "{what}: the corpus {corpus} has no row of <code>{table}</code>.",
            what=what,
            corpus=source.corpus,
            table=missing,
        )
    return say(
        "{what}: nothing of this corpus, because {reason} (so for {projects} projects, at the stage <code>{stage}</code>).",
        what=what,
        reason=reasons[0]["reason"],
        projects=count(reasons[0]["projects"]),
        stage=part.stage,
    )
