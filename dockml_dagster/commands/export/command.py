"""``dockml export``: the published tables as a data set of files.

Here: its options. Not here: writing the files (``dataset``) and their descriptions (``data_package``).
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from dockml_dagster.commands.output import say
from dockml_dagster.settings import Settings

if TYPE_CHECKING:
    from dockml_dagster.commands.export.dataset import Form


@click.command(short_help="Write all tables as Parquet or CSV, with a description.")
@click.argument("directory", type=click.Path(path_type=Path, file_okay=False))
@click.option(
    "--format",
    "form",
    type=click.Choice(["parquet", "csv"]),
    default="parquet",
    show_default=True,
    help="How the tables are written.",
)
@click.option(
    "--with-contents",
    multiple=True,
    metavar="TABLE",
    help="Write also the columns of this table that hold texts of others; may be repeated.",
)
def export(directory: Path, form: Form, with_contents: tuple[str, ...]) -> None:
    """Write every documented table as Parquet or CSV into DIRECTORY, with all that is needed to publish it.

    Beside the tables stand a data dictionary, provenance, a Frictionless data package and a citation file. Identifiers,
    digests and derived facts are written. The contents of collected files are the work of others, so they are left out
    unless --with-contents names their table.

    \b
    Examples:
      dockml export ./dataset
      dockml export ./dataset --format csv
      dockml export ./dataset --with-contents raw.dockerfiles
    """
    from dockml_dagster.commands.export.dataset import export_dataset

    written = export_dataset(Settings.from_environment(), directory, with_contents, form)
    say(f"dockml: wrote {len(written)} tables to {directory}", err=True)
