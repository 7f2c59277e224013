"""What commands share: options, and the progress bar.

Here: what at least two commands need to read their input or to show that they are at work. Not here: any
command, any work.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from dockml_dagster.commands.output import FORMATS
from dockml_dagster.errors import BadInputError
from dockml_dagster.settings import CORPORA


def format_choice(
    *formats: str, help_: str = "How to print."
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """The option ``--format`` of a command that prints these; the first is the default."""
    return click.option(
        "--format", "format_", type=click.Choice(formats), default=formats[0], show_default=True, help=help_
    )


format_option = format_choice(*FORMATS)
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


path_option = click.option(
    "--path",
    "paths",
    multiple=True,
    metavar="DIR",
    help="Corpus local: a directory of projects, a work tree, a bare repository, or a git address; may be repeated.",
)
images_option = click.option(
    "--images", is_flag=True, help="Corpus local: also read the images of the projects from their registries."
)


def use_local(corpus: str, paths: tuple[str, ...], *, images: bool) -> None:
    """Make ``--path`` and ``--images`` the settings of this process, where runs and everything they start see them.

    Raises:
        BadInputError: they are given for another corpus, or a path cannot be written in the setting.
    """
    if not paths and not images:
        return
    if corpus != "local":
        raise BadInputError(f"--path and --images are of the corpus local, not {corpus}: add --corpus local")
    for path in paths:
        if ";" in path or "\n" in path:
            raise BadInputError(f"a path with a semicolon or a line break cannot be used: {path!r}")
    if paths:
        os.environ["DOCKML_LOCAL"] = ";".join(
            path if "://" in path else str(Path(path).expanduser().absolute()) for path in paths
        )
    if images:
        os.environ["DOCKML_LOCAL_IMAGES"] = "1"


@contextmanager
def progress_bar() -> Iterator[Callable[[str, int, int | None], None]]:
    """A progress bar on standard error; plain lines where that is no terminal.

    Yields ``listener(what, steps, total)``: ``total`` announces a bar, ``steps`` advance it.
    """
    if not sys.stderr.isatty():
        yield _plain_line
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    console = Console(stderr=True, no_color="NO_COLOR" in os.environ or None)
    columns = (TextColumn("{task.description:<20}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console) as progress:
        tasks: dict[str, Any] = {}

        def listener(what: str, steps: int, total: int | None = None) -> None:
            if total is not None:
                tasks[what] = progress.add_task(what, total=total)
            elif what in tasks:
                progress.advance(tasks[what], steps)

        yield listener


def _plain_line(what: str, _: int, total: int | None = None) -> None:
    if total is not None:
        click.echo(f"dockml: {what}" + (f": {total}" if total else ""), err=True)
