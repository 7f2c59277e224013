"""``dockml doctor``: what is in order, and what to do about the rest.

Here: its options, printing, and the exit code. Not here: the checks (``checks``).
"""

from __future__ import annotations

from dataclasses import asdict

import click

from dockml_dagster.commands.options import format_choice
from dockml_dagster.commands.output import json_text, say
from dockml_dagster.settings import Settings

_SIGNS = {"ok": "ok     ", "warning": "warning", "problem": "PROBLEM"}


@click.command(short_help="Check the installation and its data, and say what to do.")
@click.option("--network", is_flag=True, help="Also check whether GitHub and the registries answer.")
@click.option("--compact", is_flag=True, help="First rewrite the warehouse file without its unused space.")
@format_choice("text", "json")
@click.pass_context
def doctor(context: click.Context, network: bool, compact: bool, format_: str) -> None:
    """Check the data folder, versions, disk space, warehouse, locks and credentials.

    Each problem comes with what to do about it. The exit code is 1 if there is one.

    \b
    Examples:
      dockml doctor                   nothing leaves the machine
      dockml doctor --network         also ask GitHub and the registries
    """
    from dockml_dagster.commands.doctor.checks import examine
    from dockml_dagster.warehouse import maintenance
    from dockml_dagster.warehouse.connection import Warehouse

    settings = Settings.from_environment()
    warehouse = Warehouse(settings.warehouse)
    if compact and warehouse.exists:
        before, after = maintenance.compact(warehouse)
        say(f"dockml: {settings.warehouse}: {before:,} bytes before, {after:,} after", err=True)
    found = examine(settings, network=network)
    if format_ == "json":
        say(json_text([asdict(one) for one in found]), nl=False)
    else:
        for one in found:
            say(f"{_SIGNS[one.state]}  {one.subject:<10} {one.text}")
            if one.advice:
                say(f"{'':20} → {one.advice}")
    context.exit(1 if any(one.state == "problem" for one in found) else 0)
