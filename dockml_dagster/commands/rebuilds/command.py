"""``dockml rebuilds``: which instructions the commits of a repository rebuild.

Here: its options. Not here: walking the history (``corpora.history``), the keys of the build cache
(``study.rebuilds``), printing (``output``).
"""

from __future__ import annotations

from pathlib import Path

import click

from dockml_dagster.commands.options import format_choice
from dockml_dagster.commands.output import say


@click.command(short_help="Find the build steps that each commit runs again.")
@click.argument(
    "directory", default=".", metavar="[DIR]", type=click.Path(path_type=Path, file_okay=False, exists=True)
)
@click.option(
    "--context",
    "rule",
    type=click.Choice(["found", "root", "folder"]),
    default="found",
    show_default=True,
    help="Build context: found in Compose files, workflows and paths; or always the root of the repository, or the "
    "Dockerfile's folder.",
)
@click.option(
    "--since", metavar="COMMIT", help="Only the commits after this one. Default: the whole history."
)
@click.option("--commits", "with_commits", is_flag=True, help="With --format json: list every commit too.")
@format_choice("table", "json")
def rebuilds(directory: Path, rule: str, since: str | None, with_commits: bool, format_: str) -> None:
    """Find which instructions of its Dockerfiles each commit of a git repository runs again, and which order saves most.

    A build takes an instruction from its cache unless the instruction, a file that it copies, or something above it
    changed. Nothing is built or checked out here: the keys of BuildKit's cache are computed from the history. What a
    history cannot tell (whether a tag has moved, what another stage produced) is counted as unknown. A merge is compared
    with its first parent.

    \b
    Examples:
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
