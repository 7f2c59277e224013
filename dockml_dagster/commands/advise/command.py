"""``dockml advise``: what to change, and what it saves."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from dockml_dagster.commands.options import corpus_option, format_choice, progress_bar
from dockml_dagster.errors import BadInputError
from dockml_dagster.settings import Settings

if TYPE_CHECKING:
    from dockml_dagster.commands.advise.targets import Advice


@click.command(short_help="Advise what to change, and what it saves.")
@click.argument("targets", nargs=-1, metavar="[PROJECT|REF|DIR]...")
@corpus_option
@click.option(
    "--platform",
    metavar="OS/ARCH|all",
    help="Which platform of an image. Default: this machine's processor, or the only one there is.",
)
@format_choice("text", "json", "sarif", help_="How to print; sarif is for code-scanning services.")
@click.option(
    "--fail-on",
    type=click.Choice(["note", "warning", "error"]),
    help="End with exit code 1 if there is a recommendation of this severity or a higher one.",
)
def advise(
    *, targets: tuple[str, ...], corpus: str | None, platform: str | None, format_: str, fail_on: str | None
) -> None:
    """Advise what to change about Dockerfiles and images: why, on which evidence, and how many bytes it saves.

    A target is a directory or a Dockerfile (default: this directory), an image (as for scan-image), or with --corpus a
    project OWNER/NAME of the published file. Bytes are measured in the image's layers, and none is counted twice.

    \b
    Examples:
      dockml advise                                     every Dockerfile and Compose file here
      dockml advise . oci:build/image                   ... and the image that was built from them
      dockml advise registry.example.com/team/app:1.2 --format json
      dockml advise . --fail-on warning                 in CI
      dockml advise . --format sarif > dockml.sarif     for a code-scanning service
      dockml advise lanternfish/recipe-recs --corpus sample
    """
    from dockml_dagster.commands.advise.output import to_json, to_sarif_text, to_text
    from dockml_dagster.study.advice.model import SEVERITIES, at_least

    advice = _advice(targets or (".",), corpus, platform)
    click.echo({"text": to_text, "json": to_json, "sarif": to_sarif_text}[format_](advice), nl=False)
    problems = [f"{item.target}: {problem}" for item in advice for problem in item.problems]
    if problems:
        click.echo(f"dockml: not everything could be judged: {problems[0]}", err=True)
    found = [item for each in advice for item in each.recommendations]
    severity = next((level for level in SEVERITIES if level == fail_on), None)
    count = 0 if severity is None else at_least(found, severity)
    if count:
        click.echo(
            f"dockml: {count} of {len(found)} recommendations are of severity {fail_on} or higher", err=True
        )
    if count or problems:
        sys.exit(1)


def _advice(targets: tuple[str, ...], corpus: str | None, platform: str | None) -> list[Advice]:
    settings = Settings.from_environment()
    if corpus is not None:
        from dockml_dagster.commands.advise.targets import advise_published

        return [advise_published(settings, corpus, name) for name in targets]
    found: list[Advice] = []
    for target in targets:
        if Path(target).exists():
            from dockml_dagster.commands.advise.directory import advise_directory

            found.append(advise_directory(Path(target)))
        elif target.startswith((".", "/", "~")):
            raise BadInputError(f"{target}: no such file or directory")
        else:
            if not set(target) & set(":/@"):
                click.echo(f"dockml: nothing here is called {target!r}: taken for an image", err=True)
            found += _of_images(target, platform, settings)
    return found


def _of_images(target: str, platform: str | None, settings: Settings) -> list[Advice]:
    from dockml_dagster.commands.advise.targets import advise_images
    from dockml_dagster.commands.scan_image.scan import parse_arguments, this_platform

    locations, wanted = parse_arguments((target,), platform)
    prefer = this_platform() if platform is None else None
    with progress_bar() as listener:
        return list(advise_images(locations, settings, platform=wanted, prefer=prefer, listener=listener))
