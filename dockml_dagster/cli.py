"""The ``dockml`` command: the group, the order of its commands, and how an error ends it.

Here: what holds for every command. Not here: any single one (``commands``).

Exit codes (`docs/commands.md` has the table): 0 done; 1 a check failed or another error; 2 bad input; 3 the corpus cannot be
read; 4 a run failed; 5 the warehouse is busy or unreachable; 6 the disk is full; 7 a limit stopped the study; 130
interrupted.
"""

from __future__ import annotations

import atexit
import gc
import os
import sys
from collections.abc import Sequence
from typing import Any

import click

from dockml_dagster.commands.advise.command import advise
from dockml_dagster.commands.diff_image.command import diff_image
from dockml_dagster.commands.doctor.command import doctor
from dockml_dagster.commands.export.command import export
from dockml_dagster.commands.labels.command import labels
from dockml_dagster.commands.output import say
from dockml_dagster.commands.plan.command import plan
from dockml_dagster.commands.read_dockerfile.command import read_dockerfile
from dockml_dagster.commands.rebuilds.command import rebuilds
from dockml_dagster.commands.report import report
from dockml_dagster.commands.scan_image.command import scan_image
from dockml_dagster.commands.show import show, sql
from dockml_dagster.commands.status.command import status
from dockml_dagster.commands.study.command import study
from dockml_dagster.commands.ui.command import ui
from dockml_dagster.commands.worker import worker
from dockml_dagster.errors import DockmlError


class _Group(click.Group):
    """Turns dockml's errors into one line and an exit code; anything else is a bug and keeps its traceback."""

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        **extra: Any,
    ) -> Any:
        """As click's, but wrong arguments too end in one line, which names the command that explains them."""
        try:
            code = super().main(args, prog_name, complete_var, standalone_mode=False, **extra)
        except click.exceptions.NoArgsIsHelpError as error:
            say(error.format_message())
            sys.exit(error.exit_code)
        except click.UsageError as error:
            path = error.ctx.command_path if error.ctx else "dockml"
            message = " ".join(error.format_message().split()).rstrip(".")
            link = " See:" if message.endswith("?") else "; see:"
            say(f"dockml: {message}{link} {path} --help", err=True)
            sys.exit(error.exit_code)
        except click.ClickException as error:
            say(f"dockml: {error.format_message()}", err=True)
            sys.exit(error.exit_code)
        except click.Abort:
            say("dockml: interrupted", err=True)
            sys.exit(130)
        sys.exit(code if isinstance(code, int) else 0)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click's, but an unknown command gets a suggestion."""
        if args and args[0] not in self.commands and not args[0].startswith("-"):
            import difflib  # costs a tenth of all other imports together; only a mistyped command needs it

            close = difflib.get_close_matches(args[0], self.commands, n=1)
            hint = f"did you mean {close[0]}?" if close else f"there are {', '.join(self.commands)}"
            raise click.UsageError(f"there is no command {args[0]!r}, {hint}", ctx)
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except DockmlError as error:
            say(f"dockml: {error}", err=True)
            ctx.exit(error.exit_code)
        except KeyboardInterrupt:
            say(
                "dockml: interrupted; what was collected is kept, and the same command continues",
                err=True,
            )
            ctx.exit(130)
        except (click.exceptions.Exit, click.Abort, click.ClickException):
            raise
        except Exception as error:
            _end_if_disk_full(ctx, error)
            raise


def _end_if_disk_full(ctx: click.Context, error: Exception) -> None:
    """Report a full disk as one line, whichever library met it first (Python, DuckDB, SQLite under Dagster)."""
    from dockml_dagster.settings import Settings
    from dockml_dagster.warehouse.opening import DiskFullError, disk_full, no_room

    home = Settings.from_environment().home
    # SQLite may only report an I/O error, so the free space is checked too.
    if disk_full(error) or no_room(home):
        full = DiskFullError(home)
        say(f"dockml: {full}", err=True)
        ctx.exit(full.exit_code)


EPILOG = """
\b
Exit codes:
  0  done                      4    a run failed
  1  a check failed, or        5    the warehouse is busy
     another error             6    the disk is full
  2  bad input                 7    a limit stopped the study:
  3  the corpus cannot be read      run it again
                               130  interrupted

Results go to standard output, everything else to standard error. What is collected is kept in ./.dockml, or where
the environment variable DOCKML_HOME says. 'dockml --settings' explains all variables.
"""


def _list_settings(context: click.Context, _: click.Parameter, asked: bool) -> None:
    """Print every setting with its meaning, and end."""
    if not asked or context.resilient_parsing:
        return
    from dockml_dagster.settings import VARIABLES

    for name, meaning in VARIABLES.items():
        said = click.wrap_text(meaning.replace("`", ""), 80, "    ", "    ")
        say(f"{name}\n{said}\n")
    context.exit()


@click.group(
    cls=_Group,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog=EPILOG,
)
@click.version_option(package_name="dockml", prog_name="dockml")
@click.option(
    "--settings", is_flag=True, is_eager=True, expose_value=False, callback=_list_settings,
    help="Explain the settings, which are environment variables, and exit.",
)  # fmt: skip
def main() -> None:
    """How machine-learning projects use Docker: the EASE 2022 study, rerun, corrected and continued.

    \b
    First steps:
      dockml study                        run the study on the sample, offline
      dockml show rq1_categories          one findings table
      dockml sql "FROM findings.funnel"   any question, in SQL
      dockml report                       figures and tables as one HTML file
      dockml ui                           the same graph in Dagster

    \b
    Without a study:
      dockml read-dockerfile Dockerfile   what a Dockerfile says
      dockml scan-image oci:build/image   what is in an image
      dockml advise .                     what to change, and what it saves
    """
    # Rows, files of layers and Dagster's definitions are allocated by the million, and hardly one is part of a reference
    # cycle. Searching them for cycles took a tenth of a study's time and a fifth of a Dockerfile's reading, and as much
    # again at the end of the process, where it is pointless.
    gc.set_threshold(100_000)
    atexit.register(gc.freeze)
    # Permutations have threads of their own. OpenBLAS's threads spin while they wait, which made permutations three times as
    # slow. numpy reads this variable when it is imported, and no command has imported it yet.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")


main.add_command(study)
main.add_command(plan)
main.add_command(status)
main.add_command(show)
main.add_command(sql)
main.add_command(read_dockerfile)
main.add_command(scan_image)
main.add_command(diff_image)
main.add_command(report)
main.add_command(advise)
main.add_command(rebuilds)
main.add_command(labels)
main.add_command(export)
main.add_command(doctor)
main.add_command(ui)
main.add_command(worker)
