"""``dockml scan-image``: any image, no study.

Here: its options, which listing was asked for, and the exit code. Not here: the scan (``scan``), printing
(``output``, ``listing``, ``packages``, ``device_code``), judging limits (``limits``).
"""

from __future__ import annotations

import sys
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Literal

import click

from dockml_dagster.commands.options import format_option, progress_bar
from dockml_dagster.commands.output import Format, say
from dockml_dagster.errors import BadInputError
from dockml_dagster.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dockml_dagster.commands.scan_image.model import ScannedReference
    from dockml_dagster.study.device_code.loading import Gpu


@click.command("scan-image", short_help="Scan an image; no study needed.")
@click.argument("references", nargs=-1, required=True, metavar="REF…")
@click.option(
    "--platform",
    metavar="OS/ARCH|all",
    help="Which platform of several. Default: Linux on this machine's processor, or the only one there is.",
)
@click.option(
    "--whole",
    is_flag=True,
    help="Read every layer whole, also where a table of contents would do (eStargz, zstd:chunked).",
)
@click.option(
    "--verify-diff-ids",
    is_flag=True,
    help="Read every layer whole, and check its uncompressed bytes against the digest in the configuration.",
)
@click.option("--no-trunc", is_flag=True, help="Print long instructions in full.")
@click.option("--files", is_flag=True, help="Instead, list every file of every layer, and what hides it.")
@click.option(
    "--layer",
    type=click.IntRange(min=1),
    metavar="N",
    help="With --files: only the files of this layer; 1 is the lowest.",
)
@click.option(
    "--tree",
    type=click.IntRange(1, 64),
    metavar="DEPTH",
    help="Instead, print the bytes of directories, down to this depth.",
)
@click.option(
    "--packages", is_flag=True, help="Instead, list the installed packages, with the bytes of each."
)
@click.option(
    "--sbom",
    type=click.Choice(["cyclonedx", "spdx"]),
    help="Instead, print the packages as a software bill of materials (SBOM).",
)
@click.option(
    "--gpu",
    metavar="ARCH",
    help="Instead, tell which GPU code in the image this GPU can load: sm_90, gfx942 …",
)
@click.option(
    "--max-size", metavar="SIZE", help="Exit with 1 if the uncompressed layers are larger: 1.5GB, 800MiB."
)
@click.option(
    "--max-waste",
    metavar="SIZE|PERCENT",
    help="Exit with 1 if more bytes are hidden by later layers: 50MB, or 5% of all.",
)
@click.option(
    "--max-growth",
    metavar="SIZE|PERCENT",
    help="Exit with 1 if the image grew by more since --baseline: 50MB, 5%.",
)
@click.option(
    "--baseline",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="With --max-growth: an earlier scan, as --format json wrote it.",
)
@click.option(
    "--output",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="With --files: write them to this Parquet file.",
)
@format_option
def scan_image(
    *,
    references: tuple[str, ...],
    platform: str | None,
    whole: bool,
    verify_diff_ids: bool,
    no_trunc: bool,
    files: bool,
    layer: int | None,
    tree: int | None,
    packages: bool,
    sbom: Literal["cyclonedx", "spdx"] | None,
    gpu: str | None,
    max_size: str | None,
    max_waste: str | None,
    max_growth: str | None,
    baseline: Path | None,
    output: Path | None,
    format_: Format,
) -> None:
    """Scan images: sizes, layers, wasted and duplicate bytes, the largest files, CUDA and model weights.

    \b
    Forms of REF:
      NAME[:TAG][@DIGEST]          an image in a registry
      oci:DIR[:TAG]                an OCI layout in a directory
      oci-archive:FILE[:TAG]       an OCI layout in an archive
      docker-archive:FILE[:NAME]   an archive of docker save
      dir:DIR                      a directory that skopeo copy wrote
      docker-daemon:NAME           an image that Docker holds
      containers-storage:NAME      an image that Podman or Buildah holds

    A FILE of `-` is standard input. A TAG or NAME of `@0` is the first image of an archive.

    Layers are read as a stream: nothing is unpacked, and no layer is stored. What was found in a registry's layer is
    remembered, so that a second scan need not read it. Of a layer with a table of contents (eStargz, zstd:chunked) that
    its manifest confirms, only the table is read. A model in a registry (Ollama, Docker Model Runner, ModelPack, ORAS) is
    shown with its files, and none of them is fetched.

    JSON is one object, or an array for several references; CSV has one row per image or model. Sizes are bytes there.

    \b
    Examples:
      dockml scan-image python:3.12-slim
      dockml scan-image oci:build/image --format json
      dockml scan-image registry.example.com/team/app:1.2 --platform all
      docker save app | dockml scan-image docker-archive:- --tree 2
      dockml scan-image docker-daemon:app --files --layer 7 --format csv
      dockml scan-image docker-daemon:app --packages
      dockml scan-image vllm/vllm-openai:latest --gpu sm_90
      dockml scan-image app:1.3 --max-waste 5% --max-growth 50MB --baseline app-1.2.json
    """
    from dockml_dagster.commands.output import render
    from dockml_dagster.commands.scan_image.device_code import gpu_named
    from dockml_dagster.commands.scan_image.limits import Limit, Limits, read_baseline
    from dockml_dagster.commands.scan_image.listing import (
        TREE_COLUMNS,
        FileListing,
        Tree,
        write_files,
        write_parquet,
    )
    from dockml_dagster.commands.scan_image.locations import parse_arguments, this_platform
    from dockml_dagster.commands.scan_image.scan import (
        content_rules,
        package_families,
        problem_of,
        scan_images,
    )

    locations, wanted = parse_arguments(references, platform)
    prefer = this_platform() if platform is None else None
    wanted_limits = (max_size, max_waste, max_growth)
    size, waste, growth = (None if text is None else Limit.parse(text) for text in wanted_limits)
    limits = Limits(size, waste, growth, None if baseline is None else read_baseline(baseline))
    if (growth is None) != (baseline is None):
        raise BadInputError("--max-growth and --baseline go together")
    if (layer is not None or output is not None) and not files:
        raise BadInputError("--layer and --output go with --files")
    _at_most_one(files, tree is not None, packages, sbom is not None, gpu is not None)
    target = None if gpu is None else gpu_named(gpu)
    inside = packages or sbom is not None or target is not None
    with ExitStack() as stack, progress_bar() as listener:
        listed = Path(stack.enter_context(TemporaryDirectory(prefix="dockml-"))) / "files.csv"
        rows = stack.enter_context(listed.open("w", newline="", encoding="utf-8"))
        trees: list[Tree] = []

        def observe(_: object) -> FileListing | Tree:
            if tree is not None and not files:
                trees.append(Tree(tree))
                return trees[-1]
            return FileListing(rows, layer)

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
                observe=observe if files or tree is not None else None,
                families=package_families() if inside else None,
                inside_asked=inside,
                listener=listener,
            )
        )
        rows.flush()
        if files and output is not None:
            write_parquet(listed, output)
        elif files:
            write_files(listed, format_, sys.stdout)
    for each in trees:
        say(render(TREE_COLUMNS, list(each.rows()), format_), nl=False)
    if (len(scanned) > 1 or scanned[0].error is None) and not files and not trees:
        text = _text(scanned, format_, packages=packages, sbom=sbom, gpu=target, no_trunc=no_trunc)
        say(text, nl=False)
    problem = problem_of(scanned)
    if problem is not None:
        raise problem
    exceeded = list(limits.exceeded(scanned))
    for line in exceeded:
        say(f"dockml: over the limit: {line}", err=True)
    if exceeded:
        sys.exit(1)


def _at_most_one(*asked: bool) -> None:
    """Raises BadInputError if several listings are asked for at once."""
    if sum(asked) > 1:
        raise BadInputError("one of --files, --tree, --packages, --sbom and --gpu")


def _text(
    scanned: Sequence[ScannedReference],
    format_: Format,
    *,
    packages: bool,
    sbom: Literal["cyclonedx", "spdx"] | None,
    gpu: Gpu | None,
    no_trunc: bool,
) -> str:
    """The output for the images, in the requested form."""
    if packages or sbom is not None:
        from importlib.metadata import version  # imported late: a quarter of the command's start-up time

        from dockml_dagster.commands.scan_image.packages import packages_text, sbom_text

        return (
            packages_text(scanned, format_) if sbom is None else sbom_text(scanned, sbom, version("dockml"))
        )
    if gpu is not None:
        from dockml_dagster.commands.scan_image.device_code import device_code_text

        return device_code_text(scanned, gpu, format_)
    from dockml_dagster.commands.scan_image.output import to_text

    return to_text(scanned, format_, whole_texts=no_trunc)
