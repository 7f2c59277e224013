"""``dockml scan-image``: any image, no study."""

from __future__ import annotations

import gc

import click

from dockml_dagster.commands.options import format_option, progress_bar
from dockml_dagster.commands.output import Format
from dockml_dagster.settings import Settings


@click.command("scan-image", short_help="Scan any image, no study needed.")
@click.argument("references", nargs=-1, required=True, metavar="REF…")
@click.option(
    "--platform",
    metavar="OS/ARCH|all",
    help="Which platform of several. Default: this machine's processor, or the only one there is.",
)
@click.option("--whole", is_flag=True, help="Read layers whole that have a table of contents too.")
@click.option(
    "--verify-diff-ids",
    is_flag=True,
    help="Read layers whole and check that each inflates to what the configuration names.",
)
@format_option
def scan_image(
    references: tuple[str, ...], platform: str | None, whole: bool, verify_diff_ids: bool, format_: Format
) -> None:
    """Scan images without a study: sizes, layers, waste, duplicates, biggest files, what ML images carry.

    REF is a registry reference, oci:DIR[:TAG], oci-archive:FILE[:TAG], docker-archive:FILE[:NAME] or dir:DIR.
    Nothing is unpacked and no layer is kept. A layer in a registry that carries a table of contents its manifest
    vouches for (eStargz, zstd:chunked) is read by that alone; what is once known of a registry's layer is kept.
    JSON: an object; for several references an array. CSV: a row an image.

    \b
    dockml scan-image python:3.12-slim
    dockml scan-image oci:build/image --format json
    dockml scan-image registry.example.com/team/app:1.2 --platform all
    """
    from dockml_dagster.commands.scan_image.output import to_text
    from dockml_dagster.commands.scan_image.scan import (
        content_rules,
        parse_arguments,
        problem_of,
        scan_images,
        this_platform,
    )

    # As in the processes beside this one: rows come and go by the million, and none is part of a cycle.
    gc.set_threshold(100_000)
    locations, wanted = parse_arguments(references, platform)
    prefer = this_platform() if platform is None else None
    with progress_bar() as listener:
        settings, rules = Settings.from_environment(), content_rules()
        scanned = list(
            scan_images(
                locations,
                settings,
                rules,
                platform=wanted,
                prefer=prefer,
                whole=whole,
                verify_diff_ids=verify_diff_ids,
                listener=listener,
            )
        )
    if len(scanned) > 1 or scanned[0].error is None:
        click.echo(to_text(scanned, format_), nl=False)
    problem = problem_of(scanned)
    if problem is not None:
        raise problem
