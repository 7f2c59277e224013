"""``dockml plan``: what a run would cost, before it is spent.

Here: its options, and printing. Not here: the estimate (``cost``).
"""

from __future__ import annotations

import click

from dockml_dagster.commands.options import corpus_choice, format_option, frame_option, settings_for
from dockml_dagster.commands.output import Format, render, say


@click.command(short_help="Estimate the requests, time and disk space of a run.")
@corpus_choice("github", "Where projects come from.")
@frame_option
@format_option
def plan(corpus: str, frame: str | None, format_: Format) -> None:
    """Estimate what a study would cost before it runs: API calls, registry requests, bytes, hours.

    GitHub is asked only how much of its rate limit is left, which is free. What is not known yet is assumed, and every
    assumption is printed.

    \b
    Examples:
      dockml plan                     the same projects as in the last study
      dockml plan --frame modern      those of a preset
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
