"""RQ4: what the images are like.

Belongs here: properties, layers, sharing, platforms, file types, concentration.
"""

from __future__ import annotations

from collections.abc import Sequence

from dockml_dagster.report import charts
from dockml_dagster.report.blocks import Block, Column, Figure, Heading, Kind, Paragraph, Part, Section, Table
from dockml_dagster.report.sections import generic
from dockml_dagster.report.source import Row, Source
from dockml_dagster.report.text import count, decimal, percent, say, size, size_text

METRICS: dict[str, tuple[str, Kind]] = {
    "compressed_bytes": ("size as stored", "size"),
    "bytes": ("size unpacked", "size"),
    "config_bytes": ("configuration document", "size"),
    "environment_variables": ("environment variables", "count"),
    "layers": ("layers", "count"),
    "rootfs_layers": ("layers of the root file system", "count"),
    "files": ("files", "count"),
    "directories": ("directories", "count"),
    "max_published_level": ("deepest path (levels, the file’s name counted)", "count"),
    "max_depth": ("deepest path (directories)", "count"),
}
"""Measure → its name, and how its values are set."""


def _properties(source: Source) -> Sequence[Block]:
    rows = source.rows("""
        SELECT category, metric, median, q25, q75, p90, maximum, n FROM findings.rq4_image_properties
        WHERE corpus = $corpus AND reading = 'corrected' AND median IS NOT NULL ORDER BY category = 'All' DESC, median DESC
    """)
    if not rows:
        return []
    sizes: list[Row] = [
        {**row, "label": f"{'All' if row['category'] == 'All' else row['category']} (n = {row['n']})"}
        for row in rows
        if row["metric"] == "compressed_bytes"
    ]
    everything = [_measure(row) for row in rows if row["category"] == "All"]
    blocks: list[Block] = []
    if sizes:
        first = sizes[0]
        blocks.append(
            Figure(
                name="image-sizes",
                title=say(
                    "The median image is {median} as stored; one in ten is larger than {p90}",
                    median=size(first["median"]),
                    p90=size(first["p90"]),
                ),
                describes="Compressed size of images by category, median and middle half: "
                + "; ".join(
                    f"{row['label']} {size_text(row['median'])} ({size_text(row['q25'])} to {size_text(row['q75'])})"
                    for row in sizes
                )
                + ".",
                table="findings.rq4_image_properties",
                rows=sizes,
                draw=lambda width: charts.quartiles(
                    sizes,
                    width=width,
                    x_title="size as stored (compressed; logarithmic axis)",
                    log=True,
                    size=True,
                ),
                note=say("Point: median; band: the middle half of the images; n: distinct images."),
            )
        )
    blocks.append(
        _distribution("Distinct images, each counted once.", "findings.rq4_image_properties", everything)
    )
    return blocks


def _measure(row: Row) -> Row:
    name, kind = METRICS.get(row["metric"], (row["metric"].replace("_", " "), "decimal"))
    kind = "size" if row["metric"].endswith("bytes") else kind
    return {**row, "name": name, "kind": kind}


def _distribution(caption: str, table: str, rows: Sequence[Row]) -> Table:
    """Medians and quantiles of several measures: each row has a unit of its own, so its cells are set one by one."""
    columns = ("q25", "median", "q75", "p90", "maximum")
    headings = ("first quartile", "median", "third quartile", "90 % are below", "largest")
    return Table(
        caption=say(caption),
        table=table,
        columns=(
            Column("name", "measure"),
            *(Column(key, heading, "own") for key, heading in zip(columns, headings, strict=True)),
            Column("n", "n", "count"),
        ),
        rows=rows,
    )


def _layers(source: Source) -> Sequence[Block]:
    rows = source.rows("""
        SELECT metric, q25, median, q75, p90, maximum, n, share_below_4_mib, share_of_one
        FROM findings.rq4_layers
        WHERE corpus = $corpus AND reading = 'corrected' AND category = 'All' AND median IS NOT NULL
        ORDER BY metric
    """)
    if not rows:
        return []
    blocks: list[Block] = [Heading("Layers")]
    sizes = next((row for row in rows if row["metric"] == "compressed_bytes"), None)
    if sizes:
        blocks.append(
            Paragraph(
                say(
                    "The median layer is {median} as stored; {share} are below 4 MiB, and the largest is {most}.",
                    median=size(sizes["median"]),
                    share=percent(sizes["share_below_4_mib"]),
                    most=size(sizes["maximum"]),
                )
            )
        )
    blocks.append(
        _distribution(
            "Distinct layers, each counted once.", "findings.rq4_layers", [_measure(row) for row in rows]
        )
    )
    return blocks


