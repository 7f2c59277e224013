"""RQ4, the content of the images: platforms, file types, and the concentration of bytes in few files and layers.

Here: ``findings.rq4_platforms``, ``rq4_file_types`` and ``rq4_concentration``, as parts of the section on images. Not
here: the rest of that section (``images``), packages and models (``packages``, ``models``).
"""

from __future__ import annotations

from collections.abc import Sequence

from dockml_dagster.report import charts
from dockml_dagster.report.blocks import (
    INTERVAL,
    Block,
    Column,
    Figure,
    Heading,
    Paragraph,
    Part,
    Table,
    share_table,
)
from dockml_dagster.report.sections.measures import distribution
from dockml_dagster.report.source import Row, Source
from dockml_dagster.report.text import count, count_range, counted, percent, percent_range, percent_text, say

SHOWN_TYPES = 12
"""File types in the figure: those with the most bytes."""
FILES, BYTES = "of the files", "of the bytes"
SHARES = {
    "largest_layer_share": "largest layer, as stored",
    "largest_percent_of_files_share": "largest hundredth of files",
    "removable_share": "caches, tests and the like",
    "base_share": "base image",
    "duplicate_share": "held twice",
    "wasted_share": "hidden by a later layer",
}
"""Share of an image's bytes → its label in a drawing; a telephone has room for about 25 characters."""


def _platforms(source: Source) -> Sequence[Block]:
    rows = source.rows("""
        SELECT platform, platform AS label, unit_of_analysis, units, n, clusters, share, share_low AS low, share_high AS high
        FROM findings.rq4_platforms
        WHERE corpus = $corpus AND reading = 'corrected' AND category = 'All' AND share IS NOT NULL
        ORDER BY unit_of_analysis, share DESC, platform
    """)
    images = [row for row in rows if row["unit_of_analysis"] == "image"]
    if not images:
        return []
    first = images[0]
    blocks: list[Block] = [Heading("Platforms")]
    if len(images) > 1:
        blocks.append(
            Figure(
                name="platforms",
                title=say(
                    "{share} of {n} images are for <code>{platform}</code>",
                    share=percent(first["share"]),
                    n=count(first["n"]),
                    platform=first["platform"],
                ),
                describes="Share of distinct images by platform, with 95 % intervals: "
                + "; ".join(f"{row['label']} {percent_text(row['share'])} %" for row in images)
                + ".",
                table="findings.rq4_platforms",
                rows=images,
                draw=lambda width: charts.shares(
                    images, width=width, x_title=f"share of images (%), n = {first['n']}"
                ),
                note=say(
                    "Point: share; line: 95 % interval over {clusters} projects.",
                    clusters=count(first["clusters"]),
                ),
            )
        )
    blocks.append(
        share_table(
            say(
                "Platforms of distinct images, and of the names under which they are offered; a name may have several."
            ),
            "findings.rq4_platforms",
            rows,
            texts=(Column("platform", "platform", "code"), Column("unit_of_analysis", "unit")),
            counts=Column("units", "units", "count"),
            after=INTERVAL,
        )
    )
    return blocks


def _file_types(source: Source) -> Sequence[Block]:
    # Images where their files are known, else layers; the units sort in this order by name too.
    rows = source.rows("""
        SELECT
            CASE
                WHEN file_type IN ('', 'none') THEN 'no extension'
                WHEN classification = 'extension' AND NOT starts_with(file_type, '.') THEN '.' || file_type
                ELSE file_type
            END AS label,
            classification, unit_of_analysis, units, n, n_censored, files, bytes, share_of_files, share_of_bytes, clusters,
            files_low, files_high, bytes_low, bytes_high
        FROM findings.rq4_file_types
        WHERE corpus = $corpus AND reading = 'corrected' AND category = 'All' AND share_of_bytes >= 0.005
            AND unit_of_analysis = (
                SELECT min(unit_of_analysis) FROM findings.rq4_file_types
                WHERE corpus = $corpus AND reading = 'corrected' AND unit_of_analysis IN ('image', 'layer')
            )
        ORDER BY classification, share_of_bytes DESC, label
    """)
    extensions = [row for row in rows if row["classification"] == "extension"]
    if not extensions:
        return []
    shown: list[Row] = [
        {
            "label": row["label"],
            "group": group,
            "share": row[f"share_of_{of}"],
            "low": row[f"{of}_low"],
            "high": row[f"{of}_high"],
            "n": row["n"],
        }
        for row in extensions[:SHOWN_TYPES]
        for group, of in ((FILES, "files"), (BYTES, "bytes"))
    ]
    first = extensions[0]
    return [
        Heading("Types of file"),
        Figure(
            name="file-types",
            title=say(
                "<code>{type}</code> is {files} of the files and {bytes} of the bytes",
                type=first["label"],
                files=percent(first["share_of_files"]),
                bytes=percent(first["share_of_bytes"]),
            ),
            describes="Share of the files and of the bytes by extension: "
            + "; ".join(
                f"{row['label']} {percent_text(row['share_of_files'])} % and {percent_text(row['share_of_bytes'])} %"
                for row in extensions[:SHOWN_TYPES]
            )
            + ".",
            table="findings.rq4_file_types",
            rows=shown,
            draw=lambda width: charts.pairs(
                shown,
                width=width,
                x_title=f"share (%), n = {first['n']} {first['unit_of_analysis']}s",
                names=(FILES, BYTES),
            ),
            note=say(
                "The extensions with most of the bytes, pooled over {n} in {clusters} (a project, or one that no project "
                "names); circle: {files}; diamond: {bytes}; lines: 95 % intervals over these.",
                n=counted(first["n"], first["unit_of_analysis"]),
                clusters=counted(first["clusters"], "cluster"),
                files=FILES,
                bytes=BYTES,
            ),
        ),
        _type_table("Types of file by extension, with at least half a per cent of the bytes.", extensions),
        *(
            _type_table(caption, found, folded=True)
            for kind, caption in (
                ("magic", "Types of file by their first bytes."),
                ("published_class", "Types of file in the classes of the study."),
            )
            if (found := [row for row in rows if row["classification"] == kind])
        ),
    ]


