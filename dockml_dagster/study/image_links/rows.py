"""The links of a project as plain rows, for the tables about links.

Here: flattening links, and the grade of every image that a source names. Not here: finding and grading links
(``grading``), any database.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from dockml_dagster.study.formats.json import load_or_none
from dockml_dagster.study.image_links.grading import find_links, links_of_reference
from dockml_dagster.study.image_links.model import GRADES, Link, parse_mention

_MOST_LABELS = 8 << 20

Row = dict[str, Any]
FindLinks = Callable[[str, Mapping[str, str], Collection[str]], tuple[Link, ...]]


class NamedImage(NamedTuple):
    """An image that a source names for a project. ``labels``: its configuration's, as JSON. ``description``: its hub's."""

    reference: str
    labels: str | None
    description: str


def link_rows(
    project: str,
    files: Mapping[str, str],
    images: Sequence[NamedImage],
    own_registries: Collection[str] = (),
    find: FindLinks = find_links,
) -> Iterator[tuple[str, Row]]:
    """(table, row) of ``image_links`` and ``image_reference_grades``, and one row of ``image_link_readings``, for a project.

    ``project`` is ``owner/name``, ``files`` are texts by path; see ``find_links``. ``find``: that function, or one that
    caches its results.
    """
    found = find(project, files, own_registries)
    of_images = {
        image.reference: links_of_reference(
            project, image.reference, labels=_labels(image.labels), description=image.description
        )
        for image in images
    }
    evidence = [*found, *dict.fromkeys(link for links in of_images.values() for link in links)]
    for link in evidence:
        yield "image_links", _row(link)
    for reference, links in of_images.items():
        yield "image_reference_grades", _graded(reference, (*found, *links))
    yield "image_link_readings", {"links": len(evidence), "files": len(files)}


def _row(link: Link) -> Row:
    return {
        "reference": link.reference,
        "repository": link.repository,
        "link_grade": link.grade,
        "kind": link.kind,
        "path": link.path,
        "line": link.line,
        "rule": link.rule,
    }


def _graded(reference: str, links: tuple[Link, ...]) -> Row:
    """The strongest link to the repository of an image that a source names."""
    image = parse_mention(reference)
    repository = str(image.repository) if image else None
    of_it = [link for link in links if link.repository == repository]
    best = min(of_it, key=lambda link: GRADES.index(link.grade), default=None)
    return {
        "reference": reference,
        "repository": repository,
        "link_grade": best.grade if best else "none",
        "kind": best.kind if best else None,
    }


def _labels(text: str | None) -> dict[str, str]:
    labels = load_or_none(text, _MOST_LABELS) if text else {}
    return {k: v for k, v in labels.items() if isinstance(v, str)} if isinstance(labels, dict) else {}