def _sharing(source: Source) -> Sequence[Block]:
    row = source.row("""
        SELECT images, n, share_in_one_image, layers_shared, most_shared_images, referenced_bytes, distinct_bytes,
               layer_dedup_ratio
        FROM findings.rq4_sharing WHERE corpus = $corpus AND reading = 'corrected' AND category = 'All'
    """)
    return [
        Heading("Sharing"),
        Paragraph(
            say(
                "{n} distinct layers make up {images} images. {shared} of them are in more than one image, "
                "{alone} in one only; "
                "the most shared is in {most}. Storing each layer once takes {distinct} in place of "
                "{referenced}, a factor of {ratio}.",
                n=count(row["n"]),
                images=count(row["images"]),
                shared=count(row["layers_shared"]),
                alone=percent(row["share_in_one_image"]),
                most=count(row["most_shared_images"]),
                distinct=size(row["distinct_bytes"]),
                referenced=size(row["referenced_bytes"]),
                ratio=decimal(row["layer_dedup_ratio"]),
            )
        ),
    ]


def _grades(source: Source) -> Sequence[Block]:
    rows = source.rows("""
        SELECT grade, "references", n, share, projects, projects_with_references FROM findings.rq4_link_grades
        WHERE corpus = $corpus ORDER BY list_position(['proved', 'likely', 'possible', 'none'], grade)
    """)
    sensitive = source.rows("""
        SELECT link_grade, metric, unit, n, median FROM findings.rq4_link_sensitivity
        WHERE corpus = $corpus AND median IS NOT NULL
        ORDER BY metric, list_position(['proved', 'likely', 'possible', 'any'], link_grade)
    """)
    if not rows:
        return []
    nothing = next((row for row in rows if row["grade"] == "none"), None)
    blocks: list[Block] = [Heading("How the images are tied to their projects")]
    if nothing:
        blocks.append(
            Paragraph(
                say(
                    "Nothing visible ties {share} of {n} named images to their project.",
                    share=percent(nothing["share"]),
                    n=count(nothing["n"]),
                )
            )
        )
    blocks.append(
        Table(
            caption=say("Named images by the evidence that ties them to their project."),
            table="findings.rq4_link_grades",
            columns=(
                Column("grade", "grade"),
                Column("references", "images", "count"),
                Column("n", "n", "count"),
                Column("share", "share (%)", "percent"),
                Column("projects", "projects", "count"),
            ),
            rows=rows,
        )
    )
    if sensitive:
        blocks.append(
            Table(
                caption=say(
                    "The same medians over images whose tie has at least a grade: do the answers depend on it?"
                ),
                table="findings.rq4_link_sensitivity",
                columns=(
                    Column("name", "measure"),
                    Column("link_grade", "at least"),
                    Column("median", "median", "own"),
                    Column("n", "n", "count"),
                ),
                rows=[_measure(row) for row in sensitive],
            )
        )
    return blocks


SECTION = Section(
    "rq4",
    "RQ4. What the images are like",
    (
        Part(
            "the properties of the images", ("findings.rq4_image_properties",), _properties, stage="manifests"
        ),
        Part("the layers", ("findings.rq4_layers",), _layers, stage="layer_stats"),
        Part("shared layers", ("findings.rq4_sharing",), _sharing, stage="manifests"),
        generic.part(
            "findings.rq4_platforms",
            what="the platforms",
            heading="Platforms",
            stage="manifests",
            only="reading = 'corrected' AND category = 'All'",
            order="unit_of_analysis, share DESC, platform",
            caption="Units that have a platform; a unit may have several",
            left_out=("reading", "category", "os", "architecture"),
        ),
        generic.part(
            "findings.rq4_file_types",
            what="the file types",
            heading="File types",
            stage="layer_stats",
            only="category = 'All' AND share_of_bytes >= 0.005",
            order="classification, share_of_bytes DESC, file_type",
            caption="Types with at least half a per cent of the bytes",
            left_out=("category",),
        ),
        generic.part(
            "findings.rq4_concentration",
            what="how few files take most of the space",
            heading="Concentration",
            stage="layer_stats",
            only="category = 'All'",
            caption="How few types of file, files or layers hold most of it",
            left_out=("category",),
        ),
        Part(
            "the ties between images and projects",
            ("findings.rq4_link_grades", "findings.rq4_link_sensitivity"),
            _grades,
            stage="manifests",
        ),
        generic.part(
            "findings.rq4_docker_hub",
            what="how the repositories on Docker Hub are used",
            heading="On Docker Hub",
            stage="manifests",
            order="metric, list_position(['proved', 'likely', 'possible', 'any'], link_grade)",
            caption="What Docker Hub says of the repositories, over those whose tie to a project has at least a grade",
            left_out=("reading", "unit_of_analysis"),
        ),
        generic.part(
            "findings.advice",
            what="the advice",
            heading="What would be advised most",
            only="category = 'All'",
            order="about, share DESC, recommendation",
            caption="Recommendations by the share of projects that they concern",
            left_out=("category", "unit_of_analysis"),
        ),
    ),
)
