"""``dockml rebuilds``: which instructions the commits of a repository rebuild.

Here: its options. Not here: walking the history (``corpora.history``), the keys of the build cache
(``study.rebuilds``), printing (``output``).
"""

from __future__ import annotations

from pathlib import Path

import click

from dockml_dagster.commands.options import format_choice
from dockml_dagster.commands.output import say


@click.command(short_help="Say which instructions each commit builds again.")
@click.argument(
    "directory", default=".", metavar="[DIR]", type=click.Path(path_type=Path, file_okay=False, exists=True)
)
@click.option(
    "--context",
    "rule",
    type=click.Choice(["found", "root", "folder"]),
    default="found",
    show_default=True,
    help="The build context: as found, always the root, always the Dockerfile's folder.",
)
@click.option("--since", metavar="COMMIT", help="Only the commits after this one.")
@click.option("--commits", "with_commits", is_flag=True, help="JSON: every commit too.")
@format_choice("table", "json")
def rebuilds(directory: Path, rule: str, since: str | None, with_commits: bool, format_: str) -> None:
    """Say which instructions of its Dockerfiles each commit of a git repository builds again.

    Nothing is built or checked out: the keys of BuildKit's cache are computed from git objects. What history cannot tell
    (whether a tag moved, what a stage puts out) is counted as unknown. Merges count as their first parent sees them.

    \b
    dockml rebuilds
    dockml rebuilds ~/src/project --format json --commits
    dockml rebuilds --since $(cat last-commit)
    """
    from dockml_dagster.commands.rebuilds.output import to_json, to_table
    from dockml_dagster.corpora.history import walk_repository

    walked = walk_repository(directory, rule, since)  # type: ignore[arg-type]
    if format_ == "json":
        say(to_json(walked, rule, with_commits=with_commits), nl=False)  # type: ignore[arg-type]
    else:
        say(to_table(walked), nl=False)
