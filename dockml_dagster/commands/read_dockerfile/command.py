"""``dockml read-dockerfile``: any Dockerfile, no study.

Here: its options, and the exit code. Not here: reading the files and laying out what they say (``read``).
"""

from __future__ import annotations

import sys

import click

from dockml_dagster.commands.options import format_option
from dockml_dagster.commands.output import Format, say


@click.command("read-dockerfile", short_help="Read a Dockerfile; no study needed.")
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@format_option
def read_dockerfile(files: tuple[str, ...], format_: Format) -> None:
    """Read Dockerfiles as BuildKit does: instructions, stages, base images, RUN commands, practices.

    A FILE named `-` is standard input. Values of ENV and ARG whose names look like secrets are not shown. A file that is
    no Dockerfile is reported in one line, and the other files are still read.

    \b
    Examples:
      dockml read-dockerfile Dockerfile docker/Dockerfile.gpu
      dockml read-dockerfile Dockerfile --format json
      cat Dockerfile | dockml read-dockerfile -
    """
    from dockml_dagster.commands.read_dockerfile.read import read_files, render_documents

    documents, refused = read_files(files, sys.stdin.buffer)
    say(render_documents(documents, format_), nl=False)
    for reason in refused:
        say(f"dockml: {reason}", err=True)
    if refused:
        sys.exit(2)
