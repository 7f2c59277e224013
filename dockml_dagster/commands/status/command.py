"""``dockml status``: how far collection and findings are.

Here: its options, and laying out its tables. Not here: asking the warehouse (``progress``).
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import click

from dockml_dagster.commands.options import corpus_option, format_choice
from dockml_dagster.commands.output import json_text, say
from dockml_dagster.settings import Settings


@click.command(short_help="Show what is done, due, failed or gone in each corpus.")
@corpus_option
@format_choice("table", "json")
def status(corpus: str | None, format_: str) -> None:
    """Show how far the collection of each corpus is, and why.

    A project may be done, due, failed for now (it is tried again) or gone for good. Censored means that a size or time
    limit cut its reading short.

    \b
    Examples:
      dockml status
      dockml status --corpus ease2022 --format json
    """
    from dockml_dagster.commands.status import progress as asking

    found = asking.status(Settings.from_environment(), corpus)
    if format_ == "json":
        say(json_text(asdict(found)), nl=False)
        return
    _table("Corpora", found.listings, ("corpus", "projects", "listed_at", "source"))
    _table("Stages", found.coverage, ("corpus", "stage", "state", "projects", "n", "share", "reason"))
    _table(
        "Passed over",
        found.passed_over,
        ("corpus", "stage", "state", "units", "n", "unit_of_analysis", "reason"),
    )
    _table("Due", found.due, ("corpus", "stage", "reason", "projects"))
    _table("Failed runs, newest first", found.failures, ("failed_at", "job", "corpus", "reason"))
    _table("Failing checks", found.checks, ("severity", "table", "check", "rows", "sample"))
    when = f" ({found.findings_made_at:%Y-%m-%d %H:%M} UTC)" if found.findings_made_at else ""
    say(f"Findings: {found.findings}{when}")


def _table(title: str, rows: tuple[dict[str, Any], ...], columns: tuple[str, ...]) -> None:
    from dockml_dagster.commands.output import render

    if not rows:
        say(f"{title}: none\n")
        return
    say(render(columns, [[_short(row[c]) for c in columns] for row in rows], "table", title=title), nl=False)


def _short(value: Any) -> Any:
    if hasattr(value, "microsecond"):
        return f"{value:%Y-%m-%d %H:%M:%S}"
    return value[:79] + "…" if isinstance(value, str) and len(value) > 80 else value
