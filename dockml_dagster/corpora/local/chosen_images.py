"""Which images of a local project are read: the named ones, and the best of the linked ones.

Here: locations of images, whether they may be opened, one image per repository. Not here: reading (``corpora.images``).
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from dockml_dagster.study.image.reference import ImageReferenceError, LocalImage, parse_location
from dockml_dagster.study.image_links import GRADES, Link

MAX_LINKED_IMAGES = 20
"""Most linked images that are read per project; the best grades come first."""
OUTSIDE = "it lies outside the folders that were given"
NOT_ASKED = "registries are asked only with --images or DOCKML_LOCAL_IMAGES"


def best_linked(found: Iterable[Link]) -> list[str]:
    """Images linked as confirmed or likely, the best grade first. One per repository: the tag ``latest`` if it is named so
    or without a tag, since other tags are mostly the same image of another day.
    """
    links = [link for link in found if link.grade in ("confirmed", "likely")]
    links.sort(
        key=lambda link: (
            GRADES.index(link.grade),
            link.reference not in (link.repository, f"{link.repository}:latest"),
        )
    )
    chosen: dict[str, str] = {}
    for link in links:
        if link.reference == link.repository:
            chosen.setdefault(link.repository, f"{link.repository}:latest")
        else:
            chosen.setdefault(link.repository, link.reference)
    return list(chosen.values())


def location_of(reference: str, folder: Path) -> str | None:
    """The location of an image in files, relative to the folder of ``projects.yaml``; None for one in a registry."""
    try:
        parsed = parse_location(reference)
    except ImageReferenceError:
        return None
    if not isinstance(parsed, LocalImage):
        return None
    scheme, _, rest = reference.partition(":")
    return f"{scheme}:{(folder / parsed.path).absolute()}{rest.removeprefix(parsed.path)}"


def lies_in(location: str, folders: Iterable[Path]) -> bool:
    """Whether an image of ``location_of`` is inside one of the folders, after following links."""
    parsed = parse_location(location)
    assert isinstance(parsed, LocalImage)
    place = Path(parsed.path).resolve()
    return any(place.is_relative_to(folder.resolve()) for folder in folders)
