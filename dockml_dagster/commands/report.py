"""``dockml report``: the HTML report.

Here: its options. Not here: what the report says and how it is laid out (``dockml_dagster.report``).
"""

from __future__ import annotations

from pathlib import Path

import click

from dockml_dagster.commands.options import corpus_choice
from dockml_dagster.commands.output import say
from dockml_dagster.settings import Settings


@click.command(short_help="Write the HTML report of a corpus.")
@corpus_choice(None, "Which corpus. Default: the only one that was studied.")
@click.option(
    "--output",
    "-o",
    type=click.Path(path_type=Path, dir_okay=False, allow_dash=True),
    metavar="FILE",
    help="Where to write; - is standard output. Default: dockml-report-CORPUS.html in this folder.",
)
@click.option(
    "--figures",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIRECTORY",
    help="Write every figure into this folder too, as SVG, PDF and CSV.",
)
def report(corpus: str | None, output: Path | None, figures: Path | None) -> None:
    """Write the report: one HTML file with figures, tables and sentences about a corpus.

    The file opens offline in any browser, and prints well. Each figure can be saved from it as SVG, PDF and CSV, and says
    from which table of the published file it is made.

    \b
    Examples:
      dockml report
      dockml report --corpus ease2022 --output paper.html --figures ./figures
    """
    from dockml_dagster.report.building import build_report
    from dockml_dagster.report.files import make_folder_of, write_figures, write_page
    from dockml_dagster.warehouse.versions import libraries

    settings = Settings.from_environment()
    if output is not None and str(output) != "-":
        # Before the drawing, which takes seconds.
        make_folder_of(output)
    built = build_report(settings.published, corpus, libraries())
    if figures is not None:
        write_figures(built, figures)
        say(f"dockml: wrote {len(built.figures)} figures to {figures}", err=True)
    if str(output) == "-":
        click.echo(built.html, nl=False)  # HTML, not text for a terminal
        return
    target = output or Path(f"dockml-report-{built.corpus}.html")
    write_page(built, target)
    say(f"dockml: wrote {target}", err=True)
