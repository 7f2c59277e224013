"""``dockml study``: bring a corpus up to date, then print what was found.

Here: its options, and which columns of which tables ``--tables`` prints. Not here: the work (``bring_up_to_date``),
waiting for limits (``waiting``), the summary (``found``).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from dockml_dagster.commands.options import (
    corpus_choice,
    frame_option,
    images_option,
    path_option,
    progress_bar,
    settings_for,
)
from dockml_dagster.commands.output import say
from dockml_dagster.commands.show import print_finding
from dockml_dagster.errors import BadInputError

if TYPE_CHECKING:
    from dockml_dagster.commands.study.waiting import Waiting
    from dockml_dagster.settings import Settings


@click.command(short_help="Bring a corpus up to date, then print what was found.")
@corpus_choice("sample", "Where the projects come from.")
@click.option(
    "--project", "names", multiple=True, metavar="OWNER/NAME", help="Only this project; may be repeated."
)
@click.option(
    "--limit", type=click.IntRange(min=1), metavar="N", help="Only the first N projects of the corpus."
)
@frame_option
@path_option
@images_option
@click.option("--force", is_flag=True, help="Collect again what has not changed, too.")
@click.option(
    "--lint",
    is_flag=True,
    help="Run the linter hadolint on the Dockerfiles too; needs the extra dockml[lint], takes minutes.",
)
@click.option(
    "--wait",
    is_flag=True,
    help="When a rate limit of GitHub or of a registry is reached, wait and go on. Safe to stop at any time.",
)
@click.option("--tables", is_flag=True, help="Print about twenty tables instead of the summary.")
@click.option(
    "--reading",
    type=click.Choice(["corrected", "as_published"]),
    default="corrected",
    show_default=True,
    help="With --tables: the sound computation, or the paper's own.",
)
@click.option("--quiet", is_flag=True, help="Print no results at the end.")
def study(
    *,
    corpus: str,
    names: tuple[str, ...],
    limit: int | None,
    frame: str | None,
    paths: tuple[str, ...],
    images: bool,
    force: bool,
    lint: bool,
    wait: bool,
    tables: bool,
    reading: str,
    quiet: bool,
) -> None:
    """Study a corpus: collect its projects, compute the findings, and print them in about twenty lines.

    A corpus is a source of projects. Only what is new or changed is collected and computed; if nothing is, this ends at
    once. 'dockml show' and 'dockml sql' read the results, 'dockml report' draws them.

    \b
    Examples:
      dockml study                              the sample projects, offline
      dockml study --corpus ease2022            the paper's own projects
      dockml study --corpus github --frame modern --wait
      dockml study --project tidewater-ml/ferry --force
    """
    from dockml_dagster.commands.study.bring_up_to_date import bring_up_to_date, outlook
    from dockml_dagster.commands.study.waiting import EXIT_CODE, until_done

    settings = settings_for(corpus, frame=frame, paths=paths, images=images)
    _refuse_unreadable(settings)
    if expected := outlook(settings, corpus, names):
        say(f"dockml: {expected}", err=True)
    began = datetime.now(UTC)
    with progress_bar() as listener:

        def once() -> tuple[str, Waiting | None]:
            return bring_up_to_date(
                settings, corpus, names=names, limit=limit, force=force, lint=lint, listener=listener
            )

        def tell(text: str) -> None:
            say(f"dockml: {text}", err=True)

        summary, left = until_done(once, tell, listener) if wait else once()
    say(f"dockml: {summary}", err=True)
    if left is not None:
        say(f"dockml: {left.said()}", err=True)
    if not quiet and tables:
        for table, title, columns in _SHOWN:
            print_finding(
                settings, table, corpus, "table", title=title, columns=columns, where=_shown(table, reading)
            )
    elif not quiet:
        from dockml_dagster.commands.study.found import lines

        say("\n".join(lines(settings, corpus, began)))
    if left is not None:
        click.get_current_context().exit(EXIT_CODE)


def _shown(table: str, reading: str) -> Callable[[Mapping[str, Any]], bool]:
    """Which rows of a table are printed: those of one reading; for file types only the most frequent."""

    def shown(row: Mapping[str, Any]) -> bool:
        return row.get("reading", reading) == reading and (table != "rq4_file_types" or _frequent(row))

    return shown


def _frequent(row: Mapping[str, Any]) -> bool:
    """The most frequent file types: of images by the paper's classes, of layers by extension."""
    shown = {("image", "published_class"), ("layer", "extension"), ("project", "extension")}
    kind = (row["unit_of_analysis"], row["classification"])
    # Ranks are within a category; the table shows those over all categories.
    return bool(kind in shown and row["rank_by_files"] <= 10)


