"""``dockml plan``: what a run would cost, before it is spent."""

from __future__ import annotations

import click

from dockml_dagster.commands.options import format_option, frame_option, use_frame
from dockml_dagster.commands.output import Format, render
from dockml_dagster.settings import CORPORA, Settings


@click.command(short_help="Say what a run would cost, before it is spent.")
@click.option(
    "--corpus",
    type=click.Choice(CORPORA),
    default="github",
    show_default=True,
    help="Where projects come from.",
)
@frame_option
@format_option
def plan(corpus: str, frame: str | None, format_: Format) -> None:
    """Say what bringing a corpus up to date would cost: calls, manifests, bytes, time.

    Asks GitHub for nothing but its budgets, which is free. What is not known yet is assumed; every assumption is named.

    \b
    dockml plan                     the frame of the last run
    dockml plan --frame modern      a preset, a TOML file or a file of names
    """
    from dockml_dagster.commands.plan.cost import COLUMNS
    from dockml_dagster.commands.plan.cost import plan as make_plan

    use_frame(frame)
    made = make_plan(Settings.from_environment(), corpus)
    if made.rows:
        click.echo(render(COLUMNS, made.rows, format_, title=f"What {corpus} would cost now"), nl=False)
    for remark in made.remarks:
        click.echo(f"dockml: assumed: {remark}" if made.rows else f"dockml: {remark}", err=True)
    if made.rows:
        hours, minutes = divmod(round(made.seconds / 60), 60)
        click.echo(f"dockml: about {hours} h {minutes:02} min in all, waits for budgets included", err=True)
