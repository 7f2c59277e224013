"""``dockml labels``: label with others, and measure how far you agree.

Here: options of the four commands, and what they print. Not here: their work (``annotation_rounds``, ``training``).
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dockml_dagster.commands.options import corpus_choice, format_option
from dockml_dagster.commands.output import Format, render, say
from dockml_dagster.errors import BadInputError
from dockml_dagster.settings import Settings

if TYPE_CHECKING:
    from dockml_dagster.study.labels.agreement import Interval
    from dockml_dagster.study.labels.annotation_sheet import Question

_corpus = corpus_choice("sample", "Where the projects come from.")
_question = click.option(
    "--question",
    type=click.Choice(["category", "purpose"]),
    default="category",
    show_default=True,
    help="What raters say: one category (RQ1), or any number of purposes (RQ2).",
)
_unit = click.option(
    "--unit",
    "unit_kind",
    type=click.Choice(["project", "dockerfile"]),
    default="project",
    show_default=True,
    help="What is labelled. Only projects have a category.",
)
_seed = click.option(
    "--seed",
    type=int,
    default=0,
    show_default=True,
    help="Seed of the random draws: the same seed gives the same result.",
)


@click.group(short_help="Label projects by several people; measure agreement.")
def labels() -> None:
    """Label projects by several people: draw a sample, import labels, measure how far raters agree, train.

    The final label of a project is what the rater `adjudication` says, else what most people say, else what the machine
    says. The findings tell which.

    \b
    Examples:
      dockml labels export sheet.csv -n 30      a sheet to fill in
      dockml labels import sheet.csv            the filled-in sheet
      dockml labels agreement                   kappa and alpha
      dockml labels train                       a classifier adjusted to your labels
    """


@labels.command("export", short_help="Write a sample of units as a CSV sheet to fill in.")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@_corpus
@_question
@_unit
@click.option(
    "--sample",
    "sampling",
    type=click.Choice(["random", "stratified", "disagreement"]),
    default="stratified",
    show_default=True,
    help="Which units: by chance, equally many of each category, or those where raters disagree most.",
)
@click.option(
    "-n", "n", type=click.IntRange(min=1), default=30, show_default=True, help="How many units to draw."
)
@_seed
@click.option("--rater", default="", help="Name to write into the column rater. Default: left empty.")
@click.option(
    "--show-labels",
    is_flag=True,
    help="Add the labels that others gave: for adjudication. Without them a second opinion stays independent.",
)
def export_(*, file: Path, **request: Any) -> None:
    """Write a sample of units to FILE, a CSV sheet to fill in.

    Fill in the column `code`, and `evidence` if you like. Separate several purposes by semicolons. 'none' and 'cannot
    tell' are answers too.

    \b
    Examples:
      dockml labels export sheet.csv --question purpose -n 50 --rater ada
    """
    from dockml_dagster.commands.labels.annotation_rounds import SampleRequest, export_sample

    # The options have the names of the fields.
    sample = SampleRequest(**request)
    _require_project(sample.question, sample.unit_kind)
    if file.exists():
        raise BadInputError(f"{file} exists already and may hold labels; name a new file")
    text, units = export_sample(Settings.from_environment(), sample)
    try:
        file.write_bytes(text.encode("utf-8", "replace"))
    except OSError as error:
        raise BadInputError(f"cannot write {file}: {error.strerror}") from error
    say(f"dockml: {units} units to label in {file}", err=True)


@labels.command("import")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option(
    "--rater",
    help="Who labelled the lines whose column rater is empty. The rater 'adjudication' decides where others differ.",
)
def import_(file: Path, rater: str | None) -> None:
    """Import the labels of FILE. If any line has a mistake, nothing is imported.

    An import replaces what the same rater imported about the same unit and question before.

    \b
    Examples:
      dockml labels import sheet.csv --rater ada
    """
    from dockml_dagster.commands.labels.annotation_rounds import import_sheet

    done = import_sheet(Settings.from_environment(), file, rater=rater)
    for mistake in done.mistakes:
        say(f"{file}:{mistake.line}: {mistake.text}", err=True)
    if done.mistakes:
        many = len(done.mistakes)
        raise BadInputError(
            f"{many} {'mistake' if many == 1 else 'mistakes'} in {file}; nothing was imported"
        )
    say(
        f"dockml: {done.units} units labelled by {', '.join(done.raters)} ({done.rows} labels, "
        f"{done.unanswered} lines without an answer); the findings change with the next: dockml study",
        err=True,
    )


@labels.command("agreement")
@_corpus
@_question
@_unit
@click.option(
    "--draws",
    type=click.IntRange(min=0, max=100_000),
    default=1000,
    show_default=True,
    help="Bootstrap draws for the intervals; 0: no intervals.",
)
@_seed
@format_option
def agreement_(
    *, corpus: str, question: Question, unit_kind: str, draws: int, seed: int, format_: Format
) -> None:
    """Measure how far raters agree.

    Printed are Cohen's kappa (two raters) and Krippendorff's alpha (any number), overall and for each code, with 95 %
    intervals. People are compared with each other and with the machine, as of the last 'dockml study'.

    \b
    Examples:
      dockml labels agreement --question purpose
    """
    from dockml_dagster.commands.labels.annotation_rounds import COLUMNS, agreement_rows

    _require_project(question, unit_kind)
    rows: list[tuple[Any, ...]] = agreement_rows(
        Settings.from_environment(),
        corpus=corpus,
        question=question,
        unit_kind=unit_kind,
        draws=draws,
        seed=seed,
    )
    if not rows:
        raise BadInputError(f"no {unit_kind} of {corpus} was labelled by two raters yet")
    say(render(COLUMNS, rows, format_), nl=False)


@labels.command("train", short_help="Train the category classifier on your labels.")
@_corpus
@_seed
@click.option(
    "--keep", is_flag=True, help="Keep the new weights even if they are no better on the projects held out."
)
def train_(*, corpus: str, seed: int, keep: bool) -> None:
    """Train the category classifier on your own labels, and measure it on projects held out.

    Label about fifty projects (export, import), bring the findings up to date (study), then train. The new weights are
    kept in DOCKML_HOME, in labels/category_weights.csv, and the next study uses them. Delete that file to go back to the
    shipped ones.

    \b
    Examples:
      dockml labels train --corpus local
    """
    from dockml_dagster.commands.labels.training import train

    done = train(Settings.from_environment(), corpus, seed=seed, keep=keep)
    apart = (
        "owners kept together" if done.found.by_owner else "single projects held out: most are of one owner"
    )
    say(f"{done.projects} projects of {done.owners} owners, five folds, {apart}")
    say(f"kappa of the shipped weights  {_figure(done.found.before)}")
    say(f"kappa of weights trained on   {_figure(done.found.after)}")
    if done.kept is None:
        say(
            "dockml: no better on projects held out, so nothing was kept; --keep keeps it all the same",
            err=True,
        )
    else:
        say(
            f"dockml: kept in {done.kept}; labels change with the next: dockml study --corpus {corpus}",
            err=True,
        )


def _figure(interval: Interval) -> str:
    if interval.estimate is None or interval.low is None or interval.high is None:
        return "undefined"
    return f"{interval.estimate:.2f} ({interval.low:.2f} to {interval.high:.2f})"


def _require_project(question: str, unit_kind: str) -> None:
    if question == "category" and unit_kind != "project":
        raise BadInputError("only projects have a category; for Dockerfiles use --question purpose")
