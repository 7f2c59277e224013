"""The ``dockml`` command: thin. Every command reads its options, calls one thing, and prints.

Belongs here: options, progress, printing, exit codes. Does not: any work. Imports are late on purpose: ``--help``, ``show``,
``sql`` and the commands that need no study must not wait for Dagster.

Exit codes (the README has the table): 0 done; 1 a check failed or another error; 2 bad input; 3 the corpus cannot be
read; 4 a run failed; 5 the warehouse is busy; 130 interrupted.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from dockml_dagster.errors import DockmlError
from dockml_dagster.output import FORMATS, Format, render
from dockml_dagster.settings import Settings

CORPORA = ("sample", "ease2022")

_format = click.option(
    "--format",
    "format_",
    type=click.Choice(FORMATS),
    default="table",
    show_default=True,
    help="How to print.",
)
_corpus = click.option("--corpus", type=click.Choice(CORPORA), help="Only this corpus.")


class _Group(click.Group):
    """Turns dockml's errors into one line and an exit code; anything else is a bug and keeps its traceback."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except DockmlError as error:
            click.echo(f"dockml: {error}", err=True)
            ctx.exit(error.exit_code)
        except KeyboardInterrupt:
            click.echo(
                "dockml: interrupted; what was collected is kept, the same command goes on from there",
                err=True,
            )
            ctx.exit(130)
        except BrokenPipeError:
            # The reader of our output (head, less) is gone; nothing is wrong.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            ctx.exit(0)


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="dockml", prog_name="dockml")
def main() -> None:
    """How machine-learning projects use Docker: the EASE 2022 study, rerun, corrected and continued.

    \b
    First steps:
      dockml study                        run the study on the sample projects, offline
      dockml show rq1_categories          one findings table
      dockml sql "FROM findings.funnel"   any question, in SQL
      dockml ui                           the same graph in Dagster
    """


@main.command()
@click.option(
    "--corpus",
    type=click.Choice(CORPORA),
    default="sample",
    show_default=True,
    help="Where projects come from.",
)
@click.option(
    "--project", "names", multiple=True, metavar="OWNER/NAME", help="Only this project; may be repeated."
)
@click.option(
    "--limit", type=click.IntRange(min=1), metavar="N", help="Only the first N projects of the corpus."
)
@click.option("--force", is_flag=True, help="Collect also what is not due.")
@click.option("--quiet", is_flag=True, help="No tables at the end.")
def study(corpus: str, names: tuple[str, ...], limit: int | None, force: bool, quiet: bool) -> None:
    """Bring everything of a corpus up to date, then print the research questions.

    Only what changed is done again; where nothing is due, nothing runs.
    """
    from dockml_dagster.bring_up_to_date import bring_up_to_date

    settings = Settings.from_environment()
    with _progress() as listener:
        summary = bring_up_to_date(settings, corpus, names=names, limit=limit, force=force, listener=listener)
    click.echo(f"dockml: {summary}", err=True)
    if not quiet:
        for table, title, columns in _SHOWN:
            _print_finding(settings, table, corpus, "table", title=title, columns=columns)


_SHOWN: tuple[tuple[str, str, str], ...] = (
    ("funnel", "Selection", "step, n, excluded"),
    ("rq1_categories", "RQ1. Which kinds of project use Docker", "reading, category, projects, n, share"),
    (
        "rq3_instruction_mix",
        "RQ3. Share of each instruction among a project's instructions",
        "reading, keyword, projects_using, n, median_share, pooled_share",
    ),
    (
        "rq3_run_tasks",
        "RQ3. What RUN is used for",
        "reading, task, projects_using, n, median_share, pooled_share",
    ),
    ("rq3_base_image_types", "RQ3. Base images", "reading, base_image_type, projects, n, share"),
    (
        "rq3_multi_stage",
        "RQ3. More than one FROM",
        "reading, unit_of_analysis, multiple_from, n, share, maximum_from",
    ),
    (
        "rq4_image_properties",
        "RQ4. Images",
        "reading, metric, unit, unit_of_analysis, n, median, q25, q75, maximum",
    ),
    ("rq4_layers", "RQ4. Layers", "metric, unit, n, median, q75, p90, maximum"),
    ("rq4_sharing", "RQ4. Shared layers", "images, n, share_in_one_image, layers_shared, layer_dedup_ratio"),
)
"""What ``study`` prints: findings table, heading, columns. Tables by category show the row of all categories."""


@main.command()
@click.argument("name", required=False)
@_corpus
@_format
def show(name: str | None, corpus: str | None, format_: Format) -> None:
    """Print one findings table; without NAME, list them."""
    from dockml_dagster.published import query

    settings = Settings.from_environment()
    if name is None:
        answer = query(
            settings,
            "SELECT table_name AS name, comment AS description FROM duckdb_tables() "
            "WHERE schema_name = 'findings' ORDER BY 1",
        )
        click.echo(render(answer.columns, answer.rows, format_), nl=False)
        return
    _print_finding(settings, name, corpus, format_)


