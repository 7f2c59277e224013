"""RQ4: what the images are like.

Here: properties, layers, sharing. Not here: their content (``contents``, ``packages``), their use
(``docker_hub``), models that are not images (``models``).
"""

from __future__ import annotations

from collections.abc import Sequence

from dockml_dagster.report import charts
from dockml_dagster.report.blocks import Block, Figure, Heading, Paragraph, Part, Section
from dockml_dagster.report.sections import contents, docker_hub, models, packages
from dockml_dagster.report.sections.measures import distribution
from dockml_dagster.report.source import Row, Source
from dockml_dagster.report.text import count, counted, decimal, or_none, percent, percent_range, say, size
from dockml_dagster.text import size_text


def _properties(source: Source) -> Sequence[Block]:
    rows = source.rows("""
        SELECT category, metric, median, median_low, median_high, q25, q75, p90, maximum, n, clusters, n_censored
        FROM findings.rq4_image_properties
        WHERE corpus = $corpus AND reading = 'corrected' AND median IS NOT NULL ORDER BY category = 'All' DESC, median DESC
    """)
    if not rows:
        return []
    sizes: list[Row] = [
        {**row, "label": f"{row['category']} (n = {row['n']})"}
        for row in rows
        if row["metric"] == "compressed_bytes"
    ]
    everything = [row for row in rows if row["category"] == "All"]
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
                note=say(
                    "Point: median; line: its 95 % interval, over projects; band: the middle half of the images; "
                    "n: distinct images."
                ),
            )
        )
    blocks.append(
        distribution("Distinct images, each counted once.", "findings.rq4_image_properties", everything)
    )
    return blocks


def _layers(source: Source) -> Sequence[Block]:
    rows = source.rows("""
        SELECT metric, q25, median, median_low, median_high, q75, p90, maximum, n, clusters, n_censored, share_below_4_mib
        FROM findings.rq4_layers
        WHERE corpus = $corpus AND reading = 'corrected' AND category = 'All' AND median IS NOT NULL
        ORDER BY metric
    """)
    if not rows:
        return []
    blocks: list[Block] = [Heading("Layers"), *_rests_on(source)]
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
    blocks.append(distribution("Distinct layers, each counted once.", "findings.rq4_layers", rows))
    return blocks


def _rests_on(source: Source) -> list[Block]:
    """The number of images and layers behind all results about files, if these are not all."""
    row = source.row("""
        SELECT count(files) AS known,
            (SELECT count(DISTINCT image) FROM core.image_file_totals WHERE corpus = $corpus) AS inside,
            (SELECT count(*) FROM core.images WHERE corpus = $corpus) AS images
        FROM core.layers WHERE corpus = $corpus
    """)
    if row["inside"] >= row["images"]:
        return []
    said = say(
        "What follows about files, their types, depth and unpacked size rests on {known}, those of {inside} of "
        "{images}; of the others the manifests alone are known.",
        known=counted(row["known"], "distinct layer"),
        inside=count(row["inside"]),
        images=counted(row["images"], "distinct image"),
    )
    return [Paragraph(said, role="note")]


def _sharing(source: Source) -> Sequence[Block]:
    row = source.row("""
        SELECT images, n, share_in_one_image, share_low, share_high, layers_shared, most_shared_images, referenced_bytes,
               distinct_bytes,
               layer_dedup_ratio
        FROM findings.rq4_sharing WHERE corpus = $corpus AND reading = 'corrected' AND category = 'All'
    """)
    return [
        Heading("Sharing"),
        Paragraph(
            say(
                "{n} distinct layers make up {images}: {alone}{interval} of them are in one image only, "
                "{shared} in more than one, and "
                "the most shared is in {most}. Storing each layer once takes {distinct} in place of "
                "{referenced}, a factor of {ratio}.",
                n=count(row["n"]),
                images=counted(row["images"], "image"),
                shared=or_none(row["layers_shared"]),
                alone=percent(row["share_in_one_image"]),
                interval=percent_range(row["share_low"], row["share_high"]),
                most=counted(row["most_shared_images"], "image"),
                distinct=size(row["distinct_bytes"]),
                referenced=size(row["referenced_bytes"]),
                ratio=decimal(row["layer_dedup_ratio"]),
            )
        ),
    ]


SECTION = Section(
    "rq4",
    "RQ4. What the images are like",
    (
        Part(
            "the properties of the images", ("findings.rq4_image_properties",), _properties, stage="manifests"
        ),
        Part("the layers", ("findings.rq4_layers",), _layers, stage="layer_stats"),
        Part("shared layers", ("findings.rq4_sharing",), _sharing, stage="manifests"),
        *contents.PARTS,
        *packages.PARTS,
        models.PART,
        docker_hub.PART,
    ),
)
