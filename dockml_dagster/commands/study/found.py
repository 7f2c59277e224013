"""What a study found, in about twenty lines: the report's sentences, what is new, what is missing, where to look next.

Here: querying the published file and laying out lines. Not here: the sentences themselves (``report.sections.summary``),
tables (``commands.show``).
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from datetime import UTC, datetime

from dockml_dagster.commands.output import width
from dockml_dagster.report.blocks import Paragraph
from dockml_dagster.report.sections.summary import SECTION
from dockml_dagster.report.source import Source, opened
from dockml_dagster.report.text import counted, words
from dockml_dagster.settings import Settings

LABELS = ("Selection", "RQ1, RQ2", "RQ3", "RQ4", "Paper")
"""What each sentence of the summary is about, in its order."""
WIDEST = 110
"""Characters of a line: longer ones are hard to read."""
ROOM = 11
"""Characters before a line's text."""
MOST_REASONS = 3
"""Most reasons for missing data that are listed."""

_NEW = """
    SELECT 'project' AS thing, count(DISTINCT project) AS n
    FROM raw.projects WHERE corpus = $corpus AND first_seen >= $since::TIMESTAMP
    UNION ALL
    SELECT 'Dockerfile', count(DISTINCT sha256)
    FROM raw.dockerfiles WHERE corpus = $corpus AND first_seen >= $since::TIMESTAMP
    UNION ALL
    SELECT 'image', count(DISTINCT config_digest)
    FROM raw.manifests WHERE corpus = $corpus AND first_seen >= $since::TIMESTAMP
"""
_OLDER = "SELECT 1 AS one FROM raw.projects WHERE corpus = $corpus AND first_seen < $since::TIMESTAMP LIMIT 1"
_MISSING = """
    SELECT stage, reason, projects, n FROM findings.coverage
    WHERE corpus = $corpus AND state <> 'done' AND reason IS NOT NULL AND projects > 0
    ORDER BY projects DESC, stage, reason
"""
_PASSED_OVER = """
    SELECT
        unit_of_analysis,
        state = 'collected' AS in_part,
        sum(units)::BIGINT AS units,
        -- One that was cut for two reasons counts for both.
        max(units) AS most,
        max(n) AS n
    FROM findings.passed_over
    WHERE corpus = $corpus AND state <> 'not available'
    GROUP BY unit_of_analysis, in_part
    ORDER BY in_part, units DESC, unit_of_analysis
"""
STAGES = {
    "repo_list": "listed",
    "labels": "labelled",
    "dockerfiles": "files",
    "manifests": "images",
    "layer_stats": "layers",
}
"""Stage of collection → what is missing if it failed."""


def lines(settings: Settings, corpus: str, began: datetime) -> Iterator[str]:
    """The lines about a corpus. ``began``: when this run began (UTC)."""
    since = began.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")
    with opened(settings.published, corpus) as source:
        for label, part in zip(LABELS, SECTION.parts, strict=True):
            blocks = part.build(source) if all(source.has_rows(table) for table in part.reads) else ()
            said = [words(block.text, unbroken=True) for block in blocks if isinstance(block, Paragraph)]
            for place, text in enumerate(said):
                yield from _set("" if place else label, text)
        yield from _set("New", _new(source, since))
        for place, text in enumerate(_missing(source)):
            yield from _set("" if place else "Missing", text)
        if left_out := _passed_over(source):
            yield from _set("Left out", left_out)
        yield from _set("Next", f"dockml report --corpus {corpus}: with figures, as one page")
        yield from _set("", f"dockml show claims --corpus {corpus}: each claim of the paper, answered")
        yield from _set("", f"dockml study --corpus {corpus} --tables: every table; dockml show: their names")


def _set(label: str, text: str) -> list[str]:
    """Wrap a text; a number is never separated from its unit."""
    lines = textwrap.wrap(
        text,
        min(width() or WIDEST, WIDEST),
        initial_indent=f"{label:<{ROOM}}",
        subsequent_indent=" " * ROOM,
        break_on_hyphens=False,
        break_long_words=False,
    )
    return [line.replace("\N{NO-BREAK SPACE}", " ") for line in lines]


def _new(source: Source, since: str) -> str:
    found = [row for row in source.rows(_NEW, since=since) if row["n"]]
    if not found:
        return "nothing since the last run"
    said = ", ".join(words(counted(row["n"], row["thing"])) for row in found)
    again = source.row(_OLDER, since=since)
    return f"{said} since the last run" if again else f"{said}; this is the first run"


def _missing(source: Source) -> Iterator[str]:
    rows = source.rows(_MISSING)
    for row in rows[:MOST_REASONS]:
        yield f"{STAGES.get(row['stage'], row['stage'])} of {row['projects']:,} of {row['n']:,} projects: {row['reason']}"
    if len(rows) > MOST_REASONS:
        yield f"and {len(rows) - MOST_REASONS} more reasons: dockml show coverage --corpus {source.corpus}"
    if not rows:
        yield "nothing"


def _passed_over(source: Source) -> str:
    """What was left out of the projects or read only in part, by unit; empty if nothing, as for most corpora."""
    rows = source.rows(_PASSED_OVER) if source.has_rows("findings.passed_over") else []
    parts = []
    for label, in_part in (("", False), ("in part, at least ", True)):
        said = ", ".join(
            f"{row['most' if in_part else 'units']:,} of {words(counted(row['n'], row['unit_of_analysis']))}"
            for row in rows
            if row["in_part"] == in_part
        )
        parts += [label + said] if said else []
    return "; ".join((*parts, f"why: dockml show passed_over --corpus {source.corpus}")) if rows else ""
