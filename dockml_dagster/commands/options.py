"""What commands share: options, and the progress bar.

Belongs here: what at least two commands need to read their input or to show that they are at work. Does not: any
command, any work.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import click

from dockml_dagster.output import FORMATS
from dockml_dagster.settings import CORPORA

format_option = click.option(
    "--format",
    "format_",
    type=click.Choice(FORMATS),
    default="table",
    show_default=True,
    help="How to print.",
)
corpus_option = click.option("--corpus", type=click.Choice(CORPORA), help="Only this corpus.")

frame_option = click.option(
    "--frame",
    metavar="PRESET|FILE",
    help="Which projects the corpus github has: ease2022, modern, control, a TOML file, or a list of names.",
)


def use_frame(frame: str | None) -> None:
    """Make ``--frame`` the setting of this process, for the runs of Dagster that it starts too."""
    if frame is not None:
        os.environ["DOCKML_GITHUB_FRAME"] = frame


@contextmanager
def progress_bar() -> Iterator[Callable[[str, int, int | None], None]]:
    """A progress bar on standard error; plain lines where that is no terminal.

    Yields ``listener(what, steps, total)``: ``total`` announces a bar, ``steps`` advance it.
    """
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    console = Console(stderr=True, no_color="NO_COLOR" in os.environ or None)
    columns = (TextColumn("{task.description:<20}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        tasks: dict[str, Any] = {}

        def listener(what: str, steps: int, total: int | None = None) -> None:
            if total is not None:
                tasks[what] = progress.add_task(what, total=total)
                if not console.is_terminal:
                    click.echo(f"dockml: {what}" + (f": {total}" if total else ""), err=True)
            elif what in tasks:
                progress.advance(tasks[what], steps)

        yield listener
