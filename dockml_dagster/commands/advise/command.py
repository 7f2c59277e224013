"""``dockml advise``: what to change, and what it saves.

Here: its options, which kind each target is, and the exit code. Not here: reading targets (``directory``,
``targets``), judging (``study.advice``), printing (``output``).
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from dockml_dagster.commands.options import corpus_choice, format_choice, progress_bar
from dockml_dagster.commands.output import say
from dockml_dagster.errors import BadInputError
from dockml_dagster.settings import Settings
from dockml_dagster.text import counted

if TYPE_CHECKING:
    from dockml_dagster.commands.advise.directory import Quiet
    from dockml_dagster.commands.advise.targets import Advice


@click.command(short_help="Advise what to change, and what it saves.")
@click.argument("targets", nargs=-1, metavar="[PROJECT|REF|DIR]...")
@corpus_choice(None, "Targets are projects of this corpus: OWNER/NAME.")
@click.option(
    "--platform",
    metavar="OS/ARCH|all",
    help="Which platform of an image. Default: Linux on this machine's processor, or the only one there is.",
)
@format_choice(
    "text",
    "json",
    "sarif",
    "gitlab",
    help_="How to print. sarif is for code-scanning services (GitHub and others), gitlab for GitLab's code-quality report.",
)
@click.option(
    "--fail-on",
    type=click.Choice(["note", "warning", "error"]),
    help="End with exit code 1 if there is a recommendation of this severity or a higher one. Default: end with 0.",
)
@click.option("--config", metavar="FILE", help="Use this configuration file instead of the project's own.")
@click.option("--no-config", is_flag=True, help="Use no configuration file, and obey no ignore comment.")
@click.option("--baseline", metavar="FILE", help="Leave out what --write-baseline wrote to this file.")
@click.option(
    "--write-baseline",
    metavar="FILE",
    help="Write what is found now to this file, so that later runs can leave it out.",
)
@click.option("--fix", is_flag=True, help="Write the safe fixes into the Dockerfiles.")
@click.option(
    "--unsafe", is_flag=True, help="With --fix or --diff: also the fixes that may change what the build does."
)
@click.option("--diff", is_flag=True, help="Show what --fix would write, and write nothing.")
@click.option("--explain", metavar="RULE", help="Explain one rule, with examples, and end.")
@click.option("--rules", is_flag=True, help="List all rules, and end.")
def advise(
    *,
    targets: tuple[str, ...],
    corpus: str | None,
    platform: str | None,
    format_: str,
    fail_on: str | None,
    config: str | None,
    no_config: bool,
    baseline: str | None,
    write_baseline: str | None,
    fix: bool,
    unsafe: bool,
    diff: bool,
    explain: str | None,
    rules: bool,
) -> None:
    """Advise what to change about Dockerfiles and images: why, on which evidence, and how many bytes it saves.

    A target is a directory, a Dockerfile or an image (written as for scan-image); default: the current directory. With
    --corpus it is a project OWNER/NAME that a study has collected. Bytes are measured in the layers of the image, and no
    byte is counted for two recommendations.

    To leave something out, write a comment in the Dockerfile (`# dockml ignore=RULE reason`), a file .dockml.toml, a
    table [tool.dockml] in pyproject.toml, or a baseline.

    \b
    Examples:
      dockml advise                                     every Dockerfile and Compose file here
      dockml advise . oci:build/image                   ... and the image that was built from them
      dockml advise registry.example.com/team/app:1.2 --format json
      dockml advise . --fail-on warning --baseline known.json     in CI
      dockml advise . --format sarif > dockml.sarif     for a code-scanning service
      dockml advise . --diff                            what --fix would write
      dockml advise --explain pip-cache
      dockml advise lanternfish/recipe-recs --corpus sample
    """
    from dockml_dagster.commands.advise.output import to_gitlab_text, to_json, to_sarif_text, to_text
    from dockml_dagster.study.advice.model import SEVERITIES, at_least

    if explain is not None or rules:
        from dockml_dagster.commands.advise.pages import list_of_rules, page_of

        say(list_of_rules() if explain is None else page_of(explain), nl=False)
        return
    quiets = _Quiets(config, no_config=no_config)
    if fix or diff:
        from dockml_dagster.commands.advise.fixing import fix_files

        writing = fix and not diff
        sys.exit(
            fix_files(targets or (".",), quiets, Settings.from_environment(), unsafe=unsafe, write=writing)
        )
    advice = _advice(targets or (".",), corpus, platform, quiets)
    if write_baseline is not None:
        from dockml_dagster.commands.advise.baseline import write_baseline as write

        places = counted(write(Path(write_baseline), advice), "place")
        say(f"dockml: {places} written to {write_baseline}", err=True)
        return
    known = Path(baseline) if baseline is not None else quiets.baseline
    if known is not None:
        from dockml_dagster.commands.advise.baseline import without_known

        advice = without_known(advice, known)
    forms = {"text": to_text, "json": to_json, "sarif": to_sarif_text, "gitlab": to_gitlab_text}
    say(forms[format_](advice), nl=False)
    for remark in dict.fromkeys(remark for item in advice for remark in item.remarks):
        if format_ != "text":
            say(f"dockml: {remark}", err=True)
    problems = [f"{item.target}: {problem}" for item in advice for problem in item.problems]
    if problems:
        say(f"dockml: not everything could be judged: {problems[0]}", err=True)
    found = [item for each in advice for item in each.recommendations]
    severity = next((level for level in SEVERITIES if level == fail_on), None)
    count = 0 if severity is None else at_least(found, severity)
    if count:
        say(f"dockml: {count} of {len(found)} recommendations are of severity {fail_on} or higher", err=True)
    if count or problems:
        sys.exit(1)


class _Quiets:
    """The configuration of each target: the one named on the command line, or the project's own."""

    def __init__(self, named: str | None, *, no_config: bool) -> None:
        self._named = named
        self._none = no_config
        self.baseline: Path | None = None

    def __call__(self, target: Path) -> Quiet:
        from dockml_dagster.commands.advise.configuration import find_configuration, load_configuration
        from dockml_dagster.commands.advise.directory import Quiet
        from dockml_dagster.commands.advise.targets import rule_names

        if self._none:
            return Quiet(obey_comments=False)
        if self._named is not None:
            found = load_configuration(Path(self._named), rule_names())
        else:
            found = find_configuration(target, rule_names())
        self.baseline = self.baseline or found.baseline
        return Quiet(found)


