"""``dockml diff-image``: why one image is larger than another, and what several share.

Here: its options. Not here: reading the images (``images``), comparing them (``study.difference``), printing
(``output``).
"""

from __future__ import annotations

from typing import Literal

import click

from dockml_dagster.commands.options import progress_bar
from dockml_dagster.commands.output import say
from dockml_dagster.errors import BadInputError
from dockml_dagster.settings import Settings


@click.command("diff-image", short_help="Compare images: why one is larger, and what they share.")
@click.argument("references", nargs=-1, required=True, metavar="A B [MORE…]")
@click.option(
    "--platform",
    metavar="OS/ARCH",
    help="Which platform of several. Default: Linux on this machine's processor.",
)
@click.option(
    "--format",
    "format_",
    type=click.Choice(["table", "json", "markdown"]),
    default="table",
    show_default=True,
    help="How to print.",
)
def diff_image(
    *, references: tuple[str, ...], platform: str | None, format_: Literal["table", "json", "markdown"]
) -> None:
    """Compare two images: layers they share, bytes that a node with A still pulls for B, and the difference in bytes by
    instruction, package, directory and kind of file, each adding up to it exactly. Of more images: what they share.

    A and B are what `scan-image` takes.

    \b
    Examples:
      dockml diff-image app:1.2 app:1.3
      dockml diff-image docker-daemon:app oci:build/image --format markdown
    """
    from dockml_dagster.commands.diff_image.images import read_images
    from dockml_dagster.commands.diff_image.output import several_text, two_text
    from dockml_dagster.commands.scan_image.locations import parse_arguments, this_platform

    if len(references) < 2:
        raise BadInputError("diff-image compares at least two images")
    if platform == "all":
        raise BadInputError("images are compared on one platform: --platform OS/ARCH")
    locations, wanted = parse_arguments(references, platform)
    with progress_bar() as listener:
        images = read_images(
            locations,
            Settings.from_environment(),
            platform=wanted,
            prefer=this_platform() if platform is None else None,
            listener=listener,
        )
    text = two_text(images[0], images[1], format_) if len(images) == 2 else several_text(images, format_)
    say(text, nl=False)