def _print_finding(
    settings: Settings,
    name: str,
    corpus: str | None,
    format_: Format,
    *,
    title: str | None = None,
    columns: str | None = None,
) -> None:
    from dockml_dagster.published import finding

    answer = finding(settings, name, corpus)
    rows: Sequence[Sequence[Any]] = answer.rows
    names: Sequence[str] = answer.columns
    if columns is not None:
        if "category" in names and "category" not in columns:
            rows = [row for row in rows if row[names.index("category")] == "All"]
        wanted = [column.strip() for column in columns.split(",")]
        rows = [[row[names.index(column)] for column in wanted] for row in rows]
        names = wanted
    if title is not None and not rows:
        click.echo(f'{title}\n  not available in this corpus yet; see: dockml sql "FROM staging.outcomes"\n')
        return
    click.echo(render(names, rows, format_, title=title), nl=False)


# A statement may begin with a comment, whose two dashes are no option.
@main.command(context_settings={"ignore_unknown_options": True})
@click.argument("statement")
@_format
def sql(statement: str, format_: Format) -> None:
    """Run one read-only query on the published file.

    \b
    dockml sql "SELECT category, projects, share FROM findings.rq1_categories WHERE reading = 'corrected'"
    dockml sql "SELECT table_schema, table_name FROM information_schema.tables" --format csv
    """
    from dockml_dagster.published import query

    answer = query(Settings.from_environment(), statement)
    click.echo(render(answer.columns, answer.rows, format_), nl=False)


@main.command()
@click.argument("directory", type=click.Path(path_type=Path, file_okay=False))
def export(directory: Path) -> None:
    """Write every documented table as Parquet into DIRECTORY, with a data dictionary and provenance.

    The contents of collected files are left out: only identifiers, digests and derived facts are exported.
    """
    from dockml_dagster.export import export_dataset

    written = export_dataset(Settings.from_environment(), directory)
    click.echo(f"dockml: wrote {len(written)} tables to {directory}", err=True)


@main.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--port", type=click.IntRange(1, 65535), default=3000, show_default=True, help="Port to listen on."
)
def ui(host: str, port: int) -> None:
    """Open the Dagster UI, with the daemon that runs backfills, sensors and schedules. Ctrl-C ends both."""
    from dockml_dagster.instance import prepare
    from dockml_dagster.ui import serve

    prepare(Settings.from_environment())
    sys.exit(serve(host, port))


@contextmanager
def _progress() -> Iterator[Callable[[str, int, int | None], None]]:
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
                    click.echo(f"dockml: {what}: {total}", err=True)
            elif what in tasks:
                progress.advance(tasks[what], steps)

        yield listener


@main.command("read-dockerfile")
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@_format
def read_dockerfile(files: tuple[str, ...], format_: Format) -> None:
    """Read Dockerfiles as BuildKit does: instructions, stages, base images, RUN commands, practices.

    `-` is standard input. Values of ENV and ARG whose names look like secrets are not shown.
    A file that is none is told in one line, and the others are read.
    """
    from dockml_dagster.read_dockerfile import read_files, render_documents

    documents, refused = read_files(files, sys.stdin.buffer)
    click.echo(render_documents(documents, format_), nl=False)
    for reason in refused:
        click.echo(f"dockml: {reason}", err=True)
    if refused:
        sys.exit(2)


@main.command("scan-image")
@click.argument("references", nargs=-1, required=True, metavar="REF…")
@click.option(
    "--platform",
    metavar="OS/ARCH|all",
    help="Which platform of several. Default: this machine's processor, or the only one there is.",
)
@_format
def scan_image(references: tuple[str, ...], platform: str | None, format_: Format) -> None:
    """Scan images without a study: sizes, layers, waste, duplicates, biggest files, what ML images carry.

    REF is a registry reference, oci:DIR[:TAG], oci-archive:FILE[:TAG], docker-archive:FILE[:NAME] or dir:DIR.
    Nothing is unpacked and no layer is kept. JSON: an object; for several references an array. CSV: a row an image.
    """
    from dockml_dagster.scan_image import (
        content_rules,
        parse_arguments,
        problem_of,
        scan_images,
        this_platform,
    )
    from dockml_dagster.scan_image_output import to_text

    locations, wanted = parse_arguments(references, platform)
    prefer = this_platform() if platform is None else None
    with _progress() as listener:
        settings, rules = Settings.from_environment(), content_rules()
        scanned = list(
            scan_images(locations, settings, rules, platform=wanted, prefer=prefer, listener=listener)
        )
    if len(scanned) > 1 or scanned[0].error is None:
        click.echo(to_text(scanned, format_), nl=False)
    problem = problem_of(scanned)
    if problem is not None:
        raise problem
