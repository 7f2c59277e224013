"""``dockml export``: the dataset."""

from __future__ import annotations

from pathlib import Path

import click

from dockml_dagster.settings import Settings


@click.command()
@click.argument("directory", type=click.Path(path_type=Path, file_okay=False))
def export(directory: Path) -> None:
    """Write every documented table as Parquet into DIRECTORY, with a data dictionary and provenance.

    The contents of collected files are left out: only identifiers, digests and derived facts are exported.
    """
    from dockml_dagster.export import export_dataset

    written = export_dataset(Settings.from_environment(), directory)
    click.echo(f"dockml: wrote {len(written)} tables to {directory}", err=True)
