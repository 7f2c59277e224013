"""``dockml plan``: what a run would cost, before it is spent.

Here: its options, and printing. Not here: the estimate (``cost``).
"""

from __future__ import annotations

import click

from dockml_dagster.commands.options import corpus_choice, format_option, frame_option, settings_for
from dockml_dagster.commands.output import Format, render, say


@click.command(short_help="Say what a run would cost, before it is spent.")
@corpus_choice("github", "Where projects come from.")
@frame_option
@format_option
def plan(corpus: str, frame: str | None, format_: Format) -> None:
    """Say what bringing a corpus up to date would cost: calls, points, manifests, bytes, hours, runs.

    Asks GitHub for nothing but its budgets, which is free. What is not known yet is assumed; every assumption is named.

    \b
    dockml plan                     the frame of the last run
    dockml plan --frame modern      a preset, a TOML file or a file of names
    """
    from dockml_dagster.commands.plan.cost import COLUMNS
    from dockml_dagster.commands.plan.cost import plan as make_plan

    made = make_plan(settings_for(corpus, frame=frame), corpus)
    if made.rows:
        say(render(COLUMNS, made.rows, format_, title=f"What {corpus} would cost now"), nl=False)
    for remark in made.remarks:
        say(f"dockml: assumed: {remark}" if made.rows else f"dockml: {remark}", err=True)
    if made.rows:
        say(f"dockml: {made.summary}", err=True)
