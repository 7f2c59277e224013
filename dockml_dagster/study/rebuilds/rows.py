"""Rows of the tables about rebuilds: rebuilt Dockerfiles, years, and lines to move.

Here: flattening the model's records, by column name. Not here: texts (``texts``), the walk (``history``), any database.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from dockml_dagster.study.rebuilds.history import CurrentFile
from dockml_dagster.study.rebuilds.model import FileRebuild
from dockml_dagster.study.rebuilds.summary import RebuildFigures

Row = dict[str, Any]


def rebuild_row(file: FileRebuild) -> Row:
    """The row of a Dockerfile of which a commit rebuilds something. ``causes`` and ``left_open`` repeat each value for every
    missed instruction that has it, so that both can be counted.
    """
    misses = file.misses
    runs = [miss for miss in misses if miss.keyword == "RUN"]
    return {
        "path": file.path,
        "moved": list(file.event),
        "context": file.context,
        "context_from": file.context_from,
        "instructions": file.instructions,
        "missed": len(misses),
        "missed_own": sum(miss.own for miss in misses),
        "missed_stage": sum("stage" in miss.causes for miss in misses),
        "missed_earlier": sum("earlier" in miss.causes for miss in misses),
        "missed_new": sum(not miss.ever for miss in misses),
        "missed_unknown": sum(bool(miss.unknown) for miss in misses),
        "run_missed": len(runs),
        "run_missed_own": sum(miss.own for miss in runs),
        "run_missed_installing": sum(miss.installs for miss in runs),
        "run_avoidable": sum(miss.avoidable for miss in runs),
        "causes": sorted(cause for miss in misses for cause in miss.causes),
        "left_open": sorted(name for miss in misses for name in miss.unknown),
    }


def year_rows(figures: RebuildFigures) -> list[Row]:
    """Commits by year; those without a valid time come last."""
    return [
        {
            "year": year,
            "commits": counted.commits,
            "commits_since_first": counted.since_first,
            "commits_with_git_folder": counted.with_git_folder,
        }
        for year, counted in sorted(figures.years.items(), key=lambda item: (item[0] is None, item[0] or 0))
    ]


def move_rows(figures: RebuildFigures, current: Sequence[CurrentFile]) -> list[Row]:
    """The lines to move in the current files."""
    return [
        {
            "path": move.path,
            "line": move.line,
            "above_line": move.above,
            "saved": move.saved,
            "run_missed": move.run_missed,
        }
        for move in figures.moves(current)
    ]


def moment_of(seconds: int | None) -> datetime | None:
    """A commit's time as UTC without zone; None if it is not a valid time, because a commit may hold any number."""
    if seconds is None:
        return None
    try:
        return datetime.fromtimestamp(seconds, UTC).replace(tzinfo=None)
    except (OverflowError, ValueError, OSError):
        return None


def year_of(seconds: int | None) -> int | None:
    """The year of ``moment_of``."""
    moment = moment_of(seconds)
    return moment.year if moment is not None else None
