"""RQ4: frameworks, packages and GPU code in the images, their growth, and secrets in them.

Here: ``findings.rq4_packages``, ``rq4_growth``, ``rq4_device_code`` and ``rq4_secrets``. Not here: kinds of content by path
(``images``), types of file (``contents``).
"""

from __future__ import annotations

from collections.abc import Sequence

from dockml_dagster.report.blocks import Block, Column, Heading, Paragraph, Part, Table
from dockml_dagster.report.source import Row, Source
from dockml_dagster.report.text import count, counted, leading, listed, or_none, percent, say

SHOWN = 20
"""Packages in the table: those in most images."""


def _packages(source: Source) -> Sequence[Block]:
    rows = source.rows(f"""
        SELECT * FROM (
            SELECT
                unit_of_counting, name, images, n, clusters, share, bytes_median, versions, versions_behind_median,
                images_with_several, row_number() OVER (PARTITION BY unit_of_counting ORDER BY images DESC, name) AS place
            FROM findings.rq4_packages
            WHERE corpus = $corpus
        )
        WHERE place <= {SHOWN}
        ORDER BY unit_of_counting, place
    """)
    families = [row for row in rows if row["unit_of_counting"] == "family"]
    packages = [row for row in rows if row["unit_of_counting"] == "package"]
    if not packages:
        return []
    blocks: list[Block] = [Heading("Packages")]
    if families:
        first, leaders = families[0], leading(families, "images", "name")
        blocks += [
            Paragraph(
                say(
                    "{names} {are} in the most images: {each}{images} of {n} whose packages are known ({share}).",
                    images=count(first["images"]),
                    share=percent(first["share"]),
                    n=count(first["n"]),
                    names=listed(leaders),
                    are="are" if len(leaders) > 1 else "is",
                    each="each in " if len(leaders) > 1 else "",
                )
            ),
            _table("Frameworks and libraries, whichever package manager brought them.", families),
        ]
    return [
        *blocks,
        _table("The packages in most images, as their managers name them.", packages, folded=True),
    ]


def _table(caption: str, rows: Sequence[Row], *, folded: bool = False) -> Table:
    return Table(
        caption=say(caption),
        table="findings.rq4_packages",
        columns=(
            Column("name", "package", "code"),
            Column("images", "images", "count"),
            Column("share", "of the images (%)", "percent"),
            Column("n", "n", "count"),
            Column("clusters", "projects", "count"),
            Column("bytes_median", "median bytes", "size"),
            Column("versions", "versions", "count"),
            Column("images_with_several", "images with several", "count"),
        ),
        rows=rows,
        folded=folded,
    )


def _device_code(source: Source) -> Sequence[Block]:
    rows = source.rows("""
        SELECT * FROM findings.rq4_device_code
        WHERE corpus = $corpus
        ORDER BY architecture <> 'any', images DESC, bytes DESC, vendor, kind, architecture
    """)
    if not rows or not rows[0]["images"]:
        return []
    first = rows[0]
    return [
        Heading("Code for GPUs"),
        Paragraph(
            say(
                "{share} of the {n} images that were searched carry code for GPUs. In the median one of these any one GPU"
                " leaves at least {idle} of it idle.",
                share=percent(first["share"]),
                n=count(first["n"]),
                idle=percent(first["idle_share_median"]),
            )
        ),
        Table(
            caption=say("Code for GPUs by architecture: binary code, and PTX, which the driver compiles."),
            table="findings.rq4_device_code",
            columns=(
                Column("architecture", "architecture", "code"),
                Column("kind", "kind", "code"),
                Column("images", "images", "count"),
                Column("share", "of the images (%)", "percent"),
                Column("n", "n", "count"),
                Column("clusters", "projects", "count"),
                Column("bytes_median", "median bytes", "size"),
                Column("share_of_device_code_median", "of their device code (%)", "percent"),
            ),
            rows=rows,
        ),
    ]


def _growth(source: Source) -> Sequence[Block]:
    rows = source.rows("""
        SELECT * FROM findings.rq4_growth
        WHERE corpus = $corpus
        ORDER BY cause <> 'as stored', cause <> 'all', abs(difference_bytes) DESC, cause
    """)
    if not rows:
        return []
    return [
        Heading("Growth"),
        Table(
            caption=say(
                "From one tag of a project to the next: as stored, in all, and by cause where both images tell packages."
            ),
            table="findings.rq4_growth",
            columns=(
                Column("cause", "cause", "text"),
                Column("n", "n", "count"),
                Column("clusters", "projects", "count"),
                Column("grew", "grew", "count"),
                Column("shrank", "shrank", "count"),
                Column("difference_median", "median difference", "size"),
                Column("difference_bytes", "sum", "size"),
            ),
            rows=rows,
        ),
    ]


def _secrets(source: Source) -> Sequence[Block]:
    rows = source.rows("""
        SELECT rule, images, n, clusters, share, images_hidden, files FROM findings.rq4_secrets
        WHERE corpus = $corpus
        ORDER BY rule <> 'any', images DESC, rule
    """)
    if not rows:
        return []
    return [
        Heading("Secrets"),
        Paragraph(
            say(
                "A secret is in a file of some layer in {images} of {n} that were searched ({share}).",
                images=or_none(rows[0]["images"]),
                share=percent(rows[0]["share"]),
                n=counted(rows[0]["n"], "image"),
            )
        ),
        Table(
            caption=say(
                "Images with a secret in a file, by the rule that found it; hidden: no container sees the file."
            ),
            table="findings.rq4_secrets",
            columns=(
                Column("rule", "rule", "code"),
                Column("images", "images", "count"),
                Column("share", "of the images (%)", "percent"),
                Column("n", "n", "count"),
                Column("clusters", "projects", "count"),
                Column("images_hidden", "hidden in all layers", "count"),
                Column("files", "files", "count"),
            ),
            rows=rows,
        ),
    ]


PARTS = (
    Part("the packages", ("findings.rq4_packages",), _packages, stage="layer_stats"),
    Part("growth from tag to tag", ("findings.rq4_growth",), _growth, stage="manifests"),
    Part("code for GPUs", ("findings.rq4_device_code",), _device_code, stage="layer_stats"),
    Part("secrets in layers", ("findings.rq4_secrets",), _secrets, stage="layer_stats"),
)
