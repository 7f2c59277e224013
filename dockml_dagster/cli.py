"""The ``dockml`` command: the group, the order of its commands, and how an error ends it.

Belongs here: what holds for every command. Does not: any single one (``commands``).

Exit codes (the README has the table): 0 done; 1 a check failed or another error; 2 bad input; 3 the corpus cannot be
read; 4 a run failed; 5 the warehouse is busy; 6 the disk is full; 130 interrupted.
"""

from __future__ import annotations

import os
import sys
from typing import Any

import click

from dockml_dagster.commands.advise import advise
from dockml_dagster.commands.doctor import doctor
from dockml_dagster.commands.export import export
from dockml_dagster.commands.labels import labels
from dockml_dagster.commands.read_dockerfile import read_dockerfile
from dockml_dagster.commands.report import report
from dockml_dagster.commands.scan_image import scan_image
from dockml_dagster.commands.show import show, sql
from dockml_dagster.commands.status import status
from dockml_dagster.commands.study import study
from dockml_dagster.commands.ui import ui
from dockml_dagster.errors import DockmlError


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
        except (click.exceptions.Exit, click.Abort, click.ClickException):
            raise
        except Exception as error:
            _end_if_disk_full(ctx, error)
            raise


def _end_if_disk_full(ctx: click.Context, error: Exception) -> None:
    """A full disk speaks through many mouths (Python, DuckDB, SQLite under Dagster); it is one line for the user."""
    from dockml_dagster.settings import Settings
    from dockml_dagster.warehouse.connection import DiskFullError, disk_full, no_room

    home = Settings.from_environment().home
    # SQLite may only speak of an I/O error, so the disk itself is asked too.
    if disk_full(error) or no_room(home):
        full = DiskFullError(home)
        click.echo(f"dockml: {full}", err=True)
        ctx.exit(full.exit_code)


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


main.add_command(study)
main.add_command(status)
main.add_command(show)
main.add_command(sql)
main.add_command(read_dockerfile)
main.add_command(scan_image)
main.add_command(report)
main.add_command(advise)
main.add_command(labels)
main.add_command(export)
main.add_command(doctor)
main.add_command(ui)