def _advice(
    targets: tuple[str, ...], corpus: str | None, platform: str | None, quiets: _Quiets
) -> list[Advice]:
    settings = Settings.from_environment()
    if corpus is not None:
        from dockml_dagster.commands.advise.targets import advise_published

        return [advise_published(settings, corpus, name) for name in targets]
    found: list[Advice] = []
    for target in targets:
        if Path(target).exists():
            from dockml_dagster.commands.advise.directory import advise_directory

            found.append(advise_directory(Path(target), quiets(Path(target))))
        else:
            from dockml_dagster.commands.scan_image.locations import is_only_a_name

            if is_only_a_name(target):
                image = f"; an image is written {target}:latest or docker://{target}"
                is_path = target.startswith(("/", "./", "../", "~"))
                raise BadInputError(f"{target}: no such file or directory{'' if is_path else image}")
            found += _of_images(target, platform, settings)
    return found


def _of_images(target: str, platform: str | None, settings: Settings) -> list[Advice]:
    from dockml_dagster.commands.advise.targets import advise_images
    from dockml_dagster.commands.scan_image.locations import parse_arguments, this_platform

    locations, wanted = parse_arguments((target,), platform)
    prefer = this_platform() if platform is None else None
    with progress_bar() as listener:
        return list(advise_images(locations, settings, platform=wanted, prefer=prefer, listener=listener))
