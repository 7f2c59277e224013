"""The result of ``dockml rebuilds`` as text and as JSON.

Here: which figures are shown, under which names. Not here: computing them.
"""

from __future__ import annotations

from datetime import UTC
from typing import Any

from dockml_dagster.commands.output import json_text, render
from dockml_dagster.corpora.history import CommitRebuild, ContextRule, Walked
from dockml_dagster.study.rebuilds.model import Miss
from dockml_dagster.study.rebuilds.rows import moment_of

_MOST_MOVES = 20


def to_json(walked: Walked, rule: ContextRule, *, with_commits: bool) -> str:
    """One object: figures, files, moves, and the commits if asked for."""
    figures = walked.figures
    document: dict[str, Any] = {
        "last_commit": walked.last,
        "context_rule": rule,
        "commits": figures.commits,
        "commits_since_first_dockerfile": figures.since_first,
        "commits_rebuilding": figures.rebuilding,
        "commits_rebuilding_never_built": figures.new_keys,
        "commits_rebuilding_by_context": figures.by_context,
        "commits_rebuilding_only_by_context": figures.only_by_context,
        "commits_rebuilding_with_git_folder": figures.with_git_folder,
        "commits_censored": figures.censored,
        "missed": figures.missed,
        "missed_own": figures.missed_own,
        "run_missed": figures.run_missed,
        "run_avoidable": figures.run_avoidable,
        "causes": dict(sorted(figures.causes.items())),
        "unknown": dict(sorted(figures.unknown.items())),
        "dockerfiles": _files(walked),
        "moves": [
            {"path": move.path, "line": move.line, "above_line": move.above, "saved": move.saved,
             "run_missed": move.run_missed}
            for move in figures.moves(walked.current)
        ],
    }  # fmt: skip
    if with_commits:
        document["history"] = [_commit(commit) for commit in walked.commits]
    return json_text(document)


def _files(walked: Walked) -> list[dict[str, Any]]:
    found = []
    for file in walked.current:
        figures = walked.figures.files.get(file.path)
        found.append(
            {
                "path": file.path,
                "context": file.context.folder or ".",
                "context_from": file.context.found,
                "bases": file.bases,
                "moving_bases": file.moving_bases,
                "rebuilds": figures.rebuilds if figures else 0,
                "missed": figures.missed if figures else 0,
                "run_missed": figures.run_missed if figures else 0,
                "run_avoidable": figures.run_avoidable if figures else 0,
            }
        )
    return found


def _commit(commit: CommitRebuild) -> dict[str, Any]:
    return {
        "commit": commit.oid,
        "committed_at": _time(commit.time),
        "dockerfiles": [
            {
                "path": file.path,
                "first_build": file.first,
                "event": list(file.event),
                "instructions": file.instructions,
                "missed": [_miss(miss) for miss in file.misses],
            }
            for file in commit.files
        ],
    }


def _time(seconds: int | None) -> str | None:
    moment = moment_of(seconds)
    return moment.replace(tzinfo=UTC).isoformat() if moment is not None else None


def _miss(miss: Miss) -> dict[str, Any]:
    return {
        "line": miss.line,
        "keyword": miss.keyword,
        "causes": list(miss.causes),
        "built_before": miss.ever,
        "avoidable": miss.avoidable,
        "unknown": list(miss.unknown),
    }


def to_table(walked: Walked) -> str:
    """The figures with their denominators, the Dockerfiles, and the lines to move."""
    figures = walked.figures
    rows = [
        ("commits since the first Dockerfile", figures.since_first, "commits", figures.commits),
        ("that build something again", figures.rebuilding, "since the first", figures.since_first),
        ("  .git counted where it is copied", figures.with_git_folder, "since the first", figures.since_first),
        ("  what was never built before", figures.new_keys, "rebuilding", figures.rebuilding),
        ("  because of files of the context", figures.by_context, "rebuilding", figures.rebuilding),
        ("  because of these alone", figures.only_by_context, "rebuilding", figures.rebuilding),
        ("instructions without a cause of their own", figures.missed - figures.missed_own, "missed", figures.missed),
        ("RUN that another order had kept", figures.run_avoidable, "RUN missed", figures.run_missed),
        *((f"unknown: {name}", count, "missed", figures.missed) for name, count in figures.unknown.most_common()),
    ]  # fmt: skip
    text = render(
        ("what", "count", "of", "n", "share"),
        [(what, count, of, n, f"{count / n:.1%}" if n else "") for what, count, of, n in rows],
        "table",
        title="What commits rebuild, as BuildKit caches",
    )
    files = _files(walked)
    if files:
        text += "\n" + render(list(files[0]), [list(file.values()) for file in files], "table")
    moves = figures.moves(walked.current)[:_MOST_MOVES]
    if moves:
        rows_of_moves = [
            (move.path, move.line, move.above, f"{move.saved} of {move.run_missed}") for move in moves
        ]
        text += "\n" + render(
            ("path", "move line", "above line", "RUN misses saved"), rows_of_moves, "table",
            title="Lines to move, with the files that they name",
        )  # fmt: skip
    return text
