"""What commands share: options and the progress bar.

Here: what at least two commands need to read their input or to show progress. Not here: single commands, the work
itself.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dockml_dagster.commands.output import FORMATS, say
from dockml_dagster.corpora import CORPORA, corpus_class, family_of
from dockml_dagster.errors import BadInputError
from dockml_dagster.settings import Settings
from dockml_dagster.text import printable

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

    from dockml_dagster.corpora.base import Option
    from dockml_dagster.progress import Listener

PLAIN_LINE_SECONDS = 10.0
"""Seconds between progress lines where no bar can be drawn."""


def format_choice(
    *formats: str, help_: str = "How to print."
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """The option ``--format`` with these formats; the first is the default."""
    return click.option(
        "--format", "format_", type=click.Choice(formats), default=formats[0], show_default=True, help=help_
    )


format_option = format_choice(*FORMATS)


class CorpusName(click.ParamType[str]):
    """The name of a corpus."""

    name = "corpus"

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str:
        """The names, in click's notation for choices."""
        return f"[{'|'.join(_shown())}]"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Check the value against the corpora known now; ``dataset:NAME`` is open-ended."""
        if value not in CORPORA and (not value.startswith("dataset:") or "/" in value):
            self.fail(f"there is no corpus {value!r}; there are {', '.join(_shown())}", param, ctx)
        return value

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        """The names that begin with ``incomplete``."""
        return click.Choice(list(CORPORA)).shell_complete(ctx, param, incomplete)


def _shown() -> list[str]:
    """The names of corpora as people write them."""
    return ["dataset:NAME" if name == "dataset" else name for name in CORPORA]


def corpus_choice(default: str | None, help_: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """The option ``--corpus``."""
    return click.option(
        "--corpus", type=CorpusName(), default=default, show_default=default is not None, help=help_
    )


corpus_option = corpus_choice(None, "Only this corpus, a source of projects. Default: all that were studied.")

frame_option = click.option(
    "--frame",
    metavar="PRESET|FILE",
    help="With --corpus github: which projects. A preset (ease2022, modern, control), a TOML file with your criteria, or a "
    "text file with one OWNER/NAME a line. Default: as in the last study.",
)
path_option = click.option(
    "--path",
    "paths",
    multiple=True,
    metavar="PLACE",
    help="With --corpus local: a git repository, a folder of projects, or a git address; may be repeated. "
    "With --corpus dataset:NAME: its TOML file, or the folder with its data. Default: as in the last study.",
)
images_option = click.option(
    "--images",
    is_flag=True,
    help="With --corpus local: also read the images of the projects from their registries.",
)


def settings_for(
    corpus: str, *, frame: str | None = None, paths: tuple[str, ...] = (), images: bool = False
) -> Settings:
    """The settings of the environment with a command's options for a corpus.

    Raises:
        BadInputError: an option belongs to another corpus, or a path cannot be represented in a setting.
    """
    given: dict[Option, bool] = {"frame": frame is not None, "path": bool(paths), "images": images}
    for option, is_given in given.items():
        if is_given and option not in corpus_class(corpus).options:
            takes = [name for name in CORPORA if option in corpus_class(name).options]
            raise BadInputError(
                f"--{option} is of the corpus {' or '.join(takes)}, not {corpus}: add --corpus {takes[0]}"
            )
    for path in paths:
        if ";" in path or "\n" in path:
            raise BadInputError(f"a path with a semicolon or a line break cannot be used: {path!r}")
    changes: dict[str, Any] = {}
    if frame is not None:
        changes["github_frame"] = frame
    if paths:
        places = tuple(path if "://" in path else str(Path(path).expanduser().absolute()) for path in paths)
        changes.update(_of_dataset(corpus, places) if family_of(corpus) == "dataset" else {"local": places})
    if images:
        changes["local_images"] = True
    return Settings.from_environment().replace(**changes)


def _of_dataset(corpus: str, places: tuple[str, ...]) -> dict[str, Any]:
    """The setting of data sets: a TOML file, a folder with one, or else the place of a preset's data."""
    told = [
        place if place.endswith(".toml") or (Path(place) / "dataset.toml").is_file()
        else f"{corpus.partition(':')[2]}={place}"
        for place in places
    ]  # fmt: skip
    return {"datasets": (*Settings.from_environment().datasets, *told)}


@contextmanager
def progress_bar() -> Iterator[Listener]:
    """A progress bar on standard error; plain lines if that is no terminal.

    A bar of unknown length ends when the next one is announced.
    """
    if not sys.stderr.isatty():
        yield _PlainLines()
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    console = Console(stderr=True, no_color="NO_COLOR" in os.environ or None)
    columns = (
        TextColumn("{task.description:<20}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console) as progress:
        tasks: dict[str, Any] = {}

        def listener(what: str, steps: int, total: int | None = None, unit: str = "") -> None:
            if total is not None:
                for task in progress.tasks:
                    if task.total is None:
                        progress.update(task.id, total=1, completed=1)
                tasks[what] = progress.add_task(what, total=total or None)
            elif what in tasks:
                progress.update(
                    tasks[what], advance=steps, description=f"{what}: {printable(unit)}" if unit else None
                )

        yield listener


class _PlainLines:
    """A line for each bar, and a progress line every ``PLAIN_LINE_SECONDS``."""

    def __init__(self) -> None:
        self._done, self._total, self._unit = 0, 0, ""
        self._said_at = time.monotonic()

    def __call__(self, what: str, steps: int, total: int | None = None, unit: str = "") -> None:
        if total is not None:
            self._done, self._total, self._unit = 0, total, ""
            self._say(what, f"{total:,}" if total else "")
            return
        self._done, self._unit = self._done + steps, unit or self._unit
        if time.monotonic() - self._said_at >= PLAIN_LINE_SECONDS:
            of = f" of {self._total:,}" if self._total else ""
            parts = (
                f"{self._done:,}{of} done" if self._done else "",
                f"at {self._unit}" if self._unit else "",
            )
            self._say(what, ", ".join(filter(None, parts)))

    def _say(self, what: str, more: str) -> None:
        self._said_at = time.monotonic()
        say(f"dockml: {what}" + (f": {more}" if more else ""), err=True)