def _type_table(caption: str, rows: Sequence[Row], *, folded: bool = False) -> Table:
    return Table(
        caption=say(caption),
        table="findings.rq4_file_types",
        columns=(
            Column("label", "type", "code"),
            Column("files", "files", "count"),
            Column("share_of_files", "of all files (%)", "percent"),
            Column("files_low", "95 % interval, from (%)", "percent"),
            Column("files_high", "to (%)", "percent"),
            Column("bytes", "bytes", "size"),
            Column("share_of_bytes", "of all bytes (%)", "percent"),
            Column("bytes_low", "95 % interval, from (%)", "percent"),
            Column("bytes_high", "to (%)", "percent"),
            Column("units", f"{rows[0]['unit_of_analysis']}s with it", "count"),
            Column("n", "n", "count"),
            Column("clusters", "clusters", "count"),
        ),
        rows=rows,
        folded=folded,
    )


def _concentration(source: Source) -> Sequence[Block]:
    rows = source.rows("""
        SELECT metric, q25, median, median_low, median_high, q75, p90, maximum, n, clusters, n_censored
        FROM findings.rq4_concentration
        WHERE corpus = $corpus AND reading = 'corrected' AND category = 'All' AND median IS NOT NULL
        ORDER BY starts_with(metric, 'gini'), median DESC, metric
    """)
    parts = [{**row, "label": SHARES[row["metric"]]} for row in rows if row["metric"] in SHARES]
    if not rows:
        return []
    blocks: list[Block] = [Heading("Concentration and waste")]
    layer = next((row for row in rows if row["metric"] == "largest_layer_share"), None)
    if layer:
        blocks.append(
            Paragraph(
                say(
                    "In the median of {n} the largest layer holds {share} of the bytes as stored{interval}.",
                    n=counted(layer["n"], "image"),
                    share=percent(layer["median"]),
                    interval=percent_range(layer["median_low"], layer["median_high"]),
                )
            )
        )
    if len(parts) > 1:
        blocks.append(
            Figure(
                name="concentration",
                title=say("Where the bytes of an image are"),
                describes="Share of an image's bytes, median and middle half: "
                + "; ".join(f"{row['label']} {percent_text(row['median'])}" for row in parts)
                + ".",
                table="findings.rq4_concentration",
                rows=parts,
                draw=lambda width: charts.quartiles(
                    parts, width=width, x_title="share of an image’s bytes (%)", share=True
                ),
                note=say(
                    "Point: median; line: its 95 % interval, over projects; band: the middle half of the images; "
                    "n: {n} images.",
                    n=count_range(row["n"] for row in parts),
                ),
            )
        )
    blocks.append(
        distribution(
            "How the bytes of an image are spread. The Gini coefficient is zero where all are of one size, and nearly one "
            "where a single one has all.",
            "findings.rq4_concentration",
            rows,
        )
    )
    return blocks


PARTS = (
    Part("the platforms", ("findings.rq4_platforms",), _platforms, stage="manifests"),
    Part("the types of file", ("findings.rq4_file_types",), _file_types, stage="layer_stats"),
    Part(
        "how few files and layers hold most of the bytes",
        ("findings.rq4_concentration",),
        _concentration,
        stage="layer_stats",
    ),
)