_SHOWN: tuple[tuple[str, str, str], ...] = (
    ("funnel", "Selection", "cohort, step, n, excluded, not_asked"),
    (
        "rq1_categories",
        "RQ1. Which kinds of project use Docker",
        "category, projects, n, share, share_low, share_high",
    ),
    (
        "label_shares",
        "RQ2. What Docker is used for",
        "code_system, code, share_calibrated, low, high, share_people, n_people, share_machine, n_machine, label_source",
    ),
    (
        "rq3_instruction_mix",
        "RQ3. Share of each instruction among a project's instructions",
        "keyword, projects_using, n, median_share, pooled_share, pooled_low, pooled_high",
    ),
    (
        "rq3_run_tasks",
        "RQ3. What RUN is used for",
        "task, projects_using, n, median_share, pooled_share, pooled_low, pooled_high",
    ),
    (
        "rq3_base_image_types",
        "RQ3. Base images",
        "base_image_type, projects, n, share, share_low, share_high",
    ),
    (
        "rq3_multi_stage",
        "RQ3. More than one FROM",
        "unit_of_analysis, multiple_from, n, clusters, share, share_low, share_high, maximum_from",
    ),
    (
        "rq3_practices",
        "RQ3. Practices in the stage that is shipped",
        "practice, followed, n, clusters, share_followed, share_low, share_high, share_per_project, per_project_low, "
        "per_project_high",
    ),
    (
        "rq3_reading_differences",
        "RQ3. Files the paper's parser misreads",
        "kind, files, n, share",
    ),
    (
        "rq4_image_properties",
        "RQ4. Images",
        "metric, unit, n, clusters, n_censored, median, median_low, median_high, q25, q75, maximum",
    ),
    (
        "rq4_layers",
        "RQ4. Layers",
        "metric, unit, n, clusters, n_censored, median, median_low, median_high, q75, p90, maximum",
    ),
    (
        "rq4_sharing",
        "RQ4. Shared layers and files",
        "images, n, share_in_one_image, layer_dedup_ratio, file_dedup_ratio",
    ),
    (
        "rq4_platforms",
        "RQ4. Platforms",
        "unit_of_analysis, platform, units, n, clusters, share, share_low, share_high",
    ),
    (
        "rq4_packages",
        "RQ4. Packages and frameworks",
        "unit_of_counting, name, images, n, clusters, share, bytes_median, versions, versions_behind_median",
    ),
    (
        "rq4_growth",
        "RQ4. Growth from tag to tag",
        "cause, n, clusters, grew, shrank, share_grew, difference_median, difference_bytes",
    ),
    (
        "rq4_device_code",
        "RQ4. Code for GPUs",
        "vendor, kind, architecture, images, n, clusters, share, bytes_median, share_of_device_code_median",
    ),
    ("rq4_secrets", "RQ4. Secrets in layers", "rule, images, n, clusters, share, images_hidden, files"),
    (
        "rq4_concentration",
        "RQ4. Where an image's bytes are, as shares",
        "metric, n, n_censored, median, q25, q75, maximum",
    ),
    (
        "rq4_file_types",
        "RQ4. File types",
        "unit_of_analysis, file_type, units, n, n_censored, share_of_files, share_of_bytes",
    ),
    (
        "rq4_model_artifacts",
        "RQ4. Models shipped as artifacts",
        "packaging, model_format, artifacts, n, clusters, share, median_bytes, largest_bytes, artifacts_with_parameters",
    ),
    (
        "advice",
        "Advice: what is recommended to most projects",
        "about, recommendation, severity, projects, n, share, saves_bytes",
    ),
)
"""What ``study`` prints: findings table, heading, columns. Tables by category show the row of all categories."""


def _refuse_unreadable(settings: Settings) -> None:
    """Raise BadInputError for a setting that a run would read only in its middle, where it fails the run."""
    from dockml_dagster.clients.http.errors import SettingError
    from dockml_dagster.clients.registry.settings import RegistrySettings
    from dockml_dagster.corpora.images.selection import parse_layer_bytes

    parse_layer_bytes(settings.layer_bytes)
    try:
        RegistrySettings.parse(settings.registries)
    except SettingError as error:
        raise BadInputError(str(error)) from None
