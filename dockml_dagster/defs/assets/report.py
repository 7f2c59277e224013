"""The asset ``report``: the HTML report of every published corpus, with its figures shown in the UI.

Here: the asset and its metadata. Not here: the report itself (``dockml_dagster.report``). It is not part of
``make_findings``, so that a study need not wait for figures. ``dockml report`` writes the same page anywhere else.
"""

import base64
from pathlib import Path

import dagster as dg

from dockml_dagster.report.building import Report, build_report
from dockml_dagster.report.drawing import preview
from dockml_dagster.report.files import write_page
from dockml_dagster.report.source import published_corpora
from dockml_dagster.report.text import words
from dockml_dagster.settings import Settings
from dockml_dagster.warehouse.versions import code_version, libraries


@dg.definitions
def report_definitions() -> dg.Definitions:
    """The asset. A function, because its code version is computed from files."""

    @dg.asset(
        group_name="report",
        kinds={"python", "html"},
        deps=["repo_list", "published"],
        code_version=code_version(("report.building",), ("report",), Settings.from_environment()),
    )
    def report() -> dg.MaterializeResult[None]:
        """One HTML file a corpus beside the published file: figures, tables and sentences, offline and printable.

        Its figures are in the metadata below: *Show Markdown* beside "… figures".
        """
        return write_reports(Settings.from_environment().published)

    return dg.Definitions(assets=[report], jobs=[make_report])


def write_reports(published: Path) -> dg.MaterializeResult[None]:
    """Write the report of every published corpus beside the published file.

    Raises:
        Failure: the report of a corpus could not be made; the others were written.
    """
    metadata: dict[str, dg.PathMetadataValue | dg.MarkdownMetadataValue] = {}
    failures: dict[str, Exception] = {}
    for corpus in published_corpora(published):
        try:
            built = build_report(published, corpus, libraries())
            target = published.with_name(f"report-{corpus}.html")
            write_page(built, target)
        except Exception as error:  # one corpus must not stop the others
            failures[corpus] = error
            continue
        metadata[f"{corpus} page"] = dg.MetadataValue.path(str(target))
        metadata[f"{corpus} figures"] = dg.MetadataValue.md(_figures(built))
    if failures:
        said = "; ".join(f"{corpus}: {type(error).__name__}: {error}" for corpus, error in failures.items())
        raise dg.Failure(f"no report of {said}", allow_retries=False, metadata=metadata)
    return dg.MaterializeResult(metadata=metadata)


def _figures(built: Report) -> str:
    parts = []
    for drawn in built.figures.values():
        image = base64.b64encode(preview(drawn.figure)).decode()
        title = words(drawn.figure.title).replace("[", "(").replace("]", ")")
        parts.append(f"**{title}**\n\n![{drawn.figure.name}](data:image/png;base64,{image})")
    return "\n\n".join(parts)


make_report = dg.define_asset_job(
    "make_report",
    selection=dg.AssetSelection.assets("report"),
    tags={"dockml/work": "report"},
    description="Write the HTML report of every published corpus.",
)
